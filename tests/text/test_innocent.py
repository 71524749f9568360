"""What looks like a hidden word and is none: real words under a disguise, colours, names that hold a phrase."""

from __future__ import annotations

from pathlib import Path

import pytest

from moderation.text import Filter

FILTER = Filter()


@pytest.mark.parametrize("text", ["c.0.u.n.t the votes", "C0UNT", "cl0ck", "d0cum3nt"])
def test_a_word_with_digits_is_read_with_them_where_that_makes_a_common_word(text: str) -> None:
    assert not FILTER.flagged(text)


@pytest.mark.parametrize("text", ["you 4s$", "f0x and f_u_c_k", "c.u.n.t"])
def test_a_common_word_near_by_or_within_does_not_excuse_a_hidden_one(text: str) -> None:
    assert FILTER.flagged(text)


@pytest.mark.parametrize("text", ["#FA6607", "color:#fa6607;", "#A55", "(#455a55)"])
def test_a_colour_is_no_word(text: str) -> None:
    assert not FILTER.flagged(text)


@pytest.mark.parametrize("text", ["as\u200bsess", "a\u2060s\u200cs\u200be\u200cs\ufeffs", "as\u00adsessable"])
def test_an_innocent_word_with_invisible_characters_stays_innocent(text: str) -> None:
    assert not FILTER.flagged(text)


def test_a_surname_that_holds_a_phrase_is_a_name() -> None:
    assert not FILTER.flagged("Mr Hiscock spoke.")
    assert FILTER.flagged("suck his cock")


OWN = Path(__file__).resolve().parents[2] / "lexicon_sources" / "innocent_own.txt"


def test_places_surnames_medicine_plants_food_and_foreign_words_are_innocent() -> None:
    rows = [word for line in OWN.read_text("utf-8").splitlines() if line[:1] != "#" for word in line.split()]
    assert len(rows) > 700
    assert [word for word in rows if FILTER.flagged(word) or FILTER.flagged(f"They spoke of {word} again.")] == []


@pytest.mark.parametrize(
    "text", ["ass ass in", "you are an ass, assassin", "Scunthorpe cunt", "shittim shit", "ASS-ass"]
)
def test_an_innocent_word_opens_no_door_for_its_neighbours(text: str) -> None:
    assert FILTER.matcher.find(text)


@pytest.mark.parametrize("text", ["f, u, c and k are constants", "for k in f.u.c", "an A2×3 sheet"])
def test_letters_in_a_list_and_measures_are_no_words(text: str) -> None:
    assert not FILTER.matcher.find(text)


@pytest.mark.parametrize("text", ["f.u.c.k", "f, u, c, k", "f u k", "f×ck"])
def test_a_word_spelt_to_its_end_is_one(text: str) -> None:
    assert FILTER.flagged(text)
