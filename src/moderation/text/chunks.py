"""What one chunk of a text is: clean, a part or filling of a word cut by spaces, or noted for what it holds or begins.

Depends on the chunk alone, so `matcher` may remember it.  Context and neighbours are `matcher`'s.
"""

from __future__ import annotations

from typing import NamedTuple

from moderation.text.index import Form, Index
from moderation.text.lines import drawn_out
from moderation.text.normalise import READ, letters_of
from moderation.text.quick import plain_letters
from moderation.text.scan import scan
from moderation.text.spelling import squash
from moderation.text.words import common

# A chunk is clean; a piece that could belong to a word cut by spaces; a common word or sign that could stand between
# such pieces; or noted: it holds something or begins a phrase.
CLEAN, FRAGMENT, FILLING, NOTED, UNKNOWN = range(5)


class Found(NamedTuple):
    """A form found at [start, end) of what was read, before its context is weighed."""

    start: int
    end: int
    form: Form
    tags: frozenset[str]


class Note(NamedTuple):
    """What is known of one chunk: its hits, relative to the chunk, and its folded letters."""

    found: tuple[Found, ...]
    word: str


NOTHING = Note((), "")


def read_chunk(index: Index, chunk: str) -> tuple[int, Note]:
    """The kind and the note of `chunk`.  Ordinary words take a short way, which answers the same as the long one."""
    letters = plain_letters(index, chunk)
    return read_in_full(index, chunk) if letters is None else _kind(index, (), letters)


def read_in_full(index: Index, chunk: str) -> tuple[int, Note]:
    """As `read_chunk`, by the long way."""
    return _kind(index, tuple(Found(*hit) for hit in scan(index, chunk)), letters_of(chunk))


def _kind(index: Index, found: tuple[Found, ...], letters: str) -> tuple[int, Note]:
    if found or letters in index.phrases:
        return NOTED, Note(found, letters)
    return _part(index, letters), NOTHING


def _part(index: Index, letters: str) -> int:
    """Could a harmless chunk be part of a word that was cut by spaces?"""
    if len(letters) < 2 or len(set(letters)) == 1:
        return FRAGMENT if letters.isalpha() and letters[0] not in "aiu" else FILLING
    if letters in index.fragments:
        return FILLING if letters in common() else FRAGMENT
    if letters in index.inner:
        return FILLING
    if letters.isdigit():
        return CLEAN
    if not letters.isalpha():
        return FRAGMENT if "".join(READ[c].look for c in letters) in index.fragments else CLEAN
    return FRAGMENT if drawn_out(letters) and squash(letters) in index.fragments else CLEAN
