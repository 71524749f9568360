"""What a text shows of being written for many readers at once: near copies, repeated phrases, a script of its own.

Facts with their numbers.  What follows from them is for rules to say.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from string import ascii_letters
from typing import NamedTuple
from zlib import crc32

BANDS, ROWS = 4, 3
LEAST_WORDS = 12
"""Texts with fewer words have no sketch: many readers write "I could not agree more with you"."""
_MOST_WORDS = 300
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_ASCII_WORD = re.compile("[a-z]+(?:'[a-z]+)?")  # the same in half the time
_BINS = BANDS * ROWS
_NONE = 1 << 32
_BAND = "%d:" + "%08x" * ROWS


SHORTEST_SEEN = 12
"""Texts with fewer letters are not compared with others: many readers write "Thank you"."""
_NO_LETTERS = re.compile(r"[\W\d_]+")
_NO_ASCII_LETTERS = bytes(set(range(128)) - set(ascii_letters.encode()))


def seen_keys(text: str) -> tuple[str, ...]:
    """What `text` is known again by: first one key for all texts that differ from it only in case, numbers, blanks and
    punctuation, then its sketch. None for a short text."""
    letters = _letters_of(text)
    if len(letters) < SHORTEST_SEEN:
        return ()
    return hashlib.blake2b(letters.encode("utf-8", "replace"), digest_size=12).hexdigest(), *sketch(text)


def _letters_of(text: str) -> str:
    if text.isascii():
        return text.lower().encode().translate(None, _NO_ASCII_LETTERS).decode()
    return _NO_LETTERS.sub("", text.casefold())


def sketch(text: str) -> tuple[str, ...]:
    """Keys of which near copies of `text` share at least one, and other texts none; empty for a short text.

    Min-hashes of its pairs of words, in bands.  SimHash would need longer texts: with twenty words, one that is changed
    turns eight of its 64 bits.
    """
    words = _words(text)
    if len(words) < LEAST_WORDS:
        return ()
    least = [_NONE] * _BINS
    for first, second in pairwise(" ".join(words).encode("utf-8", "replace").split(b" ")):
        value = crc32(second, crc32(first))
        place = value % _BINS
        if value < least[place]:
            least[place] = value
    for place in range(_BINS - 1, -1, -1):  # an empty bin borrows from the next, so that short texts compare too
        if least[place] == _NONE:
            least[place] = next(
                least[(place + i) % _BINS] for i in range(1, _BINS) if least[(place + i) % _BINS] != _NONE
            )
    return tuple(_BAND % (band, *least[band * ROWS : (band + 1) * ROWS]) for band in range(BANDS))


class Phrases(NamedTuple):
    """How often the most repeated run of three words comes, and the share of such runs that came before."""

    times: int
    share: float


def phrases(text: str) -> Phrases:
    """The repeated phrases of `text`; none in a text of fewer than twelve words."""
    words = _words(text)
    if len(words) < 12:
        return Phrases(1, 0.0)
    runs = list(zip(words, words[1:], words[2:], strict=False))
    distinct = len(set(runs))
    if distinct == len(runs):
        return Phrases(1, 0.0)
    return Phrases(max(Counter(runs).values()), round(1 - distinct / len(runs), 3))


@lru_cache(maxsize=64)  # a text's sketch and its phrases are asked for one after the other
def _words(text: str) -> list[str]:
    """The words of the text's first part; those of scripts without spaces in pieces of two letters."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())[:_MOST_WORDS]
    words = _WORD.findall(text.casefold())[:_MOST_WORDS]
    pieces: list[str] = []
    for word in words:
        unspaced = len(word) > 3 and _script(word[0]) in ("Han", "Kana", "Thai")
        pieces += [word[i : i + 2] for i in range(0, len(word), 2)] if unspaced else [word]
    return pieces[:_MOST_WORDS]


def count(text: str, wanted: bytes) -> int:
    """How many characters of an ASCII `text` are among `wanted`."""
    return len(text) - len(text.encode("ascii").translate(None, wanted))


_LETTERS = ascii_letters.encode()


class Script(NamedTuple):
    """The script of most letters ('' where there are none), its share of them, and how many letters there are."""

    name: str
    share: float
    letters: int


def script(text: str) -> Script:
    """Which script `text` is written in."""
    if text.isascii():
        letters = count(text, _LETTERS)
        return Script("Latin" if letters else "", 1.0 if letters else 0.0, letters)
    counts = Counter(map(_script, filter(str.isalpha, text)))
    if not counts:
        return Script("", 0.0, 0)
    letters = counts.total()
    if counts["Kana"]:  # Japanese is written in both
        counts["Kana"] += counts.pop("Han", 0)
    name, most = counts.most_common(1)[0]
    return Script(name, round(most / letters, 3), letters)


_NAMED = {"CJK": "Han", "HIRAGANA": "Kana", "KATAKANA": "Kana", "KATAKANA-HIRAGANA": "Kana", "FULLWIDTH": "Latin"}
SCRIPTS = {
    "ru": "Cyrillic", "uk": "Cyrillic", "el": "Greek", "ar": "Arabic", "fa": "Arabic", "he": "Hebrew",
    "hi": "Devanagari", "th": "Thai", "zh": "Han", "ja": "Kana", "ko": "Hangul",
}  # fmt: skip
"""Languages of the word lists that are not written in Latin letters."""


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    first = unicodedata.name(letter, "").partition(" ")[0]
    return _NAMED.get(first, first.capitalize())
