"""What is past its time goes: what, when, in which steps, and without holding others up; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from tests.actions.test_review import rule, send
from tests.conftest import Clock
from tests.service import RULES

from moderation.actions import retention
from moderation.edges import oldest, queries
from moderation.edges.schema import Tx, comments, outbox
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


def test_the_oldest_row_of_each_class_is_told_and_gets_younger_by_deletion(kept: Runtime, clock: Clock) -> None:
    assert ages(kept) == {}
    refused, answered = send(kept, 1), send(kept, 2)
    rule(kept, answered, 1, Decision.APPROVE)
    send(kept, 3, parent=answered)
    clock.advance(days=5)
    rule(kept, refused, 1, Decision.SPAM)
    rule(kept, answered, 2, Decision.REJECT)
    clock.advance(days=2)
    assert ages(kept) == {"pending": 7, "refused": 2, "addresses": 7, "journal": 7, "letters": 7}
    retention.tidy(kept)
    clock.advance(days=30)
    retention.tidy(kept)
    assert ages(kept) == {"pending": 37, "journal": 37}, "what was answered goes by no age"


def ages(rt: Runtime) -> dict[str, int]:
    with rt.store.reading() as tx:
        return {name: (rt.now() - since).days for name, since in oldest.rows(tx).items()}
