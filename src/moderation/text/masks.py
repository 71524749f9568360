"""Words with letters struck out: f*ck, sh!t, m*****f***er.  Compares what is left with whole words only."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.text.index import Form, Index
from moderation.text.normalise import Unit
from moderation.text.readings import ACCENT, DIGIT, FACE, GONE, LETTER, NATIVE, SIGN

MASKS = frozenset("*#@%$&_-?!.•×–—^~+='’|█▇▆■▪●○◯□☆★♥❤․‧·✱＊∗⁎✻❋§†‡([{<")  # fmt: skip
_SOFT = frozenset(
    "-–—.'’!?+=_|&([{<"
)  # also ordinary punctuation: only one of them, inside a word of four letters or more


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
        if reading.kind in (LETTER, ACCENT) or (reading.kind == FACE and not reading.other):
            pattern += reading.look
        elif reading.kind == NATIVE:
            pattern.append("[" + reading.native + reading.look if reading.look else reading.native)
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
    drawn = shown - sum(reading.kind in (LETTER, ACCENT, FACE, NATIVE) and not reading.other for reading, _, _ in core)
    if not struck or shown < 2 or size < 3 or shown == size or pattern[0] == "?":
        return _opening(index, pattern, struck)
    if size == 3 and set(struck) - {"*"}:
        return _short(index, pattern, struck)
    if len(struck) > 2 and all((p == "?") == bool(i % 2) for i, p in enumerate(pattern)):
        return None  # every letter parted from the next: that is spelling out, not striking out
    if set(struck) <= _SOFT and (size < 4 or (len(struck) > 1 and len(set(struck)) > 1) or pattern[-1] == "?"):
        return None
    if len(set(struck)) > 2 or (shown * 2 < size and set(struck) - {"*"}):
        return None
    soft = set(struck) <= _SOFT
    if drawn == shown or (soft and drawn * 2 > shown):
        return None  # numbers and signs are no letters by themselves
    starred = set(struck) == {"*"}
    sure = not (drawn or soft) and len(struck) * 3 <= size
    for first in pattern[0].lstrip("["):
        for word, form in index.masked.get((size, first), ()):
            if (form.term.wild or (sure and (starred or _vowels_lack(pattern, word)))) and _shows(pattern, word):
                return form
    return _elastic(index, pattern, struck)


def _shows(pattern: list[str], word: str) -> bool:
    return all(p in ("?", w) or (p[0] == "[" and w in p) for p, w in zip(pattern, word, strict=True))


def _vowels_lack(pattern: list[str], word: str) -> bool:
    return all(w in "aeiouy" or not w.isascii() for p, w in zip(pattern, word, strict=True) if p == "?")


def _short(index: Index, pattern: list[str], struck: list[str]) -> Form | None:
    """Three letters, the vowel between them struck out by a sign that nobody sets there: f#k."""
    if struck[0] in _SOFT or pattern[1] != "?" or (pattern[0], pattern[2]) == ("f", "x"):
        return None
    for word, form in index.masked.get((3, pattern[0]), ()):
        if word[1] in "aeiou" and form.term.category == "profanity" and _shows(pattern, word):
            return form
    return None


def _opening(index: Index, pattern: list[str], struck: list[str]) -> Form | None:
    """A word whose first letter is struck out, the rest being shown (*uck), or all but the first of one: f***."""
    if pattern[:1] == ["f"] and 2 < len(struck) < 7 and {*pattern[1:], *struck} == {"?", "*"}:
        return index.words.get("fuck")
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
