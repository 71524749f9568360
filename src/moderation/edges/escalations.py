"""Comments that a moderator left to a senior: who did, when and why. What is read with each comment is `queries`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select

from moderation.edges.schema import Tx, comments, escalations
from moderation.values import Escalation, Status


def raise_to_seniors(tx: Tx, comment_id: str, escalation: Escalation) -> None:
    """Keep that a comment waits for a senior. There must be none yet."""
    row = {"comment_id": comment_id, "raised_by": escalation.by, "raised_at": escalation.at, "why": escalation.why}
    tx.execute(insert(escalations), row)


def of(tx: Tx, comment_id: str) -> Escalation | None:
    """None where the comment was not escalated."""
    row = tx.execute(select(escalations).where(escalations.c.comment_id == comment_id)).first()
    return Escalation(row.raised_by, row.raised_at, row.why) if row else None


def take_back(tx: Tx, comment_id: str) -> None:
    """As if it had not been escalated."""
    tx.execute(delete(escalations).where(escalations.c.comment_id == comment_id))


def waiting(tx: Tx, sites: Sequence[str] | None) -> int:
    """How many wait for a senior on `sites` (None: all)."""
    # Few are escalated: each one's comment is looked up, and not for each comment whether it is escalated.
    few = escalations.join(comments, comments.c.id == func.trim(escalations.c.comment_id))
    query = select(func.count()).select_from(few).where(_WAITS)
    if sites is not None:
        query = query.where(func.trim(comments.c.site).in_(list(sites)))
    return int(tx.execute(query).scalar() or 0)


_WAITS = func.trim(comments.c.status) == Status.PENDING.value
