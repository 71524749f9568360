"""Folding: a text as its reader's eye takes it in, every folded character knowing its place in the original.

Undoes markup, entities, reversed runs, invisible characters, styles, look-alikes and accents.  Says nothing about
which words are bad, and leaves leetspeak and spacing to `matcher`, where they are only undone as far as a term needs.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from moderation.text.readings import ACCENT, DIGIT, FACE, GONE, LETTER, NATIVE, SPACE, Reading, Readings

READ = Readings()


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` with, for each of its characters, where it begins and ends in the original (code points)."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that the folded span [start, end) was read from; empty spans stay empty."""
        if start >= end:
            at = self.starts[start] if start < len(self.starts) else (self.ends[-1] if self.ends else 0)
            return at, at
        return min(self.starts[start:end]), max(self.ends[start:end])


class Unit(NamedTuple):
    """One character as read, with its place in the original."""

    reading: Reading
    start: int
    end: int


def fold(text: str) -> Folded:
    """Fold `text`: total on any str, linear, and idempotent on its own `text` unless that shows markup again, or `text`
    holds one of some 180 letters that are read in two steps: Greek ones with two accents, or katakana in a word of
    Latin letters, which becomes hiragana first."""
    pieces = undress(text) if needs_undressing(text) else [(c, i, i + 1) for i, c in enumerate(text)]
    units = [Unit(READ[c], a, b) for c, a, b in pieces if READ[c].kind != GONE]
    letters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for first, last in _words(units):
        word = units[first:last]
        latin = any(u.reading.kind in (LETTER, FACE, ACCENT) for u in word)
        for unit in word:
            shown = unit.reading.look if latin and unit.reading.look and unit.reading.kind == NATIVE else ""
            for letter in shown or unit.reading.plain:
                letters.append(letter)
                starts.append(unit.start)
                ends.append(unit.end)
    return Folded("".join(letters), tuple(starts), tuple(ends))


def letters_of(word: str) -> str:
    """The folded letters and digits of one word without markup: what `fold` makes of it, without the map."""
    if word.isascii():
        return "".join(filter(str.isalnum, word.lower()))
    readings = [r for c in word if (r := READ[c]).kind in (LETTER, FACE, ACCENT, NATIVE, DIGIT)]
    if {r.kind for r in readings}.isdisjoint((LETTER, FACE, ACCENT)):
        return "".join([r.plain for r in readings])
    return "".join([r.look if r.kind == NATIVE and r.look else r.plain for r in readings])


def squeeze(text: str) -> str:
    """The folded letters and digits alone: the same for texts that differ only in dress.  Stable between processes."""
    if text.isascii() and not needs_undressing(text):
        return "".join(filter(str.isalnum, text.lower()))
    return "".join(filter(str.isalnum, fold(text).text))


def read_units(text: str) -> list[Unit]:
    """Every character of `text` as read, one unit each; markup is not undone."""
    return units_of(map(READ.__getitem__, text), range(len(text)))


def units_of(readings: Iterable[Reading], starts: Iterable[int]) -> list[Unit]:
    """Units of one character each.  Made past `Unit.__new__`, which takes four times as long."""
    return [_MADE(Unit, (reading, start, start + 1)) for reading, start in zip(readings, starts, strict=True)]


_MADE: Callable[[type[Unit], tuple[Reading, int, int]], Unit] = tuple.__new__


def needs_undressing(text: str) -> bool:
    """Could there be invisible characters, markup, entities or turned runs in `text`?"""
    if text.isascii():
        unseen = not text.isprintable() and _CONTROL.search(text) is not None
    else:
        unseen = not UNSEEN.isdisjoint(text)
    return unseen or (_has_sign(text) and _MARKUP_START.search(text) is not None)


def _has_sign(text: str) -> bool:
    """Is there a sign that markup begins with?  Five searches for one character cost less than one for any of five."""
    return "<" in text or "&" in text or "[" in text or "%" in text or "\\" in text


def undress(text: str) -> list[tuple[str, int, int]]:
    """(character, start, end) of what is shown: invisible characters and tags dropped, entities decoded, right-to-left
    runs turned."""
    pieces = [(c, i, i + 1) for i, c in enumerate(text) if c not in UNSEEN or c in _TURNS]
    bare = "".join(c for c, _, _ in pieces)
    if _MARKUP_START.search(bare):
        pieces = _without_markup(bare, pieces)
    if _OVERRIDE in bare:
        pieces = _turn(pieces)
    return [piece for piece in pieces if piece[0] not in UNSEEN]


