// The form that takes words out: what is selected in the text as it was sent is put into it, with its exact place; of
// what is selected in the card only the words, unless they stand in one place alone.

import { current } from "./cards.js";
import { main } from "./page.js";

const formOf = (card) => card?.querySelector("form[action$='/redactions']");

// What stands in the text up to a point of the page, in code points. Marks for unseen characters stand for one each,
// words for screen readers for none.
function placeOf(text, node, offset) {
  const range = document.createRange();
  range.setStart(text, 0);
  range.setEnd(node, offset);
  return [...plain(range.cloneContents())].length;
}

function plain(shown) {
  const before = shown.cloneNode(true);
  for (const mark of before.querySelectorAll(".unseen")) mark.replaceWith("data-line" in mark.dataset ? "" : "?");
  for (const words of before.querySelectorAll(".sr")) words.remove();
  return before.textContent;
}

function selected(card) {
  const raw = card.querySelector("[data-raw]");
  const selection = getSelection();
  if (!raw || !selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const holds = (text) => text.contains(range.startContainer) && text.contains(range.endContainer);
  const words = selection.toString();
  if (holds(card.querySelector(".text"))) return words.trim() ? { words: words.trim(), ...onlyPlace(raw, words.trim()) } : null;
  if (!holds(raw)) return null;
  const start = placeOf(raw, range.startContainer, range.startOffset);
  const end = placeOf(raw, range.endContainer, range.endOffset);
  return start < end ? { start, end, words } : null;
}

// Where words stand in the text as it was sent, if that is in one place only.
function onlyPlace(raw, words) {
  const text = plain(raw);
  const at = text.indexOf(words);
  if (at < 0 || text.indexOf(words, at + 1) >= 0) return { start: null, end: null };
  const start = [...text.slice(0, at)].length;
  return { start, end: start + [...words].length };
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
