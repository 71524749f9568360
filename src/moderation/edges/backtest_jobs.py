"""Backtests from the desk: what is tried, how far it is, and the report. Each person has one; a new one takes the place
of theirs that ended. What runs it is `actions.backtest_jobs`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Update, delete, select, update

from moderation.edges.schema import Tx, backtests, upsert

SILENT = timedelta(seconds=30)
"""After so long without a sign of life nobody works on it any more."""

OPEN = ("waiting", "running")


@dataclass(frozen=True, slots=True)
class Job:
    """`state` is waiting or running, then done, failed, cancelled or interrupted. `done` and `total` count comments.
    `mark` is that of the rules file from which the draft was made."""

    id: str
    person_id: int
    draft: str
    mark: str
    since: str
    state: str
    total: int
    done: int
    report: dict[str, Any] | None
    created_at: datetime
    began_at: datetime | None
    seen_at: datetime | None
    finished_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in OPEN


def start(tx: Tx, job: Job) -> bool:
    """Leave it to be done. False while the person has another one under way."""
    tx.execute(delete(backtests).where(backtests.c.person_id == job.person_id, backtests.c.state.not_in(OPEN)))
    fields = {name: getattr(job, name) for name in Job.__slots__}
    statement = upsert(tx.dialect.name, backtests).values(**fields).on_conflict_do_nothing(index_elements=["person_id"])
    tx.execute(statement)
    return get(tx, job.id) is not None


def get(tx: Tx, job_id: str) -> Job | None:
    """One as it stands."""
    return _job(tx.execute(select(backtests).where(backtests.c.id == job_id)).first())


def of_person(tx: Tx, person_id: int) -> Job | None:
    """The one that they started last."""
    return _job(tx.execute(select(backtests).where(backtests.c.person_id == person_id)).first())


def any_open(tx: Tx) -> bool:
    """Whether any waits or runs."""
    return tx.execute(select(backtests.c.id).where(backtests.c.state.in_(OPEN)).limit(1)).first() is not None


def next_waiting(tx: Tx) -> Job | None:
    """The one that waits for longest."""
    waiting = select(backtests).where(backtests.c.state == "waiting").order_by(backtests.c.created_at).limit(1)
    return _job(tx.execute(waiting).first())


def interrupt(tx: Tx, now: datetime) -> int:
    """End those on which nobody works any more. How many."""
    silent = update(backtests).where(backtests.c.state == "running", backtests.c.seen_at < now - SILENT)
    return int(tx.execute(silent.values(state="interrupted", finished_at=now)).rowcount)


def begin(tx: Tx, job_id: str, now: datetime) -> bool:
    """Take one that waits. False where it waits no more."""
    waits = _the(job_id, "waiting").values(state="running", began_at=now, seen_at=now)
    return _touched(tx.execute(waits))


def advance(tx: Tx, job_id: str, done: int, total: int, now: datetime) -> bool:
    """How far it is, as a sign of life. False where it is not to go on."""
    return _touched(tx.execute(_the(job_id, "running").values(done=done, total=total, seen_at=now)))


def finish(tx: Tx, job_id: str, state: str, report: dict[str, Any] | None, now: datetime) -> bool:
    """It ended by itself. False where it had been ended before."""
    return _touched(tx.execute(_the(job_id, "running").values(state=state, report=report, finished_at=now)))


def cancel(tx: Tx, job_id: str, now: datetime) -> None:
    """End it, if it is under way; who works on it sees that at the next step."""
    tx.execute(_the(job_id, *OPEN).values(state="cancelled", finished_at=now))


def _the(job_id: str, *states: str) -> Update:
    return update(backtests).where(backtests.c.id == job_id, backtests.c.state.in_(states))


def _touched(result: CursorResult[Any]) -> bool:
    return result.rowcount == 1


def _job(row: Any) -> Job | None:
    return Job(**row._mapping) if row else None
