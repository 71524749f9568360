// What is known of a comment, under its card: each part is a link to a page of its own, whose section is fetched when
// it is asked for. Forms in it are sent behind, and the card is brought up to date.

import { current, idOf, isOfVersion, nameOf, tell, update } from "./cards.js";
import { load, main, post, say } from "./page.js";
import { _ } from "./words.js";

const KEYS = {
  v: "as-sent", t: "thread", u: "author", h: "history", w: "redact", n: "notes", b: "ban",
};

const OF_THE_TEXT = ["as-sent", "redact", "history"];

const wayOf = (card, part) => card.querySelector(`[data-ways] [data-part="${part}"]`);
const openWay = (card) => card.querySelector("[data-ways] [aria-expanded=true]");

// True where the key is one of ours.
export function lookByKey(key) {
  if (key === "l") {
    current?.querySelector("[data-alike]")?.click();
    return true;
  }
  if (!(key in KEYS)) return false;
  if (current?.isConnected) toggle(current, KEYS[key]);
  return true;
}

export function toggle(card, part) {
  const way = wayOf(card, part);
  if (!way) return;
  if (way === openWay(card)) close(card);
  else open(card, part);
}

export async function open(card, part, focus = true) {
  const way = wayOf(card, part);
  const place = card.querySelector("[data-place]");
  openWay(card)?.setAttribute("aria-expanded", "false");
  way.setAttribute("aria-expanded", "true");
  if (card.querySelector("[data-ways]").contains(document.activeElement)) way.focus({ preventScroll: true });
  place.dataset.asked = part;
  let section;
  try {
    section = (await load(way.href)).getElementById(part);
  } catch {
    // said below
  }
  if (place.dataset.asked !== part) return; // something else was asked for meanwhile
  if (!section) {
    close(card);
    say(_("{name}: this could not be loaded. Try again.", { name: nameOf(card) }));
    return;
  }
  const mine = document.importNode(section, true);
  mine.removeAttribute("id"); // several cards may show the same part
  place.replaceChildren(mine);
  place.hidden = false;
  main.dispatchEvent(new CustomEvent("part", { detail: { card, part, section: mine, focus } }));
  if (focus) mine.querySelector("[data-first]")?.focus({ preventScroll: true });
  if (mine.getBoundingClientRect().bottom > innerHeight - 72) mine.scrollIntoView({ block: "nearest" });
}

export function close(card) {
  const place = card.querySelector("[data-place]");
  const hadFocus = place.contains(document.activeElement);
  const way = openWay(card);
  way?.setAttribute("aria-expanded", "false");
  place.dataset.asked = "";
  place.hidden = true;
  place.replaceChildren();
  if (hadFocus) way?.focus();
}

// The card as its own page shows it now, without its buttons: those belong to the tab that is open here. `put` is called
// with what changes it. What was decided meanwhile is told otherwise, and is not decided over. A text that its author
// wrote anew comes in, with how it stands, where that is asked for (`anew`), and never under somebody who is reading.
// True where the card shows what stands now.
export async function refresh(card, { put = (change) => change(), anew = false } = {}) {
  const fresh = (await load(`/desk/comments/${idOf(card)}`)).getElementById(card.id);
  const isRewritten = fresh.dataset.edits !== card.dataset.edits;
  if (isRewritten && !anew) {
    put(() => renew(card, fresh, ["[data-notes]", "[data-ways]"]));
    offerText(card);
    return false;
  }
  put(() => renew(card, fresh, anew ? ["[data-content]", "[data-ways]"] : [".text", "[data-hides]", "[data-notes]", "[data-ways]"]));
  const standing = standingOf(fresh);
  if (anew) update(card, standing);
  else if (standing.status === card.dataset.status) isOfVersion(card, standing.version);
  if (isRewritten) takeAsNew(card, fresh);
  return true;
}

