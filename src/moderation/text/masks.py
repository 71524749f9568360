"""Words with letters struck out: f*ck, sh!t, m*****f***er.  Compares what is left with whole words only."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.text.index import Form, Index
from moderation.text.normalise import Unit
from moderation.text.readings import ACCENT, DIGIT, FACE, GONE, LETTER, NATIVE, SIGN

MASKS = frozenset("*#@%$&_-?!.•×–—^~+='’|█▇▆■▪●○◯□☆★♥❤․‧·✱＊∗⁎✻❋")  # fmt: skip
_SOFT = frozenset("-–—.'’!?+=_|&")  # also ordinary punctuation: only one of them, inside a word of four letters or more


def masked(index: Index, core: Sequence[Unit]) -> Form | None:
    """The word that `core` (without outer punctuation) is read as, if some of its letters are struck out."""
    pattern: list[str] = []
    struck: list[str] = []
    before = GONE
    for reading, _, _ in core:
        if reading.plain == "×" and before == DIGIT:
            return None  # a measure: 2×3
        before = reading.kind
        if reading.kind == GONE:
            continue
        if reading.kind in (LETTER, FACE, ACCENT):
            pattern += reading.look
        elif reading.kind == NATIVE:
            pattern.append(reading.native)
        elif reading.kind == DIGIT:
            pattern.append("[" + reading.look + reading.other)
        elif reading.plain in MASKS or reading.kind not in (SIGN, NATIVE):
            pattern.append("?")
            struck.append(reading.plain)
        elif reading.kind == SIGN:
            pattern.append("[" + reading.look + reading.other)
        else:
            return None
    size = len(pattern)
    shown = sum(p != "?" for p in pattern)
    if not struck or shown < 2 or size < 3 or shown == size or len(pattern[0]) != 1:
        return _opening(index, pattern, struck)
    if pattern[0] == "?" or (size == 3 and set(struck) - {"*"}):
        return _opening(index, pattern, struck)
    if len(struck) > 2 and all((p == "?") == bool(i % 2) for i, p in enumerate(pattern)):
        return None  # every letter parted from the next: that is spelling out, not striking out
    if set(struck) <= _SOFT and (size < 4 or (len(struck) > 1 and len(set(struck)) > 1) or pattern[-1] == "?"):
        return None
    if len(set(struck)) > 2 or (shown * 2 < size and set(struck) - {"*"}):
        return None
    soft = set(struck) <= _SOFT
    for word, form in index.masked.get((size, pattern[0]), ()):
        if (form.term.wild or (not soft and len(struck) * 3 <= size)) and all(
            p in ("?", w) or (p[0] == "[" and w in p) for p, w in zip(pattern, word, strict=True)
        ):
            return form
    return _elastic(index, pattern, struck)


def _opening(index: Index, pattern: list[str], struck: list[str]) -> Form | None:
    """A word whose first letter is struck out, the rest being shown: *uck."""
    if len(pattern) < 4 or pattern[0] != "?" or struck != ["*"]:
        return None
    return index.headless.get("".join(pattern[1:]))


def _elastic(index: Index, pattern: list[str], struck: list[str]) -> Form | None:
    """A run of stars that does not count the letters it hides: f****ng, c**ksucker."""
    if set(struck) != {"*"} or len(struck) < 3:
        return None
    text = "".join(pattern)
    head, tail = text[: text.index("?")], text[text.rindex("?") + 1 :]
    if len(head) + len(tail) < 2 or not tail or "[" in text or text != head + "?" * len(struck) + tail:
        return None
    for size in range(max(len(pattern) - 2, 4), len(pattern) + 3):
        for word, form in index.masked.get((size, pattern[0]), ()):
            if form.term.wild and word.startswith(head) and word.endswith(tail):
                return form
    return None
