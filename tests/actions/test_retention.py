"""What is past its time goes: what, when, in which steps, and without holding others up; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from tests.actions.test_review import ANA, rule, send
from tests.conftest import Clock
from tests.service import RULES

from moderation.actions import bulk, holds, reports, retention
from moderation.actions.bulk import Wish
from moderation.commands import COMMAND_LINE
from moderation.edges import authors, erasure, expiry, mails, oldest, queries
from moderation.edges.schema import Tx, author_records, backtests, comments, outbox
from moderation.runtime import Runtime
from moderation.values import Decision, Status

MANY = 120
KEEP = RULES + "\n[retention]\naddress_days = 30\npending_days = 60\nrejected_days = 20\n"


@pytest.fixture
def kept(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime(KEEP)


def column(rt: Runtime, query: Any) -> list[Any]:
    with rt.store.reading() as tx:
        return list(tx.execute(query).scalars())


def counts(rt: Runtime) -> dict[Status, int]:
    with rt.store.reading() as tx:
        return {status: count for status, count in queries.tab_counts(tx, None).items() if count}


def test_addresses_are_forgotten_after_their_days_in_steps(kept: Runtime, clock: Clock) -> None:
    old = [send(kept, number) for number in range(MANY)]
    clock.advance(days=31)
    new = send(kept, MANY)
    assert retention.tidy(kept)["addresses"] == MANY
    addressed = sa.select(comments.c.id).where(comments.c.address_hash.is_not(None))
    assert column(kept, addressed) == [new]
    assert column(kept, sa.select(comments.c.id).where(comments.c.address_prefix.is_not(None))) == [new]
    assert sorted([*old, new]) == column(kept, sa.select(comments.c.id).order_by(comments.c.id))
    assert "addresses" not in retention.tidy(kept)


def test_refused_and_undecided_comments_go_when_they_have_stood_for_their_days(kept: Runtime, clock: Clock) -> None:
    spam, rejected, late, waiting, approved = (send(kept, number) for number in range(5))
    rule(kept, spam, 1, Decision.SPAM)
    rule(kept, rejected, 1, Decision.REJECT)
    rule(kept, approved, 1, Decision.APPROVE)
    clock.advance(days=15)
    rule(kept, late, 1, Decision.REJECT)
    clock.advance(days=6)
    assert retention.tidy(kept)["refused"] == 2
    assert counts(kept) == {Status.PENDING: 1, Status.APPROVED: 1, Status.REJECTED: 1}
    clock.advance(days=15)
    assert retention.tidy(kept)["refused"] == 1
    clock.advance(days=25)
    assert retention.tidy(kept)["pending"] == 1
    assert counts(kept) == {Status.APPROVED: 1}
    assert column(kept, sa.select(comments.c.id)) == [approved]
    assert waiting != approved


def test_what_was_decided_against_who_took_all_back_is_forgotten_in_the_end(kept: Runtime, clock: Clock) -> None:
    gone, stays = send(kept, 1, email="gone@example.org"), send(kept, 2)
    rule(kept, gone, 1, Decision.REJECT)
    with kept.store.writing() as tx:
        erasure.remove(tx, gone)
    clock.advance(days=19)
    assert "records" not in retention.tidy(kept)
    clock.advance(days=2)
    assert retention.tidy(kept)["records"] == 1
    assert column(kept, sa.select(author_records.c.pending)) == [1]
    assert column(kept, sa.select(comments.c.id)) == [stays]


def test_a_comment_that_was_answered_stays(kept: Runtime, clock: Clock) -> None:
    answered = send(kept, 1)
    rule(kept, answered, 1, Decision.APPROVE)
    send(kept, 2, parent=answered)
    rule(kept, answered, 2, Decision.REJECT)
    clock.advance(days=21)
    assert "refused" not in retention.tidy(kept)
    clock.advance(days=40)
    done = retention.tidy(kept)
    assert (done["pending"], done["refused"]) == (1, 1), "the answer goes first"
    assert counts(kept) == {}


def test_what_was_decided_while_it_was_looked_for_stays(kept: Runtime, clock: Clock) -> None:
    comment = send(kept)
    clock.advance(days=61)
    steps = dict(retention._steps(kept, kept.now()))
    with kept.store.reading() as tx:
        keys = steps["pending"].find(tx)
    assert keys == [comment]
    rule(kept, comment, 1, Decision.APPROVE)
    with kept.store.writing() as tx:
        assert steps["pending"].drop(tx, keys) == 0
    assert counts(kept) == {Status.APPROVED: 1}


def test_old_letters_go_and_new_ones_stay(kept: Runtime, clock: Clock) -> None:
    send(kept, 1)
    clock.advance(days=8)
    new = send(kept, 2)
    assert retention.tidy(kept)["letters"] == 1
    assert column(kept, sa.select(outbox.c.comment_id)) == [new]


def test_where_nothing_has_to_go_the_write_lock_is_taken_for_the_lease_alone(kept: Runtime, clock: Clock) -> None:
    send(kept)
    clock.advance(minutes=1)
    taken = 0
    writing = kept.store.writing

    @contextmanager
    def counted() -> Iterator[Tx]:
        nonlocal taken
        taken += 1
        with writing() as tx:
            yield tx

    kept.store.writing = counted  # type: ignore[method-assign]
    assert retention.tidy(kept) == {}
    assert taken == 1


def test_a_lease_that_a_wrong_clock_wrote_holds_nobody_up(kept: Runtime, clock: Clock) -> None:
    def leased(holder: str) -> bool:
        now = clock()
        with kept.store.writing() as tx:
            return expiry.lease(tx, "housekeeping", holder, now, now + retention.LEASE)

    assert leased("one")
    assert not leased("two")
    clock.advance(seconds=-80)
    assert not leased("two"), "clocks of several machines differ a little"
    clock.advance(days=3652)
    assert leased("one")
    clock.advance(days=-3652)
    assert leased("two")


def test_the_oldest_row_of_each_class_is_told_and_gets_younger_by_deletion(kept: Runtime, clock: Clock) -> None:
    assert ages(kept) == {}
    refused, answered = send(kept, 1), send(kept, 2)
    rule(kept, answered, 1, Decision.APPROVE)
    send(kept, 3, parent=answered)
    clock.advance(days=5)
    rule(kept, refused, 1, Decision.SPAM)
    rule(kept, answered, 2, Decision.REJECT)
    clock.advance(days=2)
    here = {"pending": 7, "refused": 2, "addresses": 7, "journal": 7, "letters": 7, "texts": 7, "likenesses": 7}
    assert ages(kept) == here
    retention.tidy(kept)
    clock.advance(days=30)
    retention.tidy(kept)
    assert ages(kept) == {"pending": 37, "journal": 37}, "what was answered goes by no age"


EACH = """
[retention]
rejected_days = 20
approved_days = 40
authors_days = 10
letters_days = 6
jobs_days = 3
backtests_days = 2
idempotency_hours = 30
[sites.demo]
"""


def test_each_class_goes_after_the_days_of_its_own_setting(make_runtime: Callable[..., Runtime], clock: Clock) -> None:
    rt = make_runtime(EACH)
    comment = send(rt, idempotency_key="k1")
    rule(rt, comment, 1, Decision.APPROVE)
    bulk.start(rt, ANA, Wish(Decision.APPROVE, picked=[]), "r")
    done = {"total": 1, "done": 1, "created_at": rt.now(), "finished_at": rt.now()}
    with rt.store.writing() as tx:
        tried = {"id": "0" * 16, "person_id": 1, "draft": "", "mark": "", "since": "30d", "state": "done"}
        tx.execute(sa.insert(backtests).values(**tried, **done))
        authors.prove(tx, rt.vault, authors.MAIL, "demo", "ana@example.org", authors.new_id(b"x" * 16), rt.now())
        mails.post(tx, rt.vault, "1" * 16, "confirm", "ana@example.org", "", "", rt.now())
        mails.settle(tx, "1" * 16, "sent", rt.now())
    kept = {"idempotency-keys": 1, "backtests": 2, "jobs": 3, "letters": 6, "mails": 6, "authors": 10, "approved": 40}
    gone: dict[str, int] = {}
    for day in range(45):
        told = {name: age for name, age in ages(rt).items() if name in kept}
        assert told == dict.fromkeys(kept.keys() - gone.keys(), day)
        clock.advance(hours=7)
        gone |= dict.fromkeys(retention.tidy(rt).keys() & kept.keys(), day)
        clock.advance(hours=17)
    assert gone == kept
    assert column(rt, sa.select(author_records.c.approved)) == [], "nothing is left to be counted in it"


def test_a_legal_hold_keeps_letters_and_who_reported_a_comment(
    make_runtime: Callable[..., Runtime], clock: Clock
) -> None:
    rt = make_runtime("[retention]\naddress_days = 5\nreports_days = 10\napproved_days = 20\n[sites.demo]\n")
    comment = send(rt)
    rule(rt, comment, 1, Decision.APPROVE)
    reports.report(rt, rt.rules.sites["demo"], reports.Wish(comment, "insult", "", "192.0.2.7"), "r")
    rule(rt, comment, 2, Decision.APPROVE)
    hold = holds.place(rt, COMMAND_LINE, comment, whole_author=False, reason="file 4711", request_id="")
    clock.advance(days=30)
    done = retention.tidy(rt)
    assert not {"reporters", "reports", "letters", "approved", "addresses"} & (done.keys() | ages(rt).keys())
    holds.lift(rt, COMMAND_LINE, hold.id, reason="the file is closed", request_id="")
    clock.advance(days=30)
    assert {"reporters", "letters", "approved"} <= retention.tidy(rt).keys()
    assert column(rt, sa.select(comments.c.id)) == []


def ages(rt: Runtime) -> dict[str, int]:
    with rt.store.reading() as tx:
        return {name: (rt.now() - since).days for name, since in oldest.rows(tx).items()}
