/* Extras of the thread page for those with JavaScript: times in the reader's own zone, the proof of work where the site
 * asks for one, and the box that remembers the author.
 */
(() => {
  "use strict";
  const KEY = "moderation:author"; // the same one as the widget's
  const form = document.querySelector("form.cm-form");
  const row = document.querySelector(".cm-remember");
  for (const time of document.querySelectorAll(".cm-when time")) {
    const options = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" };
    time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang, options);
  }
  const left = document.querySelector(".cm-left");
  if (left) {
    countLeft(form.elements.namedItem("body"), Number(left.dataset.most), (count) => {
      left.textContent = count === null ? "" : (count < 0 ? left.dataset.over : left.dataset.left).replace("{n}", Math.abs(count));
    });
  }
  const status = document.querySelector("[data-challenge]");
  if (form && status) {
    const challenge = async () => (await fetch(status.dataset.challenge, { cache: "no-store", signal: AbortSignal.timeout(5000) })).json();
    const work = proofOfWork(challenge, (state) => {
      status.textContent = status.dataset[state];
    });
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "altcha";
    form.append(field);
    let sending = false;
    form.addEventListener("focusin", () => work.begin());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (sending) return;
      sending = true;
      field.value = (await work.begin()) || "";
      form.submit();
    });
    window.addEventListener("pageshow", () => {
      sending = false; // back from where the form led: each solution is for one comment
      work.spend();
    });
  }
  /* The thanks are for this once, and not for those whom this address is sent to. */
  const here = new URL(location.href);
  if (here.searchParams.has("held")) {
    here.searchParams.delete("held");
    history.replaceState(history.state, "", here);
  }
  /* What was just sent stays in this browser, for the page of its receipt. */
  const own = document.querySelector("[data-own]");
  const SENT = "moderation:sent";
  try {
    const sent = sessionStorage.getItem(SENT);
    if (own && sent) sessionStorage.setItem(`moderation:own:${own.dataset.own}`, sent);
    sessionStorage.removeItem(SENT);
    if (form) form.addEventListener("submit", () => sessionStorage.setItem(SENT, form.elements.namedItem("body").value));
  } catch {
    return; // storage is blocked: the box below stays hidden as well
  }
  if (!form || !row) return;
  const fields = ["author", "email", "url"].map((name) => form.elements.namedItem(name));
  const box = row.querySelector("input");
  try {
    const known = JSON.parse(localStorage.getItem(KEY));
    if (known) {
      box.checked = true;
      for (const [index, name] of ["name", "email", "url"].entries()) fields[index].value = fields[index].value || known[name] || "";
    }
    form.addEventListener("submit", () => {
      const [name, email, url] = fields.map((field) => field.value);
      if (box.checked) localStorage.setItem(KEY, JSON.stringify({ name, email, url }));
      else localStorage.removeItem(KEY);
    });
    row.hidden = false;
  } catch {
    return; // storage is blocked: the box stays hidden
  }
})();
