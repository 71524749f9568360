"""Spelling of one word: the key under which all its likely spellings meet, and how far a spelling is from the word.

Letters that look or sound alike share a key letter, and runs of one key letter count once: fuck, phuk, fvvck and fuccck
all have the key of fuck.  The key finds candidates; `distance` says whether one is near enough to be read as the word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

_CLASS = {"c": "k", "q": "k", "z": "s", "v": "u", "l": "i", "y": "i"}


def key_of(letters: str) -> tuple[str, list[int]]:
    """The key of a run of folded letters, and for each key letter the index at which its run begins (plus the end)."""
    if not letters:
        return "", [0]
    keys = letters.translate(_CLASSES)
    if "ph" in letters:
        keys = _PH.sub(lambda found: "f" * len(found[0]), keys)
    begins = [at for at, (one, other) in enumerate(pairwise(keys), 1) if one != other]
    return _TWICE.sub("", keys), [0, *begins, len(letters)]


def key(letters: str) -> str:
    """The key alone, in a fraction of the time."""
    if "ph" in letters:
        letters = _PH.sub("f", letters)
    return _TWICE.sub("", letters.translate(_CLASSES))


_CLASSES = str.maketrans(_CLASS)
_PH = re.compile("p+h")
_TWICE = re.compile(r"(.)(?=\1)", re.DOTALL)  # every letter of a run but its last


@lru_cache(maxsize=4096)
def runs(letters: str) -> tuple[str, ...]:
    """The letters, cut where the key letter changes."""
    _, begins = key_of(letters)
    return tuple(letters[a:b] for a, b in pairwise(begins))


def distance(word: Sequence[str], seen: Sequence[str]) -> tuple[int, bool]:
    """How many odd choices of letter make `seen` out of `word` (both as runs of the same key), and whether any run was
    stretched.  Stretching is free: readers ignore it."""
    odd = 0
    stretched = False
    for meant, got in zip(word, seen, strict=True):
        if meant == got:
            continue
        if set(got) <= set(meant):
            if len(got) > len(meant) or (len(meant) > 1 and len(got) >= len(meant)):
                stretched = True
            else:
                odd += 1
        elif meant == "f" or set(got) & set(meant):
            odd += 1
            stretched = stretched or len(got) > len(meant) + 1
        else:
            odd += min(2, len(set(got) - set(meant)))
            stretched = stretched or len(got) > len(meant) + 1
    return odd, stretched


def squash(letters: str) -> str:
    """Every run of the same letter once."""
    return _TWICE.sub("", letters)


def drawn_out(letters: str) -> bool:
    """Three of the same letter in a row: no language spells so."""
    return _THRICE.search(letters) is not None


_THRICE = re.compile(r"(.)\1\1", re.DOTALL)
_SOUNDS = (
    ("tch", "$"),
    ("sch", "$"),
    ("sh", "$"),
    ("ch", "$"),
    ("ph", "f"),
    ("ck", "k"),
    ("x", "ks"),
    ("qu", "k"),
    ("gh", "g"),
    ("wh", "w"),
)
_SAME_SOUND = str.maketrans("cqzvaeiouy", "kksfVVVVVV")


def sound(word: str) -> str:
    """The consonants as they sound, every run of vowels as one V: douchebag and dooshebag sound alike."""
    for written, heard in _SOUNDS:
        word = word.replace(written, heard)
    return squash(word.translate(_SAME_SOUND))
