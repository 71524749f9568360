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


@pytest.mark.parametrize(
    "text",
    ["fuxk off", "bitxh", "asshile", "uckfay", "shizzit", "fxuxcxk", "k c u f", "f♥u♥c♥k", "sss hhh iii ttt", "sh 1t",
     "fuuu uck", "(s)hit", "f[u](https://example.com)ck", "<f><u><c><k>", "5h#t", "bіт*н", "ass*ole", "@$$h073", "f***",
     "megabitch", "lady-boy"],
)  # fmt: skip
def test_what_a_reader_still_reads_is_found(text: str) -> None:
    assert FILTER.flagged(text)


@pytest.mark.parametrize(
    "text",
    ["botched", "shifty", "Kile", "shhh it is late", "on 1/6 at 5:17", "b i n g o", "aaa bbb ccc", "6h30 at", "sheet 4",
     "[shop](https://example.com)ping", "<b><i><u>text</u></i></b>", "f#x", "8#10", "i♥u", "display", "drizzle",
     "word(s) hit",
     "o/r+a,n!g;e", "s h e e t"],
)  # fmt: skip
def test_what_only_resembles_it_is_left_alone(text: str) -> None:
    assert not FILTER.flagged(text)


@pytest.mark.parametrize("text", ["Du v3rd4mmter", "two whores", "shitters"])
def test_a_match_takes_in_the_ending_of_its_word(text: str) -> None:
    assert FILTER.matcher.find(text)[-1].end == len(text)
