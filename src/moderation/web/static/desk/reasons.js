// A reason is one more key: the key of a decision that may have one opens the list under it, a number picks, 0 leads to
// words of one's own, Enter decides without.

import { choose } from "./cards.js";
import { say } from "./page.js";
import { _ } from "./words.js";

let asking = null; // {form, list, decision, back: where the focus goes when it is left}

// Ask in a card's form, or in that of many at once. False where no reason can be given there.
export function ask(form, decision, keys, back) {
  const list = form.querySelector("[data-reasons]:not([hidden])");
  const button = form.querySelector(`[name=decision][value="${decision}"]:not([hidden])`);
  if (!list || !button) return false;
  leaveIt(false);
  asking = { form, list, button, keys, back };
  list.open = true;
  const isFor = decision === "reject";
  (isFor ? button : list.querySelector("[name=words]")).focus({ preventScroll: true });
  if (list.getBoundingClientRect().bottom > innerHeight - 72) list.scrollIntoView({ block: "nearest" });
  say(isFor ? _("A number for a reason, 0 to type one, Enter for none.") : _("Enter escalates. Say why, if you like."));
  return true;
}

function leaveIt(focus) {
  if (!asking) return;
  const { list, back } = asking;
  asking = null;
  list.open = false;
  if (focus && back?.isConnected) choose(back);
}

// Before the desk's own keys.
document.addEventListener(
  "keydown",
  (event) => {
    const { key, target } = event;
    if (asking && !asking.form.isConnected) asking = null;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (target.matches?.("[data-reasons] [name=words]")) {
      if (key !== "Enter" && key !== "Escape") return;
      if (key === "Enter") (asking?.button ?? target.form.querySelector('[value="reject"]')).click();
      else if (asking) leaveIt(true);
      else target.closest("details").open = false;
    } else if (!asking || event.repeat) return;
    else if (key === "Escape") leaveIt(true);
    else if (key === "0") asking.list.querySelector("[name=words]").focus();
    else if (key >= "1" && key <= "9" && asking.button.value === "reject") asking.list.querySelectorAll("[name=because]")[key - 1]?.click();
    else if (asking.keys.includes(key)) asking.button.click();
    else {
      if (key.length === 1 && key !== " ") leaveIt(false);
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

// Decided, in whatever way: the list closes, and what was typed stays for as long as the decision may fail.
document.addEventListener("submit", ({ target }) => {
  const list = target.querySelector("[data-reasons]");
  if (list) list.open = false;
  if (asking?.form === target) asking = null;
});
