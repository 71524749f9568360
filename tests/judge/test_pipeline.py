"""How a verdict is formed: nothing is cut short, a broken check holds, and more evidence never makes it milder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.judge.cases import ORDINARY, case, site

from moderation.judge import pipeline
from moderation.judge.checks import STRENGTH
from moderation.judge.pipeline import judge, weigh
from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules
from moderation.values import AuthorRecord, Case, Decision, Effect, Finding, Limited

SITE = site()
MILDEST_FIRST = (Decision.APPROVE, Decision.HOLD, Decision.SPAM, Decision.REJECT)
findings = st.lists(st.sampled_from(Effect).map(lambda effect: Finding("a.rule", effect)), max_size=12)
texts = st.text(max_size=200) | st.sampled_from(
    ["bullshit", "You retard!", "ana@example.org", "https://bit.ly/x", "HELLO WORLD, HELLO WORLD", "!" * 30]
)
cases = st.builds(
    Case,
    site=st.just("news"),
    body=st.lists(texts, max_size=4).map(" ".join),
    author_name=texts,
    author_url=st.none() | st.just("https://bullshit.example"),
    has_email=st.booleans(),
    disposable_email=st.booleans(),
    verified=st.booleans(),
    is_reply=st.booleans(),
    article_closed=st.sampled_from([None, None, "hand", "age"]),
    record=st.builds(AuthorRecord, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    limited=st.builds(Limited, available=st.booleans(), email_exceeded=st.booleans(), seen=st.integers(0, 9)),
    at=st.just(ORDINARY.at),
)


def test_nothing_against_it_leaves_the_site_to_decide() -> None:
    assert judge(case(), SITE).decision is Decision.APPROVE
    assert judge(case(), site(mode="pre")).decision is Decision.HOLD


@pytest.mark.parametrize(
    ("effects", "decision"),
    [
        ([], Decision.HOLD),
        ([Effect.PASS], Decision.HOLD),
        ([Effect.TAG], Decision.HOLD),
        ([Effect.TAG, Effect.APPROVE], Decision.APPROVE),
        ([Effect.APPROVE, Effect.HOLD], Decision.HOLD),
        ([Effect.HOLD, Effect.SPAM, Effect.APPROVE], Decision.SPAM),
        ([Effect.SPAM, Effect.REJECT, Effect.APPROVE], Decision.REJECT),
    ],
)
def test_reject_goes_over_spam_over_hold_over_approve(effects: list[Effect], decision: Decision) -> None:
    assert weigh([Finding("a.rule", effect) for effect in effects]) is decision


@given(findings, st.sampled_from([effect for effect in Effect if effect is not Effect.APPROVE]))
def test_one_finding_more_never_makes_a_verdict_milder(before: list[Finding], effect: Effect) -> None:
    more = [*before, Finding("one.more", effect)]
    assert MILDEST_FIRST.index(weigh(more)) >= MILDEST_FIRST.index(weigh(before))


@given(findings)
def test_the_order_of_findings_does_not_matter(some: list[Finding]) -> None:
    assert weigh(some) is weigh(some[::-1])


@given(cases)
def test_equal_cases_get_equal_verdicts_with_one_finding_a_check(some: Case) -> None:
    first, second = judge(some, SITE), judge(some, SITE)
    assert first == second
    assert len(first.findings) == len(pipeline.CHECKS)
    assert all(found.code in pipeline.CODES for found in first.findings)
    strongest = max(first.findings, key=lambda found: STRENGTH[found.effect])
    assert first.decision is weigh([strongest])


@given(cases)
def test_masks_lie_in_the_text_in_order_and_never_overlap(some: Case) -> None:
    masks = judge(some, SITE).masks
    ends = [0, *(at for mask in masks for at in (mask.start, mask.end)), len(some.body)]
    assert ends == sorted(ends)


def test_all_evidence_is_there_however_grave_the_first() -> None:
    body = "You retard! WRITE TO ana@example.org OR https://bit.ly/x " + "!" * 30
    verdict = judge(case(body=body, article_closed="hand", limited=Limited(available=False)), SITE)
    objections = {found.rule for found in verdict.findings if found.effect in (Effect.HOLD, Effect.REJECT)}
    assert verdict.decision is Decision.REJECT
    assert objections >= {"article.closed", "limits", "words.body", "links", "style.repetition"}


def test_a_check_that_breaks_holds_says_which_and_quotes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(reading: Reading, site: SiteRules) -> Finding:
        raise ValueError(reading.case.body)

    monkeypatch.setattr(pipeline, "CHECKS", (*pipeline.CHECKS, broken))
    verdict = judge(case(body="A secret text."), SITE)
    assert verdict.decision is Decision.HOLD
    assert verdict.findings[-1].data == {"check": "broken", "error": "ValueError"}
    assert len(verdict.findings) == len(pipeline.CHECKS)


def test_a_verdict_names_the_revision_it_was_formed_under() -> None:
    other = site("depth = 3")
    assert judge(case(), SITE).revision == SITE.revision != other.revision == judge(case(), other).revision
