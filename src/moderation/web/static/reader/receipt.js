/* Fills in what this browser remembers of the reader's own comment. The server shows no text that is not public. */
(() => {
  "use strict";
  const form = document.querySelector("form[data-own]");
  const field = form && form.elements.namedItem("body");
  if (!field) return;
  const key = `moderation:own:${form.dataset.own}`;
  try {
    field.value = field.value || sessionStorage.getItem(key) || "";
    form.addEventListener("submit", () => sessionStorage.setItem(key, field.value));
  } catch {
    return; // storage is blocked: the field stays as it is
  }
})();
