"""Decisions about many comments: the job, and each comment with the version that was seen. What is decided, and by
which steps, is `actions.review`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from moderation.edges.schema import Tx, bulk_items, bulk_jobs, comments
from moderation.values import RIGHTS, Decision, Moderator, Role


@dataclass(frozen=True, slots=True)
class Job:
    """`done` counts comments that were looked at, `decided` those of them that were decided. `undoes` is another
    job's id."""

    id: str
    person_id: int
    name: str
    role: str
    sites: tuple[str, ...] | None
    decision: Decision
    reason: str | None
    undoes: str | None
    request_id: str
    total: int
    done: int
    decided: int
    created_at: datetime
    finished_at: datetime | None

    @property
    def moderator(self) -> Moderator:
        """Who decides, with the rights of their role now."""
        sites = None if self.sites is None else frozenset(self.sites)
        return Moderator(self.person_id, self.name, RIGHTS[Role(self.role)], sites, self.role)


@dataclass(frozen=True, slots=True)
class Item:
    """One comment of a job, in the version that was seen."""

    comment_id: str
    version: int


def start(tx: Tx, job: Job, items: Sequence[Item]) -> None:
    """Store a job that is to be done."""
    sites = None if job.sites is None else list(job.sites)
    fields = {name: getattr(job, name) for name in Job.__slots__}
    tx.execute(insert(bulk_jobs), {**fields, "sites": sites, "decision": job.decision.value})
    if items:
        rows = [{"job_id": job.id, "comment_id": item.comment_id, "version": item.version} for item in items]
        tx.execute(insert(bulk_items), rows)


def versions(tx: Tx, ids: Sequence[str]) -> list[Item]:
    """The comments that are there, each in the version that it has now."""
    found: list[Item] = []
    for at in range(0, len(ids), 1000):
        part = select(comments.c.id, comments.c.version).where(comments.c.id.in_(ids[at : at + 1000]))
        found += [Item(*row) for row in tx.execute(part)]
    return found


def get(tx: Tx, job_id: str) -> Job | None:
    """One job as it stands."""
    row = tx.execute(select(bulk_jobs).where(bulk_jobs.c.id == job_id)).first()
    return _job(row) if row else None


def unfinished(tx: Tx) -> Job | None:
    """The oldest job that is not done."""
    row = tx.execute(select(bulk_jobs).where(bulk_jobs.c.finished_at.is_(None)).order_by(bulk_jobs.c.id)).first()
    return _job(row) if row else None


def open_items(tx: Tx, job_id: str, limit: int) -> list[Item]:
    """The next that were not looked at."""
    rows = select(bulk_items.c.comment_id, bulk_items.c.version).where(
        bulk_items.c.job_id == job_id, bulk_items.c.result.is_(None)
    )
    return [Item(*row) for row in tx.execute(rows.order_by(bulk_items.c.comment_id).limit(limit))]


def decided_items(tx: Tx, job_id: str) -> list[Item]:
    """Those that the job decided, in the version that they got by it."""
    rows = select(bulk_items.c.comment_id, bulk_items.c.version + 1).where(
        bulk_items.c.job_id == job_id, bulk_items.c.result == "decided"
    )
    return [Item(*row) for row in tx.execute(rows)]


def settle(tx: Tx, job: Job, results: dict[str, str], now: datetime) -> Job:
    """Keep what became of some comments, and the job as it then stands."""
    if results:
        tx.execute(_SETTLE, [{"job": job.id, "comment": each, "became": became} for each, became in results.items()])
    decided = sum(1 for became in results.values() if became == "decided")
    finished = now if not open_items(tx, job.id, 1) else None
    values = {"done": job.done + len(results), "decided": job.decided + decided, "finished_at": finished}
    tx.execute(update(bulk_jobs).where(bulk_jobs.c.id == job.id).values(**values))
    found = get(tx, job.id)
    assert found is not None
    return found


def was_undone(tx: Tx, job_id: str) -> bool:
    """Whether there is a job that undoes this one."""
    return tx.execute(select(bulk_jobs.c.id).where(bulk_jobs.c.undoes == job_id)).first() is not None


def _job(row: Any) -> Job:
    sites = None if row.sites is None else tuple(row.sites)
    return Job(**{**row._mapping, "sites": sites, "decision": Decision(row.decision)})


_SETTLE = (
    update(bulk_items)
    .where(bulk_items.c.job_id == bindparam("job"), bulk_items.c.comment_id == bindparam("comment"))
    .values(result=bindparam("became"))
)
