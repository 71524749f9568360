"""Innocent words: the common words of English, and the words and names that hold a bad word's letters.

Both are compiled by `lexicon_sources/`; see NOTICE for where they come from.  Says nothing about bad words.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from moderation.text.spelling import key, squash

ENGLISH = frozenset(
    ("the", "and", "of", "to", "is", "are", "was", "were", "that", "this", "with", "for", "you", "it", "not", "they",
     "have", "has", "be", "on", "at", "by", "from", "my", "your", "he", "she", "his", "her", "we", "what", "who", "but",
     "if", "just", "don't", "can", "will", "would", "get", "all", "like", "an", "or", "them", "their", "its", "been")
)  # fmt: skip
"""Words that hardly an English text of some length does without."""


@lru_cache(maxsize=1)
def common() -> frozenset[str]:
    """The most common English words, lower case."""
    return frozenset(_lines("common.txt"))


@lru_cache(maxsize=1)
def innocent() -> frozenset[str]:
    """Words and names in which a term would be found if they were not known, lower case and without accents."""
    return frozenset(_lines("innocent.txt"))


@lru_cache(maxsize=1)
def innocent_keys() -> frozenset[str]:
    """The keys of `innocent`: what a disguise of an innocent word folds to."""
    return frozenset(key(word) for word in innocent())


@lru_cache(maxsize=1)
def innocent_squashed() -> frozenset[str]:
    """The innocent words with repeated letters folded into one."""
    return frozenset(squash(word) for word in innocent())


def _lines(name: str) -> list[str]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
