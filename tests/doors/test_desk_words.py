"""What the desk says and how it cuts a text: pure functions, no service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from string import Formatter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation import catalogue
from moderation.judge import pipeline
from moderation.values import Effect, Finding, Span, Status
from moderation.web import desk_keys, sentences
from moderation.web.marks import Piece, abbreviation, pieces

NOW = datetime(2026, 8, 3, 10, 4, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


# ---- sentences ----


@pytest.mark.parametrize("code", sorted(pipeline.CODES - {"passed"}))
def test_every_code_has_a_sentence(code: str) -> None:
    assert code in sentences.FINDINGS
    data = {name: 3 for _, name, _, _ in Formatter().parse(sentences.FINDINGS[code]) if name}
    said = sentences.finding(Finding("a.rule", Effect.HOLD, code, data=data))
    assert "{" not in said
    assert not said[0].islower()
    assert not said.endswith(".")


def test_no_sentence_is_left_from_a_code_that_is_gone() -> None:
    assert set(sentences.FINDINGS) <= pipeline.CODES


def test_every_status_decision_and_effect_has_a_word() -> None:
    assert set(sentences.STATUSES) == set(sentences.DONE) == set(Status)
    assert set(sentences.EFFECTS) == set(sentences.GRAVEST_FIRST) == set(Effect)


def test_a_code_from_the_future_still_gets_a_sentence() -> None:
    assert sentences.finding(Finding("x", Effect.HOLD, "quite-new")) == "Quite new"


def test_a_number_that_is_missing_breaks_nothing() -> None:
    assert sentences.finding(Finding("links", Effect.HOLD, "many-links")) == "some links, more than some"


def test_why_says_the_gravest_first() -> None:
    findings = [
        Finding("contacts", Effect.TAG, "contacts", data={"count": 1}),
        Finding("limits"),
        Finding("words.name", Effect.REJECT, "severe-word", "author.name", data={"terms": ["bad"]}),
        Finding("links", Effect.HOLD, "many-links", data={"count": 4, "most": 2}),
        Finding("mode", Effect.PASS, "pre-moderation", "site"),
    ]
    assert sentences.why(findings) == "Severe word: bad in the name; 4 links, more than 2; contact data (1)."


def test_why_names_the_sites_wish_where_no_rule_objects() -> None:
    mode = Finding("mode", Effect.PASS, "pre-moderation", "site")
    note = Finding("contacts", Effect.TAG, "contacts", data={"count": 1})
    assert sentences.why([mode]) == "Every comment on this site waits for a moderator."
    assert sentences.why([note, mode]) == "Every comment on this site waits for a moderator; contact data (1)."
    assert sentences.why([]) == "No rule objected."


def test_several_words_are_said_in_the_plural_with_the_grade_of_the_worst() -> None:
    found = Finding("words.body", Effect.HOLD, "strong-word", data={"terms": ["bloody", "bullshit"]})
    assert sentences.finding(found) == "Words, the worst of them strong: bloody, bullshit"


@pytest.mark.parametrize("code", ["shortener", "denied-domain"])
def test_a_graver_link_does_not_hide_that_there_are_too_many(code: str) -> None:
    few, many = (Finding("links", Effect.HOLD, code, data={"count": count, "most": 2}) for count in (2, 4))
    assert sentences.finding(many) == f"{sentences.finding(few)}, among 4 links, more than 2"


def test_in_german_each_finding_is_a_sentence() -> None:
    run = Finding("style.repetition", Effect.HOLD, "long-run", data={"longest_run": 26})
    word = Finding("words.body", Effect.TAG, "mild-word", data={"terms": ["crap"]})
    catalogue.speak("de")
    try:
        assert sentences.why([word, run]) == "Dasselbe Zeichen 26-mal hintereinander. Mildes Wort: crap."
    finally:
        catalogue.speak("en")


def test_numbers_are_written_as_people_write_them() -> None:
    data = {"share": 0.735, "longest_run": 19, "terms": ["a", "b"], "disguises": [], "maybe": False, "count": 0}
    assert sentences.numbers(Finding("x", data=data)) == "share 74% · longest run 19 · terms a, b · count 0"


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=31), "1 month ago"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_ages_are_said_in_the_largest_unit(before: timedelta, words: str) -> None:
    assert sentences.ago(NOW - before, NOW) == words


def test_clocks_show_the_sites_time_and_the_day_when_it_is_another() -> None:
    assert sentences.clock(NOW, NOW, BERLIN) == "12:04"
    assert sentences.clock(NOW - timedelta(days=2), NOW, BERLIN) == "1 Aug, 12:04"
    assert sentences.clock(NOW - timedelta(days=400), NOW, BERLIN) == "29 Jun 2025, 12:04"


def test_standing_names_who_decided_and_calls_the_reader_you() -> None:
    assert sentences.standing(Status.SPAM, "Ana", NOW, "Omar", NOW, BERLIN) == "Marked as spam by Ana, 12:04"
    assert sentences.standing(Status.APPROVED, "Omar", NOW, "Omar", NOW, BERLIN) == "Approved by you, 12:04"
    assert sentences.standing(Status.APPROVED, None, None, "Omar", NOW, BERLIN) == "Approved by the rules"


# ---- marks ----

span = st.builds(
    lambda start, length: Span(start, start + length, f"at {start}"), st.integers(0, 40), st.integers(0, 30)
)
spans = st.lists(span, max_size=8)


@given(st.text(max_size=50), spans, spans)
def test_the_pieces_are_the_text(text: str, matched: list[Span], masked: list[Span]) -> None:
    found = pieces(text, matched, masked)
    assert "".join(piece.text for piece in found) == text
    at = 0
    for piece in found:
        for place in range(at, at + len(piece.text)):
            assert set(piece.matches) == {span.label for span in matched if span.start <= place < span.end}
            assert piece.hidden == any(span.start <= place < span.end for span in masked)
        at += len(piece.text)


def test_overlapping_spans_are_each_read_out_once() -> None:
    found = pieces("abcdef", [Span(0, 4, "one"), Span(2, 6, "two")])
    assert found == [
        Piece("ab", ("one",), ("one",)),
        Piece("cd", ("one", "two"), ("two",), ends=True),
        Piece("ef", ("two",), (), ends=True),
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("fu\u200bck", ["ZERO WIDTH SPACE"]),
        ("a\u202eb\u202c", ["RIGHT-TO-LEFT OVERRIDE", "POP DIRECTIONAL FORMATTING"]),
        ("so\u00adft", ["SOFT HYPHEN"]),
        ("a\u200db", ["ZERO WIDTH JOINER"]),
        ("a\ufe0fb", ["VARIATION SELECTOR-16"]),
        ("\u3164", ["HANGUL FILLER"]),
        ("\x07", ["U+0007"]),
        ("a\U000e0041", ["TAG LATIN CAPITAL LETTER A"]),
    ],
)
def test_what_cannot_be_seen_is_named(text: str, names: list[str]) -> None:
    assert [piece.unseen for piece in pieces(text, []) if piece.unseen] == names


@pytest.mark.parametrize(
    "text",
    [
        "two\nlines\tand a tab",
        "no\u00a0break",
        "👨\u200d👩\u200d👧",
        "👩🏽\u200d💻",
        "❤\ufe0f",
        "1\ufe0f\u20e3",
        "می\u200cخواهم",
        "क्\u200dष",
        "🏴\U000e0067\U000e0062\U000e007f",
        "עברית\u200f.",
        "漢\U000e0100",
        "日本語　テスト",
    ],
)
def test_what_does_its_work_is_left_alone(text: str) -> None:
    assert [piece.text for piece in pieces(text, [])] == [text]


def test_unseen_characters_have_short_names() -> None:
    assert abbreviation("\u200b") == "ZWSP"
    assert abbreviation("\U000e0041") == "U+E0041"


def test_a_key_that_somebody_chose_is_taken_from_a_thing_that_has_it_by_default() -> None:
    keys = desk_keys._keys({"keys": {"approve": ["+", ","]}})
    assert keys.of["unfold"] == ()
    assert keys.usual["+"] == "a"
