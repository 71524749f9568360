"""Reads one piece of text (a chunk without spaces, or a run of fragments) against an index and says what is hidden in it.

Each piece is read in a few ways at once: letters alone, signs and digits as the letters they imitate, each script's own
letters.  Every candidate is then checked against what is really written, its surroundings and the innocent words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from moderation.text.index import Form, Index
from moderation.text.normalise import Unit
from moderation.text.readings import ACCENT, DIGIT, FACE, GONE, LETTER, MARK, NATIVE, SIGN, SPACE
from moderation.text.spelling import distance, key, key_of, squash
from moderation.text.words import common, innocent, innocent_keys, innocent_squashed


class Hit(NamedTuple):
    """Units [first, last) spell `form`; `odd` counts odd letters; `tags` say how it was hidden."""

    first: int
    last: int
    form: Form
    odd: int
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Line:
    """One way to read a piece: its letters, and for each the unit it came from."""

    letters: str
    units: tuple[int, ...]
    leet: bool


_RANDOM = re.compile(r"(?:[0-9a-f]{8}-[0-9a-f]{4}-.*|(?=[a-z-]*[0-9][0-9a-z-]*[a-z])[0-9a-f]{8,}|0x[0-9a-f]+)\Z")
_ADDRESS = re.compile(r"[a-z]+://|www\.|[\w.+-]+@[\w-]+\.|/|\w\.(?:com|org|net|example|co\.uk|io)\b")
_OUTER = "".join(map(chr, range(33, 48))) + ":;<=>?[\\]^_`{|}~“”‘’«»…"


def scan(index: Index, units: Sequence[Unit], text: str, *, spaced: bool = False) -> list[Hit]:
    """What `units` (read from `text`, a piece of it, lower case) hide.  `spaced`: a run of several chunks."""
    if index.automaton is None:
        return []
    address = bool(_ADDRESS.search(text))
    if _RANDOM.search(text.strip(_OUTER)):
        return []
    hits: list[Hit] = []
    for line in readings(units):
        hits += _search(index, line, units, address, spaced)
    if not spaced and not address:
        hits += _whole_word(index, units)
    return hits


def readings(units: Sequence[Unit]) -> list[Line]:
    """The ways to read a piece that differ from one another."""
    latin = any(u.reading.kind in (LETTER, FACE, ACCENT) for u in units)
    lines: list[Line] = []
    plain = _line(units, leet=False, native=False)
    lines.append(plain)
    if any(u.reading.kind in (DIGIT, SIGN) for u in units):
        leet = _line(units, leet=True, native=False)
        if leet.letters != plain.letters:
            lines.append(leet)
    if any(u.reading.kind == NATIVE for u in units):
        own = _line(units, leet=False, native=True)
        lines.append(own)
    del latin
    return [line for line in lines if line.letters]


def _line(units: Sequence[Unit], *, leet: bool, native: bool) -> Line:
    letters: list[str] = []
    places: list[int] = []
    for i, (reading, _, _) in enumerate(units):
        kind = reading.kind
        if native:
            seen = reading.native if kind in (NATIVE, LETTER, ACCENT, FACE) else ""
        elif kind in (LETTER, FACE, ACCENT, NATIVE) or (leet and kind in (DIGIT, SIGN)):
            seen = reading.look
        else:
            seen = ""
        for letter in seen:
            letters.append(letter)
            places.append(i)
    return Line("".join(letters), tuple(places), leet)


def _search(index: Index, line: Line, units: Sequence[Unit], address: bool, spaced: bool) -> list[Hit]:
    hits: list[Hit] = []
    native = not line.letters.isascii()
    if native:
        key_letters, begins = line.letters, list(range(len(line.letters) + 1))
    else:
        key_letters, begins = key_of(line.letters)
    assert index.automaton is not None
    for end, (size, forms) in index.automaton.iter(key_letters):
        first, last = begins[end - size + 1], begins[end + 1]
        seen = line.letters[first:last]
        cut = tuple(line.letters[begins[k] : begins[k + 1]] for k in range(end - size + 1, end + 1))
        for form in forms:
            hit = _check(index, form, line, units, first, last, seen, cut, address, spaced)
            if hit is not None:
                hits.append(hit)
    return hits


def _check(
    index: Index,
    form: Form,
    line: Line,
    units: Sequence[Unit],
    first: int,
    last: int,
    seen: str,
    cut: tuple[str, ...],
    address: bool,
    spaced: bool,
) -> Hit | None:
    term = form.term
    odd, stretched = (0, False)
    if form.latin and seen != form.letters:
        odd, stretched = _distance(form, cut, line, units, first)
        if odd and (term.maybe or term.language != "en" or address):
            return None
    at, to = line.units[first], line.units[last - 1]
    gaps = _gaps(units, line, first, last)
    left, right = _beside(units, line, first, last)
    if gaps:
        if address:
            return None
        pieces = _pieces(line, units, first, last)
        if all(len(p) == 1 for p in pieces) and len(pieces) > 2:
            left, right = _beside_singles(units, line, first, last)
        elif not _broken(form, pieces, left, right, odd, spaced):
            return None
    elif spaced:
        return None
    whole = left + seen + right
    exact = not odd and not left and not right
    if not form.latin:
        if not _fits(index, form, left, right, address):
            return None
    else:
        if odd > _allowed(len(form.letters), bool(left or right)):
            return None
        if whole in innocent() and not exact:
            return None
        if (odd or stretched or line.leet or gaps) and not exact and key(whole) in innocent_keys():
            return None
        if stretched and squash(whole) in innocent_squashed() and squash(seen) != squash(form.letters):
            return None
        if not _fits(index, form, left, right, address):
            return None
    tags = _tags(units, at, to, line, odd, stretched, bool(gaps), form)
    return Hit(at, to + 1, form, odd, tags)


def _distance(form: Form, cut: tuple[str, ...], line: Line, units: Sequence[Unit], first: int) -> tuple[int, bool]:
    """Distance of what is written, a sign or digit counting as any letter that it may stand for."""
    seen = list(cut)
    at = first
    for i, (meant, got) in enumerate(zip(form.runs, cut, strict=True)):
        if len(meant) == len(got) and meant != got:
            repaired = ""
            for j, letter in enumerate(got):
                reading = units[line.units[at + j]].reading
                ambiguous = reading.kind in (DIGIT, SIGN, FACE) and (meant[j] in reading.other or reading.kind == FACE)
                repaired += meant[j] if ambiguous else letter
            seen[i] = repaired
        at += len(got)
    return distance(form.runs, tuple(seen))


def _allowed(size: int, joined: bool) -> int:
    if joined:
        return 0 if size < 5 else 1
    return 1 if size < 5 else 2 if size < 7 else 3


def _gaps(units: Sequence[Unit], line: Line, first: int, last: int) -> bool:
    """True where something visible stands between the letters of the match."""
    return any(
        units[k].reading.kind != GONE
        for i in range(first, last - 1)
        for k in range(line.units[i] + 1, line.units[i + 1])
    )


def _beside(units: Sequence[Unit], line: Line, first: int, last: int) -> tuple[str, str]:
    """The letters that touch the match on either side."""
    begin = first
    while begin > 0 and not _parted(units, line.units[begin - 1], line.units[begin]):
        begin -= 1
    end = last
    while end < len(line.units) and not _parted(units, line.units[end - 1], line.units[end]):
        end += 1
    return line.letters[begin:first], line.letters[last:end]


def _parted(units: Sequence[Unit], a: int, b: int) -> bool:
    return any(units[k].reading.kind != GONE for k in range(a + 1, b))


def _pieces(line: Line, units: Sequence[Unit], first: int, last: int) -> list[str]:
    pieces = [line.letters[first]]
    for i in range(first + 1, last):
        if line.units[i] != line.units[i - 1] and _parted(units, line.units[i - 1], line.units[i]):
            pieces.append("")
        pieces[-1] += line.letters[i]
    return pieces


def _beside_singles(units: Sequence[Unit], line: Line, first: int, last: int) -> tuple[str, str]:
    """The letters that stand alone before and after a match spelt letter by letter; wider gaps part words."""

    def single(i: int) -> bool:
        before = i == 0 or _parted(units, line.units[i - 1], line.units[i])
        after = i == len(line.units) - 1 or _parted(units, line.units[i], line.units[i + 1])
        return before and after

    width = max(line.units[i + 1] - line.units[i] for i in range(first, last - 1))
    begin = first
    while begin > 0 and single(begin - 1) and line.units[begin] - line.units[begin - 1] <= width:
        begin -= 1
    end = last
    while end < len(line.units) and single(end) and line.units[end] - line.units[end - 1] <= width:
        end += 1
    return line.letters[begin:first], line.letters[last:end]


def _broken(form: Form, pieces: list[str], left: str, right: str, odd: int, spaced: bool) -> bool:
    """May a word in `pieces` be read as one?  Only whole pieces, and not when each piece is a word of its own."""
    if left or odd or len(form.letters) < 4:
        return False
    if form.parts == tuple(pieces):
        return not right
    if form.term.severity == "mild" or form.term.maybe or len(pieces) > max(3, len(form.letters) - 2):
        return False
    if right and right not in ("s", "ed", "er", "ers", "ing", "in", "y"):
        return False
    words = common()
    return not all(p in words or (len(p) == 1 and p not in "fcknbw") for p in pieces)


def _fits(index: Index, form: Form, left: str, right: str, address: bool) -> bool:
    boundary = form.term.boundary
    if boundary == "anywhere":
        return True
    if not left and not right:
        return True
    if address:
        return False
    endings = index.endings.get(form.term.language, frozenset())
    if boundary in ("inflect", "compound") and not left and _ending(form.letters, right, endings):
        return True
    if boundary == "stem":
        return not left or left in index.prefixes.get(form.term.language, frozenset())
    if boundary == "prefix":
        return not left
    if boundary == "suffix":
        return not right
    if boundary == "compound":
        if right and _ending(form.letters, right, endings):
            right = ""
        return _made_of_words(index, left) and _made_of_words(index, right, endings)
    return False


def _ending(word: str, right: str, endings: frozenset[str]) -> bool:
    return not right or right in endings or (right[0] == word[-1] and right[1:] in endings)


def _made_of_words(index: Index, letters: str, endings: frozenset[str] = frozenset()) -> bool:
    """True where `letters` fall apart into common words, bad words and crosses (xX_x_Xx)."""
    if not letters or not letters.strip("x"):
        return True
    if len(letters) > 30:
        return False
    words = common()
    reach = [True] + [False] * len(letters)
    for i in range(len(letters)):
        if not reach[i]:
            continue
        for j in range(i + 2, min(len(letters), i + 14) + 1):
            part = letters[i:j]
            if (part in words and (j - i > 2 or part in ("my", "me", "up", "it", "so", "no", "is", "im", "ur"))) or (
                j - i > 3 and part in index.words
            ):
                reach[j] = True
            elif i == 0 and part in endings and len(part) > 1:
                reach[j] = True
    return reach[-1]


def _tags(
    units: Sequence[Unit], at: int, to: int, line: Line, odd: int, stretched: bool, gaps: bool, form: Form
) -> frozenset[str]:
    kinds = {units[i].reading.kind for i in range(at, to + 1)}
    tags = set()
    if FACE in kinds or (NATIVE in kinds and line.letters.isascii()):
        tags.add("lookalike")
    if ACCENT in kinds:
        tags.add("accent")
    if line.leet and (DIGIT in kinds or SIGN in kinds):
        tags.add("leet")
    if GONE in kinds:
        tags.add("invisible")
    if any(units[i + 1].start != units[i].end for i in range(at, to)):
        tags.add("markup")
    if gaps:
        tags.add("spaced")
    if stretched:
        tags.add("stretched")
    if odd:
        tags.add("respelt")
    return frozenset(tags)


def _whole_word(index: Index, units: Sequence[Unit]) -> list[Hit]:
    """The piece as one word: misspelt, backwards or masked."""
    kinds = [u.reading.kind for u in units]
    first, last = 0, len(units)
    while first < last and kinds[first] in (MARK, SPACE, GONE):
        first += 1
    while last > first and kinds[last - 1] in (MARK, SPACE, GONE, SIGN) and not _mask_char(units[last - 1]):
        last -= 1
    core = units[first:last]
    if not 3 <= len(core) <= 40:
        return []
    if all(u.reading.kind in (LETTER, FACE, ACCENT, GONE) for u in core):
        letters = "".join(u.reading.look for u in core)
        form = index.misspelt.get(letters)
        if form is None or letters in innocent() or letters in common() or letters in index.words:
            return []
        return [Hit(first, last, form, 1, frozenset({"respelt"}))]
    return _masked(index, core, first)


def _mask_char(unit: Unit) -> bool:
    return unit.reading.plain in _MASKS


def _masked(index: Index, core: Sequence[Unit], offset: int) -> list[Hit]:
    letters = [u.reading.look if u.reading.kind in (LETTER, FACE, ACCENT) else "?" for u in core if u.reading.kind != GONE]
    shown = sum(c != "?" for c in letters)
    if shown == len(letters) or not letters or letters[0] == "?" or any(len(c) != 1 for c in letters):
        return []
    stars = {u.reading.plain for u in core if u.reading.kind in (MARK, SIGN, DIGIT)}
    if shown < 2 or any(u.reading.kind == DIGIT for u in core) or not stars <= _MASKS:
        return []
    size = len(letters)
    if size == 3 and stars - {"*"}:
        return []
    if shown * 2 < size and stars - {"*"}:
        return []
    for word, form in index.masked.get((size, letters[0]), ()):
        if all(c in ("?", w) for c, w in zip(letters, word, strict=True)):
            return [Hit(offset, offset + len(core), form, 0, frozenset({"masked"}))]
    return []


_MASKS = frozenset("*#@%$&_-?!.•×–—^~+='’█■▪●○◯□☆★♥❤")
