"""Why something was decided, as the desk's forms and the API send it: one of the site's reasons, or a sentence of one's
own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from moderation.errors import FieldProblem, Invalid
from moderation.settings import Reason
from moderation.text.redact import holds_address
from moderation.values import Decision

CODE = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")
LONGEST = 150
"""Characters of a sentence of one's own."""
GIVEN_FOR = frozenset({Decision.REJECT.value, Decision.SPAM.value, Decision.ESCALATE.value})
"""The decisions that a reason belongs to."""


def decision_in(form: Mapping[str, str]) -> str:
    """The decision's word. A button that names a reason rejects for it."""
    return Decision.REJECT.value if form.get("because") else form.get("decision", "")


def reason_in(form: Mapping[str, str]) -> str | None:
    """The reason of a form: the code of a button or a list, the typed words, or both as `code: words`. None where
    there is none, or the decision is none that has a reason. Raises Invalid for words that the record may not hold."""
    if decision_in(form) not in GIVEN_FOR:
        return None
    code = form.get("because") or form.get("reason", "")
    typed = typed_in(form)
    given = ([code] if CODE.match(code) else []) + ([typed] if typed else [])
    return ": ".join(given) or None


def typed_in(form: Mapping[str, str], field: str = "words") -> str:
    """One line that stands in the record for good, so it holds no e-mail address. Raises Invalid."""
    return _line(form.get(field, ""), f"/{field}")


def reason_of(given: str | None, pointer: str) -> str | None:
    """A reason as the API takes it: a code, words, or both as `code: words`. Raises Invalid as `reason_in` does."""
    code, colon, typed = (given or "").partition(": ")
    if colon and CODE.match(code):
        return f"{code}: {words}" if (words := _line(typed, pointer)) else code
    return _line(given or "", pointer) or None


def _line(given: str, pointer: str) -> str:
    typed = " ".join(given.split())
    if len(typed) > LONGEST:
        raise Invalid([FieldProblem(pointer, "too-long", {"most": LONGEST, "length": len(typed)})])
    if not typed.isprintable() or holds_address(typed):
        raise Invalid([FieldProblem(pointer, "reveal-reason")])
    return typed


def reason_words(reason: str | None, reasons: Sequence[Reason]) -> str:
    """A kept reason as people read it: the words of its code, where the site has it."""
    if not reason:
        return ""
    code, colon, typed = reason.partition(": ")
    label = next((each.words for each in reasons if each.code == code), None)
    return label + colon + typed if label else reason
