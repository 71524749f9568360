// Deciding: sent at once, shown at once, confirmed behind. A card comes back, with a sentence, if it was not taken.

import { comeBack, leave, nameOf, tell, update } from "./cards.js";
import { count, countBack } from "./counts.js";
import { refresh } from "./details.js";
import { belongs, post, pressedFor, say, tab } from "./page.js";
import { _, DECISIONS } from "./words.js";

const READ_MS = 1000; // what came in under a double click was not read
const LEADS_TO = { approve: "approved", reject: "rejected", spam: "spam", hold: "pending", escalate: "escalated" };

let last = []; // decisions that can be undone, newest last: {card, saved: Promise of the answer}
export const mine = new Set(); // what was decided here: the news of it is none

// True when it was taken.
export async function decide(card, decision, because = "") {
  if (card.sending) return false;
  const form = card.querySelector("form.decide");
  if (performance.now() - card.anewAt < READ_MS) {
    say(_("This text is new. Read it first."));
    return false;
  }
  if (form.querySelector(`[value="${decision}"]`).hidden) {
    say(_("This cannot be done to it: {decision}.", { decision: DECISIONS[decision] }));
    return false;
  }
  const leaves = tab !== "all" && decision in LEADS_TO && LEADS_TO[decision] !== tab;
  card.sending = true;
  tell(card, "");
  mine.add(card.id);
  const entry = { card, saved: send(form, decision, because) };
  if (decision !== "undo") last.push(entry);
  if (leaves) leave(card);
  const answer = await entry.saved;
  if (answer.counts) count(answer.counts);
  if (answer.status === "pending" && card.dataset.status !== "pending") countBack();
  if (answer.result === "conflict") await catchUp(card, answer);
  else if (answer.status) update(card, answer);
  card.sending = false;
  if (answer.result !== "decided") {
    last = last.filter((each) => each !== entry);
    comeBack(card, false);
    tell(card, answer.sentence, answer.link);
    say(`${nameOf(card)}: ${answer.sentence}`);
    return false;
  }
  form.querySelector("[name=words]").value = "";
  if (!belongs(answer)) leave(card);
  else if (decision === "undo") comeBack(card, true);
  const offer = { label: _("Undo"), key: pressedFor("z"), act: () => undo(entry) };
  say(`${answer.sentence} ${nameOf(card)}`, decision === "undo" ? null : offer);
  return true;
}

// The version of a conflict is of a text that the card may not show: it takes over both together, or neither.
async function catchUp(card, answer) {
  try {
    await refresh(card, { anew: true });
  } catch {
    answer.sentence = [answer.sentence, _("Load the page again to see it as it is now.")].join(" ");
  }
}

async function send(form, decision, because) {
  const fields = new FormData(form);
  fields.set("decision", decision);
  if (because) fields.set("because", because);
  const { code, ...answer } = await post(form.action, fields);
  if (answer.result) return answer;
  if (code === 401) return { result: "signed-out", sentence: _("Not saved: you are signed out."), link: _("Sign in again") };
  if (code === 0) return { result: "lost", sentence: _("Not saved: the desk could not be reached. Try again.") };
  return { result: "refused", sentence: [_("Not saved."), answer.detail ?? answer.title ?? ""].join(" ") };
}

export const hasDecided = () => last.length > 0;

export async function undo(entry = last.at(-1)) {
  if (!last.includes(entry)) return say(_("There is nothing to undo."));
  last = last.filter((each) => each.card !== entry.card); // an undo goes one step back, and there it ends
  const { result } = await entry.saved;
  if (result === "decided" && !(await decide(entry.card, "undo"))) last.push(entry);
}
