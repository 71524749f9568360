"""What words of a text and of a query have in common."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.text.search import LONGEST, MOST, runs, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The last FERRY, at 2!", ["the", "last", "ferry", "at", "2"]),
        ("Café ﬁne naïve Straße", ["cafe", "fine", "naive", "strasse"]),
        ("snake_case o'clock e-mail", ["snake", "case", "o", "clock", "e", "mail"]),
        ("fer\u200bry zero\u00adwidth", ["ferry", "zerowidth"]),
        ("港口の船", ["港", "口", "の", "船"]),
        ("ferry港2", ["ferry", "港", "2"]),
        ("فكرة جيدة", ["فكرة", "جيدة"]),
        ("' \" \\ : & | ! ( ) * <-> \0", []),
        ("x" * 200, ["x" * LONGEST]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_there_is_a_most() -> None:
    assert len(words("a " * 5000)) == MOST


def test_close_scripts_stay_together_in_a_run() -> None:
    assert runs("港口 ferry") == [["港", "口"], ["ferry"]]


@settings(max_examples=500, deadline=None)
@given(st.text(st.characters(max_codepoint=127), max_size=80) | st.just("a" * 61) | st.just("a " * (MOST + 1)))
def test_a_text_of_plain_letters_has_the_words_of_its_runs(text: str) -> None:
    assert words(text) == [word for run in runs(text) for word in run][:MOST]
