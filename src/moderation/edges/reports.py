"""What readers have reported about public comments. A report is open until somebody decides about the comment; how many
are open stands with the comment itself (`comments.reports`), to sort by. Every function takes the connection of a
transaction that its caller opened; none commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, exists, func, literal_column, select, update

from moderation.edges.schema import Tx, comments, reports, upsert
from moderation.values import Status

MOST = 100
"""Reports of one comment that are kept: those that come later would say nothing new."""
MOST_COUNTED = 1000
"""Reported comments that are counted for the tab."""

IS_REPORTED = comments.c.reports > literal_column("0")
"""As the partial index has it, to the letter: a bound value would not be known when the statement is planned."""


@dataclass(frozen=True, slots=True)
class Report:
    """One that is open. `words` hold no contact data."""

    reason: str
    words: str | None
    at: datetime


def add(tx: Tx, comment_id: str, reporter: bytes, reason: str, words: str | None, at: datetime) -> bool:
    """Keep a report. False where this household has reported the comment before, or enough others have."""
    if tx.execute(select(func.count()).where(reports.c.comment_id == comment_id)).scalar_one() >= MOST:
        return False
    row = {"comment_id": comment_id, "reporter": reporter, "reason": reason, "words": words, "at": at}
    new = upsert(tx.dialect.name, reports).on_conflict_do_nothing(index_elements=["comment_id", "reporter"])
    if tx.execute(new.returning(reports.c.id), row).first() is None:
        return False
    tx.execute(_COUNT, {"at_id": comment_id, "step": 1})
    return True


def was_settled(tx: Tx, comment_id: str) -> bool:
    """Whether somebody has decided about reports of this comment before."""
    settled = (reports.c.comment_id == comment_id, reports.c.settled.is_not(None))
    return bool(tx.execute(select(exists().where(*settled))).scalar())


def settle(tx: Tx, comment_id: str, request_id: str) -> None:
    """The decision of this request answers all that are open."""
    is_open = (reports.c.comment_id == comment_id, reports.c.settled.is_(None))
    tx.execute(update(reports).where(*is_open).values(settled=request_id))
    tx.execute(update(comments).where(comments.c.id == comment_id).values(reports=0))


def reopen(tx: Tx, comment_id: str, request_id: str) -> None:
    """That decision was undone."""
    by_it = (reports.c.comment_id == comment_id, reports.c.settled == request_id)
    if again := tx.execute(update(reports).where(*by_it).values(settled=None)).rowcount:
        tx.execute(_COUNT, {"at_id": comment_id, "step": again})


def of_comments(tx: Tx, ids: Sequence[str]) -> dict[str, list[Report]]:
    """The open reports of these comments, the newest first: one query for a whole page."""
    found: dict[str, list[Report]] = {}
    for row in tx.execute(_OPEN, {"ids": list(ids)}) if ids else ():
        found.setdefault(row.comment_id, []).append(Report(row.reason, row.words, row.at))
    return found


def waiting(tx: Tx, sites: Sequence[str] | None) -> int:
    """How many public comments on `sites` (None: all) have open reports, up to `MOST_COUNTED`."""
    some = select(comments.c.id).where(IS_REPORTED, comments.c.status == Status.APPROVED.value)
    if sites is not None:
        some = some.where(comments.c.site.in_(list(sites)))
    return tx.execute(select(func.count()).select_from(some.limit(MOST_COUNTED).subquery())).scalar_one()


_COUNT = (
    update(comments).where(comments.c.id == bindparam("at_id")).values(reports=comments.c.reports + bindparam("step"))
)
_OPEN = (
    select(reports.c.comment_id, reports.c.reason, reports.c.words, reports.c.at)
    .where(reports.c.comment_id.in_(bindparam("ids", expanding=True)), reports.c.settled.is_(None))
    .order_by(reports.c.id.desc())
)
