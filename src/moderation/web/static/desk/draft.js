// A draft of the rules from a file: read here and put into the text area, since the service takes no uploads.

import { _ } from "./words.js";

const MOST_BYTES = 1024 * 1024;

const from = document.getElementById("from");
const text = document.getElementById("text");
const told = document.getElementById("from-told");

async function take(file) {
  if (file.size > MOST_BYTES) return _("{file} has more than 1 MiB, which no rules file may have.", { file: file.name });
  try {
    text.value = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    return _("{file} cannot be read as text in UTF-8. The draft is as it was.", { file: file.name });
  }
  return _("The draft is now {file}. Nothing is in force before you activate it.", { file: file.name });
}

from.addEventListener("change", async () => {
  const [file] = from.files;
  if (!file) return;
  told.textContent = await take(file);
  from.value = "";
});
from.closest("[hidden]").hidden = false;
