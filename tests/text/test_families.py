"""The engine against disguises of our own: recall by family, and innocent words under the same disguises."""

from __future__ import annotations

import pytest

from moderation.evaluation.families import FAMILIES, INNOCENT, LOSING, WORDS, rows
from moderation.text import Filter

FILTER = Filter()
MISSED = {
    "no_vowels": 0.25,
    "swapped": 0.2,
    "mistyped": 0.35,
    "struck_leet": 0.25,
    "split_leet": 0.2,
}  # Cint, slit and kile are words or names too; all others miss one in ten


@pytest.mark.parametrize("name", FAMILIES)
def test_a_disguised_word_is_found(name: str) -> None:
    texts = rows(name, WORDS)
    missed = [text for text in texts if not FILTER.flagged(text)]
    assert len(missed) <= len(texts) * MISSED.get(name, 0.1), missed


@pytest.mark.parametrize("name", FAMILIES)
def test_a_disguised_innocent_word_is_left_alone(name: str) -> None:
    twins = INNOCENT if name == "stars" else ("count", "sheet", "duck", "shirt", "class") if name in LOSING else ()
    texts = rows(name, tuple(word for word in INNOCENT if word not in twins))
    flagged = [text for text in texts if FILTER.flagged(text)]
    assert len(flagged) <= len(texts) * 0.05, flagged
