"""Signs of mass-made comments: each is told with its numbers, in words, and decides nothing by itself."""

from __future__ import annotations

from typing import Any

import pytest
from tests.judge.cases import case, reading, site

from moderation.judge import signals
from moderation.judge.cases import recall, remember
from moderation.judge.pipeline import CHECKS, Check, judge
from moderation.text.links import find_links
from moderation.values import Decision, Effect, Limited
from moderation.web import sentences

ALL: tuple[Check, ...] = (
    signals.similar,
    signals.link_density,
    signals.repeated_phrases,
    signals.other_script,
    signals.burst,
)
SEEN: list[tuple[Check, dict[str, Any], str, str]] = [
    (
        signals.similar,
        {"limited": Limited(near=4, seen=1)},
        "similar-text",
        "Much the same text came 4 times within an hour",
    ),
    (
        signals.link_density,
        {"body": "See https://example.com/a-long-address-of-a-shop and buy"},
        "link-density",
        "79% of the text is links",
    ),
    (
        signals.repeated_phrases,
        {"body": "buy cheap pills now " * 5},
        "repeated-phrases",
        "The same three words come up to 5 times",
    ),
    (
        signals.other_script,
        {"body": "Лучшие цены только у нас, пишите"},
        "other-script",
        "Written in Cyrillic letters; this site's languages use Latin",
    ),
    (
        signals.burst,
        {"limited": Limited(article_recent=30, article_most=40)},
        "burst",
        "30 comments at once under this article",
    ),
]


@pytest.mark.parametrize(("check", "over", "code", "sentence"), SEEN)
def test_a_sign_is_told_in_words_and_only_observed(
    check: Check, over: dict[str, Any], code: str, sentence: str
) -> None:
    found = check(reading(**over), site())
    assert (found.code, found.effect) == (code, Effect.OBSERVE)
    assert sentences.finding(found) == sentence


@pytest.mark.parametrize("check", ALL)
def test_an_ordinary_comment_shows_no_sign(check: Check) -> None:
    found = check(reading(), site())
    assert (found.code, found.effect) == ("passed", Effect.PASS)
    assert sentences.finding(found) != "Nothing found"


def test_all_signs_together_change_no_decision() -> None:
    body = "Лучшие цены только у нас " * 4
    limited = Limited(near=9, article_recent=50, article_most=60)
    assert judge(case(body=body, limited=limited), site("[sites.news.style]\nrepetition = 'tag'\n")).decision is (
        Decision.APPROVE
    )
    assert set(ALL) <= set(CHECKS)


def test_a_rule_of_the_admin_weighs_them() -> None:
    rule = (
        "[[rules]]\nid = 'mass'\nthen = 'spam'\nbecause = 'Mass-made'\n"
        "when = 'comment.similar >= 2 && comment.link_share > 0.2'\n"
    )
    body = "Look at https://example.com/a-shop now"
    assert find_links(body)
    assert judge(case(body=body, limited=Limited(near=2)), site(rule)).decision is Decision.SPAM
    assert judge(case(body=body, limited=Limited(near=1)), site(rule)).decision is Decision.APPROVE


def test_a_site_in_that_script_sees_no_other_script() -> None:
    body = "Лучшие цены только у нас, пишите"
    assert signals.other_script(reading(body=body), site("words.languages = ['ru']")).code == "passed"
    assert signals.other_script(reading(body=body), site("words.languages = ['en', 'uk']")).code == "passed"


def test_what_was_seen_is_kept_for_a_backtest_and_old_records_can_still_be_read() -> None:
    known = case(limited=Limited(near=3, article_recent=7, article_most=20))
    facts = remember(known)
    said: dict[str, Any] = {
        "site": known.site,
        "body": known.body,
        "author_name": known.author_name,
        "author_url": known.author_url,
        "verified": known.verified,
        "is_reply": known.is_reply,
        "at": known.at,
    }
    assert recall(facts, **said) == known
    facts["limited"] = facts["limited"][:4]
    assert recall(facts, **said).limited.near == 0
