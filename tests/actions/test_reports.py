"""Readers report public comments; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from tests.actions.test_queue import shown
from tests.actions.test_review import ANA, BOB, public_ids, send
from tests.conftest import Clock
from tests.service import RULES

from moderation.actions import numbers, privacy, reports, retention, review
from moderation.actions.reports import Wish
from moderation.commands import COMMAND_LINE
from moderation.edges import queries
from moderation.edges import reports as store
from moderation.edges.queue import Asked
from moderation.edges.schema import journal, outbox
from moderation.edges.schema import reports as table
from moderation.errors import TooManyReports
from moderation.runtime import Runtime
from moderation.values import Comment, Decision, Moderator, Ruling, Sort, Status

HOLDS = RULES.replace('name = "Demo"', 'name = "Demo"\nreports_hold = 3')
LIMITS = RULES + "\n[sites.demo.limits]\nreport = ['5/minute']\n"


@pytest.fixture
def holding(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime(HOLDS)


def look(rt: Runtime, comment_id: str) -> Comment:
    with rt.store.reading() as tx:
        found = queries.comment(tx, comment_id)
    assert found
    return found


def decide(rt: Runtime, comment_id: str, decision: Decision, who: Moderator = ANA) -> str:
    """In the version that stands, each time by a request of its own."""
    ruling = Ruling(comment_id, look(rt, comment_id).version, decision)
    (outcome,) = review.decide(rt, who, [ruling], rt.new_id())
    return outcome.result


def public(rt: Runtime, number: int = 1) -> str:
    comment_id = send(rt, number)
    assert decide(rt, comment_id, Decision.APPROVE) == "decided"
    return comment_id


def report(rt: Runtime, comment_id: str, number: int = 1, words: str = "", site: str = "demo") -> str:
    wish = Wish(comment_id, "abuse", words, f"198.51.100.{number}")
    return reports.report(rt, rt.rules.sites[site], wish, "r")


def test_a_household_reports_a_comment_once_and_only_a_public_one(rt: Runtime) -> None:
    comment_id, waits = public(rt), send(rt, 2)
    assert report(rt, comment_id) == "kept"
    assert report(rt, comment_id) == "repeated"
    assert report(rt, comment_id, 2) == "kept"
    assert look(rt, comment_id).reports == 2
    assert [report(rt, other) for other in (waits, "0" * 16)] == ["not-public"] * 2
    assert report(rt, comment_id, 3, site="open") == "not-public"
    assert look(rt, waits).reports == 0


def test_what_is_kept_names_nobody(rt: Runtime) -> None:
    first, second = public(rt, 1), public(rt, 2)
    for comment_id in (first, second):
        report(rt, comment_id, words="Write to reader@example.org, he says.")
    with rt.store.reading() as tx:
        rows = tx.execute(sa.select(table)).all()
        told = tx.execute(sa.select(journal).where(journal.c.action == "reported")).all()
    assert len({row.reporter for row in rows}) == 2, "what one household reported cannot be joined"
    assert all("example.org" not in row.words for row in rows)
    assert {(row.actor, row.reason) for row in told} == {("reader", "abuse")}


def test_a_limit_of_its_own_holds_the_hasty_up(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(LIMITS)
    comment_id = public(rt)
    for number in range(1, 6):
        report(rt, comment_id, 1)
        report(rt, comment_id, 100 + number)
    with pytest.raises(TooManyReports) as refused:
        report(rt, comment_id, 1)
    assert refused.value.retry_after > 0


def test_the_most_reported_come_first_page_by_page_whatever_else_is_asked(rt: Runtime) -> None:
    ids = [public(rt, number) for number in range(5)]
    for at, many in ((1, 2), (3, 3), (4, 2)):
        for number in range(many):
            report(rt, ids[at], 10 * at + number)
    of_tab = Asked(["demo"], Status.APPROVED, sort=Sort.REPORTED, reported=True)
    assert shown(rt, of_tab, 1) == [ids[3], ids[4], ids[1]]
    assert shown(rt, Asked(None, None, sort=Sort.REPORTED), 2) == [ids[3], ids[4], ids[1]]
    assert shown(rt, Asked(["demo"], Status.APPROVED, sort=Sort.OLDEST, reported=True)) == [ids[1], ids[3], ids[4]]
    assert shown(rt, Asked(["demo"], Status.APPROVED, sort=Sort.REPORTED, words="thought")) == [ids[3], ids[4], ids[1]]
    assert shown(rt, Asked(["demo"], Status.APPROVED, sort=Sort.REPORTED, rule="links")) == []
    with rt.store.reading() as tx:
        assert [store.waiting(tx, sites) for sites in (None, ["demo"], ["open"])] == [3, 3, 0]


@pytest.mark.parametrize("decision", [Decision.APPROVE, Decision.REJECT, Decision.SPAM])
def test_a_decision_answers_the_reports_and_its_undo_asks_again(rt: Runtime, decision: Decision) -> None:
    comment_id = public(rt)
    report(rt, comment_id, 1)
    report(rt, comment_id, 2)
    assert decide(rt, comment_id, decision, BOB) == "decided"
    assert look(rt, comment_id).reports == 0
    assert report(rt, comment_id, 1) == ("repeated" if decision is Decision.APPROVE else "not-public")
    assert decide(rt, comment_id, Decision.UNDO, BOB) == "decided"
    stands = look(rt, comment_id)
    assert (stands.reports, stands.status, stands.decided_by) == (2, Status.APPROVED, ANA.name)
    while numbers.count(rt):
        pass


def test_to_put_it_back_answers_nothing_and_what_is_not_reported_is_not_approved_twice(rt: Runtime) -> None:
    comment_id, other = public(rt, 1), public(rt, 2)
    report(rt, comment_id)
    assert decide(rt, comment_id, Decision.HOLD) == "decided"
    assert look(rt, comment_id).reports == 1
    assert decide(rt, other, Decision.APPROVE) == "illegal"


def test_so_many_have_it_wait_once_and_the_outside_is_told(holding: Runtime, clock: Clock) -> None:
    comment_id = public(holding)
    clock.advance(hours=1)
    assert [report(holding, comment_id, number) for number in (1, 2, 3)] == ["kept", "kept", "held"]
    stands = look(holding, comment_id)
    assert (stands.status, stands.decided_by, stands.reports) == (Status.PENDING, None, 3)
    assert [each.data for each in stands.findings if each.code == "reported"] == [{"count": 3}]
    assert public_ids(holding) == []
    assert shown(holding, Asked(["demo"], rule="reports")) == [comment_id]
    with holding.store.reading() as tx:
        letters = tx.execute(sa.select(outbox.c.payload).where(outbox.c.kind == "comment.decided")).scalars().all()
        assert queries.before_last_decision(tx, comment_id) is None, "what was decided before holds no more"
    assert [each["status"] for each in letters] == ["approved", "pending"]
    decide(holding, comment_id, Decision.APPROVE)
    assert [report(holding, comment_id, number) for number in (4, 5, 6, 7)] == ["kept"] * 4
    assert look(holding, comment_id).status is Status.APPROVED, "a crowd does not overrule a moderator"


def test_within_the_time_of_grace_nothing_was_told_and_nothing_is(holding: Runtime) -> None:
    comment_id = public(holding)
    for number in (1, 2, 3):
        report(holding, comment_id, number)
    with holding.store.reading() as tx:
        assert not tx.execute(sa.select(outbox).where(outbox.c.kind == "comment.decided")).all()


def test_who_reported_is_forgotten_then_what_then_with_the_comment_all(rt: Runtime, clock: Clock) -> None:
    comment_id, other = public(rt, 1), public(rt, 2)
    report(rt, comment_id)
    report(rt, other)
    decide(rt, comment_id, Decision.APPROVE)
    clock.advance(days=31)
    assert retention.tidy(rt)["reporters"] == 2
    clock.advance(days=150)
    assert retention.tidy(rt)["reports"] == 1, "an open one stays"
    exported = privacy.export(rt, COMMAND_LINE, "reader2@example.org", "asked")
    assert [each["reason"] for each in exported["comments"][0]["reported"]] == ["abuse"]
    privacy.erase(rt, COMMAND_LINE, "reader2@example.org", "asked")
    with rt.store.reading() as tx:
        assert not tx.execute(sa.select(table)).all()
