// The queue's page as the other scripts see it: its parts, and the line at the bottom that says what happened.

export const main = document.getElementById("queue");
export const tab = main.dataset.tab;
export const inFocusMode = main.classList.contains("focus");

// Whether a comment that stands like this has its place in the tab that is open.
export const belongs = ({ status, reports }) =>
  tab === "all" || (tab === "reported" ? status === "approved" && reports > 0 : status === tab);

const line = document.getElementById("line");

// Say a sentence. `offer` is a button's label and what it does.
export function say(sentence, offer = null) {
  line.replaceChildren(sentence);
  line.classList.add("shown");
  if (!offer) return;
  const button = document.getElementById("line-button").content.firstElementChild.cloneNode(true);
  button.querySelector("[data-label]").textContent = offer.label;
  const key = button.querySelector("kbd");
  if (offer.key) key.textContent = offer.key;
  else key.remove();
  button.addEventListener("click", offer.act);
  line.append(" ", button);
}

// Send a form's fields as the page's own; the answer is the JSON with ok and code, whatever happens.
export async function post(path, fields) {
  const answer = await send(path, fields);
  const isStale = answer.type === "urn:moderation:problem:origin-refused";
  return isStale && (await renew()) ? send(path, fields) : answer;
}

// They signed in anew in another tab: take that session's token. False where somebody else did.
async function renew() {
  try {
    const fresh = (await load(main.dataset.here)).getElementById("queue");
    if (fresh?.dataset.who !== main.dataset.who) return false;
    main.dataset.token = fresh.dataset.token;
    for (const field of document.querySelectorAll("[name=csrf_token]")) field.value = fresh.dataset.token;
    return true;
  } catch {
    return false;
  }
}

async function send(path, fields) {
  const token = main.dataset.token;
  try {
    const response = await fetch(path, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { Accept: "application/json", "X-CSRF-Token": token },
      keepalive: true, // it arrives even if the page is left now
    });
    return { ...(await response.json()), ok: response.ok, code: response.status };
  } catch {
    return { ok: false, code: 0 };
  }
}

// A page of our own as a document, without running anything in it.
export function load(path) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("GET", path);
    request.responseType = "document";
    request.onload = () => (request.status === 200 && request.response ? done(request.response) : fail(request.status));
    request.onerror = () => fail(0);
    request.send();
  });
}

const keys = JSON.parse(main.dataset.keys); // from what this person presses to the key that scripts know

export const usual = (pressed) => keys[pressed] ?? "";
export const pressedFor = (key) => Object.keys(keys).find((each) => keys[each] === key) ?? "";
