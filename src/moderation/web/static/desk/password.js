// The tick box that shows what is typed in a password field. Without JavaScript it is not offered.

for (const row of document.querySelectorAll("[data-reveals]")) {
  const field = document.getElementById(row.dataset.reveals);
  row.hidden = false;
  row.addEventListener("change", ({ target }) => {
    field.type = target.checked ? "text" : "password";
  });
  field.form.addEventListener("submit", () => {
    field.type = "password"; // so that browsers save it as what it is
  });
}
