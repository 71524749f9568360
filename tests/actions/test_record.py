"""What else stands in the record: who saw an e-mail address and why, and that the rules changed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from tests.actions.test_review import rule, send
from tests.actions.test_submit import submission
from tests.service import RULES

from moderation.actions import accounts, audit, review
from moderation.actions.reveal import reveal
from moderation.actions.submit import Intake
from moderation.edges.schema import comments, journal
from moderation.errors import Forbidden, Invalid, NotFound
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Decision, Moderator, Role, Ruling, Status

SAM = Moderator(3, "Sam", RIGHTS[Role.SENIOR], None, "senior")
WHY = "The police asked, case 12/2026"


def entries(rt: Runtime, action: str) -> list[sa.Row[Any]]:
    with rt.store.reading() as tx:
        return list(tx.execute(sa.select(journal).where(journal.c.action == action)))


def test_an_address_is_shown_for_a_reason_and_the_record_says_so(rt: Runtime) -> None:
    comment = send(rt)
    revealed = reveal(rt, SAM, comment, f"  {WHY}\t", "r1")
    assert revealed.email == "reader1@example.org"
    assert "reader1@" not in repr(revealed)
    (entry,) = entries(rt, "email-revealed")
    assert (entry.actor, entry.role, entry.site, entry.target) == ("Sam", "senior", "demo", comment)
    assert (entry.reason, entry.request_id) == (WHY, "r1")


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.AUDITOR])
def test_who_lacks_the_right_sees_no_address(rt: Runtime, role: Role) -> None:
    comment = send(rt)
    with pytest.raises(Forbidden):
        reveal(rt, Moderator(4, "Mo", RIGHTS[role], None, role), comment, WHY, "r")
    assert not entries(rt, "email-revealed")


def test_an_address_on_another_site_or_of_nobody_is_not_found(rt: Runtime) -> None:
    comment = send(rt)
    stranger = Moderator(5, "Sue", RIGHTS[Role.SENIOR], frozenset({"open"}), "senior")
    without = send(rt, 2, site="open", email=None)
    for who, which in ((stranger, comment), (SAM, "0" * 16), (SAM, without)):
        with pytest.raises(NotFound):
            reveal(rt, who, which, WHY, "r")
    assert not entries(rt, "email-revealed")


@pytest.mark.parametrize(
    "reason", ["", "because", "       x", "for ana@reader.example.net", "x" * 201, "line\x07bell ring"]
)
def test_without_a_reason_that_can_be_kept_nothing_is_shown(rt: Runtime, reason: str) -> None:
    comment = send(rt)
    with pytest.raises(Invalid):
        reveal(rt, SAM, comment, reason, "r")
    assert not entries(rt, "email-revealed")


def test_an_address_that_no_key_opens_is_told_as_such_and_the_try_stays_on_record(rt: Runtime) -> None:
    first, second = send(rt), send(rt, 2)
    with rt.store.writing() as tx:
        theirs = tx.execute(sa.select(comments.c.email_sealed).where(comments.c.id == second)).scalar()
        tx.execute(sa.update(comments).where(comments.c.id == first).values(email_sealed=theirs))
    assert reveal(rt, SAM, first, WHY, "r").email is None
    assert len(entries(rt, "email-revealed")) == 1


def test_a_decision_can_still_be_undone_after_somebody_looked(rt: Runtime) -> None:
    comment = send(rt)
    rule(rt, comment, 1, Decision.APPROVE)
    reveal(rt, SAM, comment, WHY, "r")
    undone = rule(rt, comment, 2, Decision.UNDO)
    assert (undone.result, undone.status) == ("decided", Status.PENDING)


def test_a_change_of_the_rules_is_one_row_however_many_processes_load_it(
    rt: Runtime, make_runtime: Callable[..., Runtime]
) -> None:
    make_runtime()
    assert not entries(rt, "rules-changed"), "the first rules are no change"
    other = make_runtime(RULES + '[sites.new]\nname = "New"\n')
    assert rt.reload()
    make_runtime(RULES + '[sites.new]\nname = "New"\n')
    (entry,) = entries(rt, "rules-changed")
    assert (entry.actor, entry.reason) == ("rules file", f"revision {other.rules.revision}")
    former = make_runtime()
    assert rt.reload()
    assert [each.reason for each in entries(rt, "rules-changed")][1:] == [f"revision {former.rules.revision}"]


def test_a_change_of_role_says_from_what_to_what(rt: Runtime) -> None:
    accounts.create_person(rt, accounts.SERVICE, "Ana", Role.MODERATOR, None, None)
    accounts.change_person(rt, accounts.SERVICE, "Ana", role=Role.SENIOR)
    accounts.change_person(rt, accounts.SERVICE, "Ana", disabled=True)
    changed = [(each.before, each.after, each.reason) for each in entries(rt, "person-changed")]
    assert changed == [("moderator", "senior", "enabled"), ("senior", "senior", "disabled")]


def test_eight_deciders_in_two_processes_worth_of_runtimes_leave_one_row_a_comment_and_a_whole_chain(
    rt: Runtime, make_runtime: Callable[..., Runtime]
) -> None:
    """Each has all 500 comments before them, in an order of their own, and sends twenty at a time."""
    both = [rt, make_runtime()]
    with ThreadPoolExecutor(16) as pool:
        intake = Intake(rt)
        waiting = [receipt.comment_id for receipt in pool.map(lambda n: intake.submit(submission(n)), range(1, 501))]

    def decide(number: int) -> Counter[str]:
        who = Moderator(number + 1, f"M{number}", RIGHTS[Role.MODERATOR], None, "moderator")
        mine = random.Random(number).sample(waiting, len(waiting))
        found: Counter[str] = Counter()
        for start in range(0, len(mine), 20):
            rulings = [Ruling(comment, 1, Decision.APPROVE) for comment in mine[start : start + 20]]
            found.update(outcome.result for outcome in review.decide(both[number % 2], who, rulings, "r"))
        return found

    with ThreadPoolExecutor(8) as pool:
        results = sum(pool.map(decide, range(8)), Counter())
    assert results == {"decided": 500, "conflict": 3500}
    assert len({entry.target for entry in entries(rt, "approve")}) == len(entries(rt, "approve")) == 500
    report = audit.verify(rt)
    assert report.broken is None
    assert report.last >= 1000
