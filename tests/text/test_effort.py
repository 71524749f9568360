"""A text may take so many steps.  What is beyond them is not read, and then the text is held; no honest text takes as
many."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from tests.judge import cases
from tests.text import corpora
from tests.text.test_linear import DEAREST, HARDLY_READ
from tests.text.worst import LENGTH, Recipe, text_of

from moderation.evaluation.families import INNOCENT
from moderation.judge.pipeline import judge
from moderation.text import Filter, filter_lines
from moderation.text.effort import PRICES, WHOLE, price_of
from moderation.text.matcher import Found, Matcher
from moderation.values import Decision

FILTER = Filter()
PAGES = Path(__file__).parents[2] / "docs"
MADE = frozenset(("profane_plain", "profane_evasion", "multilingual"))
"""Corpora of swear words, and of abuse in two dozen languages in turn: what is marked in them makes, joined, no text
that an honest person writes."""


def fresh() -> Matcher:
    """One that remembers nothing."""
    return Matcher(FILTER.matcher.lexicon, FILTER.matcher.index)


def joined(texts: list[str], size: int) -> list[str]:
    """The texts in one another's wake, as texts of `size` characters."""
    whole = " ".join(texts)
    return [whole[at : at + size] for at in range(0, len(whole), size)]


@pytest.mark.parametrize("recipe", HARDLY_READ, ids=repr)
def test_what_hides_in_a_text_that_takes_long_is_held(recipe: Recipe) -> None:
    text = text_of(recipe)
    found = fresh().read(text)
    assert found.unread is not None
    assert 0 <= found.unread < len(text)
    assert FILTER.flagged(text)
    for words in ("", "[sites.news.words]\nsevere = 'tag'\nstrong = 'tag'\nmild = 'tag'"):
        judged = judge(cases.case(body=text), cases.site(words))
        told = next(each for each in judged.findings if each.rule == "words.body")
        assert judged.decision in (Decision.HOLD, Decision.REJECT)
        assert told.data["unread"] == found.unread
        assert told.code == ("unread-words" if judged.decision is Decision.HOLD else "severe-word")


def test_a_swear_word_behind_what_takes_long_is_held() -> None:
    noise = text_of(("0##", "@$$h0", "|-|", "?", " "))
    assert not FILTER.flagged("nothing here")
    assert FILTER.flagged(f"{noise} fuck")


@pytest.mark.parametrize("recipe", DEAREST, ids=repr)
def test_what_was_read_before_alters_no_answer(recipe: Recipe) -> None:
    text = text_of(recipe)
    alone = fresh().read(text)
    knowing = fresh()
    chance = random.Random(20261129)
    pieces = text.split()
    for _ in range(30):
        at = chance.randrange(len(pieces))
        knowing.read(" ".join(pieces[at : at + chance.randrange(1, 40)]))
    assert knowing.read(text) == alone
    assert knowing.read(text) == alone


def test_no_page_of_ours_and_no_innocent_text_is_left_unread() -> None:
    pages = [page.read_text("utf-8") for page in sorted(PAGES.glob("*.md"))]
    for size in (LENGTH, 20_000):
        texts = [*joined(pages, size), *joined(list(INNOCENT) * 20, size)]
        assert [text[:60] for text in texts if fresh().read(text).unread is not None] == []


def test_no_text_of_the_corpora_is_left_unread() -> None:
    reader = fresh()
    for name in corpora.sets():
        rows = corpora.read(name)
        honest = [row["text"] for row in rows if name not in MADE or not row["label"]]
        texts = [row["text"] for row in rows]
        texts += [text for size in (LENGTH, 20_000) for text in joined(honest, size)]
        assert [text[:60] for text in texts if reader.read(text).unread is not None] == [], name


@pytest.mark.parametrize("recipe", DEAREST, ids=repr)
def test_a_short_text_is_read_to_its_end_whatever_it_takes(recipe: Recipe) -> None:
    text = text_of(recipe)
    assert fresh().read(text[:WHOLE]).unread is None


def test_a_long_text_of_plain_swear_words_is_read_to_its_end() -> None:
    found = fresh().read("bullshit! " * 2_000)
    assert (len(found.matches), found.unread) == (2_000, None)


def test_the_answer_says_where_the_rest_begins() -> None:
    text = text_of(HARDLY_READ[0])
    given = [json.dumps({"id": 1, "text": text}), json.dumps({"id": 2, "text": "fuck this"})]
    long, short = (json.loads(line) for line in filter_lines(given, FILTER))
    assert long["flagged"]
    assert long["unread"] == FILTER.explain(text).unread
    assert "unread" not in short


def test_in_a_text_with_markup_the_place_is_one_of_the_original() -> None:
    text = "<b></b>" * 20 + text_of(HARDLY_READ[0])
    unread = FILTER.explain(text).unread
    assert unread is not None
    assert unread >= len("<b></b>" * 20)


def test_a_price_pays_for_the_steps_that_a_chunk_took() -> None:
    assert [PRICES[price_of(steps)] for steps in (0, 1, 5, 100, PRICES[-1] + 1)] == [0, 1, 6, 160, PRICES[-1]]


def test_nothing_is_unread_in_nothing() -> None:
    assert fresh().read("") == Found((), None)
