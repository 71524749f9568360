"""Single tricks, and the innocent words that are treated alike."""

from __future__ import annotations

import pytest

from moderation.text import Filter
from moderation.text.readings import read

FILTER = Filter()


@pytest.mark.parametrize("text", ["fu(|<er", "b|t(|-|", "tvva+!", "t\\/\\/@t!"])
def test_letters_drawn_with_signs_are_cut_from_either_side_and_end_before_punctuation(text: str) -> None:
    assert FILTER.flagged(text)


@pytest.mark.parametrize("text", ["foocker", "motherfoocker", "boollshit", "wankah"])
def test_vowels_written_as_they_sound_are_read(text: str) -> None:
    assert FILTER.flagged(text)


@pytest.mark.parametrize("text", ["bassoon", "sheets", "butcher", "botched", "loot", "A foot, a shoot."])
def test_words_of_such_vowels_are_left_alone(text: str) -> None:
    assert not FILTER.flagged(text)


@pytest.mark.parametrize("text", ["c*nst*t*t**n", "b*ll*t*n", "c*c*mb*r"])
def test_a_run_of_stars_hides_letters_only_where_it_stands(text: str) -> None:
    assert not FILTER.flagged(text)
    assert FILTER.flagged("f****ng")


def test_a_variant_of_a_letter_looks_like_the_letter() -> None:
    assert [read(char).look for char in "қңөғ"] == ["k", "h", "o", "f"]
    assert FILTER.flagged("fucқ this")
