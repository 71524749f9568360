// The cards on the page: which one is current, and how one leaves, comes back and says how it stands.
//
// Nothing moves the focus but what the moderator does.

import { inFocusMode, main, tab } from "./page.js";
import { _ } from "./words.js";

const list = document.getElementById("cards");
const nothing = document.getElementById("nothing");

export let current = null; // the card that keys act on
let order = 0;

export const cards = () => [...main.querySelectorAll(".card")];
export const nameOf = (card) => card.querySelector(".name").textContent.trim();
export const idOf = (card) => card.id.slice(2);

export function neighbour(card, step) {
  const all = cards();
  return all[all.indexOf(card) + step];
}

// Cards that were loaded afterwards, behind the others.
export function add(fresh) {
  for (const card of fresh) {
    if (document.getElementById(card.id)) continue;
    const mine = document.importNode(card, true);
    mine.classList.remove("current");
    mine.order = order++;
    list.append(mine);
  }
  const losesFocus = nothing.contains(document.activeElement);
  nothing.hidden = cards().length > 0;
  if (!cards().length) return finish(false);
  if (losesFocus) choose(cards()[0]);
  else if (!current) makeCurrent(cards()[0]);
}

export function makeCurrent(card) {
  if (card === current) return;
  const left = current;
  current?.classList.remove("current");
  card?.classList.add("current");
  current = card;
  main.dispatchEvent(new CustomEvent("current", { detail: { card, left } }));
}

export function choose(card) {
  if (inFocusMode) makeCurrent(card); // only the current one is shown, and what is not shown takes no focus
  card.focus({ preventScroll: true });
  const { top, bottom } = card.getBoundingClientRect();
  const frame = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
  if (top < frame || bottom > innerHeight - 72) card.scrollIntoView({ block: "start" });
}

export function inSight(card) {
  const { top, bottom } = card.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

export function leave(card) {
  if (!card.isConnected) return;
  const next = neighbour(card, 1) ?? neighbour(card, -1);
  const hadFocus = card.contains(document.activeElement) || current === card;
  card.remove();
  if (current === card) makeCurrent(null);
  if (!cards().length) finish(hadFocus);
  else if (hadFocus && next) choose(next);
}

// In focus mode a card that comes back by itself waits behind the one that is being read.
export function comeBack(card, focus) {
  const losesFocus = nothing.contains(document.activeElement);
  nothing.hidden = true;
  if (!card.isConnected) {
    const after = cards().find((each) => each.order > card.order);
    if (inFocusMode && current && !focus) current.after(card);
    else if (after) after.before(card);
    else list.append(card);
  }
  if (focus || losesFocus || !current) choose(card);
}

function finish(focus) {
  nothing.hidden = false;
  nothing.querySelector(".big").textContent = main.dataset.next ? _("More is being loaded.") : _("That was the last one here.");
  document.getElementById("go-on").hidden = false;
  if (focus) nothing.querySelector("a").focus();
}

// How it stands now. `version` is that of the text on the card: what is decided next is about it.
export function update(card, { status, version, standing, moves, escalated, reports }) {
  const reported = card.querySelector("[data-reports]");
  if (reported) reported.hidden = !reports;
  if (!escalated) card.querySelector("[data-raised]")?.remove();
  card.dataset.status = status;
  isOfVersion(card, version);
  for (const button of card.querySelectorAll("[name=decision]")) button.hidden = !moves.includes(button.value);
  card.querySelector("[data-reasons]").hidden = !moves.includes("reject") && !moves.includes("spam");
  const place = card.querySelector("[data-standing]");
  place.hidden = status === "pending" && tab === "pending";
  place.querySelector(".pill").textContent = standing;
  place.querySelector(".pill").className = `pill ${status}`;
  place.querySelector(".reason")?.remove();
}

export function isOfVersion(card, version) {
  for (const field of card.querySelectorAll("[name=version]")) field.value = version;
  const box = card.querySelector("[name=pick]");
  if (box) box.value = `${idOf(card)}:${version}`;
}

// `link` leads to the sign-in; `offer` is a button's label and what it does.
export function tell(card, sentence, link, offer) {
  const place = card.querySelector("[data-told]");
  const hadFocus = place.contains(document.activeElement);
  place.hidden = !sentence;
  place.textContent = sentence;
  if (hadFocus) card.focus({ preventScroll: true });
  if (link) {
    const way = document.createElement("a");
    way.href = `/desk/sign-in?next=${encodeURIComponent(main.dataset.here)}`;
    way.textContent = link;
    place.append(" ", way);
  }
  if (offer) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: offer.label });
    button.addEventListener("click", offer.act);
    place.append(" ", button);
  }
}

main.addEventListener("focusin", ({ target }) => {
  const card = target.closest(".card");
  if (card) makeCurrent(card);
});

for (const card of cards()) card.order = order++;