def _without_markup(bare: str, pieces: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    out: list[tuple[str, int, int]] = []
    at = 0
    closed = frozenset(_CLOSED.findall(bare.lower()))
    for found in _MARKUP.finditer(bare):
        first, last = found.span()
        out += pieces[at:first]
        start, end = pieces[first][1], pieces[last - 1][2]
        shown = _meant(found, closed)
        out += pieces[first:last] if shown == found.group() else [(c, start, end) for c in shown]
        at = last
    return out + pieces[at:]


def _meant(found: re.Match[str], closed: frozenset[str]) -> str:
    """What is shown for something that looks like markup.  `closed`: the letters of tags that are closed somewhere."""
    written = found.group()
    if found.lastgroup == "entity":
        return html.unescape(written)
    if found.lastgroup == "row":  # <f><u><c><k>: no page knows such tags
        return written
    if found.lastgroup == "short":  # [s] alone is a letter in brackets, not a tag
        return "" if written[-2].lower() in closed else written
    return chr(int(written[-2:], 16)) if found.lastgroup == "code" else ""


def _characters(*ranges: tuple[int, int]) -> frozenset[str]:
    return frozenset(chr(code) for first, last in ranges for code in range(first, last + 1))


_OVERRIDE = "\u202e"
_TURNS = frozenset("\u202c\u202d\u202e\u2069")
# Formatting characters, fillers and selectors that take no place on the screen, and controls that are no space.
UNSEEN = _characters(
    (0x00, 0x08), (0x0E, 0x1B), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x034F, 0x034F), (0x061C, 0x061C),
    (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")  # the ASCII ones of `UNSEEN`
_CLOSED = re.compile(r"\[/(.)\]", re.DOTALL)
_MARKUP_START = re.compile(r"<[a-z/!>]|&[#a-z]|\[/?[a-z]|\]\(|%[2-7][0-9a-f]|\\[ux][0-9a-f]", re.IGNORECASE)
_MARKUP = re.compile(
    r"(?P<row>(?<!>)(?=(?:<[a-z]>){0,30}<[c-hj-or-tv-z]>)(?:<[a-z]>){3,30}(?!<))|(?P<link>(?<=\w)\]\([^()\s]{1,200}\)(?=\w))|"
    r"(?P<tag><!--(?:[^-]|-(?!->)){0,200}-->|</?[a-z][a-z0-9]{0,15}(?:\s[^<>]{0,200})?/?>|<>|</>|"
    r"\[/?(?:url|img|color|size|quote|code|center|spoiler|font)(?:=[^\[\]]{0,100})?\])|"
    r"(?P<short>\[/?[bius]\](?!\())|"
    r"(?P<entity>&(?:#\d{1,7};?|#x[0-9a-f]{1,6};?|[a-z][a-z0-9]{1,24};))|"
    r"(?P<code>%[2-7][0-9a-f]|\\u00[2-7][0-9a-f]|\\x[2-7][0-9a-f])",
    re.IGNORECASE,
)


def _turn(pieces: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Runs after a right-to-left override, up to its end or the line's, in the order in which they are seen."""
    out: list[tuple[str, int, int]] = []
    run: list[tuple[str, int, int]] | None = None
    for piece in pieces:
        if piece[0] == _OVERRIDE:
            run = run or []
        elif run is not None and piece[0] in "\u202c\u2069\n\u202d":
            out += reversed(run)
            run = None
            out.append(piece)
        elif run is not None:
            run.append(piece)
        else:
            out.append(piece)
    return out + (list(reversed(run)) if run else [])


def _words(units: list[Unit]) -> list[tuple[int, int]]:
    """Index ranges between spaces, each space a range of its own."""
    ranges: list[tuple[int, int]] = []
    first = 0
    for i, unit in enumerate(units):
        if unit.reading.kind == SPACE:
            if i > first:
                ranges.append((first, i))
            ranges.append((i, i + 1))
            first = i + 1
    if first < len(units):
        ranges.append((first, len(units)))
    return ranges
