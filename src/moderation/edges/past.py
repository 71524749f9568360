"""Past comments, to be judged again: read in stretches of ids, each a stretch of time. Reads only."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, null, select

from moderation import ids
from moderation.edges.schema import Tx, comments, journal

PAUSE = 120.0
"""Seconds after which a moderator has done something else between two decisions."""

MOST_DECISIONS = 10_000
FEWEST_DECISIONS = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """Which comments: those of `sites` (None: all) from `since` on, until now. What was found in them is read where it
    was found under one of `revisions`."""

    sites: Sequence[str] | None
    since: datetime
    revisions: Collection[str] = ()

    def where(self) -> ColumnElement[bool]:
        """As a condition on comments."""
        recent = comments.c.id >= ids.first(self.since)
        return recent if self.sites is None else and_(recent, comments.c.site.in_(list(self.sites)))


def count(tx: Tx, asked: Asked) -> int:
    """How many there are."""
    return tx.execute(select(func.count()).select_from(comments).where(asked.where())).scalar_one()


def stretches(tx: Tx, asked: Asked, size: int) -> Iterator[tuple[str, str | None]]:
    """The comments cut into stretches of `size`: the first id of each, and the first that is no longer in it (None
    for the last). Looks only one stretch ahead."""
    order = select(comments.c.id).where(asked.where()).order_by(comments.c.id)
    start = tx.execute(order.limit(1)).scalar()
    while start is not None:
        end = tx.execute(order.where(comments.c.id >= start).offset(size).limit(1)).scalar()
        yield start, end
        start = end


def rows(tx: Tx, asked: Asked, start: str, end: str | None) -> Sequence[Any]:
    """The comments of one stretch, with all that a backtest needs of them. `findings` is null where it is not read:
    taking it apart costs as much as the rest of a row."""
    found = case((comments.c.revision.in_(list(asked.revisions)), comments.c.findings), else_=null())
    columns = (
        comments.c.id, comments.c.site, comments.c.body, comments.c.author_name, comments.c.author_url,
        comments.c.verified, comments.c.parent_id, comments.c.created_at, comments.c.facts, comments.c.status,
        comments.c.decided_by, comments.c.revision, found.label("findings"),
    )  # fmt: skip
    query = select(*columns).where(asked.where(), comments.c.id >= start).order_by(comments.c.id)
    return tx.execute(query if end is None else query.where(comments.c.id < end)).all()


def seconds_per_decision(tx: Tx, asked: Asked) -> float | None:
    """The median time between two decisions of the same moderator that follow each other within `PAUSE`, of the latest
    ones. None where there are too few to tell."""
    query = (
        select(journal.c.actor, journal.c.at)
        .where(journal.c.at >= asked.since, journal.c.action.in_(("approve", "reject", "spam")))
        .order_by(journal.c.seq.desc())
        .limit(MOST_DECISIONS)
    )
    if asked.sites is not None:
        query = query.where(journal.c.site.in_(list(asked.sites)))
    later: dict[str, datetime] = {}
    gaps = []
    for actor, at in tx.execute(query):
        if actor in later and 0 < (gap := (later[actor] - at).total_seconds()) <= PAUSE:
            gaps.append(gap)
        later[actor] = at
    return statistics.median(gaps) if len(gaps) >= FEWEST_DECISIONS else None
