/* Extras of the thread page for those with JavaScript: the box that remembers the author, and times in the reader's own zone. */
(() => {
  "use strict";
  const KEY = "moderation:author"; // the same one as the widget's
  const form = document.querySelector("form.cm-form");
  const row = document.querySelector(".cm-remember");
  for (const time of document.querySelectorAll(".cm-when time")) {
    const options = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" };
    time.textContent = new Date(time.dateTime).toLocaleString("en-GB", options);
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
