"""Folding: a text as its reader's eye takes it in, every folded character knowing its place in the original.

Undoes markup, entities, reversed runs, invisible characters, styles, look-alikes and accents.  Says nothing about
which words are bad, and leaves leetspeak and spacing to `matcher`, where they are only undone as far as a term needs.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import NamedTuple

from moderation.text.readings import ACCENT, FACE, GONE, LETTER, NATIVE, SPACE, Reading, Readings

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
    """Fold `text`: total on any str, linear, and idempotent on its own `text`."""
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
    readings = [READ[c] for c in word]
    latin = any(r.kind in (LETTER, FACE, ACCENT) for r in readings)
    shown = (r.look if latin and r.kind == NATIVE and r.look else r.plain for r in readings)
    return "".join(c for letters in shown for c in letters if c.isalnum() or not c.isascii())


def squeeze(text: str) -> str:
    """The folded letters and digits alone: the same for texts that differ only in dress.  Stable between processes."""
    return "".join(c for c in fold(text).text if c.isalnum())


def read_units(text: str) -> list[Unit]:
    """Every character of `text` as read, one unit each; markup is not undone."""
    return [Unit(READ[c], i, i + 1) for i, c in enumerate(text)]


def needs_undressing(text: str) -> bool:
    """Could there be markup, entities or turned runs in `text`?"""
    return bool(_DRESSED.search(text))


def undress(text: str) -> list[tuple[str, int, int]]:
    """(character, start, end) of what is shown: tags dropped, entities decoded, right-to-left runs turned."""
    if _MARKUP_START.search(text):
        pieces: list[tuple[str, int, int]] = []
        at = 0
        lower = text.lower()
        for found in _MARKUP.finditer(text):
            pieces += [(text[i], i, i + 1) for i in range(at, found.start())]
            if found.lastgroup == "entity":
                shown = html.unescape(found.group())
                pieces += [(c, found.start(), found.end()) for c in (shown if shown != found.group() else "")]
                if shown == found.group():
                    pieces += [(text[i], i, i + 1) for i in range(found.start(), found.end())]
            elif found.lastgroup == "short":
                if f"[/{found.group()[-2]}]".lower() not in lower:  # [s] alone is a letter in brackets, not a tag
                    pieces += [(text[i], i, i + 1) for i in range(found.start(), found.end())]
            elif found.lastgroup == "code":
                pieces.append((_decode(found.group()), found.start(), found.end()))
            at = found.end()
        pieces += [(text[i], i, i + 1) for i in range(at, len(text))]
    else:
        pieces = [(c, i, i + 1) for i, c in enumerate(text)]
    return _turn(pieces) if "\u202e" in text or "\u2067" in text else pieces


_MARKUP_START = re.compile(r"<[a-z/!>]|&[#a-z]|\[/?[a-z]|%[2-7][0-9a-f]|\\[ux][0-9a-f]", re.IGNORECASE)
_DRESSED = re.compile(_MARKUP_START.pattern + "|[\u202e\u2067]", re.IGNORECASE)
_MARKUP = re.compile(
    r"(?P<tag><!--(?:[^-]|-(?!->)){0,200}-->|</?[a-z][a-z0-9]{0,15}(?:\s[^<>]{0,200})?/?>|<>|</>|"
    r"\[/?(?:url|img|color|size|quote|code|center|spoiler|font)(?:=[^\[\]]{0,100})?\])|"
    r"(?P<short>\[/?[bius]\])|"
    r"(?P<entity>&(?:#\d{1,7};?|#x[0-9a-f]{1,6};?|[a-z][a-z0-9]{1,24};))|"
    r"(?P<code>%[2-7][0-9a-f]|\\u00[2-7][0-9a-f]|\\x[2-7][0-9a-f])",
    re.IGNORECASE,
)


def _decode(code: str) -> str:
    return chr(int(code[-2:], 16))


def _turn(pieces: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Runs after a right-to-left override, up to its end or the line's, in the order in which they are seen."""
    out: list[tuple[str, int, int]] = []
    run: list[tuple[str, int, int]] | None = None
    for piece in pieces:
        if piece[0] == "\u202e":
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
