"""Texts of comments that their authors have written anew since. Reads only; they are kept by `own`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select

from moderation.edges.schema import Tx, earlier_texts

MOST = 50
"""Versions of one comment that are shown, the latest."""


@dataclass(frozen=True, slots=True)
class Version:
    """A text that stood until then. `number` is the comment's version while it did."""

    number: int
    body: str
    until: datetime


def of(tx: Tx, comment_id: str) -> list[Version]:
    """The earlier texts of a comment, oldest first."""
    wanted = select(earlier_texts.c.version, earlier_texts.c.body, earlier_texts.c.until)
    rows = tx.execute(
        wanted.where(earlier_texts.c.comment_id == comment_id).order_by(earlier_texts.c.version.desc()).limit(MOST)
    ).all()
    return [Version(*row) for row in reversed(rows)]


def counts(tx: Tx, ids: Sequence[str]) -> dict[str, int]:
    """How many earlier texts each has, of those that have any: one query for a whole page."""
    return {row.comment_id: row.many for row in tx.execute(_COUNTS, {"ids": list(ids)})} if ids else {}


def is_rewritten(tx: Tx, comment_id: str, version: int) -> bool:
    """Whether its author has written it anew since it had `version`."""
    later = (earlier_texts.c.comment_id == comment_id, earlier_texts.c.version >= version)
    return tx.execute(select(earlier_texts.c.version).where(*later).limit(1)).first() is not None


_COUNTS = (
    select(earlier_texts.c.comment_id, func.count().label("many"))
    .where(earlier_texts.c.comment_id.in_(bindparam("ids", expanding=True)))
    .group_by(earlier_texts.c.comment_id)
)
