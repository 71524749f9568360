// A selection and what is done with it, and how far a job in the background is.

import { current } from "./cards.js";
import { main, say } from "./page.js";
import { ask } from "./reasons.js";
import { _, DECISIONS } from "./words.js";

const form = document.getElementById("bulk");
const ASK_MS = 700;

const picked = () => main.querySelectorAll("[name=pick]:checked").length;

export function pick() {
  const box = current?.querySelector("[name=pick]");
  if (!box || !form) return;
  box.checked = !box.checked;
  tell();
}

export function decidePicked(decision, key) {
  if (!form) return;
  if (!form.querySelector(`[value="${decision}"]`)) return say(_("This cannot be done to many at once: {decision}.", { decision: DECISIONS[decision] }));
  if (!picked()) return say(_("Nothing is selected. Press x on a comment first."));
  if (decision === "reject" && ask(form, decision, key.toLowerCase() + key, current)) return;
  form.requestSubmit(form.querySelector(`[value="${decision}"]`));
}

function tell() {
  form.querySelector("[data-picked]").textContent = _("{n} selected:", { n: picked() });
}

// Whether there was something: what was last done to many at once.
export function undoAll() {
  const form = document.querySelector("[data-job] form");
  if (!form || form.hidden) return false;
  form.requestSubmit(form.querySelector("button"));
  return true;
}

async function follow(notice) {
  for (;;) {
    const response = await fetch(`/desk/bulk/${notice.dataset.job}`, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const { sentence, finished, undoable } = await response.json();
    notice.querySelector("[data-sentence]").textContent = sentence;
    notice.querySelector("form").hidden = !undoable;
    if (finished) return;
    await new Promise((wake) => setTimeout(wake, ASK_MS));
  }
}

if (form) {
  main.addEventListener("change", ({ target }) => target.name === "pick" && tell());
  tell();
}
const running = document.querySelector("[data-job]");
if (running) follow(running).catch(() => say(_("How far it is cannot be asked now. The work goes on.")));
