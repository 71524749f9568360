"""Finds the terms of a lexicon in a text, with spans of the original and how each was hidden.

A text is cut at its spaces.  What a chunk holds depends on the chunk alone and is remembered, so an ordinary word costs
one look-up; only neighbours that could be parts of one word, phrases and doubtful words are looked at again in context.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from types import MappingProxyType
from typing import NamedTuple

from moderation.frozen import value
from moderation.text.chunks import NOTHING, Note, read_chunk, read_words
from moderation.text.context import SPAN, Context, hidden
from moderation.text.effort import PRICES, READING, SETTLING, WHOLE, Effort, allowed, price_of
from moderation.text.glance import spell_nothing
from moderation.text.index import Form, Index, allowing, build
from moderation.text.kinds import CLEAN, EITHER, EVIDENT, FILLING, FRAGMENT, LOCAL, NOTED, PRICED, UNKNOWN, UNREAD
from moderation.text.lexicon import GRAVITY, Lexicon, Term
from moderation.text.normalise import UNSEEN, letters_of, needs_undressing, undress
from moderation.text.scan import Hit, Spot, scan


@value
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
    """The matches in a text, in order, none overlapping.  `unread`: where (code points) the first chunk or run begins
    of which not all was read, as the text had taken all of its steps; None where all was, as in every honest text.  Who
    decides by the matches must hold a text that has any of it."""

    matches: tuple[Match, ...]
    unread: int | None


_NOTHING_FOUND = Found((), None)


class _Place(NamedTuple):
    """From character `start` of chunk `first` to before character `end` of chunk `last`."""

    first: int
    start: int
    last: int
    end: int
    form: Form
    tags: frozenset[str]


_QUIET = bytes(kind for kind in range(256) if kind & EITHER in (CLEAN, FILLING))
_LOCALS = bytes(kind for kind in range(256) if kind & EITHER == LOCAL)
_TELL_NOTHING = bytes(kind for kind in range(256) if not kind & EVIDENT)
_FREE = bytes(range(PRICED))
# Tables that turn the kinds of chunks into letters: n for what is to be looked at, and for the parts of a word that was
# cut by spaces f for a piece, p for what may stand between pieces.
_NOTED = bytes(ord("n") if kind & EITHER in (NOTED, LOCAL) else 0 for kind in range(256))
_PARTS = bytes(
    ord("f") if kind & EITHER == FRAGMENT else ord("p") if kind & EITHER in (FILLING, NOTED, LOCAL) else ord(" ")
    for kind in range(256)
)
_RUN = re.compile(rb"[fp]{2,}")
_NOT_READ = UNREAD, NOTHING
_SETTLED_DEARLY = 3  # steps for a word that depends on the language of the text
_REMEMBERED = 20_000  # chunks, and as many runs; about 4 MB
_LONGEST = 40  # characters of a chunk that is worth remembering
_CHUNK = re.compile(r"\S+")


class Matcher:
    """A compiled lexicon.  Safe to share between threads: what it remembers never alters an answer."""

    def __init__(
        self, lexicon: Lexicon, index: Index | None = None, graded: Mapping[Term, str] = MappingProxyType({})
    ) -> None:
        """`graded`: severities that terms have in place of the index's."""
        self.lexicon = lexicon
        self.graded = graded
        self.index: Index = index or build(lexicon)
        self._phrases = lexicon.phrases
        self._kinds: dict[str, int] = {}
        self._notes: dict[str, Note] = {}
        self._joined: dict[str, tuple[tuple[Hit, ...], int]] = {}

    def allowing(self, allow: Sequence[str]) -> Matcher:
        """The same with more allow-terms; the two share what is compiled of the terms."""
        lexicon = replace(self.lexicon, allow=(*self.lexicon.allow, *allow))
        return Matcher(lexicon, allowing(self.index, lexicon), self.graded)

    def find(self, text: str, *, name: bool = False) -> tuple[Match, ...]:
        """The matches that `read` finds.  Alone they decide nothing: what may be left unread does not show."""
        return self.read(text, name=name).matches

    def read(self, text: str, *, name: bool = False) -> Found:
        """What is found in `text`.  `name`: a user name or address, read more strictly."""
        if not needs_undressing(text):
            matches, unread = self._settled(text, name)
            return Found(_apart(matches), unread) if matches or unread is not None else _NOTHING_FOUND
        pieces = undress(text)
        shown = "".join(p[0] for p in pieces)
        matches, unread = self._settled(shown, name)
        return Found(_apart(_dressed(matches, text, pieces)), None if unread is None else pieces[unread][1])

    def _settled(self, text: str, name: bool) -> tuple[list[Match], int | None]:
        """What is found in `text`, weighed in its context, and `Found.unread`."""
        chunks = text.split()
        kinds = bytes(map(self._kinds.get, chunks, repeat(UNKNOWN)))
        fresh: dict[str, tuple[int, Note]] = {}  # long chunks are remembered only as long as this text
        effort: Effort | None = None
        unread: str | None = None
        priced = b"" if len(text) <= WHOLE else kinds.translate(None, _FREE)
        if priced or UNKNOWN in kinds:
            effort = allowed(len(text), READING)
            effort.taken = _price(priced, chunks, kinds)
            if UNKNOWN in kinds or effort.taken >= effort.most:
                effort.taken = 0
                fresh, unread = self._read(dict(zip(chunks, kinds, strict=True)), effort)
                kinds = bytes([fresh[c][0] if c in fresh else k for c, k in zip(chunks, kinds, strict=True)])
        odd = kinds.translate(None, _QUIET)
        if unread is None and (
            not odd or (not odd.strip(_LOCALS) and not kinds.translate(None, _TELL_NOTHING) and len(text) <= SPAN)
        ):
            return [], None
        context = Context(text, self.lexicon, self._phrases, name)
        matches: list[Match] = []
        effort = effort or allowed(len(text), READING)
        found, beyond = self._find(text, name, context, chunks, kinds, fresh, effort)
        if not found and not beyond and unread is None:
            return [], None
        if unread is not None:
            beyond.append(next(m.start() for m in _CHUNK.finditer(text) if m[0] == unread))
        effort = allowed(len(text), SETTLING)
        for number, (start, end, form, tags) in enumerate(found):
            term = form.term
            effort.taken += 1 if term.language == "en" and not term.shared else _SETTLED_DEARLY
            if effort.is_spent():
                beyond += [hit.start for hit in found[number:]]
                break
            maybe = context.settle(start, end, term, tags)
            if maybe is None:
                continue
            severity = self.graded.get(term, term.severity) if self.graded else term.severity
            if severity == "mild" and hidden(text[start:end], tags):
                severity = "strong"
            matches.append(
                Match(start, end, term.text, term.language, term.category, severity, maybe, tuple(sorted(tags)))
            )
        return matches, min(beyond, default=None)

    def _find(
        self,
        text: str,
        name: bool,
        context: Context,
        chunks: list[str],
        kinds: bytes,
        fresh: Mapping[str, tuple[int, Note]],
        effort: Effort,
    ) -> tuple[list[Hit], list[int]]:
        """What chunks, phrases and runs hold, and where runs begin that were not read."""
        hits = self._noted(chunks, kinds.translate(_NOTED), fresh)
        if hits:  # most such words are "it" and "so", and most texts are English
            hits = [h for h in hits if not h.form.term.local or context.may_show(h.form.term.language)]
        runs = [] if name else [m.span() for m in _RUN.finditer(kinds.translate(_PARTS)) if b"f" in m[0]]
        if not hits and not runs:
            return [], []
        spans = [m.span() for m in _CHUNK.finditer(text)]
        found = [Hit(spans[h.first][0] + h.start, spans[h.last][0] + h.end, h.form, h.tags) for h in hits]
        unread: list[int] = []
        for first, last in runs:
            start, end = spans[first][0], spans[last - 1][1]
            if effort.is_spent():
                unread.append(start)
                break
            run = text[start:end]
            joined = self._joined.get(run)
            if joined is None:
                known = [
                    (spans[i][0] - start + f.start, spans[i][0] - start + f.end, f.form.letters)
                    for i in range(first, last)
                    if kinds[i] & EITHER in (NOTED, LOCAL)
                    for f in self._note(chunks[i], fresh).found
                    if "spaced" in f.tags
                ]
                joined = self._run(run, known, effort)
            pieces, steps = joined
            effort.taken += steps
            if effort.short:
                unread.append(start)
            found += [Hit(start + f.start, start + f.end, f.form, f.tags) for f in pieces]
        return found, unread

    def _read(self, known: dict[str, int], effort: Effort) -> tuple[dict[str, tuple[int, Note]], str | None]:
        """The kind and the note of each chunk whose kind is not `known`, worked out and remembered.  Where no steps are
        left chunks stay unread, remembered or not, and the first of them is told."""
        unread: str | None = None
        read, odd = read_words(self.index, [chunk for chunk, kind in known.items() if kind == UNKNOWN])
        for chunk, kind in known.items():
            if kind == UNKNOWN and chunk in read:
                kind = read[chunk][0]
            if kind < PRICED and kind != UNKNOWN:
                continue
            if effort.is_spent():
                read[chunk] = _NOT_READ
            elif kind != UNKNOWN:
                effort.taken += PRICES[kind // PRICED]
            elif len(chunk) > _LONGEST:
                read[chunk] = read_chunk(self.index, chunk, effort, odd=chunk in odd)
            else:
                taken = Effort()
                kind, note = read_chunk(self.index, chunk, taken, odd=chunk in odd)
                price = price_of(taken.taken)
                effort.taken += PRICES[price]
                read[chunk] = kind + price * PRICED, note
            if effort.short:
                unread = unread or chunk
        if len(self._kinds) + len(read) > _REMEMBERED:
            self._kinds, self._notes = {}, {}
        for chunk, (kind, note) in read.items():
            if len(chunk) <= _LONGEST and kind != UNREAD:
                if note is not NOTHING:
                    self._notes[chunk] = note  # before its kind, by which others know that it is there
                self._kinds[chunk] = kind
        return read, unread

    def _note(self, chunk: str, fresh: Mapping[str, tuple[int, Note]]) -> Note:
        """What a noted chunk holds; worked out again where another thread has just forgotten it."""
        if chunk in fresh:
            return fresh[chunk][1]
        note = self._notes.get(chunk)
        return read_chunk(self.index, chunk, Effort())[1] if note is None else note

    def _noted(self, chunks: list[str], noted: bytes, fresh: Mapping[str, tuple[int, Note]]) -> list[_Place]:
        """What single chunks hold, and phrases of several.  `noted` has an n for each chunk to look at."""
        hits: list[_Place] = []
        words: dict[str, str] = {}
        i = noted.find(b"n")
        while i >= 0:
            note = self._note(chunks[i], fresh)
            hits += [_Place(i, f.start, i, f.end, f.form, f.tags) for f in note.found]
            for parts, anchor, form in self.index.phrases.get(note.word, ()):
                first, last = i - anchor, i - anchor + len(parts) - 1
                if first >= 0 and last < len(chunks) and _spell(chunks, first, parts, words):
                    hits.append(_Place(first, 0, last, len(chunks[last]), form, frozenset()))
            i = noted.find(b"n", i + 1)
        return hits

    def _run(self, run: str, known: Iterable[Spot], effort: Effort) -> tuple[tuple[Hit, ...], int]:
        """What neighbouring pieces spell together but for what is `known` of single ones, and the steps that it took,
        worked out and remembered.  A long run takes those of `effort`."""
        short = len(run) <= _LONGEST
        taken = Effort() if short else effort
        taken.taken += 3 + len(run) // 12
        sure = spell_nothing(self.index, run)
        found = () if sure else tuple(scan(self.index, run, taken, spaced=True, known=known))
        if not short:
            return found, 0
        if len(self._joined) >= _REMEMBERED:
            self._joined = {}
        self._joined[run] = found, taken.taken
        return found, taken.taken


def _price(priced: bytes, chunks: Sequence[str], kinds: bytes) -> int:
    """What the chunks cost together, each once.  `priced`: those of `kinds` that cost anything."""
    if len(priced) < 2:
        return PRICES[priced[0] // PRICED] if priced else 0
    return sum([PRICES[kind // PRICED] for kind in dict(zip(chunks, kinds, strict=True)).values()])


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


def _dressed(matches: Iterable[Match], text: str, pieces: list[tuple[str, int, int]]) -> list[Match]:
    """`matches` in what is shown, as spans of the original `text`, with what was dropped to read them."""
    spans: dict[tuple[int, int], tuple[int, int, set[str]]] = {}
    dressed: list[Match] = []
    for m in dict.fromkeys(matches):
        span = m.start, m.end
        if span not in spans:
            spans[span] = _span(text, pieces[m.start : m.end])
        start, end, told = spans[span]
        disguises = tuple(sorted({*m.disguises, *told})) if told else m.disguises
        dressed.append(Match(start, end, m.term, m.language, m.category, m.severity, m.maybe, disguises))
    return dressed


def _span(text: str, own: list[tuple[str, int, int]]) -> tuple[int, int, set[str]]:
    start, end = min([p[1] for p in own]), max([p[2] for p in own])
    seen = end - start if UNSEEN.isdisjoint(text[start:end]) else sum(c not in UNSEEN for c in text[start:end])
    told = {"invisible"} if seen != end - start else set()
    if seen != len(own) or own[0][1] != start:
        told.add("markup")
    return start, end, told


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
