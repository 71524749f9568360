"""Words with letters struck out: f*ck, sh!t, m*****f***er.  Compares what is left with whole words only."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.text.index import Form, Index
from moderation.text.normalise import Unit
from moderation.text.readings import ACCENT, DIGIT, FACE, GONE, LETTER, NATIVE, SIGN, Reading

MASKS = frozenset("*#@%$&_-?!.•×–—^~+='’|█▇▆■▪●○◯□☆★♥❤․‧·✱＊∗⁎✻❋§†‡([{<")  # fmt: skip
SOFT = frozenset(
    "-–—.'’!?+=_|&([{<"
)  # also ordinary punctuation: only one of them, inside a word of four letters or more


def masked(index: Index, core: Sequence[Unit]) -> Form | None:
    """The word that `core` (without outer punctuation) is read as, if some of its letters are struck out."""
    pieces = [_PIECES[unit.reading] for unit in core]
    struck = [unit.reading.plain for unit, (piece, _) in zip(core, pieces, strict=True) if piece is _STRUCK]
    kinds = set(struck)
    if not kinds or len(kinds) > 2 or (kinds <= SOFT and (len(kinds) > 1 or pieces[-1][0] is _STRUCK)):
        return None
    if "×" in kinds and _is_measure(core):
        return None  # 2×3
    pattern = [letter for piece, _ in pieces for letter in piece]
    size = len(pattern)
    shown = size - len(struck)
    drawn = shown - sum(is_letter for _, is_letter in pieces)
    if shown < 2 or size < 3 or pattern[0] == "?":
        return _opening(index, pattern, struck)
    if size == 3 and kinds - {"*"}:
        return _short(index, pattern, struck)
    if len(struck) > 2 and all((p == "?") == bool(i % 2) for i, p in enumerate(pattern)):
        return None  # every letter parted from the next: that is spelling out, not striking out
    soft, starred = kinds <= SOFT, kinds == {"*"}
    if soft and (size < 4 or pattern[-1] == "?"):
        return None
    if shown * 2 < size and not starred:
        return None
    if drawn == shown or (soft and drawn * 2 > shown):
        return None  # numbers and signs are no letters by themselves
    sure = not (drawn or soft) and len(struck) * 3 <= size
    others = [(at, letters) for at, letters in enumerate(pattern) if at and letters != "?"]
    for first in pattern[0].lstrip("["):
        for word, form in index.masked.get((size, first), ()):
            for (
                at,
                letters,
            ) in others:  # most words are out at the first; a call for each would take three times as long
                if word[at] not in letters:
                    break
            else:
                if form.term.wild or (sure and (starred or _vowels_lack(pattern, word))):
                    return form
    return _elastic(index, pattern, struck)


def _is_measure(core: Sequence[Unit]) -> bool:
    before = GONE
    for reading, _, _ in core:
        if reading.plain == "×" and before == DIGIT:
            return True
        before = reading.kind
    return False


_STRUCK = ("?",)


class _Pieces(dict[Reading, tuple[tuple[str, ...], bool]]):
    """What a character may be in a word with letters struck out, and whether it is a plain letter; worked out when
    first met.  A "[" is followed by the letters of which it may be any."""

    def __missing__(self, reading: Reading) -> tuple[tuple[str, ...], bool]:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[reading] = _piece(reading), _is_letter(reading)
        return found


_REMEMBERED = 5_000
_PIECES = _Pieces()


def _piece(reading: Reading) -> tuple[str, ...]:
    kind = reading.kind
    if kind == GONE:
        return ()
    if kind in (LETTER, ACCENT) or (kind == FACE and not reading.other):
        return tuple(reading.look)
    if kind == NATIVE:
        return ("[" + reading.native + reading.look if reading.look else reading.native,)
    if kind == DIGIT or (kind == SIGN and reading.plain not in MASKS):
        return ("[" + reading.look + reading.other,)
    return _STRUCK


def _is_letter(reading: Reading) -> bool:
    return reading.kind in (LETTER, ACCENT, FACE, NATIVE) and not reading.other


def _vowels_lack(pattern: list[str], word: str) -> bool:
    return all(w in "aeiouy" or not w.isascii() for p, w in zip(pattern, word, strict=True) if p == "?")


def _short(index: Index, pattern: list[str], struck: list[str]) -> Form | None:
    """Three letters, the vowel between them struck out by a sign that nobody sets there: f#k."""
    if struck[0] in SOFT or pattern[1] != "?" or (pattern[0], pattern[2]) == ("f", "x"):
        return None
    for word, form in index.masked.get((3, pattern[0]), ()):
        if word[1] in "aeiou" and form.term.category == "profanity" and word[2] in pattern[2]:
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
