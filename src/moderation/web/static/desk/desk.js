// The desk by keyboard and without page loads. Everything here also works as plain forms; this only makes it quick.
//
// A decision is sent at once and its card leaves at once; it comes back, with a sentence, if it was not taken.
// Nothing moves the focus but what the moderator does.

const main = document.getElementById("queue");
const list = document.getElementById("cards");
const line = document.getElementById("line");
const fresh = document.getElementById("fresh");
const help = document.getElementById("help");
const tab = main.dataset.tab;
const LEADS_TO = { approve: "approved", reject: "rejected", spam: "spam", hold: "pending" };
const KEYS = { a: "approve", f: "approve", r: "reject", d: "reject", s: "spam" };
const POLL_SECONDS = 20;
const ATTENDED_MINUTES = 10;

let current = null; // the card that keys act on
let last = []; // decisions that can be undone, newest last: {card, saved: Promise of the answer}
let order = 0;
let touched = performance.now();

for (const card of main.querySelectorAll(".card")) card.order = order++;

// --- deciding

// True when it was taken.
async function decide(card, decision) {
  if (card.sending) return false;
  const form = card.querySelector("form");
  if (form.querySelector(`[value="${decision}"]`).hidden) {
    say(`This cannot be done to it: ${decision}.`);
    return false;
  }
  const leaves = tab !== "all" && decision in LEADS_TO && LEADS_TO[decision] !== tab;
  card.sending = true;
  tell(card, "");
  const entry = { card, saved: send(form, decision) };
  if (decision !== "undo") last.push(entry);
  if (leaves) leave(card);
  const answer = await entry.saved;
  card.sending = false;
  if (answer.counts) count(answer.counts);
  if (answer.status) update(card, answer);
  if (answer.result !== "decided") {
    last = last.filter((each) => each !== entry);
    comeBack(card, false);
    tell(card, answer.sentence, answer.link);
    say(`${nameOf(card)}: ${answer.sentence}`);
    return false;
  }
  if (tab !== "all" && answer.status !== tab) leave(card);
  else if (decision === "undo") comeBack(card, true);
  say(`${answer.sentence} ${nameOf(card)}`, decision === "undo" ? null : entry);
  return true;
}

async function send(form, decision) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set("decision", decision);
  try {
    const response = await fetch(form.action, {
      method: "POST",
      body: fields,
      headers: { Accept: "application/json", "X-CSRF-Token": fields.get("csrf_token") },
      keepalive: true, // it arrives even if the page is left now
    });
    const answer = await response.json();
    if (answer.result) return answer;
    if (response.status === 401) {
      return { result: "signed-out", sentence: "Not saved: you are signed out.", link: "Sign in again" };
    }
    return { result: "refused", sentence: `Not saved. ${answer.detail ?? answer.title ?? ""}` };
  } catch {
    return { result: "lost", sentence: "Not saved: the desk could not be reached. Try again." };
  }
}

async function undo(entry = last.at(-1)) {
  if (!last.includes(entry)) return say("There is nothing to undo.");
  last = last.filter((each) => each.card !== entry.card); // an undo goes one step back, and there it ends
  const { result } = await entry.saved;
  if (result === "decided" && !(await decide(entry.card, "undo"))) last.push(entry);
}

// --- cards

function leave(card) {
  if (!card.isConnected) return;
  const next = neighbour(card, 1) ?? neighbour(card, -1);
  const hadFocus = card.contains(document.activeElement) || current === card;
  card.remove();
  if (current === card) current = null;
  if (!cards().length) finish(hadFocus);
  else if (hadFocus && next) choose(next);
}

function comeBack(card, focus) {
  const nothing = document.getElementById("nothing");
  const losesFocus = nothing.contains(document.activeElement);
  nothing.hidden = true;
  if (!card.isConnected) {
    const after = cards().find((each) => each.order > card.order);
    if (after) after.before(card);
    else list.append(card);
  }
  if (focus || losesFocus) choose(card);
}

function finish(focus) {
  const nothing = document.getElementById("nothing");
  nothing.hidden = false;
  document.getElementById("go-on").hidden = false;
  if (focus) nothing.querySelector("a").focus();
}

function update(card, { status, version, standing, moves }) {
  card.dataset.status = status;
  card.querySelector("[name=version]").value = version;
  for (const button of card.querySelectorAll("[name=decision]")) button.hidden = !moves.includes(button.value);
  card.querySelector("[name=reason]").hidden = !moves.includes("reject");
  const place = card.querySelector("[data-standing]");
  place.hidden = status === "pending" && tab === "pending";
  place.querySelector(".pill").textContent = standing;
  place.querySelector(".pill").className = `pill ${status}`;
  place.querySelector(".reason")?.remove();
}

