"""What one chunk of a text is: clean, a part or filling of a word cut by spaces, or noted for what it holds or begins.

Depends on the chunk alone, so `matcher` may remember it.  Context and neighbours are `matcher`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from moderation.text.context import UNSPACED
from moderation.text.effort import Effort
from moderation.text.glance import holds_nothing
from moderation.text.index import Form, Index
from moderation.text.kinds import EITHER, LOCAL, NOTED, evident, kind_of
from moderation.text.normalise import letters_of
from moderation.text.quick import ordinary, plain_letters
from moderation.text.scan import Hit, scan


class Note(NamedTuple):
    """What is known of one chunk: its hits, relative to the chunk, and its folded letters."""

    found: tuple[Hit, ...]
    word: str


NOTHING = Note((), "")


def read_words(index: Index, chunks: Iterable[str]) -> tuple[dict[str, tuple[int, Note]], set[str]]:
    """The kind and the note of those of `chunks` that are ordinary words, which are told together, the short way; and
    those that are words but need the long way."""
    read: dict[str, tuple[int, Note]] = {}
    odd: set[str] = set()
    for chunk, kind, word in ordinary(index, chunks):
        if kind is None:
            odd.add(chunk)
        else:
            read[chunk] = kind, Note((), word) if kind & EITHER == NOTED else NOTHING
    return read, odd


def read_chunk(index: Index, chunk: str, effort: Effort, *, odd: bool = False) -> tuple[int, Note]:
    """The kind and the note of `chunk`.  Plain chunks take a short way, which answers the same as the long one; that
    one is `odd` was found out before."""
    if chunk.isascii():
        letters = None if odd else plain_letters(index, chunk)
        effort.taken += 2 + len(chunk) // _A_STEP
        if letters is not None:
            return _kind(index, chunk, (), letters)
    if holds_nothing(index, chunk):
        return _kind(index, chunk, (), letters_of(chunk))
    return read_in_full(index, chunk, effort)


_A_STEP = 12  # characters that are looked through at a glance for one


def read_in_full(index: Index, chunk: str, effort: Effort) -> tuple[int, Note]:
    """As `read_chunk`, by the long way."""
    return _kind(index, chunk, tuple(scan(index, chunk, effort)), letters_of(chunk))


def _kind(index: Index, chunk: str, found: tuple[Hit, ...], letters: str) -> tuple[int, Note]:
    kind = NOTED if found else kind_of(index, letters)
    if kind != NOTED:
        return kind | evident(index, chunk), NOTHING
    if letters not in index.phrases and all(_is_local(hit.form) for hit in found):
        kind = LOCAL
    return kind | evident(index, chunk), Note(found, letters)


def _is_local(form: Form) -> bool:
    return form.term.local and form.term.language not in UNSPACED
