"""What stands around a comment: what it answers, what answers it, and how many of each. Reads only.

`counts` serves a whole page of the queue in a fixed number of queries; the rest is asked for one comment at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from moderation.edges.schema import Tx, comments
from moderation.values import Status

MOST_ABOVE = 20
"""Steps that are gone up from a comment."""
MOST_ANSWERS = 20


@dataclass(frozen=True, slots=True)
class Counts:
    """How much stands around one comment: direct answers, and other answers to what it answers."""

    answers: int = 0
    siblings: int = 0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another comment of the thread, as far as a look at it needs."""

    id: str
    author_name: str
    body: str
    status: Status
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Thread:
    """`above`: what it answers, what that answers and so on, the first of the branch first. `answers` are the first
    `MOST_ANSWERS` of them."""

    above: tuple[Neighbour, ...]
    answers: tuple[Neighbour, ...]
    counts: Counts


def counts(tx: Tx, parents: Mapping[str, str | None]) -> dict[str, Counts]:
    """For each comment (`parents`: its id → that of what it answers). One query, however many there are."""
    asked = {*parents, *(parent for parent in parents.values() if parent)}
    answers: dict[str, int] = {row.parent_id: row.answers for row in tx.execute(_ANSWERS, {"ids": sorted(asked)})}
    return {
        comment_id: Counts(answers.get(comment_id, 0), max(answers.get(parent, 0) - 1, 0) if parent else 0)
        for comment_id, parent in parents.items()
    }


def thread(tx: Tx, comment_id: str, parent_id: str | None) -> Thread:
    """What stands above and below a comment."""
    below = tx.execute(_BELOW, {"id": comment_id}).all()
    return Thread(
        _above(tx, parent_id),
        tuple(_neighbour(row) for row in below),
        counts(tx, {comment_id: parent_id})[comment_id],
    )


def _above(tx: Tx, parent_id: str | None) -> tuple[Neighbour, ...]:
    found: list[Any] = []
    while parent_id and len(found) < MOST_ABOVE:
        row = tx.execute(_ONE, {"id": parent_id}).one()
        found.append(row)
        parent_id = row.parent_id
    return tuple(_neighbour(row) for row in reversed(found))


def _neighbour(row: Any) -> Neighbour:
    return Neighbour(row.id, row.author_name, row.body, Status(row.status), row.created_at)


_SHOWN = (
    comments.c.id, comments.c.parent_id, comments.c.author_name, comments.c.body, comments.c.status,
    comments.c.created_at,
)  # fmt: skip
_ONE = select(*_SHOWN).where(comments.c.id == bindparam("id"))
_BELOW = select(*_SHOWN).where(comments.c.parent_id == bindparam("id")).order_by(comments.c.id).limit(MOST_ANSWERS)
_ANSWERS = (
    select(comments.c.parent_id, func.count().label("answers"))
    .where(comments.c.parent_id.in_(bindparam("ids", expanding=True)))
    .group_by(comments.c.parent_id)
)
