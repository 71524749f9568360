"""The engine against disguises of our own: recall by family, and innocent words under the same disguises."""

from __future__ import annotations

import random

import pytest
from tests.text.families import CARRIERS, FAMILIES, INNOCENT, LOSING, WORDS

from moderation.text import Filter

FILTER = Filter()
ROUNDS = 2
MISSED = {
    "no_vowels": 0.25,
    "swapped": 0.2,
}  # King Cnut and a salt called sult are words too; all others miss one in ten


def rows(name: str, words: tuple[str, ...]) -> list[str]:
    """Every word under one disguise, in a few carriers; the same on every run."""
    rng = random.Random(name)
    return [rng.choice(CARRIERS).format(FAMILIES[name](word, rng)) for word in words for _ in range(ROUNDS)]


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
