// How far a backtest is, without a reload. What is typed on the page meanwhile stays.

import { _ } from "./words.js";

const ASK_MS = 1000;
const place = document.querySelector("[data-backtest][data-open]");

async function follow() {
  for (;;) {
    const response = await fetch(`/desk/rules/backtests/${place.dataset.backtest}`, { headers: { Accept: "application/json" } });
    if (!response.ok) throw response.status;
    const { sentence, percent, open } = await response.json();
    if (!open) return finish();
    tell(sentence);
    if (percent !== null) place.querySelector("progress").value = percent;
    await new Promise((wake) => setTimeout(wake, ASK_MS));
  }
}

function tell(sentence) {
  const line = place.querySelector("[data-sentence]");
  if (line.textContent !== sentence) line.textContent = sentence;
}

function announce(line) {
  const sentence = line.textContent;
  line.textContent = "";
  line.setAttribute("role", "status");
  line.textContent = sentence;
}

// The page as it is now, read without running anything in it, has the end of it.
function finish() {
  const request = new XMLHttpRequest();
  request.open("GET", place.querySelector("a").href);
  request.responseType = "document";
  request.onload = () => {
    const now = request.response?.querySelector("[data-backtest]");
    if (!now) return tell(_("The backtest ended. Load the page again to see what it found."));
    const hadFocus = place.contains(document.activeElement);
    place.replaceChildren(...[...document.importNode(now, true).childNodes]);
    announce(place.querySelector("[data-sentence]"));
    if (hadFocus) place.querySelector("h2").focus();
  };
  request.onerror = () => tell(_("The backtest ended. Load the page again to see what it found."));
  request.send();
}

if (place) follow().catch(() => tell(_("How far it is cannot be asked now. The backtest goes on.")));
