"""Words to search by: what a text and a query have in common whatever their case, accents and punctuation.

Scripts that write without spaces are cut into single characters, which a phrase then finds again.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MOST = 2000
"""Words of one text."""
LONGEST = 60
"""Characters of one word; what comes after them is cut off."""

_RUN = re.compile(r"[^\W_]+")
_PLAIN = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_CLOSE = re.compile(  # Thai, Lao, Burmese, Khmer, kana, Han, Hangul
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]"
)


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    if text.isascii():  # as `runs` reads it, in a fifth of the time
        return [run[:LONGEST] for run in text.translate(_PLAIN).split()][:MOST]
    return [word for run in runs(text) for word in run][:MOST]


def runs(text: str) -> list[list[str]]:
    """What stands between blanks and punctuation, each as its words: one, or single characters."""
    if not text.isascii():
        text = "".join([c for c in unicodedata.normalize("NFKD", text) if c.isascii() or _is_kept(c)])
    return [_parts(run) for run in _RUN.findall(text.casefold())]


@lru_cache(maxsize=4096)
def _is_kept(char: str) -> bool:
    """Not so accents and characters that only format."""
    return not unicodedata.combining(char) and unicodedata.category(char) != "Cf"


def _parts(run: str) -> list[str]:
    if run.isascii() or not _CLOSE.search(run):
        return [run[:LONGEST]]
    spaced = _CLOSE.sub(lambda found: f" {found[0]} ", run)
    return [part[:LONGEST] for part in spaced.split()]