function tell(card, sentence, link) {
  const place = card.querySelector("[data-told]");
  place.hidden = !sentence;
  place.textContent = sentence;
  if (link) {
    const way = document.createElement("a");
    way.href = `/desk/sign-in?next=${encodeURIComponent(main.dataset.here)}`;
    way.textContent = link;
    place.append(" ", way);
  }
}

function say(sentence, undoable = null) {
  line.replaceChildren(sentence);
  line.classList.add("shown");
  if (undoable) {
    const button = document.getElementById("undo-button").content.firstElementChild.cloneNode(true);
    button.addEventListener("click", () => undo(undoable));
    line.append(" ", button);
  }
}

const cards = () => [...main.querySelectorAll(".card")];
const nameOf = (card) => card.querySelector(".name").textContent.trim();

function neighbour(card, step) {
  const all = cards();
  return all[all.indexOf(card) + step];
}

function choose(card) {
  card.focus({ preventScroll: true });
  const { top, bottom } = card.getBoundingClientRect();
  const frame = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
  if (top < frame || bottom > innerHeight - 72) card.scrollIntoView({ block: "start" });
}

main.addEventListener("focusin", ({ target }) => {
  const card = target.closest(".card");
  if (!card || card === current) return;
  current?.classList.remove("current");
  card.classList.add("current");
  current = card;
});

main.addEventListener("submit", (event) => {
  const card = event.target.closest(".card");
  if (!card || !event.submitter) return;
  event.preventDefault();
  current = card;
  decide(card, event.submitter.value);
});

// --- keys

const keysOn = document.getElementById("keys-on");
keysOn.checked = stored("keys") !== "off";
document.body.classList.toggle("keys", keysOn.checked);
keysOn.addEventListener("change", () => {
  document.body.classList.toggle("keys", keysOn.checked);
  store("keys", keysOn.checked ? "on" : "off");
});
const keysButton = document.getElementById("keys");
keysButton.hidden = false;
keysButton.addEventListener("click", () => help.showModal());

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (!keysOn.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
  if (target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]")) return;
  if (key === "?") help.showModal();
  else if (event.shiftKey) return;
  else if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
  else if (event.repeat) return;
  else if (key === "z") undo();
  else if (key in KEYS) act(KEYS[key]);
  else return;
  event.preventDefault();
});

function step(by) {
  const here = current?.isConnected ? neighbour(current, by) : cards()[0];
  if (here) choose(here);
  else if (by > 0) (document.getElementById("next") ?? current)?.focus();
}

// Without a chosen card the first key only chooses one: nobody decides about a comment that was not in front of them.
function act(decision) {
  if (current?.isConnected) decide(current, decision);
  else if (cards().length) choose(cards()[0]);
}

function stored(name) {
  try {
    return localStorage.getItem(`desk.${name}`);
  } catch {
    return null; // storage is switched off: the setting lasts as long as the page
  }
}

function store(name, value) {
  try {
    localStorage.setItem(`desk.${name}`, value);
  } catch {
    say("This browser keeps no settings, so this lasts until you leave the page.");
  }
}

// --- counts

let waiting = Number(document.querySelector("[data-count=pending]").textContent);
let least = waiting; // new ones are counted from the lowest number seen

function count(counts) {
  for (const place of document.querySelectorAll("[data-count]")) place.textContent = counts[place.dataset.count];
  document.title = document.title.replace(/^(\(\d+\) )?/, counts.pending ? `(${counts.pending}) ` : "");
  waiting = counts.pending;
  least = Math.min(least, waiting);
}

// An unattended page stops asking, or it would keep its session alive for good.
async function look() {
  if (document.hidden || performance.now() - touched > ATTENDED_MINUTES * 60_000) return;
  try {
    const query = main.dataset.site ? `?site=${encodeURIComponent(main.dataset.site)}` : "";
    const response = await fetch(`/desk/counts${query}`, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    count((await response.json()).counts);
  } catch {
    return; // the desk cannot be reached: the next look or the next decision will say so
  }
  const more = waiting - least;
  if (tab !== "pending" || !more) return;
  const way = fresh.querySelector("a") ?? document.createElement("a");
  way.href = main.dataset.here;
  way.className = "button";
  way.textContent = `${more} new: load again`;
  if (!way.isConnected) fresh.append(way);
}

for (const kind of ["keydown", "pointerdown", "scroll"]) {
  addEventListener(kind, () => (touched = performance.now()), { passive: true });
}
setInterval(look, POLL_SECONDS * 1000);
