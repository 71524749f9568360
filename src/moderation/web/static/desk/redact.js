// The form that takes words out: what is selected in the card's text is put into it, with its exact place.

import { current } from "./cards.js";
import { main } from "./page.js";

const formOf = (card) => card?.querySelector("form[action$='/redactions']");

// What stands in the text up to a point of the page, in code points. Marks for unseen characters stand for one each,
// words for screen readers for none.
function placeOf(text, node, offset) {
  const range = document.createRange();
  range.setStart(text, 0);
  range.setEnd(node, offset);
  const before = range.cloneContents();
  for (const mark of before.querySelectorAll(".unseen")) mark.replaceWith("?");
  for (const words of before.querySelectorAll(".sr")) words.remove();
  return [...before.textContent].length;
}

function selected(card) {
  const text = card.querySelector(".text");
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  if (!text.contains(range.startContainer) || !text.contains(range.endContainer)) return null;
  const start = placeOf(text, range.startContainer, range.startOffset);
  const end = placeOf(text, range.endContainer, range.endOffset);
  return start < end ? { start, end, words: selection.toString() } : null;
}

function take(card) {
  const form = formOf(card);
  const found = form && selected(card);
  if (!found) return false;
  form.elements.words.value = found.words;
  put(form, found.start, found.end);
  return true;
}

function put(form, start, end) {
  for (const [name, value] of [["start", start], ["end", end]]) {
    form.querySelector(`[name=${name}]`)?.remove();
    if (value === null) continue;
    const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    form.append(field);
  }
}

main.addEventListener("part", ({ detail: { card, part, section, focus } }) => {
  if (part !== "redact" || !formOf(card)) return;
  for (const hint of section.querySelectorAll("[data-by-script]")) hint.hidden = false;
  const form = formOf(card);
  form.elements.words.addEventListener("input", () => put(form, null, null));
  const isTaken = take(card);
  if (focus) form.elements[isTaken ? "reason" : "words"].focus({ preventScroll: true });
});

document.addEventListener("selectionchange", () => take(current));
