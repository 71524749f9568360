// The numbers on the tabs and in the title, and how many have come since the page was made.

import { main, tab } from "./page.js";
import { _ } from "./words.js";

const fresh = document.getElementById("fresh");
let waiting = Number(document.querySelector("[data-count=pending]").textContent);
let least = waiting; // new ones are counted from the lowest number seen

export function count(counts) {
  for (const place of document.querySelectorAll("[data-count]")) place.textContent = counts[place.dataset.count];
  document.title = document.title.replace(/^(\(\d+\) )?/, counts.pending ? `(${counts.pending}) ` : "");
  waiting = counts.pending;
  least = Math.min(least, waiting);
}

// One that was here before waits again: it is not new.
export function countBack() {
  least += 1;
  if (waiting > least) offerNew();
  else fresh.querySelector("a")?.remove();
}

// New ones wait behind a link: nothing moves what is being read.
export function offerNew() {
  const more = waiting - least;
  if (tab !== "pending" || more < 1) return;
  const way = fresh.querySelector("a") ?? document.createElement("a");
  way.href = main.dataset.here;
  way.className = "button";
  way.textContent = _("{n} new: load again", { n: more });
  if (!way.isConnected) fresh.append(way);
}
