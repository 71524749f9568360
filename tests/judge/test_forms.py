"""What the form tells that a comment was typed into: a sign among others, and never a wall."""

from __future__ import annotations

from typing import Any

import pytest
from tests.judge.cases import case, site

from moderation.judge.cases import recall, remember
from moderation.judge.pipeline import judge
from moderation.values import Decision, Effect, Finding, Limited

FRESH: dict[str, Any] = {"form": "good", "seconds_to_submit": 30}


def found(settings: str = "", **facts: Any) -> dict[str, Finding]:
    return {each.rule: each for each in judge(case(**facts), site(settings)).findings}


@pytest.mark.parametrize(
    ("facts", "code", "effect"),
    [
        ({}, "form-missing", Effect.PASS),
        (FRESH, "passed", Effect.PASS),
        ({"form": "forged"}, "form-forged", Effect.HOLD),
        (FRESH | {"form": "used"}, "form-used", Effect.HOLD),
        (FRESH | {"seconds_to_submit": 1}, "form-early", Effect.HOLD),
        (FRESH | {"seconds_to_submit": 2}, "passed", Effect.PASS),
        (FRESH | {"seconds_to_submit": 24 * 3600}, "passed", Effect.PASS),
        (FRESH | {"seconds_to_submit": 24 * 3600 + 1}, "form-late", Effect.TAG),
    ],
)
def test_each_state_of_the_token_is_a_finding(facts: dict[str, Any], code: str, effect: Effect) -> None:
    told = found(**facts)["form.token"]
    assert (told.code, told.effect) == (code, effect)


def test_the_field_that_nobody_sees_is_another() -> None:
    assert found()["form.trap"].code == "passed"
    assert found(trapped=True)["form.trap"].effect is Effect.HOLD


def test_the_site_says_what_each_leads_to() -> None:
    settings = "[sites.news.form]\nmissing = 'tag'\nused = 'tag'\nleast_seconds = 0\ntrap = 'tag'"
    assert found(settings)["form.token"].effect is Effect.TAG
    assert found(settings, **FRESH | {"form": "used"})["form.token"].effect is Effect.TAG
    assert found(settings, **FRESH | {"seconds_to_submit": 1})["form.token"].code == "passed"
    assert found(settings, trapped=True)["form.trap"].effect is Effect.TAG


ALWAYS = "[sites.news.form]\nproof = 'always'"
SUSPICION = "[sites.news.form]\nproof = 'suspicion'"


@pytest.mark.parametrize(
    ("solution", "code", "effect"),
    [
        ("none", "proof-missing", Effect.HOLD),
        ("wrong", "proof-wrong", Effect.HOLD),
        ("used", "proof-used", Effect.HOLD),
        ("late", "proof-late", Effect.TAG),
        ("good", "passed", Effect.PASS),
    ],
)
def test_each_state_of_the_proof_of_work_is_a_finding(solution: str, code: str, effect: Effect) -> None:
    told = found(ALWAYS, **FRESH, solution=solution)["form.proof"]
    assert (told.code, told.effect) == (code, effect)
    assert found(**FRESH, solution=solution)["form.proof"].code == "passed", "it is off unless the site says so"
    assert found(ALWAYS, **FRESH, solution=solution, verified=True)["form.proof"].code == "passed"


@pytest.mark.parametrize(
    ("facts", "is_asked"),
    [
        ({}, False),
        ({"form": "none", "seconds_to_submit": None}, True),
        ({"trapped": True}, True),
        ({"body": "See https://shop.example.com now"}, True),
        ({"limited": Limited(seen=1)}, True),
        ({"limited": Limited(near=2)}, True),
        ({"limited": Limited(near=1)}, False),
        ({"limited": Limited(address_recent=3)}, True),
        ({"limited": Limited(address_recent=2)}, False),
    ],
)
def test_on_suspicion_it_is_missed_only_where_something_stands_out(facts: dict[str, Any], is_asked: bool) -> None:
    code = found(SUSPICION, **FRESH | facts)["form.proof"].code
    assert code == ("proof-missing" if is_asked else "passed")
    assert found(SUSPICION, **FRESH | facts, solution="good")["form.proof"].code == "passed"
    assert found(SUSPICION, **FRESH | facts, solution="wrong")["form.proof"].code == "proof-wrong"


def test_the_site_says_what_a_bad_proof_leads_to() -> None:
    settings = f"{ALWAYS}\nunproved = 'tag'\nproof_wrong = 'tag'\nproof_late = 'hold'"
    effects = [found(settings, solution=each)["form.proof"].effect for each in ("none", "wrong", "used", "late")]
    assert effects == [Effect.TAG, Effect.TAG, Effect.TAG, Effect.HOLD]


@pytest.mark.parametrize("solution", ["none", "wrong", "used", "late"])
@pytest.mark.parametrize("token", ["none", "good", "forged", "used"])
@pytest.mark.parametrize("seconds", [1, 30, 10**6])
def test_all_signs_together_still_end_in_the_queue(token: str, seconds: int, solution: str) -> None:
    verdict = judge(case(form=token, seconds_to_submit=seconds, trapped=True, solution=solution), site(ALWAYS))
    assert verdict.decision is Decision.HOLD


def test_a_comment_can_be_judged_again_by_what_its_form_told() -> None:
    before = case(form="used", seconds_to_submit=3, trapped=True, solution="late")
    kept = {
        name: getattr(before, name) for name in ("site", "body", "author_name", "author_url", "verified", "is_reply")
    }
    assert recall(remember(before), at=before.at, **kept) == before


def test_what_was_kept_before_there_was_a_proof_of_work_is_read() -> None:
    before = case(form="used", seconds_to_submit=3)
    kept = {
        name: getattr(before, name) for name in ("site", "body", "author_name", "author_url", "verified", "is_reply")
    }
    assert recall(remember(before) | {"form": ["used", False]}, at=before.at, **kept) == before
