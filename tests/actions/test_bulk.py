"""Many comments decided at once: fixed when asked for, done in steps, undone as a whole; on SQLite and PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from tests.actions.test_escalations import SAM
from tests.actions.test_queue import LINKS, decide, shown
from tests.actions.test_review import ANA, BOB, rule, send
from tests.conftest import Clock

from moderation.actions import bulk, retention
from moderation.actions.bulk import Wish
from moderation.edges import bulk_jobs, journal, queries
from moderation.edges.bulk_jobs import Item, Job
from moderation.edges.queue import Asked
from moderation.edges.schema import journal as record
from moderation.edges.schema import outbox
from moderation.errors import Forbidden, Invalid, NotFound
from moderation.runtime import Runtime
from moderation.values import MOVES, RIGHTS, Decision, Moderator, Right, Role, Status
from moderation.web.threads import Threads

MANY = 230


def all_that_match(rt: Runtime, decision: Decision = Decision.SPAM, **asked: object) -> Wish:
    wanted = Asked(None, **asked)  # type: ignore[arg-type]
    with rt.store.reading() as tx:
        _, newest, seq = bulk.count(tx, wanted)
    return Wish(decision, asked=wanted, newest=newest, seq=seq)


def work_off(rt: Runtime, job: Job) -> Job:
    while bulk.work(rt) is not None:
        pass
    with rt.store.reading() as tx:
        found = bulk_jobs.get(tx, job.id)
    assert found
    assert found.finished_at
    return found


def counts(rt: Runtime) -> dict[Status, int]:
    with rt.store.reading() as tx:
        return queries.tab_counts(tx, None)


def letters(rt: Runtime) -> list[tuple[str, int]]:
    with rt.store.reading() as tx:
        rows = tx.execute(sa.select(outbox.c.payload).where(outbox.c.kind == "comment.decided").order_by(outbox.c.id))
        return [(row.payload["status"], row.payload["version"]) for row in rows]


def test_all_that_match_are_decided_in_steps_and_undone_as_a_whole(rt: Runtime) -> None:
    matching = [send(rt, number, body=f"{LINKS} {number}") for number in range(MANY)]
    other = send(rt, 999)
    job = bulk.start(rt, ANA, all_that_match(rt, rule="links"), "r")
    assert (job.total, job.done, job.finished_at) == (MANY, 0, None)
    late = send(rt, 1000, body=f"{LINKS} late")
    step = bulk.work(rt)
    assert step
    assert (step.done, step.decided) == (100, 100)
    done = work_off(rt, job)
    assert (done.done, done.decided) == (MANY, MANY)
    assert shown(rt, Asked(None, Status.SPAM), 100) == matching
    assert shown(rt, Asked(None)) == [other, late]

    undone = work_off(rt, bulk.undo(rt, ANA, job.id, "r"))
    assert (undone.total, undone.decided) == (MANY, MANY)
    assert counts(rt)[Status.SPAM] == 0
    assert shown(rt, Asked(None), 100) == [*matching, other, late]
    with pytest.raises(Invalid):
        bulk.undo(rt, ANA, job.id, "r")


def test_what_was_picked_is_done_at_once_in_the_versions_that_were_seen(rt: Runtime) -> None:
    ids = [send(rt, number) for number in range(3)]
    rule(rt, ids[1], 1, Decision.SPAM, BOB)
    picked = [Item(each, 1) for each in [*ids, ids[0], "0" * 16]]
    job = bulk.start(rt, ANA, Wish(Decision.APPROVE, picked=picked), "r")
    assert job.finished_at
    assert (job.total, job.done, job.decided) == (4, 4, 2)
    assert shown(rt, Asked(None, Status.APPROVED)) == [ids[0], ids[2]]
    assert bulk.work(rt) is None


def test_an_undo_leaves_what_somebody_decided_since(rt: Runtime) -> None:
    ids = [send(rt, number) for number in range(3)]
    job = bulk.start(rt, ANA, Wish(Decision.APPROVE, picked=[Item(each, 1) for each in ids]), "r")
    rule(rt, ids[1], 2, Decision.REJECT, BOB)
    undone = bulk.undo(rt, ANA, job.id, "r")
    assert (undone.total, undone.decided) == (3, 2)
    assert shown(rt, Asked(None, Status.REJECTED)) == [ids[1]]


def test_only_ones_own_finished_job_is_undone(rt: Runtime) -> None:
    for number in range(101):
        send(rt, number)
    job = bulk.start(rt, ANA, all_that_match(rt), "r")
    with pytest.raises(Invalid):
        bulk.undo(rt, ANA, job.id, "r")
    work_off(rt, job)
    with pytest.raises(NotFound):
        bulk.undo(rt, BOB, job.id, "r")
    with pytest.raises(NotFound):
        bulk.undo(rt, ANA, "0" * 16, "r")
    undone = work_off(rt, bulk.undo(rt, ANA, job.id, "r"))
    with pytest.raises(NotFound):
        bulk.undo(rt, ANA, undone.id, "r")


def test_a_job_does_not_reach_beyond_its_moderators_sites(rt: Runtime) -> None:
    comment = send(rt)
    eva = Moderator(3, "Eva", RIGHTS[Role.MODERATOR], frozenset({"open"}), "moderator")
    job = bulk.start(rt, eva, Wish(Decision.APPROVE, picked=[Item(comment, 1)]), "r")
    assert (job.done, job.decided) == (1, 0)
    reader = Moderator(4, "Ada", frozenset({Right.READ_QUEUE}), None, "auditor")
    with pytest.raises(Forbidden):
        bulk.start(rt, reader, Wish(Decision.APPROVE, picked=[Item(comment, 1)]), "r")


def test_two_processes_share_the_work_and_do_nothing_twice(make_runtime: Callable[[], Runtime]) -> None:
    one, two = make_runtime(), make_runtime()
    two.process = "another"
    ids = [send(one, number) for number in range(MANY)]
    job = bulk.start(one, ANA, all_that_match(one, Decision.APPROVE), "r")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda rt: [bulk.work(rt) for _ in range(5)], (one, two)))
    assert work_off(one, job).decided == MANY
    with one.store.reading() as tx:
        approvals = sa.select(sa.func.count()).select_from(record).where(record.c.action == "approve")
        assert tx.execute(approvals).scalar() == MANY
    assert counts(one)[Status.APPROVED] == len(ids)


def test_finished_jobs_are_forgotten_after_a_week(rt: Runtime, clock: Clock) -> None:
    job = bulk.start(rt, ANA, Wish(Decision.APPROVE, picked=[Item(send(rt), 1)]), "r")
    clock.advance(days=8)
    assert retention.tidy(rt)["jobs"] == 1
    with rt.store.reading() as tx:
        assert bulk_jobs.get(tx, job.id) is None
        assert bulk_jobs.decided_items(tx, job.id) == []


# ---- grace time ----


def test_what_is_undone_within_the_grace_time_is_never_told(rt: Runtime, clock: Clock) -> None:
    comment = send(rt)
    rule(rt, comment, 1, Decision.APPROVE)
    assert letters(rt) == [("approved", 2)]
    with rt.store.reading() as tx:
        row = tx.execute(sa.select(outbox).where(outbox.c.kind == "comment.decided")).one()
        assert (row.due_at - row.created_at).total_seconds() == 120
    rule(rt, comment, 2, Decision.UNDO)
    assert letters(rt) == []
    rule(rt, comment, 3, Decision.SPAM)
    clock.advance(seconds=121)
    rule(rt, comment, 4, Decision.UNDO)
    assert letters(rt) == [("spam", 4), ("pending", 5)], "what may have been told is told to be undone"


def test_an_undo_goes_back_over_rows_that_are_no_decisions(rt: Runtime) -> None:
    comment = send(rt)
    rule(rt, comment, 1, Decision.APPROVE)
    with rt.store.writing() as tx:
        entry = journal.Entry(rt.now(), "Ana", "moderator", "email-revealed", "demo", comment, reason="asked")
        journal.write(tx, [entry])
    assert rule(rt, comment, 2, Decision.UNDO).status is Status.PENDING


# ---- together ----


def test_mixed_decisions_and_bulk_undone_give_the_former_public_view_byte_for_byte(rt: Runtime) -> None:
    chance = random.Random(20261125)
    ids = [send(rt, number, body=f"{LINKS if number % 3 == 0 else 'Plain'} {number}") for number in range(60)]
    for comment in ids[::2]:
        decide(rt, comment, Decision.APPROVE)
    before = public_view(rt)
    assert before.count(b'"id"') == 30

    undo: list[Callable[[], object]] = []
    for turn in range(500):
        if turn % 50 == 25:
            status = chance.choice([Status.PENDING, Status.APPROVED, Status.REJECTED])
            wish = all_that_match(rt, Decision.SPAM, status=status, rule=chance.choice([None, "links"]))
            job = bulk.start(rt, ANA, wish, "r")
            work_off(rt, job)
            undo.append(lambda job=job: work_off(rt, bulk.undo(rt, ANA, job.id, "r")))  # type: ignore[misc]
            continue
        comment = chance.choice(ids)
        with rt.store.reading() as tx:
            seen = queries.standing(tx, comment)
        assert seen
        decision = chance.choice(sorted(MOVES[seen.status] - {Decision.UNDO}))
        result = rule(rt, comment, seen.version, decision, chance.choice([ANA, BOB])).result
        if result == "escalated":
            result = rule(rt, comment, seen.version, decision, SAM).result
        if result == "illegal":
            assert decision is Decision.ESCALATE  # it was before
            continue
        assert result == "decided"
        undo.append(lambda comment=comment: take_back(rt, comment))  # type: ignore[misc]
    assert public_view(rt) != before
    for step in reversed(undo):
        step()
    assert public_view(rt) == before


def public_view(rt: Runtime) -> bytes:
    """What anybody reads of the article, as it is sent."""
    return Threads(rt).page("demo", "first", "", newest_first=False).body


def take_back(rt: Runtime, comment: str) -> None:
    with rt.store.reading() as tx:
        seen = queries.standing(tx, comment)
    assert seen
    assert rule(rt, comment, seen.version, Decision.UNDO, SAM).result == "decided"
