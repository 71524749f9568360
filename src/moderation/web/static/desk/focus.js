// One card at a time: the next ones are loaded before they are needed.

import { add, cards, current } from "./cards.js";
import { inFocusMode, load, main } from "./page.js";

const AHEAD = 3;
let loading = false;

async function refill() {
  const all = cards();
  if (loading || !main.dataset.next || all.length - all.indexOf(current) > AHEAD) return;
  loading = true;
  try {
    const page = await load(main.dataset.next);
    const place = page.getElementById("queue");
    if (place.dataset.next) main.dataset.next = place.dataset.next;
    else delete main.dataset.next;
    add(page.querySelectorAll("#cards .card"));
  } catch {
    // what is not loaded now is asked for again at the next card
  } finally {
    loading = false;
  }
}

if (inFocusMode) {
  main.addEventListener("current", refill);
  refill();
}
