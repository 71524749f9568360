// The desk by keyboard and without page loads. Everything here also works as plain forms; this only makes it quick.

import { decidePicked, pick, undoAll } from "./bulk.js";
import { cards, choose, current, inSight, makeCurrent, neighbour } from "./cards.js";
import { decide, hasDecided, undo } from "./deciding.js";
import { lookByKey } from "./details.js";
import { main, post, say, usual } from "./page.js";
import { ask } from "./reasons.js";
import { _ } from "./words.js";
import "./live.js";
import "./ahead.js";
import "./redact.js";

const KEYS = { a: "approve", r: "reject", s: "spam", e: "escalate" };
const MAY_HAVE_A_REASON = ["reject", "escalate"];
const help = document.getElementById("help");

main.addEventListener("submit", (event) => {
  const card = event.target.closest(".card");
  if (!card || !event.submitter || !event.target.matches(".decide")) return;
  event.preventDefault();
  makeCurrent(card);
  const { name, value } = event.submitter;
  decide(card, name === "because" ? "reject" : value, name === "because" ? value : "");
});

// The first card is current from the start, so that the first key already decides. The focus stays where it is.
if (cards().length) makeCurrent(cards()[0]);

// --- keys

const keysOn = document.getElementById("keys-on");
document.body.classList.toggle("keys", keysOn.checked);
keysOn.addEventListener("change", async () => {
  document.body.classList.toggle("keys", keysOn.checked);
  const answer = await post("/desk/me/keys/switch", keysOn.checked ? { on: "yes" } : {});
  if (!answer.ok) say(_("This could not be kept, so it lasts until you leave the page."));
});
const keysButton = document.getElementById("keys");
keysButton.hidden = false;
keysButton.addEventListener("click", () => help.showModal());

document.addEventListener("keydown", (event) => {
  const { key: pressed, target } = event;
  const key = usual(event.shiftKey && pressed.length === 1 ? pressed.toLowerCase() : pressed);
  if (!keysOn.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
  if (target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]")) return;
  if (key === "?") help.showModal();
  else if (key === "/") document.getElementById("words").select();
  else if (event.shiftKey && key in KEYS && !event.repeat) decidePicked(KEYS[key], pressed);
  else if (key === "+") unfold();
  else if (event.shiftKey) return;
  else if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
  else if (event.repeat) return;
  else if (key === "z") hasDecided() || !undoAll() ? undo() : null;
  else if (key === "x") pick();
  else if (key === "c") current?.querySelector("[data-closing]")?.requestSubmit(current.querySelector("[data-closing] button"));
  else if (key === "o") document.getElementById("mode").click();
  else if (key in KEYS) act(KEYS[key], pressed);
  else if (!lookByKey(key)) return;
  event.preventDefault();
});

function unfold() {
  const fold = current?.querySelector("[data-fold]");
  if (!fold) return;
  fold.open = !fold.open;
  if (!fold.open) choose(current);
}

function step(by) {
  const here = current?.isConnected ? neighbour(current, by) : cards()[0];
  if (here) choose(here);
  else if (by > 0) (document.getElementById("next") ?? current)?.focus();
}

// A key only shows a card that is out of sight: nobody decides about a comment that was not in front of them.
function act(decision, key) {
  if (!current?.isConnected) {
    if (cards().length) choose(cards()[0]);
  } else if (!inSight(current)) choose(current);
  else if (!MAY_HAVE_A_REASON.includes(decision) || !ask(current.querySelector("form.decide"), decision, key, current)) {
    decide(current, decision);
  }
}
