"""One piece as one whole word: misspelt, backwards, by its sound, or with letters struck out."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.text.index import Form, Index
from moderation.text.lines import trim
from moderation.text.masks import masked
from moderation.text.normalise import Unit
from moderation.text.readings import ACCENT, DIGIT, FACE, GONE, LETTER, SIGN
from moderation.text.slips import meant
from moderation.text.spelling import key
from moderation.text.words import common, innocent, innocent_keys

_LONGEST = 40  # letters and signs of a word


def whole_word(index: Index, units: Sequence[Unit]) -> tuple[int, int, Form, frozenset[str]] | None:
    """Where the word of a piece stands, what it is read as, and how that was hidden."""
    core = trim(units)
    if not 3 <= len(core) <= _LONGEST:
        return None
    form, tag = _respelt(index, core), "respelt"
    if form is None:
        form, tag = masked(index, core), "masked"
    return None if form is None else (core[0].start, core[-1].end, form, frozenset({tag}))


def _respelt(index: Index, core: Sequence[Unit]) -> Form | None:
    kinds = {u.reading.kind for u in core}
    if not kinds <= {LETTER, FACE, ACCENT, GONE, DIGIT, SIGN}:
        return None
    letters = "".join(u.reading.look for u in core if u.reading.kind != GONE)
    if any(letters in known for known in (innocent(), common(), index.words, index.allow)):
        return None
    form = meant(index, letters)
    if form is None or form.letters in index.allow:
        return None
    return form if kinds <= {LETTER, GONE} or key(letters) not in innocent_keys() else None
