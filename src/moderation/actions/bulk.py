"""Decide about many comments at once: counted and fixed when it is asked for, worked off in small transactions in the
background, and undone as a whole. Each comment is decided as `review` decides one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from moderation.actions import review
from moderation.edges import bulk_jobs, expiry, journal, live, queries, queue
from moderation.edges.bulk_jobs import Item, Job
from moderation.edges.queue import Asked
from moderation.edges.schema import Tx
from moderation.errors import FieldProblem, Forbidden, Invalid, NotFound
from moderation.runtime import Runtime
from moderation.text.redact import without_contacts
from moderation.values import Decision, Moderator, Right, Ruling

MOST = 10_000
"""Comments of one job."""
STEP = 100
"""Comments of one transaction, so that nobody waits long for it."""
UNSEEN = 0
"""In place of the version of a comment that changed since the others were counted: it stays as it is, and is told of
with those that conflict."""
LEASE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be decided, and about which comments: those that were picked, in the versions that were seen, or all
    that `asked` finds and that are no newer than `newest`, as they stood at row `seq` of the record."""

    decision: Decision
    reason: str | None = None
    picked: Sequence[Item] = ()
    asked: Asked | None = None
    newest: str = ""
    seq: int = 0


def count(tx: Tx, asked: Asked) -> tuple[int, str, int]:
    """How many `asked` finds now, at most `MOST`, the newest of their ids ("" for none), and the record's last row."""
    seq = live.newest(tx)
    found = [place.id for place in queue.places(tx, asked, MOST)]
    return len(found), max(found, default=""), seq


def start(rt: Runtime, who: Moderator, wish: Wish, request_id: str) -> Job:
    """Fix which comments it is about, and leave them to `work`; a page's worth is done at once. Raises Forbidden,
    Invalid."""
    if not who.may(Right.DECIDE):
        raise Forbidden(Right.DECIDE.value)
    if wish.decision in (Decision.UNDO, Decision.ESCALATE):
        raise Invalid([FieldProblem("/decision", "choice")])
    with rt.store.writing() as tx:
        items = _items(tx, wish)
        job = _store(rt, tx, who, wish.decision, wish.reason, None, items, request_id)
    return _begin(rt, job)


def undo(rt: Runtime, who: Moderator, job_id: str, request_id: str) -> Job:
    """Take back what a job of theirs decided. A comment about which somebody decided since stays as it is. Raises
    NotFound; Invalid where it is still under way or was undone before."""
    with rt.store.writing() as tx:
        former = bulk_jobs.get(tx, job_id)
        if former is None or former.person_id != who.id or former.undoes:
            raise NotFound("job")
        if former.finished_at is None or bulk_jobs.was_undone(tx, job_id):
            raise Invalid([FieldProblem("/job", "choice")])
        items = bulk_jobs.decided_items(tx, job_id)
        job = _store(rt, tx, who, Decision.UNDO, None, job_id, items, request_id)
    return _begin(rt, job)


def work(rt: Runtime) -> Job | None:
    """Do the next step of the oldest job that is not done. None where there is none, or another process has it."""
    with rt.store.reading() as tx:
        if bulk_jobs.unfinished(tx) is None:
            return None
    with rt.store.writing() as tx:
        job = bulk_jobs.unfinished(tx)
        now = rt.now()
        if job is None or not expiry.lease(tx, f"bulk:{job.id}", rt.process, now, now + LEASE):
            return None
        return _step(rt, tx, job)


def _begin(rt: Runtime, job: Job) -> Job:
    if job.total > STEP:
        return job
    with rt.store.writing() as tx:
        current = bulk_jobs.get(tx, job.id)
        return _step(rt, tx, current) if current and current.finished_at is None else current or job


def _step(rt: Runtime, tx: Tx, job: Job) -> Job:
    items = bulk_jobs.open_items(tx, job.id, STEP)
    if job.undoes:
        items = [_as_it_stands(tx, item, job.undoes) for item in items]
    rulings = [Ruling(item.comment_id, item.version, job.decision, job.reason) for item in items]
    outcomes = review.decide_in(rt, tx, job.moderator, rulings, job.id)
    return bulk_jobs.settle(tx, job, {each.comment_id: each.result for each in outcomes}, rt.now())


def _as_it_stands(tx: Tx, item: Item, job_id: str) -> Item:
    """Where the job's decision is the last one that holds, in whatever version: later ones may have been undone."""
    former, seen = queries.before_last_decision(tx, item.comment_id), queries.standing(tx, item.comment_id)
    holds = former is not None and seen is not None and former.request_id == job_id
    return Item(item.comment_id, seen.version) if holds and seen else item


def _items(tx: Tx, wish: Wish) -> list[Item]:
    if wish.asked is None:
        return list({item.comment_id: item for item in wish.picked}.values())
    found = [place.id for place in queue.places(tx, wish.asked, MOST)]
    items = bulk_jobs.versions(tx, [each for each in found if each <= wish.newest])
    moved = live.moved(tx, wish.seq)
    return [Item(each.comment_id, UNSEEN) if each.comment_id in moved else each for each in items]


def _store(
    rt: Runtime,
    tx: Tx,
    who: Moderator,
    decision: Decision,
    reason: str | None,
    undoes: str | None,
    items: Sequence[Item],
    request_id: str,
) -> Job:
    now = rt.now()
    reason = without_contacts(reason, journal.REASON_MOST) if reason else None
    sites = None if who.sites is None else tuple(sorted(who.sites))
    job = Job(
        rt.new_id(), who.id, who.name, who.role, sites, decision, reason, undoes, request_id, len(items), 0, 0, now,
        None if items else now,
    )  # fmt: skip
    bulk_jobs.start(tx, job, items)
    told = f"{decision.value} of {len(items)}"
    entry = journal.Entry(now, who.name, who.role, "bulk", None, job.id, None, told, reason, request_id)
    journal.write(tx, [entry])
    return job
