// What others do, without a reload: by a stream of events, and by asking now and then where there is no room for one.
// And what we have on the screen, told to the others.

import { cards, current, idOf, inSight, leave, makeCurrent, neighbour, choose, tell } from "./cards.js";
import { count, countBack, offerNew } from "./counts.js";
import { mine } from "./deciding.js";
import { refresh } from "./details.js";
import { belongs, inFocusMode, main, post, say } from "./page.js";
import { _ } from "./words.js";

const ASK_SECONDS = 10;
const STREAM_AGAIN_SECONDS = 60;
const RENEW_SECONDS = 50;
const SETTLE_MS = inFocusMode ? 0 : 400; // who runs through the list takes no lease on the way
const ATTENDED_MINUTES = 10;
const DONE = { approved: _("{by} approved this just now."), rejected: _("{by} rejected this just now."), spam: _("{by} marked this as spam just now.") };
const AGAIN = { rules: _("Readers reported this: it waits again."), author: _("Its author asks for a second look: it waits again.") };

let since = null;
let stream = null;
let triedStream = -Infinity;
let touched = performance.now();
let leased = null;
let settling = 0;

// An unattended page stops asking, or it would keep its session alive for good.
const attended = () => !document.hidden && performance.now() - touched < ATTENDED_MINUTES * 60_000;

function told({ seq, counts, decided, changed, held }) {
  since = seq;
  count(counts);
  offerNew();
  for (const news of decided) settle(news);
  for (const news of changed) bringIn(news);
  for (const card of cards()) {
    const place = card.querySelector("[data-lease]");
    const name = held[idOf(card)];
    place.hidden = !name;
    place.textContent = name ? _("{name} has this", { name }) : "";
  }
}

// Somebody else decided about a card that is here. It stays where it is: nothing moves what is being read.
function settle({ id, status, by, reports }) {
  const card = document.getElementById(`c-${id}`);
  if (!card || card.sending || mine.has(card.id) || (card.dataset.status === status && belongs({ status, reports }))) return;
  if (inFocusMode && card !== current) return card.remove();
  if (status === "pending" && card.dataset.status !== "pending") countBack();
  card.dataset.status = status;
  card.classList.toggle("settled", !belongs({ status, reports }));
  const again = (status === "pending" && AGAIN[by]) || "";
  tell(card, again || (DONE[status] ?? _("{by} put this back to pending just now.")).replace("{by}", by));
}

// Somebody else wrote a note or took words out: the card shows it, and what is being read stays where it is. A text that
// its author wrote anew is offered.
async function bringIn({ id, what, by }) {
  const card = document.getElementById(`c-${id}`);
  if (!card || card.sending || by === main.dataset.who) return;
  try {
    if (!(await refresh(card, { put: inPlace }))) return;
  } catch {
    return; // the desk cannot be reached: the next look or the next decision will say so
  }
  if (what === "redact") tell(card, _("{by} took words out of this just now.", { by }));
  if (what === "restore") tell(card, _("{by} put words back just now.", { by }));
}

function inPlace(change) {
  const read = (current && inSight(current) ? current : cards().find(inSight))?.querySelector(".text");
  const before = read?.getBoundingClientRect().top;
  change();
  const moved = read?.isConnected ? read.getBoundingClientRect().top - before : 0;
  if (moved) scrollBy({ top: moved, behavior: "instant" });
}

function listen() {
  triedStream = performance.now();
  const path = `/desk/events?${main.dataset.query}${since === null ? "" : `&since=${since}`}`;
  stream = new EventSource(path);
  stream.onmessage = ({ data }) => told(JSON.parse(data));
  stream.onerror = () => {
    if (stream?.readyState === EventSource.CLOSED) stream = null; // refused: ask instead
  };
}

async function look() {
  if (!attended()) {
    stream?.close();
    stream = null;
    return;
  }
  if (stream) return;
  if (performance.now() - triedStream > STREAM_AGAIN_SECONDS * 1000) return listen();
  try {
    const path = `/desk/live?${main.dataset.query}${since === null ? "" : `&since=${since}`}`;
    const response = await fetch(path, { headers: { Accept: "application/json" } });
    if (response.ok) told(await response.json());
  } catch {
    return; // the desk cannot be reached: the next look or the next decision will say so
  }
}

// --- leases

async function take() {
  if (!current || !attended()) return;
  const card = current;
  const leaving = leased && leased !== idOf(card) ? leased : "";
  leased = idOf(card);
  const { held_by: holder } = await post("/desk/leases", { id: idOf(card), leaving });
  if (!holder) return;
  leased = null;
  const place = card.querySelector("[data-lease]");
  place.hidden = false;
  place.textContent = _("{name} has this", { name: holder });
  if (!inFocusMode || card !== current || card.sending) return;
  say(_("{name} has that one. Here is the next.", { name: holder }));
  leave(card);
}

if (main.dataset.decides) {
  main.addEventListener("current", () => {
    clearTimeout(settling);
    settling = setTimeout(take, SETTLE_MS);
  });
  setInterval(take, RENEW_SECONDS * 1000);
}

for (const kind of ["keydown", "pointerdown", "scroll"]) {
  addEventListener(
    kind,
    () => {
      const wasAway = !attended();
      touched = performance.now();
      if (wasAway) look();
    },
    { passive: true },
  );
}
listen();
setInterval(look, ASK_SECONDS * 1000);
