"""Deleting what is past its time, at most `MOST` rows a call, so that no transaction is long. And the lease for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, delete, exists, or_, select, update

from moderation.edges.comments import Change, count_changes
from moderation.edges.schema import Tx, comments, journal, leases, links, outbox, recent_texts, sessions, upsert
from moderation.values import Status

MOST = 500


def lease(tx: Tx, name: str, holder: str, now: datetime, until: datetime) -> bool:
    """Take or renew the lease `name` until `until`. False while somebody else holds it."""
    statement = upsert(tx.dialect.name, leases).values(name=name, holder=holder, until=until)
    free = or_(leases.c.until < now, leases.c.holder == holder)
    tx.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"holder": holder, "until": until}, where=free)
    )
    return bool(tx.execute(select(leases.c.holder).where(leases.c.name == name)).scalar() == holder)


def drop_texts(tx: Tx, now: datetime) -> int:
    return _drop(tx, recent_texts, recent_texts.c.until < now)


def drop_sessions(tx: Tx, idle_since: datetime, begun_before: datetime) -> int:
    return _drop(tx, sessions, or_(sessions.c.seen_at < idle_since, sessions.c.created_at < begun_before))


def drop_links(tx: Tx, now: datetime) -> int:
    return _drop(tx, links, links.c.expires_at < now)


def drop_letters(tx: Tx, before: datetime) -> int:
    return _drop(tx, outbox, outbox.c.created_at < before)


def drop_journal(tx: Tx, before: datetime | None) -> int:
    return _drop(tx, journal, journal.c.at < before) if before else 0


def forget_addresses(tx: Tx, before: datetime | None) -> int:
    """Blank the network addresses of comments older than `before`."""
    if before is None:
        return 0
    some = select(comments.c.id).where(comments.c.created_at < before, comments.c.address_hash.is_not(None)).limit(MOST)
    blank = update(comments).where(comments.c.id.in_(some)).values(address_hash=None, address_prefix=None)
    return tx.execute(blank).rowcount


def drop_comments(tx: Tx, statuses: Sequence[str], before: datetime | None, shard: int) -> int:
    """Delete comments that have stood in `statuses` since `before`, unless somebody answered them. Counts follow."""
    if before is None:
        return 0
    answers = comments.alias()
    stood = and_(
        comments.c.status.in_(list(statuses)),
        comments.c.created_at < before,
        or_(comments.c.decided_at.is_(None), comments.c.decided_at < before),
        ~exists().where(answers.c.parent_id == comments.c.id),
    )
    columns = (comments.c.id, comments.c.site, comments.c.article_id, comments.c.email_index, comments.c.status)
    rows = tx.execute(select(*columns).where(stood).limit(MOST)).all()
    if rows:
        gone = [Change(row.site, row.article_id, row.email_index, Status(row.status), None, before) for row in rows]
        count_changes(tx, gone, shard)
        tx.execute(delete(comments).where(comments.c.id.in_([row.id for row in rows])))
    return len(rows)


def _drop(tx: Tx, table: Table, past: ColumnElement[bool]) -> int:
    key = next(iter(table.primary_key.columns))
    some = select(key).where(past).limit(MOST)
    return tx.execute(delete(table).where(key.in_(some))).rowcount
