"""What moderators have written down about a comment for each other. It stays with the comment and goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select

from moderation.edges.schema import Tx, notes


@dataclass(frozen=True, slots=True)
class Note:
    """`person_id` and `name` are of who wrote it."""

    id: int
    comment_id: str
    person_id: int
    name: str
    text: str
    at: datetime


def of_comments(tx: Tx, ids: Sequence[str]) -> dict[str, list[Note]]:
    """The notes of these comments, oldest first: one query for a whole page."""
    found: dict[str, list[Note]] = {}
    for row in tx.execute(_OF, {"ids": list(ids)}):
        found.setdefault(row.comment_id, []).append(Note(*row))
    return found


def count(tx: Tx, comment_id: str) -> int:
    """How many a comment has."""
    return tx.execute(select(func.count()).where(notes.c.comment_id == comment_id)).scalar_one()


def add(tx: Tx, comment_id: str, person_id: int, name: str, text: str, at: datetime) -> None:
    """Write one down."""
    values = {"comment_id": comment_id, "person_id": person_id, "name": name, "text": text, "at": at}
    tx.execute(insert(notes).values(**values))


def drop(tx: Tx, comment_id: str, note_id: int, person_id: int) -> bool:
    """Take a note of this person's away. False where there is none."""
    mine = (notes.c.id == note_id, notes.c.comment_id == comment_id, notes.c.person_id == person_id)
    return tx.execute(delete(notes).where(*mine)).rowcount == 1


_OF = (
    select(notes.c.id, notes.c.comment_id, notes.c.person_id, notes.c.name, notes.c.text, notes.c.at)
    .where(notes.c.comment_id.in_(bindparam("ids", expanding=True)))
    .order_by(notes.c.id)
)
