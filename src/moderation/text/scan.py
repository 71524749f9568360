"""Reads one piece of text (a chunk without spaces, or a run of fragments) against an index: what is hidden in it?

Each piece is read in a few ways at once (`lines`).  Every candidate is then weighed: what is really written, its
surroundings and the innocent words (`weigh`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from moderation.text.effort import Effort
from moderation.text.index import FREE_LEFT, FREE_RIGHT, Form, Index
from moderation.text.lines import OUTER, Line, readings
from moderation.text.normalise import read_units
from moderation.text.spelling import key, key_of
from moderation.text.weigh import ALONE, BESIDE, Candidate, is_ending, likely, weigh
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


Spot = tuple[int, int, str]
"""Where the letters of a word begin and end, and what they are."""


def scan(index: Index, piece: str, effort: Effort, *, spaced: bool = False, known: Iterable[Spot] = ()) -> list[Hit]:
    """What `piece` hides, as far as `effort` goes.  `spaced`: it is a run of several chunks, to be read as one word, in
    which the words at `known` were found before."""
    lower = piece.lower()
    if index.automaton is None or _RANDOM.match(lower.strip(OUTER)) or _COLOUR.search(lower):
        return []
    units = read_units(piece)
    address = ("/" in piece or "." in piece) and bool(_ADDRESS.search(lower))
    hits: list[Hit] = []
    spots = set(known)
    lines = readings(index, units, piece)
    effort.taken += 3
    for line in lines:
        effort.taken += 1 + len(piece) // _A_STEP
        if effort.is_spent():
            break
        hits += _search(index, line, piece, effort, address, spaced, spots)
    if spaced and not spots and lines:
        hits += _backwards(index, lines[0])
    if not spaced and not address and not any(map(_settles, hits)):
        word = whole_word(index, units)
        effort.taken += 2
        hits += [Hit(*word)] if word else []
    if address:
        hits = [hit for hit in hits if not _is_filler(piece, hit)]
    # Lines that differ elsewhere hold the same words.
    return list({(hit.start, hit.end, id(hit.form), hit.tags): hit for hit in hits}.values()) if len(hits) > 1 else hits


def _is_filler(piece: str, hit: Hit) -> bool:
    """Is it a part of a name in an address's path, of nothing but crosses: a size as in /xxx-large.png, or whatever?"""
    if hit.form.letters.strip("x") or not _PATH.search(piece, 0, hit.start):
        return False
    return piece[hit.start - 1] in "-_.+~" or bool(_GOES_ON.match(piece, hit.end))


_GOES_ON = re.compile(r"[-_.+~]\w")
_PATH = re.compile(r"(?:://[^/]+|[^\W_]\.[^\W_][^/]*)/")

_A_STEP = 12  # letters of a line that are read for one


def _backwards(index: Index, line: Line) -> Iterator[Hit]:
    """Words spelt letter by letter from their end: k c u f."""
    for found in _SINGLES.finditer("".join("." if b - a == 1 else " " for a, b in zip(*line.segments, strict=True))):
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


def _search(
    index: Index, line: Line, piece: str, effort: Effort, address: bool, spaced: bool, known: set[Spot]
) -> list[Hit]:
    """The hits in one line, but for words cut up that are `known`; new ones are then.  In a long line, where the same
    letters stand in the same surroundings again they are not weighed again, so that a text which repeats itself costs
    little."""
    letters, latin = line.letters, line.letters.isascii()
    assert index.automaton is not None
    found = list(index.automaton.iter(key(letters) if latin else letters))
    if not found:
        return []
    bounds = key_of(letters)[1] if latin else range(len(letters) + 1)
    reach = None if latin else _allowed_reach(index, letters)
    begins, ends = line.segments
    units, places, most = line.units, line.places, len(letters)
    weighed: dict[tuple[int, int, int, str], list[Hit]] = {}
    hits: list[Hit] = []
    for end, (size, forms, free) in found:
        runs = bounds[end - size + 1 : end + 2]
        first, last = runs[0], runs[-1]
        begin, beyond = begins[first], ends[last - 1]
        gaps = begin != begins[last - 1]
        if gaps:
            if reach and reach[first] >= last:
                continue
        elif (
            spaced
            or (begin < first and not free & FREE_LEFT)
            or (last < beyond and not free & FREE_RIGHT)  # it is part of another word
            or (reach and reach[first] >= last)
        ):
            continue
        effort.taken += 1 + len(forms)
        if effort.is_spent():
            break
        start, close = units[places[first]].start, units[places[last - 1]].end
        place = start, close, letters[first:last]
        if gaps and place in known:
            continue
        left, right = letters[max(begin, first - BESIDE) : first], letters[last : min(beyond, last + BESIDE)]
        spot = Candidate(line, first, last, runs, left, right, gaps, address)
        if most <= _SHORT:
            new = _weighed(index, forms, spot, latin)
        else:
            low, high = first - _AROUND, last + _AROUND  # all of the piece that can tell how the letters are weighed
            one, other = units[places[low] if low > 0 else 0], units[places[high] if high < most else -1]
            at = one.start if one.start < other.start else other.start
            surroundings = piece[at : one.end if one.end > other.end else other.end]
            spelt = id(forms), start - at, last - first, surroundings
            if spelt not in weighed:
                effort.taken += 2 * len(forms)
                weighed[spelt] = [
                    Hit(hit.start - at, hit.end - at, hit.form, hit.tags) for hit in _weighed(index, forms, spot, latin)
                ]
            new = [Hit(hit.start + at, hit.end + at, hit.form, hit.tags) for hit in weighed[spelt]]
        hits += new
        if gaps and new:
            known.add(place)
    return hits


_AROUND = BESIDE + 2
_SHORT = 100  # letters of a line in which little can stand twice


def _weighed(index: Index, forms: tuple[Form, ...], spot: Candidate, latin: bool) -> list[Hit]:
    """The forms that `spot` is read as."""
    hits: list[Hit] = []
    for form in likely(index, forms, spot, latin):
        tags = weigh(index, form, spot)
        if tags is None:
            continue
        units, places = spot.line.units, spot.places
        one, other = units[places[spot.first]], units[places[spot.last - 1]]
        start, end = min(one.start, other.start), max(one.end, other.end)
        if spot.right and not spot.gaps and is_ending(index, form, spot.right):
            end = max(end, units[places[spot.last - 1 + len(spot.right)]].end)
        hits.append(Hit(start, end, form, tags))
    return hits


def _allowed_reach(index: Index, letters: str) -> list[int]:
    """For each letter, how far an allow-term reaches that begins there or before."""
    reach = [0] * len(letters)
    if index.allowed is not None:
        for end, size in index.allowed.iter(letters):
            reach[end - size + 1] = max(reach[end - size + 1], end + 1)
    return list(accumulate(reach, max))
