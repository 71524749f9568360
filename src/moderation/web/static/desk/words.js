// Sentences in the language of the page: what it brings along in #catalogue, by what it is in English.

const known = JSON.parse(document.getElementById("catalogue")?.textContent ?? "{}");

export const _ = (sentence, values = {}) =>
  (known[sentence] ?? sentence).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

// The words on the buttons.
export const DECISIONS = {
  approve: _("Approve"),
  reject: _("Reject"),
  spam: _("Spam"),
  hold: _("Hold"),
  undo: _("Undo"),
  escalate: _("Escalate"),
};
