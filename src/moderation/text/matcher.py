"""Finds the terms of a lexicon in a text, with spans of the original and how each was hidden.

A text is cut at its spaces.  What a chunk holds depends on the chunk alone and is remembered, so an ordinary word costs
one look-up; only neighbours that could be parts of one word, phrases and doubtful words are looked at again in context.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import NamedTuple

from moderation.text.chunks import CLEAN, FILLING, FRAGMENT, NOTED, NOTHING, UNKNOWN, Found, Note, read_chunk
from moderation.text.context import Context, hidden
from moderation.text.index import Form, Index, allowing, build
from moderation.text.lexicon import GRAVITY, Lexicon
from moderation.text.normalise import UNSEEN, letters_of, needs_undressing, undress
from moderation.text.scan import scan


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


class _Hit(NamedTuple):
    """From character `start` of chunk `first` to before character `end` of chunk `last`."""

    first: int
    start: int
    last: int
    end: int
    form: Form
    tags: frozenset[str]


_RUN = re.compile(rb"[\x01-\x03]*\x01[\x01-\x03]*")
_REMEMBERED = 20_000  # chunks, and as many runs; about 4 MB
_LONGEST = 40  # characters of a chunk that is worth remembering
_CHUNK = re.compile(r"\S+")


class Matcher:
    """A compiled lexicon.  Safe to share between threads: what it remembers never alters an answer."""

    def __init__(self, lexicon: Lexicon, index: Index | None = None) -> None:
        self.lexicon = lexicon
        self.index: Index = index or build(lexicon)
        self._phrases = lexicon.phrases
        self._kinds: dict[str, int] = {}
        self._notes: dict[str, Note] = {}
        self._joined: dict[str, tuple[Found, ...]] = {}

    def allowing(self, allow: Sequence[str]) -> Matcher:
        """The same with more allow-terms; the two share what is compiled of the terms."""
        lexicon = replace(self.lexicon, allow=(*self.lexicon.allow, *allow))
        return Matcher(lexicon, allowing(self.index, lexicon))

    def find(self, text: str, *, name: bool = False) -> tuple[Match, ...]:
        """The matches in `text`, in order, none overlapping.  `name`: a user name or address, read more strictly."""
        if not needs_undressing(text):
            return _apart(self._settled(text, name))
        pieces = undress(text)
        shown = "".join(p[0] for p in pieces)
        matches = self._settled(shown, name)
        return _apart([_dressed(match, text, pieces) for match in matches])

    def _settled(self, text: str, name: bool) -> list[Match]:
        """What is found in `text`, weighed in its context."""
        context = Context(text, self.lexicon, self._phrases, name)
        found = self._find(text, name, context)
        if not found:
            return []
        matches: list[Match] = []
        for start, end, form, tags in found:
            term = form.term
            maybe = context.settle(start, end, term, tags)
            if maybe is None:
                continue
            severity = "strong" if term.severity == "mild" and hidden(text[start:end], tags) else term.severity
            matches.append(
                Match(start, end, term.text, term.language, term.category, severity, maybe, tuple(sorted(tags)))
            )
        return matches

    def _find(self, text: str, name: bool, context: Context) -> list[Found]:
        chunks = text.split()
        kinds = bytes(map(self._kinds.get, chunks, repeat(UNKNOWN)))
        fresh: dict[str, tuple[int, Note]] = {}  # long chunks are remembered only as long as this text
        if UNKNOWN in kinds:
            unknown = {c for c, k in zip(chunks, kinds, strict=True) if k == UNKNOWN}
            fresh = {c: self._look(c) for c in unknown}
            kinds = bytes([fresh[c][0] if k == UNKNOWN else k for c, k in zip(chunks, kinds, strict=True)])
        hits = self._noted(chunks, kinds, fresh) if NOTED in kinds else []
        if hits and text.isascii():  # most such words are "it" and "so", and most texts are English
            hits = [h for h in hits if not h.form.term.local or context.may_show(h.form.term.language)]
        runs = [] if name or FRAGMENT not in kinds else [m.span() for m in _RUN.finditer(kinds)]
        runs = [(a, b) for a, b in runs if b - a > 1]
        if not hits and not runs:
            return []
        spans = [m.span() for m in _CHUNK.finditer(text)]
        found = [Found(spans[h.first][0] + h.start, spans[h.last][0] + h.end, h.form, h.tags) for h in hits]
        for first, last in runs:
            start, end = spans[first][0], spans[last - 1][1]
            found += [Found(start + f.start, start + f.end, f.form, f.tags) for f in self._run(text[start:end])]
        return found

    def _look(self, chunk: str) -> tuple[int, Note]:
        """The kind and the note of one chunk, remembered or worked out."""
        kind = self._kinds.get(chunk, UNKNOWN)
        note = self._notes.get(chunk)
        if kind in (CLEAN, FRAGMENT, FILLING):
            return kind, NOTHING
        if note is not None:
            return NOTED, note
        kind, note = read_chunk(self.index, chunk)
        if len(chunk) <= _LONGEST:
            if len(self._kinds) >= _REMEMBERED:
                self._kinds, self._notes = {}, {}
            if kind == NOTED:
                self._notes[chunk] = note
            self._kinds[chunk] = kind
        return kind, note

    def _noted(self, chunks: list[str], kinds: bytes, fresh: dict[str, tuple[int, Note]]) -> list[_Hit]:
        """What single chunks hold, and phrases of several."""
        hits: list[_Hit] = []
        words: dict[str, str] = {}
        i = kinds.find(NOTED)
        while i >= 0:
            note = (fresh.get(chunks[i]) or self._look(chunks[i]))[1]
            hits += [_Hit(i, f.start, i, f.end, f.form, f.tags) for f in note.found]
            for parts, anchor, form in self.index.phrases.get(note.word, ()):
                first, last = i - anchor, i - anchor + len(parts) - 1
                if first >= 0 and last < len(chunks) and _spell(chunks, first, parts, words):
                    hits.append(_Hit(first, 0, last, len(chunks[last]), form, frozenset()))
            i = kinds.find(NOTED, i + 1)
        return hits

    def _run(self, run: str) -> tuple[Found, ...]:
        """What neighbouring pieces spell together, remembered or worked out."""
        found = self._joined.get(run)
        if found is None:
            found = tuple(Found(*hit) for hit in scan(self.index, run, spaced=True))
            if len(run) <= _LONGEST:
                if len(self._joined) >= _REMEMBERED:
                    self._joined = {}
                self._joined[run] = found
        return found


def _spell(chunks: list[str], first: int, parts: tuple[str, ...], words: dict[str, str]) -> bool:
    """Do the chunks from `first` on spell `parts`?  `words` are the chunks' folded letters, as far as known."""
    for chunk, part in zip(chunks[first : first + len(parts)], parts, strict=True):
        word = words.get(chunk)
        if word is None:
            word = words[chunk] = letters_of(chunk)
        if word != part:
            return False
    return True


