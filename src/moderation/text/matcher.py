"""Finds the terms of a lexicon in a text, with spans of the original and how each was hidden.

A text is cut at its spaces.  What a chunk holds depends on the chunk alone and is remembered, so an ordinary word costs
one look-up; only neighbours that could be parts of one word, phrases and doubtful words are looked at again in context.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

from moderation.text.context import Context, hidden
from moderation.text.index import Form, Index, build
from moderation.text.lexicon import SEVERITIES, Lexicon
from moderation.text.normalise import letters_of, needs_undressing, undress
from moderation.text.scan import scan
from moderation.text.words import common


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


class Found(NamedTuple):
    """A form found at [start, end) of the shown text, before its context is weighed."""

    start: int
    end: int
    form: Form
    tags: frozenset[str]


class Note(NamedTuple):
    """What is known of one chunk: its hits, relative to the chunk, and its folded letters."""

    found: tuple[Found, ...]
    word: str


# A chunk is clean; a piece that could belong to a word cut by spaces; a common word or sign that could stand between
# such pieces; or noted: it holds something or begins a phrase.
CLEAN, FRAGMENT, FILLING, NOTED, UNKNOWN = range(5)
_RUN = re.compile(rb"[\x01-\x03]*\x01[\x01-\x03]*")
_REMEMBERED = 20_000  # chunks, and as many runs; about 4 MB
_LONGEST = 40  # characters of a chunk that is worth remembering
_CHUNK = re.compile(r"\S+")
_NOTHING = Note((), "")


class Matcher:
    """A compiled lexicon.  Safe to share between threads: what it remembers never alters an answer."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._index: Index = build(lexicon)
        self._kinds: dict[str, int] = {}
        self._notes: dict[str, Note] = {}
        self._joined: dict[str, tuple[Found, ...]] = {}

    def find(self, text: str, *, name: bool = False) -> tuple[Match, ...]:
        """The matches in `text`, in order, none overlapping.  `name`: a user name or address, read more strictly."""
        if needs_undressing(text):
            pieces = undress(text)
            shown = "".join(p[0] for p in pieces)
            return self._find(shown, shown.split(), name, ([p[1] for p in pieces], [p[2] for p in pieces]))
        return self._find(text, text.split(), name, None)

    def _find(
        self, text: str, chunks: list[str], name: bool, places: tuple[list[int], list[int]] | None
    ) -> tuple[Match, ...]:
        kinds = bytes(map(self._kinds.get, chunks, repeat(UNKNOWN)))
        fresh: dict[str, tuple[int, Note]] = {}  # long chunks are remembered only as long as this text
        if UNKNOWN in kinds:
            unknown = {c for c, k in zip(chunks, kinds, strict=True) if k == UNKNOWN}
            fresh = {c: self._look(c) for c in unknown}
            kinds = bytes(fresh[c][0] if k == UNKNOWN else k for c, k in zip(chunks, kinds, strict=True))
        noted = NOTED in kinds
        runs = [] if name or FRAGMENT not in kinds else [m.span() for m in _RUN.finditer(kinds)]
        runs = [(a, b) for a, b in runs if b - a > 1]
        if not noted and not runs:
            return ()
        spans = [m.span() for m in _CHUNK.finditer(text)]
        found: list[Found] = []
        if noted:
            found += self._noted(chunks, kinds, spans, fresh)
        for first, last in runs:
            start, end = spans[first][0], spans[last - 1][1]
            found += [Found(start + f.start, start + f.end, f.form, f.tags) for f in self._run(text[start:end])]
        return _resolve(text, found, self.lexicon, name, places) if found else ()

    def _look(self, chunk: str) -> tuple[int, Note]:
        """The kind and the note of one chunk, remembered or worked out."""
        kind = self._kinds.get(chunk, UNKNOWN)
        note = self._notes.get(chunk)
        if kind in (CLEAN, FRAGMENT, FILLING):
            return kind, _NOTHING
        if note is not None:
            return NOTED, note
        found = tuple(Found(*hit) for hit in scan(self._index, chunk))
        word = letters_of(chunk)
        if found or word in self._index.phrases:
            kind, note = NOTED, Note(found, word)
        else:
            kind, note = self._part(word), _NOTHING
        if len(chunk) <= _LONGEST:
            if len(self._kinds) >= _REMEMBERED:
                self._kinds, self._notes = {}, {}
            if kind == NOTED:
                self._notes[chunk] = note
            self._kinds[chunk] = kind
        return kind, note

    def _part(self, word: str) -> int:
        """Could a harmless chunk be part of a word that was cut by spaces?"""
        if len(word) < 2:
            return FRAGMENT if word.isalpha() and word not in "aiu" else FILLING
        if word not in self._index.fragments:
            return CLEAN
        return FILLING if word in common() else FRAGMENT

    def _noted(
        self, chunks: list[str], kinds: bytes, spans: list[tuple[int, int]], fresh: dict[str, tuple[int, Note]]
    ) -> list[Found]:
        """What single chunks hold, and phrases of several."""
        found: list[Found] = []
        for i, kind in enumerate(kinds):
            if kind != NOTED:
                continue
            start = spans[i][0]
            note = (fresh.get(chunks[i]) or self._look(chunks[i]))[1]
            found += [Found(start + f.start, start + f.end, f.form, f.tags) for f in note.found]
            for parts, anchor, form in self._index.phrases.get(note.word, ()):
                first = i - anchor
                last = first + len(parts)
                if first >= 0 and tuple(letters_of(c) for c in chunks[first:last]) == parts:
                    found.append(Found(spans[first][0], spans[last - 1][1], form, frozenset()))
        return found

    def _run(self, run: str) -> tuple[Found, ...]:
        """What neighbouring pieces spell together, remembered or worked out."""
        found = self._joined.get(run)
        if found is None:
            found = tuple(Found(*hit) for hit in scan(self._index, run, spaced=True))
            if len(run) <= _LONGEST:
                if len(self._joined) >= _REMEMBERED:
                    self._joined = {}
                self._joined[run] = found
        return found


def compile_lexicon(lexicon: Lexicon) -> Matcher:
    """Compile `lexicon` for searching."""
    return Matcher(lexicon)


def _resolve(
    text: str, found: list[Found], lexicon: Lexicon, name: bool, places: tuple[list[int], list[int]] | None
) -> tuple[Match, ...]:
    """Weighs each match in its context, keeps the most severe and longest of those that overlap, in the original."""
    context = Context(text, lexicon, name)
    matches: list[Match] = []
    for start, end, form, tags in found:
        term = form.term
        maybe = context.settle(start, end, term, tags)
        if maybe is None:
            continue
        severity = "strong" if term.severity == "mild" and hidden(text[start:end], tags) else term.severity
        if places is not None:
            first, last = min(places[0][start:end]), max(places[1][start:end])
            if last - first != end - start or places[0][start] != first:
                tags |= {"markup"}
            start, end = first, last
        matches.append(Match(start, end, term.text, term.language, term.category, severity, maybe, tuple(sorted(tags))))
    matches.sort(key=lambda m: (m.maybe, m.severity == "mild", m.start - m.end, -SEVERITIES.index(m.severity), m.start))
    taken = bytearray(max((m.end for m in matches), default=0))
    kept: list[Match] = []
    for match in matches:
        if 1 not in taken[match.start : match.end]:
            taken[match.start : match.end] = b"\x01" * (match.end - match.start)
            kept.append(match)
    return tuple(sorted(kept, key=lambda m: m.start))
