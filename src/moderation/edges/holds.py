"""Legal holds: what must not be deleted for now, neither by retention nor for its author. A hold is on one comment, or
through it on all comments of its author, also those to come. Which comments it keeps stands row by row, so that
rotated keys change nothing. Reading them is `held`.

A held comment whose author wants it gone is out of the public's sight at once, and deleted when the last hold is
lifted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, select, update

from moderation.edges import erasure, external_checks
from moderation.edges.comments import Change, count_changes, decide, lock
from moderation.edges.schema import AUTHOR, Tx, comments, held_comments, holds
from moderation.values import Hold, Status


def place(tx: Tx, hold: Hold) -> int:
    """Keep the comment, and with `whole_author` all by its author. How many comments that are."""
    values = {"id": hold.id, "site": hold.site, "comment_id": hold.comment_id, "whole_author": hold.whole_author}
    tx.execute(insert(holds), values | {"reason": hold.reason, "placed_by": hold.by, "placed_at": hold.at})
    _keep(tx, hold.id, [hold.comment_id])
    return 1 + (_spread(tx, hold.id, hold.comment_id) if hold.whole_author else 0)


def spread(tx: Tx) -> int:
    """Let holds on authors reach what they have written since. How many comments that are."""
    wide = select(holds.c.id, holds.c.comment_id).where(holds.c.whole_author)
    return sum(_spread(tx, row.id, row.comment_id) for row in tx.execute(wide).all())


def _spread(tx: Tx, hold_id: str, comment_id: str) -> int:
    """Through the comment that the hold was placed on, which is there as long as the hold is."""
    anchor = tx.execute(select(comments.c.site, AUTHOR.label("author")).where(comments.c.id == comment_id)).one()
    if anchor.author is None:
        return 0
    kept = exists().where(held_comments.c.hold_id == hold_id, held_comments.c.comment_id == comments.c.id)
    known = comments.c.author_id if anchor.author.startswith(b"\0") else comments.c.email_index
    theirs = (comments.c.site == anchor.site, known == anchor.author, anchor.author == AUTHOR, ~kept)
    found = lock(tx, and_(*theirs))
    if found:
        _keep(tx, hold_id, found)
    return len(found)


def _keep(tx: Tx, hold_id: str, ids: Sequence[str]) -> None:
    """What an author has asked for under another hold is done when the last one is lifted."""
    kept = held_comments.c
    wishes = select(kept.comment_id, func.max(kept.erase_asked_at).label("at")).group_by(kept.comment_id)
    asked = {row.comment_id: row.at for row in tx.execute(wishes.where(kept.comment_id.in_(ids)))}
    rows = [{"hold_id": hold_id, "comment_id": each, "erase_asked_at": asked.get(each)} for each in ids]
    tx.execute(insert(held_comments), rows)


def lift(tx: Tx, hold_id: str, at: datetime, shard: int) -> int:
    """End the hold, and delete what its authors wanted gone and no other hold keeps. How many comments that were."""
    mine = held_comments.c.hold_id == hold_id
    lock(tx, comments.c.id.in_(select(held_comments.c.comment_id).where(mine)))
    wanted = select(held_comments.c.comment_id).where(mine, held_comments.c.erase_asked_at.is_not(None))
    asked = tx.execute(wanted.order_by(held_comments.c.comment_id.desc())).scalars().all()
    tx.execute(delete(held_comments).where(mine))
    tx.execute(delete(holds).where(holds.c.id == hold_id))
    free = [comment_id for comment_id in asked if not tx.execute(select(_is_kept(comment_id))).scalar()]
    columns = (comments.c.site, comments.c.article_id, comments.c.status)
    for comment_id in free:
        row = tx.execute(select(*columns).where(comments.c.id == comment_id)).one()
        stood = Status(row.status)
        stays = erasure.remove(tx, comment_id)
        count_changes(tx, [Change(row.site, row.article_id, None, stood, stood if stays else None, at)], shard)
    return len(free)


def _is_kept(comment_id: str) -> ColumnElement[bool]:
    return exists().where(held_comments.c.comment_id == comment_id)


def withhold(tx: Tx, ids: Sequence[str], by: str, at: datetime, shard: int) -> int:
    """The author wants these comments gone: those that are held leave the public's sight, and go when they may. How
    many of `ids` are held."""
    here = held_comments.c.comment_id.in_(lock(tx, comments.c.id.in_(list(ids))))
    kept = tx.execute(select(held_comments.c.comment_id).where(here).distinct()).scalars().all()
    tx.execute(update(held_comments).where(here, held_comments.c.erase_asked_at.is_(None)).values(erase_asked_at=at))
    columns = (comments.c.id, comments.c.site, comments.c.article_id, comments.c.status, comments.c.version)
    for each in kept:
        external_checks.drop(tx, each)
    open_ones = comments.c.status.in_([Status.PENDING.value, Status.APPROVED.value])
    standing = select(*columns, AUTHOR.label("author")).where(comments.c.id.in_(kept), open_ones)
    for row in tx.execute(standing.order_by(comments.c.id)).all():
        stood = Status(row.status)
        decide(tx, row.id, row.version, stood, after=Status.REJECTED, by=by, at=at, reason=None)
        gone = Change(row.site, row.article_id, row.author, stood, None, at)  # their record forgets it
        count_changes(tx, [gone, Change(row.site, row.article_id, None, None, Status.REJECTED, at)], shard)
    return len(kept)