def compile_lexicon(lexicon: Lexicon) -> Matcher:
    """Compile `lexicon` for searching."""
    return Matcher(lexicon)


def _dressed(match: Match, text: str, pieces: list[tuple[str, int, int]]) -> Match:
    """`match` in what is shown, as a span of the original `text`, with what was dropped to read it."""
    own = pieces[match.start : match.end]
    start, end = min(p[1] for p in own), max(p[2] for p in own)
    seen = sum(c not in UNSEEN for c in text[start:end])
    told = {"invisible"} if seen != end - start else set()
    if seen != len(own) or own[0][1] != start:
        told.add("markup")
    return replace(match, start=start, end=end, disguises=tuple(sorted({*match.disguises, *told})))


def _said(match: Match) -> int:
    """How many letters its term has."""
    return len(match.term.replace(" ", ""))


def _apart(matches: list[Match]) -> tuple[Match, ...]:
    """Of matches that overlap the most severe and longest, in order; of such alike, the one whose term says most: a
    "fucker" is English, though a Danish "fuck" may end like that."""
    if len(matches) < 2:
        return tuple(matches)
    matches.sort(
        key=lambda m: (m.maybe, m.severity == "mild", m.start - m.end, -GRAVITY[m.severity], m.start, -_said(m))
    )
    taken = bytearray(max(m.end for m in matches))
    kept: list[Match] = []
    for match in matches:
        if 1 not in taken[match.start : match.end]:
            taken[match.start : match.end] = b"\x01" * (match.end - match.start)
            kept.append(match)
    return tuple(sorted(kept, key=lambda m: m.start))
