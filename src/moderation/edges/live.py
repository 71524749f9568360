"""Who has which card on the screen, and what was decided a moment ago: what open pages are told.

A lease is one row, taken or renewed by a conditional upsert; it ends by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, or_, select

from moderation.edges.schema import Tx, comment_leases, comments, journal, upsert
from moderation.values import STATUS_AFTER, Decision

MOST = 500
"""Cards on other people's screens that a page is told of."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision, as open pages are told of it. `reports` of readers that are open after it."""

    comment_id: str
    status: str
    by: str
    reports: int = 0


@dataclass(frozen=True, slots=True)
class Changed:
    """Something else that was done to a comment: a note, words taken out or put back, a text written anew. `what` is
    the record's word for it."""

    comment_id: str
    what: str
    by: str


@dataclass(frozen=True, slots=True)
class News:
    """What was done after one row of the journal, and the number of the last row that was looked at."""

    seq: int
    decided: list[Decided]
    changed: list[Changed]


def take(tx: Tx, comment_id: str, person_id: int, name: str, now: datetime, until: datetime) -> str | None:
    """Take or renew the lease of a card. None where it is now this person's, else the name of who has it."""
    statement = upsert(tx.dialect.name, comment_leases).values(
        comment_id=comment_id, person_id=person_id, name=name, until=until
    )
    free = or_(comment_leases.c.until < now, comment_leases.c.person_id == person_id)
    values = {"person_id": person_id, "name": name, "until": until}
    tx.execute(statement.on_conflict_do_update(index_elements=["comment_id"], set_=values, where=free))
    holder = tx.execute(_HOLDER, {"id": comment_id}).one()
    return None if holder.person_id == person_id else str(holder.name)


def let_go(tx: Tx, comment_id: str, person_id: int) -> None:
    """End a lease of this person's before its time."""
    mine = (comment_leases.c.comment_id == comment_id, comment_leases.c.person_id == person_id)
    tx.execute(delete(comment_leases).where(*mine))


def held(tx: Tx, sites: Sequence[str] | None, person_id: int, now: datetime) -> dict[str, str]:
    """The cards of these sites that somebody else has on the screen, and who."""
    mine = and_(comment_leases.c.person_id != person_id, comment_leases.c.until >= now)
    query = select(comment_leases.c.comment_id, comment_leases.c.name).where(mine)
    if sites is not None:
        # Few cards are on a screen: each one's comment is looked up, and not for each comment whether it is on one.
        query = query.join(comments, comments.c.id == func.trim(comment_leases.c.comment_id))
        query = query.where(comments.c.site.in_(list(sites)))
    return {row.comment_id: row.name for row in tx.execute(query.limit(MOST))}


def newest(tx: Tx) -> int:
    """The number of the journal's last row."""
    return tx.execute(select(func.max(journal.c.seq))).scalar() or 0


def since(tx: Tx, seq: int, sites: Sequence[str] | None, limit: int = 200) -> News:
    """What was done to comments of these sites after row `seq` of the journal."""
    rows: Sequence[Any] = tx.execute(_SINCE, {"seq": seq, "limit": limit}).all()
    told = [row for row in rows if row.action in _TOLD and (sites is None or row.site in sites)]
    left = {row.id: row.reports for row in tx.execute(_REPORTS, {"ids": [row.target for row in told]})} if told else {}
    decided = [Decided(row.target, row.after, row.actor, left.get(row.target, 0)) for row in told]
    here = (row for row in rows if row.action in _CHANGES and (sites is None or row.site in sites))
    changed = dict.fromkeys(Changed(row.target, row.action, row.actor) for row in here)
    return News(rows[-1].seq if rows else seq, decided, list(changed))


def moved(tx: Tx, seq: int) -> set[str]:
    """The comments about which something was decided, or that were written anew, after row `seq` of the journal."""
    rows = select(journal.c.target).where(journal.c.seq > seq, journal.c.action.in_([*_TOLD, "edited"]))
    return set(tx.execute(rows).scalars())


_TOLD = frozenset({*(decision.value for decision in STATUS_AFTER), Decision.UNDO.value, "held", "appealed"})
_HOLDER = select(comment_leases.c.person_id, comment_leases.c.name).where(
    comment_leases.c.comment_id == bindparam("id")
)
_CHANGES = frozenset({"note", "note-dropped", "redact", "restore", "edited"})
_REPORTS = select(comments.c.id, comments.c.reports).where(comments.c.id.in_(bindparam("ids", expanding=True)))
_SINCE = (
    select(journal.c.seq, journal.c.action, journal.c.site, journal.c.target, journal.c.after, journal.c.actor)
    .where(journal.c.seq > bindparam("seq"))
    .order_by(journal.c.seq)
    .limit(bindparam("limit"))
)