const standingOf = (card) => ({
  status: card.dataset.status,
  version: card.querySelector("[name=version]").value,
  standing: card.querySelector("[data-standing] .pill").textContent,
  moves: [...card.querySelectorAll("[name=decision]:not([hidden])")].map((button) => button.value),
  escalated: card.querySelector("[data-raised]") !== null,
  reports: card.querySelector("[data-reports]") !== null,
});

// What was ticked or opened was so under another text.
function takeAsNew(card, fresh) {
  card.dataset.edits = fresh.dataset.edits;
  card.anewAt = performance.now();
  const box = card.querySelector("[name=pick]");
  if (box?.checked) box.click();
  const part = openWay(card)?.dataset.part;
  if (OF_THE_TEXT.includes(part)) open(card, part, false);
}

// Its author wrote it anew: the text that is being read stays until the new one is asked for.
function offerText(card) {
  const act = async () => {
    try {
      await refresh(card, { anew: true });
      tell(card, _("Its author has written it anew. This is the new text."));
    } catch {
      say(_("{name}: this could not be loaded. Try again.", { name: nameOf(card) }));
    }
  };
  tell(card, _("Its author has written it anew just now."), "", { label: _("Show the new text"), act });
}

// The content of each part, not the part itself: screen readers are told what comes in, and what is open stays open.
function renew(card, fresh, parts) {
  const opened = openWay(card)?.dataset.part;
  const focused = card.querySelector("[data-ways]").contains(document.activeElement) ? document.activeElement.dataset.part : "";
  for (const part of parts) {
    const [here, fresher] = [card.querySelector(part), fresh.querySelector(part)];
    if (here.innerHTML === fresher.innerHTML) continue;
    const hadFocus = here.contains(document.activeElement);
    here.replaceChildren(...document.importNode(fresher, true).childNodes);
    here.hidden = fresher.hidden;
    if (hadFocus) card.focus({ preventScroll: true });
  }
  if (opened) wayOf(card, opened)?.setAttribute("aria-expanded", "true");
  if (focused) wayOf(card, focused)?.focus({ preventScroll: true });
}

// Says what is wrong at each field that has a place for it, and leads to the first.
function atFields(form, errors) {
  for (const place of form.querySelectorAll("[data-wrong]")) {
    const error = errors.find((each) => each.pointer === `/${place.dataset.wrong}`);
    const field = form.querySelector(`[aria-describedby~="${place.id}"]`);
    place.textContent = error?.detail ?? "";
    place.hidden = !error;
    if (error) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  form.querySelector("[aria-invalid]")?.focus({ preventScroll: true });
}

async function send(card, form, submitter) {
  const part = form.dataset.quiet;
  const fields = new FormData(form, submitter);
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  const answer = await post(form.action, fields);
  if (!answer.ok) {
    for (const button of form.querySelectorAll("button")) button.disabled = false;
    atFields(form, answer.errors ?? []);
    const told = answer.errors?.map((each) => each.detail).join(" ") ?? answer.sentence ?? answer.detail;
    const problem = form.querySelector("[data-problem]") ?? card.querySelector("[data-told]");
    problem.hidden = false;
    problem.textContent = told ?? _("Not saved: the desk could not be reached. Try again.");
    return;
  }
  await refresh(card);
  await open(card, part, false);
  card.focus({ preventScroll: true });
  say(`${answer.sentence} ${nameOf(card)}`);
}

main.addEventListener("submit", (event) => {
  const card = event.target.closest(".card");
  if (!card || !event.target.dataset.quiet) return;
  event.preventDefault();
  send(card, event.target, event.submitter).catch(() => say(_("Saved. Load the page again to see it here.")));
});

document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && current && openWay(current) && !document.querySelector("dialog[open]")) close(current);
});

main.addEventListener("click", (event) => {
  const way = event.target.closest("[data-part]");
  const card = way?.closest(".card");
  if (!card || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  toggle(card, way.dataset.part);
});
