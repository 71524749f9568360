"""Finds the terms of a lexicon in a text, with spans of the original and how each was hidden.

A text is cut at its spaces.  What a chunk holds depends on the chunk alone and is remembered, so ordinary words cost one
look-up; only neighbours that could be parts of one word, phrases and doubtful words are looked at again in context.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import repeat

from moderation.text.index import Form, Index, build
from moderation.text.lexicon import SEVERITIES, Lexicon
from moderation.text.normalise import Unit, read_units
from moderation.text.readings import GONE, LETTER, ACCENT, FACE, NATIVE
from moderation.text.scan import Hit, scan


@dataclass(frozen=True, slots=True)
class Match:
    """A term found at [start, end) of the original (code points).  `maybe`: counts only with a second signal.
    `disguises` names how it was hidden, in alphabetical order; empty for a word written plainly."""

    start: int
    end: int
    term: str
    language: str
    category: str
    severity: str
    maybe: bool
    disguises: tuple[str, ...]


CLEAN, FRAGMENT, NOTED, UNKNOWN = range(4)
_REMEMBERED = 20_000  # chunks; about 4 MB
_LONGEST = 40  # characters of a chunk that is worth remembering
_UNDRESS = re.compile(r"[<&\u202e\u2067]|\[/?[a-z]|%[2-7][0-9a-f]|\\[ux]", re.IGNORECASE)


@dataclass(slots=True)
class Note:
    """What is known of one chunk: its hits, in units of the chunk, and its folded letters."""

    hits: tuple[tuple[int, int, Form, frozenset[str]], ...]
    word: str


class Matcher:
    """A compiled lexicon.  Safe to share between threads; what it remembers never changes an answer."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._index: Index = build(lexicon)
        self._kinds: dict[str, int] = {}
        self._notes: dict[str, Note] = {}

    def find(self, text: str, *, name: bool = False) -> tuple[Match, ...]:
        """The matches in `text`, in order, none overlapping.  `name`: a user name or web address, read more strictly."""
        chunks = text.split()
        kinds = bytes(map(self._kinds.get, chunks, repeat(UNKNOWN)))
        if kinds.count(CLEAN) == len(kinds) and not _UNDRESS.search(text):
            return ()
        return self._find(text, name)

    def _find(self, text: str, name: bool) -> tuple[Match, ...]:
        units = read_units(text)
        spans = _chunks(units)
        notes: list[tuple[int, Note]] = [self._note(units[a:b]) for a, b in spans]
        found: list[tuple[int, int, Form, frozenset[str]]] = []
        for (first, _), (_, note) in zip(spans, notes, strict=True):
            found += [(first + a, first + b, form, tags) for a, b, form, tags in note.hits]
        found += self._phrases(spans, notes)
        if not name:
            found += self._runs(units, spans, notes)
        return _resolve(units, found, self.lexicon, [n.word for _, n in notes], spans)

    def _note(self, units: list[Unit]) -> tuple[int, Note]:
        plain = all(b.start == a.end for a, b in zip(units, units[1:], strict=False))
        text = "".join(u.reading.plain for u in units)
        chunk = "\0".join("") if not plain else ""
        del chunk
        hits = scan(self._index, units, text)
        word = "".join(u.reading.look or u.reading.native for u in units if u.reading.kind in (LETTER, FACE, ACCENT, NATIVE))
        kind = CLEAN
        if hits or word in self._index.phrases:
            kind = NOTED
        elif len(word) < 2 or word in self._index.fragments:
            kind = FRAGMENT
        return kind, Note(tuple((h.first, h.last, h.form, h.tags) for h in hits), word)

    def _phrases(self, spans: list[tuple[int, int]], notes: list[tuple[int, Note]]) -> list[tuple[int, int, Form, frozenset[str]]]:
        found = []
        words = [n.word for _, n in notes]
        for i, word in enumerate(words):
            for parts, anchor, form in self._index.phrases.get(word, ()):
                begin = i - anchor
                if begin >= 0 and tuple(words[begin : begin + len(parts)]) == parts:
                    found.append((spans[begin][0], spans[begin + len(parts) - 1][1], form, frozenset[str]()))
        return found

    def _runs(self, units: list[Unit], spans: list[tuple[int, int]], notes: list[tuple[int, Note]]) -> list[tuple[int, int, Form, frozenset[str]]]:
        found = []
        i = 0
        while i < len(spans):
            j = i
            while j < len(spans) and notes[j][0] == FRAGMENT:
                j += 1
            if j - i >= 2:
                first, last = spans[i][0], spans[j - 1][1]
                piece = units[first:last]
                for hit in scan(self._index, piece, "".join(u.reading.plain for u in piece), spaced=True):
                    found.append((first + hit.first, first + hit.last, hit.form, hit.tags))
            i = max(j, i + 1)
        return found


def compile_lexicon(lexicon: Lexicon) -> Matcher:
    """Compile `lexicon` for searching."""
    return Matcher(lexicon)


def _chunks(units: list[Unit]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    first = -1
    for i, unit in enumerate(units):
        if unit.reading.kind == 5:
            if first >= 0:
                spans.append((first, i))
            first = -1
        elif first < 0:
            first = i
    if first >= 0:
        spans.append((first, len(units)))
    return spans


def _resolve(units: list[Unit], found: list[tuple[int, int, Form, frozenset[str]]], lexicon: Lexicon, words: list[str], spans: list[tuple[int, int]]) -> tuple[Match, ...]:
    matches = []
    for first, last, form, tags in found:
        start = min(u.start for u in units[first:last])
        end = max(u.end for u in units[first:last])
        term = form.term
        matches.append(Match(start, end, term.text, term.language, term.category, term.severity, term.maybe and not tags, tuple(sorted(tags))))
    matches.sort(key=lambda m: (m.maybe, -SEVERITIES.index(m.severity), m.start - m.end, m.start))
    kept: list[Match] = []
    for match in matches:
        if all(match.end <= k.start or match.start >= k.end for k in kept):
            kept.append(match)
    return tuple(sorted(kept, key=lambda m: m.start))
