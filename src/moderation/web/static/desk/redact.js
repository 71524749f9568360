// The form that takes words out: what is selected in the text as it was sent is put into it, with its exact place; of
// what is selected in the card as well, where the words stand as often in the one as in the other.

import { current } from "./cards.js";
import { main } from "./page.js";

const formOf = (card) => card?.querySelector("form[action$='/redactions']");

const lengthOf = (text) => [...text].length; // in code points

// What stands in a text of the page up to a point of it.
function before(text, node, offset) {
  const range = document.createRange();
  range.setStart(text, 0);
  range.setEnd(node, offset);
  return plain(range.cloneContents());
}

// Marks for unseen characters stand for one each, words of ours for none.
function plain(shown) {
  const copy = shown.cloneNode(true);
  for (const mark of copy.querySelectorAll(".unseen")) mark.replaceWith("line" in mark.dataset ? "" : "?");
  for (const words of copy.querySelectorAll(".sr, .host")) words.remove();
  return copy.textContent;
}

function selected(card) {
  const raw = card.querySelector("[data-raw]");
  const selection = getSelection();
  if (!raw || !selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const holds = (text) => text.contains(range.startContainer) && text.contains(range.endContainer);
  const words = selection.toString();
  const text = card.querySelector(".text");
  if (holds(text)) return words.trim() ? { words: words.trim(), ...samePlace(text, raw, range, words.trim()) } : null;
  if (!holds(raw)) return null;
  const start = lengthOf(before(raw, range.startContainer, range.startOffset));
  const end = lengthOf(before(raw, range.endContainer, range.endOffset));
  return start < end ? { start, end, words } : null;
}

// The place in the text as it was sent of words that are selected as the public sees them.
function samePlace(text, raw, range, words) {
  const sent = plain(raw).split(words);
  const number = before(text, range.startContainer, range.startOffset).split(words).length;
  if (sent.length !== plain(text).split(words).length || number >= sent.length) return { start: null, end: null };
  const start = lengthOf(sent.slice(0, number).join(words));
  return { start, end: start + lengthOf(words) };
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
