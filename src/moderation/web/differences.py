"""What is different between two versions of a text, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

MOST = 250_000
"""Pairs of words that are compared. Of versions that are longer and differ everywhere, the whole stretch is told."""
_WORD = re.compile(r"\w+|\s|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch that both have (`same`), that only the older one has (`gone`), or only the newer one (`new`)."""

    kind: str
    text: str


def difference(old: str, new: str) -> list[Stretch]:
    """In order; without those that are new it is the older version, without those that are gone the newer one."""
    left, right = _WORD.findall(old), _WORD.findall(new)
    begins = _common(left, right)
    ends = _common(left[begins:][::-1], right[begins:][::-1])
    inner = _compared(left[begins : len(left) - ends], right[begins : len(right) - ends])
    around = [("same", word) for word in left[:begins]], [("same", word) for word in left[len(left) - ends :]]
    told = [*around[0], *inner, *around[1]]
    return [Stretch(kind, "".join(word for _, word in some)) for kind, some in groupby(told, lambda each: each[0])]


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """How many words at the beginning are the same."""
    pairs = zip(left, right, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(left), len(right)))


def _compared(left: Sequence[str], right: Sequence[str]) -> list[tuple[str, str]]:
    """By the longest common subsequence; what is gone before what is new in its place."""
    if len(left) * len(right) > MOST:
        return [*(("gone", word) for word in left), *(("new", word) for word in right)]
    lengths = [[0] * (len(right) + 1)]
    for one in reversed(left):
        below, row = lengths[-1], [0]
        for at, other in enumerate(reversed(right)):
            row.append(below[at] + 1 if one == other else max(below[at + 1], row[at]))
        lengths.append(row)
    told: list[tuple[str, str]] = []
    i, j = len(left), len(right)
    while i or j:
        if i and j and left[-i] == right[-j]:
            told.append(("same", left[-i]))
            i, j = i - 1, j - 1
        elif i and (not j or lengths[i - 1][j] >= lengths[i][j - 1]):
            told.append(("gone", left[-i]))
            i -= 1
        else:
            told.append(("new", right[-j]))
            j -= 1
    return told
