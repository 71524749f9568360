// The next cards are loaded before they are needed: one at a time behind the current one, in a list when few are left.

import { add, cards, current } from "./cards.js";
import { inFocusMode, load, main, say } from "./page.js";
import { _ } from "./words.js";

const AHEAD = 3;
let loading = false;

async function refill() {
  const all = cards();
  const left = inFocusMode ? all.length - all.indexOf(current) : all.length;
  if (loading || !main.dataset.next || left > AHEAD) return;
  loading = true;
  try {
    const page = await load(main.dataset.next);
    follow(page.getElementById("queue").dataset.next);
    add(page.querySelectorAll("#cards .card"));
  } catch {
    // what is not loaded now is asked for again at the next card
    if (!cards().length) say(_("More could not be loaded. Try again."));
  } finally {
    loading = false;
  }
}

function follow(next) {
  const way = document.getElementById("next");
  if (next) {
    main.dataset.next = next;
    if (way) way.href = next;
  } else {
    delete main.dataset.next;
    way?.remove();
  }
}

main.addEventListener("current", refill);
if (inFocusMode) refill();
