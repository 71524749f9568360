"""Reads one piece of text (a chunk without spaces, or a run of fragments) against an index: what is hidden in it?

Each piece is read in a few ways at once (`lines`).  Every candidate is then weighed: what is really written, its
surroundings and the innocent words (`weigh`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from moderation.text.index import Form, Index
from moderation.text.lines import OUTER, Line, readings
from moderation.text.normalise import read_units
from moderation.text.spelling import key_of
from moderation.text.weigh import ALONE, BESIDE, Candidate, is_ending, weigh
from moderation.text.whole import whole_word

_RANDOM = re.compile(
    r"(?:[0-9a-f]{8}-[0-9a-f]{4}-.*|(?=[a-z-]*[0-9][0-9a-z-]*[a-z])(?:\w+:)?[0-9a-f]{8,}|0x[0-9a-f]+)\Z"
)
_COLOUR = re.compile(r"(?<!\w)#(?=[a-f]*[0-9])(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})(?!\w)")
_ADDRESS = re.compile(
    r"[a-z]://|www\.|[\w+-]@[\w-]{1,63}\.|[^\W_]{2}/[^\W_]|[^\W_]/[^\W_]{2}|\w\w\.(?:com|org|net|example|co\.uk|io)\b"
)


class Hit(NamedTuple):
    """[start, end) of the piece spells `form`; `tags` say how it was hidden."""

    start: int
    end: int
    form: Form
    tags: frozenset[str]


def scan(index: Index, piece: str, *, spaced: bool = False) -> list[Hit]:
    """What `piece` hides.  `spaced`: it is a run of several chunks, to be read as one word."""
    lower = piece.lower()
    if index.automaton is None or _RANDOM.match(lower.strip(OUTER)) or _COLOUR.search(lower):
        return []
    units = read_units(piece)
    address = ("/" in piece or "." in piece) and bool(_ADDRESS.search(lower))
    hits: list[Hit] = []
    lines = readings(index, units, piece)
    for line in lines:
        hits += _search(index, line, piece, address, spaced)
    if spaced and not hits and lines:
        hits += _backwards(index, lines[0])
    if not spaced and not address and not any(map(_settles, hits)):
        word = whole_word(index, units)
        hits += [Hit(*word)] if word else []
    return hits


def _backwards(index: Index, line: Line) -> Iterator[Hit]:
    """Words spelt letter by letter from their end: k c u f."""
    for found in _SINGLES.finditer(
        "".join("." if b - a == 1 else " " for a, b in zip(line.begins, line.ends, strict=True))
    ):
        first, last = found.span()
        while last - first > 3:
            form = index.misspelt.get(line.letters[first:last])
            if form is not None:
                start, end = line.units[line.places[first]].start, line.units[line.places[last - 1]].end
                yield Hit(start, end, form, frozenset({"respelt", "spaced"}))
                break
            if line.letters[first] not in ALONE:
                break
            first += 1


_SINGLES = re.compile(r"\.{4,30}")


def _settles(hit: Hit) -> bool:
    """Does the hit say all about its piece?  Mild, doubtful and short foreign words may be a part of something worse:
    ass*ole, cu•t."""
    term = hit.form.term
    return term.severity != "mild" and not term.maybe and term.language == "en"


def _search(index: Index, line: Line, piece: str, address: bool, spaced: bool) -> Iterator[Hit]:
    """The hits in one line.  Where the same letters stand in the same surroundings again they are not weighed again, so
    that a text which repeats itself costs little."""
    latin = line.letters.isascii()
    reach = _allowed_reach(index, line.letters) if not latin else None
    weighed: dict[tuple[int, int, int, str], list[Hit]] = {}
    for forms, spot in _candidates(index, line, latin, address):
        if (spaced and not spot.gaps) or (reach and reach[spot.first] >= spot.last):
            continue
        at, surroundings = _surroundings(line, piece, spot.first, spot.last)
        known = (id(forms), line.units[line.places[spot.first]].start - at, spot.last - spot.first, surroundings)
        hits = weighed.get(known)
        if hits is None:
            hits = weighed[known] = _weighed(index, [f for f in forms if f.latin == latin], spot, at)
        for hit in hits:
            yield hit._replace(start=hit.start + at, end=hit.end + at)


def _candidates(index: Index, line: Line, latin: bool, address: bool) -> Iterator[tuple[tuple[Form, ...], Candidate]]:
    letters = line.letters
    key, bounds = key_of(letters) if latin else (letters, range(len(letters) + 1))
    assert index.automaton is not None
    for end, (size, forms) in index.automaton.iter(key):
        runs = bounds[end - size + 1 : end + 2]
        first, last = runs[0], runs[-1]
        left = letters[max(line.begins[first], first - BESIDE) : first]
        right = letters[last : min(line.ends[last - 1], last + BESIDE)]
        gaps = line.begins[first] != line.begins[last - 1]
        yield forms, Candidate(line, first, last, runs, left, right, gaps, address)


def _weighed(index: Index, forms: list[Form], spot: Candidate, at: int) -> list[Hit]:
    """The forms that `spot` is read as, with places counted from `at`."""
    span = spot.units()
    start, end = min(u.start for u in span) - at, max(u.end for u in span) - at
    hits: list[Hit] = []
    for form in forms:
        tags = weigh(index, form, spot)
        if tags is not None:
            grown = spot.right and not spot.gaps and is_ending(index, form, spot.right)
            last = spot.line.units[spot.line.places[spot.last - 1 + len(spot.right)]].end - at if grown else end
            hits.append(Hit(start, max(end, last), form, tags))
    return hits


def _surroundings(line: Line, piece: str, first: int, last: int) -> tuple[int, str]:
    """All of the piece that can tell how the letters [first, last) are weighed, and where it begins."""
    low, high = first - BESIDE - 2, last + BESIDE + 2
    one = line.units[line.places[low] if low > 0 else 0]
    other = line.units[line.places[high] if high < len(line.letters) else -1]
    at = min(one.start, other.start)
    return at, piece[at : max(one.end, other.end)]


def _allowed_reach(index: Index, letters: str) -> list[int]:
    """For each letter, how far an allow-term reaches that begins there or before."""
    reach = [0] * len(letters)
    if index.allowed is not None:
        for end, size in index.allowed.iter(letters):
            reach[end - size + 1] = max(reach[end - size + 1], end + 1)
    return list(accumulate(reach, max))
