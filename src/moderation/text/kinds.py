"""The kinds of chunk: what a harmless one may be part of, and whether it shows a language.

One byte a chunk, so that a text's are looked through at once.  Whether a chunk is harmless is `quick`'s and `scan`'s.
"""

from __future__ import annotations

import re

from moderation.text.index import Index
from moderation.text.normalise import READ
from moderation.text.spelling import drawn_out, squash
from moderation.text.words import common

# A chunk is clean; a piece that could belong to a word cut by spaces; a common word or sign that could stand between
# such pieces; noted, as it holds something or begins a phrase; or holds only what counts in a text of another language.
# Or it is not known yet, or was not read as the text had taken all of its steps.
CLEAN, FRAGMENT, FILLING, NOTED, LOCAL, UNKNOWN, UNREAD = range(7)
EVIDENT = 8
"""Added to the kind of a chunk that shows a language."""
EITHER = 7
"""What of a kind is left without `EVIDENT` and its price."""
PRICED = 16
"""From here on a kind holds this many times the number of the chunk's price, which is one of `effort.PRICES`."""

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def kind_of(index: Index, letters: str) -> int:
    """The kind of a harmless chunk by its folded letters, as far as they tell: `evident` knows the rest."""
    return NOTED if letters in index.phrases else _part(index, letters)


def evident(index: Index, chunk: str) -> int:
    """`EVIDENT` if a word of `chunk` shows a language, or may by its letters, else nothing."""
    words = WORD.findall(chunk.lower())
    return 0 if index.evidence.isdisjoint(words) and all(map(str.isascii, words)) else EVIDENT


def _part(index: Index, letters: str) -> int:
    """Could a harmless chunk be part of a word that was cut by spaces?"""
    if len(letters) < 2 or not letters.strip(letters[0]):
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
