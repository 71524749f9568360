"""Legal holds in force, and whether one keeps a comment. Reads only; placing and lifting is `holds`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, true

from moderation.edges.schema import Tx, held_comments, holds
from moderation.values import Hold


def is_held(comment_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """As part of a statement."""
    return exists().where(held_comments.c.comment_id == comment_id)


def is_withheld(comment_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether its author wants it gone, and only a hold keeps it: the public must not see it again."""
    return exists().where(held_comments.c.comment_id == comment_id, held_comments.c.erase_asked_at.is_not(None))


def of_comments(tx: Tx, ids: Iterable[str]) -> dict[str, Hold]:
    """The oldest hold on each of these comments."""
    rows = _joined(tx, held_comments.c.comment_id.in_(list(ids)))
    return {row.held: _hold(row) for row in reversed(rows)}


def page(tx: Tx, sites: Sequence[str] | None) -> list[Hold]:
    """Those in force on `sites` (None: all), the oldest first."""
    return [_hold(row) for row in _joined(tx, true() if sites is None else holds.c.site.in_(list(sites)), whole=True)]


def on(tx: Tx, comment_id: str) -> list[Hold]:
    """All holds that keep this comment, the oldest first."""
    return [_hold(row) for row in _joined(tx, held_comments.c.comment_id == comment_id)]


def find(tx: Tx, hold_id: str) -> Hold | None:
    """The hold of this number, if it is in force."""
    rows = _joined(tx, holds.c.id == hold_id, whole=True)
    return _hold(rows[0]) if rows else None


def _joined(tx: Tx, where: ColumnElement[bool], *, whole: bool = False) -> Sequence[Any]:
    """Holds with the comment that they keep, and whether its author wants it gone; `whole`: with the one that they were
    placed on, and how many they keep."""
    columns = (*holds.c, held_comments.c.comment_id.label("held"), held_comments.c.erase_asked_at)
    others = held_comments.alias()
    kept = select(func.count()).where(others.c.hold_id == holds.c.id).scalar_subquery()
    found = select(*columns, kept.label("kept")).join_from(holds, held_comments, held_comments.c.hold_id == holds.c.id)
    if whole:
        found = found.where(held_comments.c.comment_id == holds.c.comment_id)
    return tx.execute(found.where(where).order_by(holds.c.id, held_comments.c.comment_id)).all()


def _hold(row: Any) -> Hold:
    return Hold(
        row.id, row.site, row.comment_id, row.whole_author, row.reason, row.placed_by, row.placed_at, row.kept,
        row.erase_asked_at is not None,
    )  # fmt: skip


def oldest(tx: Tx) -> str | None:
    """The oldest comment that is held: what the record says of it is kept, too."""
    return tx.execute(select(func.min(held_comments.c.comment_id))).scalar()
