"""The ways to read one piece of text: letters alone, signs and digits as the letters they imitate, letters drawn with
several signs, text turned on its head, and each script's own letters.

Says what may be read, never whether it is bad: that is `weigh`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from moderation.text.index import Index
from moderation.text.leet import heavy
from moderation.text.normalise import READ, Unit
from moderation.text.readings import ACCENT, CLOSING, DIGIT, FACE, GONE, LETTER, MARK, NATIVE, OPENING, SIGN, Reading
from moderation.text.spelling import drawn_out, squash
from moderation.text.upside import is_upright, turned, upright
from moderation.text.words import common

OUTER = "".join(map(chr, range(33, 48))) + ":;<=>?[\\]^_`{|}~“”‘’«»…"
BEGINNING, ENDING = OPENING + "#@|*!", CLOSING + "*%"
"""Signs that are punctuation at the beginning of a piece and at its end, rather than letters."""
# Latin letters and signs that stand for Cyrillic ones in a word that is Cyrillic otherwise.
_REMEMBERED = 5_000  # characters, for each way to read them
_CYRILLIC = dict(zip("aceopxykmthb306@iu", "асеорхукмтнвзобаіи", strict=True)) | {
    "4": "ч",
    "1": "и",
    "n": "п",
    "r": "г",
}
_NONE: frozenset[str] = frozenset()


_PARTED, _GONE, NO_FACE = "\n", "\1", "\0"
"""What is written for a character that parts letters, for one that is not seen, and for a letter of another script that
looks like none of ours, which ends every word."""


class Line:
    """One way to read a piece: letters, the unit behind each, and where its unbroken segment begins and ends.
    `drawn` is the piece where letters drawn with several signs were merged; `foreign`: it has no letter of Latin.

    What is written for each unit tells it all; where nothing is found in the letters the rest is never asked for."""

    __slots__ = ("_places", "_segments", "_written", "drawn", "foreign", "letters", "tags", "units")

    def __init__(
        self,
        written: Sequence[str],
        units: Sequence[Unit],
        tags: frozenset[str] = _NONE,
        drawn: str = "",
        foreign: bool = False,
    ) -> None:
        self._written, self.units, self.tags, self.drawn, self.foreign = written, units, tags, drawn, foreign
        self.letters = "".join(written).replace(_PARTED, "").replace(_GONE, "")
        self._places: list[int] | None = None
        self._segments: tuple[list[int], list[int]] | None = None

    @property
    def places(self) -> list[int]:
        """For each letter, the number of its unit."""
        if self._places is None:
            self._places = [
                place for place, written in enumerate(self._written) if written not in (_PARTED, _GONE) for _ in written
            ]
        return self._places

    @property
    def segments(self) -> tuple[list[int], list[int]]:
        """For each letter, where the letters that are not parted from it begin, and where they end."""
        if self._segments is None:
            self._segments = self._cut()
        return self._segments

    def _cut(self) -> tuple[list[int], list[int]]:
        begins: list[int] = []
        ends: list[int] = []
        at = 0
        for segment in "".join(self._written).replace(_GONE, "").split(_PARTED):
            size = len(segment)
            begins += [at] * size
            at += size
            ends += [at] * size
        return begins, ends


def readings(index: Index, units: Sequence[Unit], piece: str) -> list[Line]:
    """The ways to read a piece that differ from one another."""
    kinds = {READ[char].kind for char in set(piece)}
    foreign = NATIVE in kinds and not kinds & {LETTER, FACE, ACCENT}
    lines = [Line(_BARE.written(piece), units, foreign=foreign)]
    if (DIGIT in kinds or SIGN in kinds) and not _spelt_out(lines[0]):
        first, last = _within(units, BEGINNING, ENDING)
        written = _LEET.written(piece)
        lines.append(Line(written[first:last], units[first:last], _AS_LEET))
        if first < last:
            if first:
                lines.append(Line(written[:last], units[:last], _AS_LEET))
        else:
            last = len(units)
        lines += [Line(other, units[:last], _AS_LEET) for other in _other_letters(units[:last], piece[:last])]
    if FACE in kinds and len(units) <= _LONGEST and sum(READ[c].other == "?" for c in piece) > 1:
        parted = _parted_by_signs(units)
        lines.append(_line(parted, _BARE))
    for merged, written in heavy(units, piece, _LEET.written(piece)):
        drawn = piece.lower().strip(OUTER)
        lines.append(Line(written, merged, _AS_LEET, drawn))
        first, last = _within(merged, BEGINNING, ENDING)
        if first < last < len(merged):
            lines.append(Line(written[:last], merged[:last], _AS_LEET, drawn))
    flipped = turned(piece)
    if flipped is not None:
        lines.append(Line(_BARE.written(upright(piece)), flipped, _UPSIDE_DOWN))
    if NATIVE in kinds:
        cyrillic = any("\u0400" <= READ[char].native <= "\u04ff" for char in set(piece))
        lines.append(Line((_AS_CYRILLIC if cyrillic else _NATIVE).written(piece), units))
    meant = (squash(line.letters) if drawn_out(line.letters) else line.letters for line in lines if line.tags)
    if any(word in common() and word not in index.words for word in meant):
        return []  # c.0.u.n.t is count, whatever is left of it without its digit
    distinct: dict[str, Line] = {}
    for line in lines:
        if line.letters:
            distinct.setdefault(line.letters, line)
    return list(distinct.values())


def accented(word: str) -> str | None:
    """The Latin letters of a word of nothing else, without their accents; None of any other."""
    letters = word.translate(_ACCENTED)
    return letters if letters.isalpha() and is_upright(word) else None


def native(word: str) -> tuple[str, str] | None:
    """The letters of a word of one script that is not Latin, as they are and as the Latin ones they look like; None of
    any other."""
    letters = word.translate(_ONLY_NATIVE)
    return (letters, word.translate(_BARE)) if _NO_OTHER.isdisjoint(letters) and is_upright(word) else None


_NO_OTHER = frozenset((_PARTED, _GONE))
OTHERS = {"7": "l", "4": "h", "@": "o"}  # what else these are often read as
_LONGEST = 80  # characters of such a piece: in a longer one nobody finds a word by guessing


def _other_letters(units: Sequence[Unit], piece: str) -> list[Sequence[str]]:
    """One of the digits that stand for several letters as the other one: @$$h073 holds a 7 for L."""
    if len(units) > _LONGEST or not any(READ[char].kind == LETTER for char in set(piece)):
        return []
    signs = [sign for sign in dict.fromkeys([u.reading.plain for u in units]) if sign in OTHERS]
    return [_ANOTHER[sign].written(piece) for sign in signs]


def _parted_by_signs(units: Sequence[Unit]) -> list[Unit]:
    """Signs that look like letters as what parts letters: f♥u♥c♥k."""
    return [u._replace(reading=_PARTING) if u.reading.kind == FACE and u.reading.other else u for u in units]


_PARTING = Reading(MARK, "", "", "")


def _spelt_out(line: Line) -> bool:
    """Four letters or more with one sign after each: o/r+a,n!g;e is no nig, whatever its signs look like."""
    return len(line.letters) > 3 and all(b - a == 2 for a, b in pairwise(line.places))


def trim(units: Sequence[Unit]) -> Sequence[Unit]:
    """`units` without the punctuation at either end."""
    first, last = _within(units, OPENING, CLOSING)
    return units[first:last]


def _within(units: Sequence[Unit], opening: str, closing: str) -> tuple[int, int]:
    """Where `units` begin and end without the signs at either end that are more likely punctuation: (word), word!!!"""
    first, last = 0, len(units)
    while last > first and units[last - 1].reading.plain in closing:
        last -= 1
    while first < last and units[first].reading.plain in opening:
        first += 1
    return first, last


def _line(units: Sequence[Unit], way: _Way, tags: frozenset[str] = _NONE) -> Line:
    return Line([way.shown(unit.reading) for unit in units], units, tags)


class _Way(dict[int, str]):
    """A way to read characters: to each code point what is written for it, worked out when first met."""

    def __init__(self, letters: Callable[[Reading], str]) -> None:
        self._letters = letters

    def __missing__(self, code: int) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        written = self[code] = self.shown(READ[chr(code)])
        return written

    def shown(self, reading: Reading) -> str:
        letters = self._letters(reading)
        if letters:
            return letters
        if reading.kind == NATIVE:
            return NO_FACE
        return _GONE if reading.kind == GONE else _PARTED

    def written(self, piece: str) -> Sequence[str]:
        """What is written for each character of `piece`."""
        written = piece.translate(self)
        return written if len(written) == len(piece) else [self[ord(char)] for char in piece]


def _bare(reading: Reading) -> str:
    return reading.look if reading.kind in (LETTER, FACE, ACCENT, NATIVE) else ""


def _leet(reading: Reading) -> str:
    return reading.look if reading.kind in (LETTER, FACE, ACCENT, NATIVE, DIGIT, SIGN) else ""


def _native(reading: Reading) -> str:
    if reading.kind == LETTER:
        return reading.look
    return reading.native if reading.kind in (NATIVE, ACCENT, FACE) else ""


def _as_cyrillic(reading: Reading) -> str:
    if reading.kind in (LETTER, FACE, DIGIT, SIGN):
        return _CYRILLIC.get(reading.plain, reading.native)
    return _native(reading)


def _as(sign: str) -> _Way:
    """Leet, where `sign` is the other letter that it stands for."""
    return _Way(lambda reading: OTHERS[sign] if reading.plain == sign else _leet(reading))


def _accented(reading: Reading) -> str:
    return reading.look if reading.kind in (LETTER, ACCENT) else ""


def _only_native(reading: Reading) -> str:
    return reading.native if reading.kind == NATIVE else ""


_BARE, _LEET, _NATIVE, _AS_CYRILLIC = _Way(_bare), _Way(_leet), _Way(_native), _Way(_as_cyrillic)
_ACCENTED, _ONLY_NATIVE = _Way(_accented), _Way(_only_native)
_ANOTHER = {sign: _as(sign) for sign in OTHERS}
_AS_LEET, _UPSIDE_DOWN = frozenset({"leet"}), frozenset({"upside-down"})
