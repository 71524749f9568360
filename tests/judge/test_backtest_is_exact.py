"""Ten thousand generated cases: judged live, then again from what was stored, they come out the same to the last
number; and so they do when findings are taken over from other rules. A rule more never makes a verdict milder."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from moderation.judge.again import DECIDING, FACTS_ALONE, SETTINGS, Outcome, checked, outcome, same_checks
from moderation.judge.cases import recall, remember
from moderation.judge.pipeline import CHECKS, judge
from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules
from moderation.rules_loading import load_text
from moderation.values import AuthorRecord, Case, Decision, Effect, Limited, UnderArticle, Verdict, noted

MANY = 10_000
MILDEST_FIRST = (Decision.APPROVE, Decision.HOLD, Decision.SPAM, Decision.REJECT)
WORDS = (
    "crap", "bullshit", "retard", "Scunthorpe", "https://a.example.org/x", "http://bit.ly/q", "ana@example.org",
    "HELLO", "WORLD", "noooooooooooooo", "the", "mayor", "bridge", "b.u.l.l.s.h.i.t", "сrap", "win", "free",
    "cash", "😀", "\n", "+44 20 7946 0018", "e\u0301", "\u200b",
)  # fmt: skip
RULES = r"""
[[rules]]
id = "links"
when = 'author.approved < 2 && size(comment.links) >= 1 && !request.reply'
then = "hold"
[[rules]]
id = "win"
when = 'comment.folded.matches(r"\bwin\b.*\bcash\b") || comment.terms.exists(t, t.severity == "severe")'
then = "spam"
[[rules]]
id = "share"
when = '10 / author.rejected > 2 && author.rejected_share > 0.4'
then = "reject"
[[rules]]
id = "night"
when = 'time.hour < 6 && time.weekday != "sun" && article.comments > 50'
then = "tag"
[[rules]]
id = "known"
when = 'author.verified && time.now - author.first_seen > duration("240h") && "sport" in article.tags'
then = "approve"
[[rules]]
id = "quick"
when = 'request.seconds_to_submit == 1 && comment.links.size() > 1'
then = "hold"
[[rules]]
id = "trial"
when = 'comment.uppercase > 0.5 || comment.seen > 3 || request.address_recent > 5'
then = "reject"
shadow = true
""".replace('id = "links"', 'id = "some-links"')


def site(text: str) -> SiteRules:
    return load_text(f"[sites.news]\n{text}", "moderation.toml").rules.sites["news"]


BEFORE = site("mode = 'post'\n")
AFTER = site(f"mode = 'post'\ntimezone = 'Europe/Berlin'\n{RULES}")


def cases(number: int = MANY) -> Iterator[Case]:
    chance = random.Random(20261125)
    for _ in range(number):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(31_000_000), milliseconds=7)
        seen = at - timedelta(hours=chance.randrange(2000))
        yield Case(
            site="news",
            body=" ".join(chance.choices(WORDS, k=chance.randrange(1, 14))),
            author_name=chance.choice(["Ana", "Crap Ben", "Zoë"]),
            author_url=chance.choice([None, "https://example.org"]),
            has_email=chance.random() < 0.8,
            disposable_email=chance.random() < 0.1,
            verified=chance.random() < 0.3,
            is_reply=chance.random() < 0.5,
            article_closed=chance.choice([None, None, None, "hand", "age"]),
            record=_record(chance, seen),
            limited=Limited(
                True,
                chance.random() < 0.9,
                chance.random() < 0.1,
                chance.randrange(9),
                chance.randrange(9),
                fuse_blown=chance.random() < 0.1,
            ),
            at=at,
            article=UnderArticle("first", chance.randrange(99), chance.choice([None, seen]), ("sport",)),
            seconds_to_submit=chance.choice([None, 1, 60]),
        )


def _record(chance: random.Random, seen: datetime) -> AuthorRecord:
    approved, rejected, spam, pending = chance.choices(range(6), k=4)
    return AuthorRecord(approved, rejected, spam, pending, chance.choice([None, seen]))


def stored(case: Case) -> Case:
    """The case as it comes back from the store."""
    facts = orjson.loads(orjson.dumps(remember(case)))
    return recall(
        facts, site=case.site, body=case.body, author_name=case.author_name, author_url=case.author_url,
        verified=case.verified, is_reply=case.is_reply, at=case.at,
    )  # fmt: skip


def counting(live: Verdict) -> Outcome:
    """What a backtest makes of a verdict: what passed and what only tells facts is left out."""
    checks, own = live.findings[: len(CHECKS)], live.findings[len(CHECKS) :]
    deciding = [found for number, found in enumerate(checks) if number in DECIDING and found.effect is not Effect.PASS]
    return Outcome(live.decision, (*deciding, *own))


@pytest.mark.timeout(400)
def test_judged_again_from_the_store_they_come_out_the_same() -> None:
    same = same_checks(BEFORE, AFTER)
    fired = set()
    for case in cases():
        live = judge(case, AFTER)
        again = stored(case)
        assert again == case
        reading = Reading(again)
        assert outcome(reading, AFTER, checked(reading, AFTER, checked(reading, BEFORE), same)) == counting(live)
        fired |= {found.rule for found in live.findings if found.code.startswith("rule")}
    assert fired == {"some-links", "win", "share", "night", "known", "quick", "trial"}, (
        "a rule that never fired shows nothing"
    )


def test_so_does_the_language() -> None:
    told = site("[[rules]]\nid = 'latin'\nwhen = 'comment.language != \"\"'\nthen = 'hold'\n")
    decisions = set()
    for case in cases(300):
        reading = Reading(stored(case))
        live = judge(case, told)
        assert outcome(reading, told, checked(reading, told)) == counting(live)
        decisions.add("latin" in {found.rule for found in live.findings})
    assert decisions == {True, False}


def test_one_rule_more_never_makes_a_verdict_milder() -> None:
    for case in cases(2000):
        verdict = judge(case, AFTER)
        fewer = judge(case, BEFORE)
        assert MILDEST_FIRST.index(verdict.decision) >= MILDEST_FIRST.index(fewer.decision)


@pytest.mark.parametrize(
    "change",
    [
        "closed = true", "mode = 'pre'", "first_approved = 9", "[sites.news.lengths]\nbody_max = 20",
        "[sites.news.contacts]\nfound = 'hold'", "[sites.news.words]\nmild = 'hold'",
        "[sites.news.words]\nregrade = { crap = 'off' }", "[sites.news.links]\nmost = 0",
        "[sites.news.style]\nlongest_run = 3", "[sites.news.duplicates]\nnear_count = 1",
        "[sites.news.author]\nrefused_most = 1",
    ],
)  # fmt: skip
def test_what_is_taken_over_is_what_a_check_would_have_found(change: str) -> None:
    """Each setting that a check reads stands in `SETTINGS`: a change of it is seen."""
    mode = "" if change.startswith("mode") else "mode = 'first'\n"
    changed = site(f"{mode}{change}\n")
    before = site("mode = 'first'\n")
    same = same_checks(before, changed)
    assert len(same) < len(CHECKS)
    for case in cases(150):
        reading = Reading(case)
        again = outcome(reading, changed, checked(reading, changed, checked(reading, before), same))
        assert again == counting(judge(case, changed))


def test_every_check_says_what_it_reads() -> None:
    assert set(SETTINGS) == set(CHECKS)


def test_nothing_follows_from_what_a_backtest_leaves_out() -> None:
    seen = set()
    for case in cases(2000):
        case = replace(case, body=case.body * 4, limited=replace(case.limited, near=20, article_recent=20))
        for check in FACTS_ALONE:
            found = check(Reading(case), AFTER)
            seen.add(found.effect)
            assert not noted([found])
    assert seen == {Effect.PASS, Effect.OBSERVE}
