"""The ways to read one piece of text: letters alone, signs and digits as the letters they imitate, letters drawn with
several signs, text turned on its head, and each script's own letters.

Says what may be read, never whether it is bad: that is `weigh`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from moderation.text.index import Index
from moderation.text.leet import heavy
from moderation.text.normalise import Unit
from moderation.text.readings import ACCENT, CLOSING, DIGIT, FACE, GONE, LETTER, MARK, NATIVE, OPENING, SIGN, Reading
from moderation.text.spelling import squash
from moderation.text.upside import turned
from moderation.text.words import common

OUTER = "".join(map(chr, range(33, 48))) + ":;<=>?[\\]^_`{|}~“”‘’«»…"
# Latin letters and signs that stand for Cyrillic ones in a word that is Cyrillic otherwise.
_CYRILLIC = dict(zip("aceopxykmthb306@iu", "асеорхукмтнвзобаіи", strict=True)) | {
    "4": "ч",
    "1": "и",
    "n": "п",
    "r": "г",
}
_NONE: frozenset[str] = frozenset()


class Line(NamedTuple):
    """One way to read a piece: letters, the unit behind each, and where its unbroken segment begins and ends.
    `drawn` is the piece where letters drawn with several signs were merged; `foreign`: it has no letter of Latin."""

    letters: str
    units: Sequence[Unit]
    places: list[int]
    begins: list[int]
    ends: list[int]
    tags: frozenset[str]
    drawn: str = ""
    foreign: bool = False


def readings(index: Index, units: Sequence[Unit], piece: str) -> list[Line]:
    """The ways to read a piece that differ from one another."""
    kinds = {u.reading.kind for u in units}
    lines = [_line(units, leet=False, native=False)]
    if NATIVE in kinds and not kinds & {LETTER, FACE, ACCENT}:
        lines = [lines[0]._replace(foreign=True)]
    if (DIGIT in kinds or SIGN in kinds) and not _spelt_out(lines[0]):
        bare = _unpunctuated(units)
        lines.append(_line(bare, leet=True, native=False))
        if len(bare) < len(units) and bare and units[0] is not bare[0]:
            lines.append(_line(units[: units.index(bare[-1]) + 1], leet=True, native=False))
        lines += [
            _line(other, leet=True, native=False)
            for other in _other_letters(units[: units.index(bare[-1]) + 1] if bare else units)
        ]
    if len(units) <= _LONGEST and sum(u.reading.kind == FACE and u.reading.other == "?" for u in units) > 1:
        lines.append(_line(_parted_by_signs(units), leet=False, native=False))
    for merged in heavy(units, piece):
        drawn = piece.lower().strip(OUTER)
        lines.append(_line(merged, leet=True, native=False)._replace(drawn=drawn))
        bare = _unpunctuated(merged)
        if bare and bare[-1] is not merged[-1]:
            lines.append(_line(merged[: merged.index(bare[-1]) + 1], leet=True, native=False)._replace(drawn=drawn))
    flipped = turned(piece)
    if flipped is not None:
        lines.append(_line(flipped, leet=False, native=False)._replace(tags=frozenset({"upside-down"})))
    if NATIVE in kinds:
        lines.append(_line(units, leet=False, native=True))
    meant = (squash(line.letters) if drawn_out(line.letters) else line.letters for line in lines if line.tags)
    if any(word in common() and word not in index.words for word in meant):
        return []  # c.0.u.n.t is count, whatever is left of it without its digit
    distinct: dict[str, Line] = {}
    for line in lines:
        if line.letters:
            distinct.setdefault(line.letters, line)
    return list(distinct.values())


_OTHERS = {"7": "l", "4": "h", "@": "o"}  # what else these are often read as
_MOST = 3  # signs of a piece that are read in another way
_LONGEST = 80  # characters of such a piece: in a longer one nobody finds a word by guessing


def _other_letters(units: Sequence[Unit]) -> list[list[Unit]]:
    """One of the digits that stand for several letters as the other one: @$$h073 holds a 7 for L."""
    if len(units) > _LONGEST or not any(u.reading.kind == LETTER for u in units):
        return []
    signs = [sign for sign in {u.reading.plain: None for u in units} if sign in _OTHERS][:_MOST]
    return [
        [u._replace(reading=u.reading._replace(look=_OTHERS[sign])) if u.reading.plain == sign else u for u in units]
        for sign in signs
    ]


def _parted_by_signs(units: Sequence[Unit]) -> list[Unit]:
    """Signs that look like letters as what parts letters: f♥u♥c♥k."""
    return [u._replace(reading=_PARTING) if u.reading.kind == FACE and u.reading.other else u for u in units]


_PARTING = Reading(MARK, "", "", "")


def _spelt_out(line: Line) -> bool:
    """Four letters or more with one sign after each: o/r+a,n!g;e is no nig, whatever its signs look like."""
    return len(line.letters) > 3 and all(b - a == 2 for a, b in pairwise(line.places))


def _unpunctuated(units: Sequence[Unit]) -> Sequence[Unit]:
    """Without the signs at either end that are more likely punctuation: (word), word!!!"""
    return trim(units, OPENING + "#@|*!", CLOSING + "*%")


def trim(units: Sequence[Unit], opening: str = OPENING, closing: str = CLOSING) -> Sequence[Unit]:
    """`units` without the punctuation at either end."""
    first, last = 0, len(units)
    while last > first and units[last - 1].reading.plain in closing:
        last -= 1
    while first < last and units[first].reading.plain in opening:
        first += 1
    return units[first:last]


def _line(units: Sequence[Unit], *, leet: bool, native: bool) -> Line:
    letters: list[str] = []
    places: list[int] = []
    begins: list[int] = []
    ends: list[int] = []
    begin = 0
    broken = False
    cyrillic = native and any("\u0400" <= u.reading.native <= "\u04ff" for u in units)
    for i, (reading, _, _) in enumerate(units):
        kind = reading.kind
        if cyrillic and kind in (LETTER, FACE, DIGIT, SIGN):
            seen = _CYRILLIC.get(reading.plain, reading.native)
        elif kind == LETTER:
            seen = reading.look
        elif native:
            seen = reading.native if kind in (NATIVE, ACCENT, FACE) else ""
        elif kind in (FACE, ACCENT, NATIVE) or (leet and kind in (DIGIT, SIGN)):
            seen = reading.look
        else:
            seen = ""
        if not seen and kind == NATIVE:
            seen = "\0"  # a letter that is none of ours ends every word
        if not seen:
            broken = broken or kind != GONE
            continue
        if broken and letters:
            ends += [len(letters)] * (len(letters) - begin)
            begin = len(letters)
        broken = False
        for letter in seen:
            letters.append(letter)
            places.append(i)
            begins.append(begin)
    ends += [len(letters)] * (len(letters) - begin)
    return Line("".join(letters), units, places, begins, ends, frozenset({"leet"}) if leet else _NONE)


def drawn_out(seen: str) -> bool:
    """Three of the same letter in a row: no language spells so."""
    return any(seen[i] == seen[i + 1] == seen[i + 2] for i in range(len(seen) - 2))
