"""Finds the terms of a lexicon in a text, with spans of the original and how each was hidden.

A text is cut at its spaces.  What a chunk holds depends on the chunk alone and is remembered, so an ordinary word costs one
look-up; only neighbours that could be parts of one word, phrases and doubtful words are looked at again in context.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

from moderation.text.context import hidden, settle
from moderation.text.index import Form, Index, build
from moderation.text.lexicon import SEVERITIES, Lexicon
from moderation.text.normalise import fold, needs_undressing, undress
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


class Found(NamedTuple):
    """A form found at [start, end) of the shown text, before context is weighed."""

    start: int
    end: int
    form: Form
    tags: frozenset[str]


class Note(NamedTuple):
    """What is known of one chunk: its hits, relative to the chunk, and its folded letters."""

    found: tuple[Found, ...]
    word: str


CLEAN, FRAGMENT, NOTED, UNKNOWN = range(4)
_PAIR = re.compile(b"\x01\x01|\x01\x02|\x02\x01")
_REMEMBERED = 20_000  # chunks; about 3 MB
_LONGEST = 40  # characters of a chunk that is worth remembering
_CHUNK = re.compile(r"\S+")
_NOTHING = Note((), "")


class Matcher:
    """A compiled lexicon.  Safe to share between threads: what it remembers is only ever replaced, never changed, and
    never alters an answer."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._index: Index = build(lexicon)
        self._kinds: dict[str, int] = {}
        self._notes: dict[str, Note] = {}

    def find(self, text: str, *, name: bool = False) -> tuple[Match, ...]:
        """The matches in `text`, in order, none overlapping.  `name`: a user name or web address, read more strictly."""
        if needs_undressing(text):
            pieces = undress(text)
            shown = "".join(p[0] for p in pieces)
            return self._find(shown, name, [p[1] for p in pieces], [p[2] for p in pieces])
        chunks = text.split()
        kinds = bytes(map(self._kinds.get, chunks, repeat(UNKNOWN)))
        if kinds.count(CLEAN) == len(kinds):
            return ()
        if not (NOTED in kinds or UNKNOWN in kinds or b"\x01\x01" in kinds):
            return ()
        return self._find(text, name, None, None)

    def _find(self, text: str, name: bool, starts: list[int] | None, ends: list[int] | None) -> tuple[Match, ...]:
        spans = [m.span() for m in _CHUNK.finditer(text)]
        kinds = bytearray()
        notes: list[Note] = []
        found: list[Found] = []
        for start, end in spans:
            kind, note = self._look(text[start:end])
            kinds.append(kind)
            notes.append(note)
            if note.found:
                found += [Found(start + f.start, start + f.end, f.form, f.tags) for f in note.found]
        if NOTED in kinds:
            found += self._phrases(spans, [n.word for n in notes])
        if not name and _PAIR.search(kinds):
            found += self._runs(text, spans, kinds)
        if not found:
            return ()
        return _resolve(text, found, self.lexicon, name, starts, ends)

    def _look(self, chunk: str) -> tuple[int, Note]:
        """The kind and the note of one chunk, remembered or worked out."""
        kind = self._kinds.get(chunk, UNKNOWN)
        if kind != UNKNOWN:
            note = _NOTHING if kind == CLEAN else self._notes.get(chunk)
            if note is not None:
                return kind, note
        hits = scan(self._index, chunk)
        word = "".join(c for c in fold(chunk).text if c.isalnum() or not c.isascii())
        kind = CLEAN
        if hits or word in self._index.phrases:
            kind = NOTED
        elif len(word) < 2 or word in self._index.fragments:
            kind = FRAGMENT
        note = Note(tuple(Found(*h) for h in hits), word)
        if len(chunk) <= _LONGEST:
            if len(self._kinds) >= _REMEMBERED:
                self._kinds, self._notes = {}, {}
            if kind != CLEAN:
                self._notes[chunk] = note
            self._kinds[chunk] = kind
        return kind, note

    def _phrases(self, spans: list[tuple[int, int]], words: list[str]) -> list[Found]:
        found = []
        for i, word in enumerate(words):
            for parts, anchor, form in self._index.phrases.get(word, ()):
                begin = i - anchor
                if begin >= 0 and tuple(words[begin : begin + len(parts)]) == parts:
                    found.append(Found(spans[begin][0], spans[begin + len(parts) - 1][1], form, frozenset()))
        return found

    def _runs(self, text: str, spans: list[tuple[int, int]], kinds: bytearray) -> list[Found]:
        """Words cut in pieces by spaces: neighbouring fragments read as one."""
        found = []
        i = 0
        while i < len(spans):
            j = i
            while j < len(spans) and kinds[j] in (FRAGMENT, NOTED):
                j += 1
            if j - i >= 2 and FRAGMENT in kinds[i:j]:
                first, last = spans[i][0], spans[j - 1][1]
                hits = scan(self._index, text[first:last], spaced=True)
                found += [Found(first + h.start, first + h.end, h.form, h.tags) for h in hits]
            i = max(j, i + 1)
        return found


def compile_lexicon(lexicon: Lexicon) -> Matcher:
    """Compile `lexicon` for searching."""
    return Matcher(lexicon)


def _resolve(
    text: str,
    found: list[Found],
    lexicon: Lexicon,
    name: bool,
    starts: list[int] | None,
    ends: list[int] | None,
) -> tuple[Match, ...]:
    """Weighs each match in its context, keeps the longest and most severe of those that overlap, maps to the original."""
    matches: list[Match] = []
    for start, end, form, tags in found:
        term = form.term
        maybe = settle(text, start, end, term, tags, lexicon, name)
        if maybe is None:
            continue
        severity = "strong" if term.severity == "mild" and hidden(text[start:end], tags) else term.severity
        if starts is not None and ends is not None:
            first, last = min(starts[start:end]), max(ends[start:end])
            if last - first != end - start or starts[start] != first:
                tags |= {"markup"}
            start, end = first, last
        matches.append(Match(start, end, term.text, term.language, term.category, severity, maybe, tuple(sorted(tags))))
    matches.sort(key=lambda m: (m.maybe, m.severity == "mild", m.start - m.end, -SEVERITIES.index(m.severity), m.start))
    kept: list[Match] = []
    taken = bytearray(max((m.end for m in matches), default=0))
    for match in matches:
        if not any(taken[match.start : match.end]):
            taken[match.start : match.end] = b"\x01" * (match.end - match.start)
            kept.append(match)
    return tuple(sorted(kept, key=lambda m: m.start))
