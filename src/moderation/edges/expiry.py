"""What is past its time. Looking for it is a read of its own, by an index, at most `MOST` rows a call; deleting takes
the keys that were found and looks at each once more, so that the write lock is held only for what has to go. And the
lease for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, exists, or_, select, tuple_, update

from moderation import ids
from moderation.edges.authors import forget, needed
from moderation.edges.comments import Change, count_changes, drop_empty_records, is_left
from moderation.edges.held import is_held
from moderation.edges.schema import (
    AUTHOR,
    Tx,
    author_records,
    authors,
    backtests,
    bans,
    bulk_jobs,
    comment_leases,
    comments,
    counters,
    external_checks,
    idempotency_keys,
    leases,
    likenesses,
    links,
    mails,
    outbox,
    privacy_links,
    recent_texts,
    reports,
    sessions,
    tallies,
    upsert,
)
from moderation.values import Status

MOST = 500


def lease(tx: Tx, name: str, holder: str, now: datetime, until: datetime) -> bool:
    """Take or renew the lease `name` until `until`. False while somebody else holds it; nobody holds it for twice as
    long as that, but a wrong clock may have said so."""
    statement = upsert(tx.dialect.name, leases).values(name=name, holder=holder, until=until)
    free = or_(leases.c.until < now, leases.c.until > until + (until - now), leases.c.holder == holder)
    tx.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"holder": holder, "until": until}, where=free)
    )
    return bool(tx.execute(select(leases.c.holder).where(leases.c.name == name)).scalar() == holder)


@dataclass(frozen=True, slots=True)
class Past:
    """Rows of a table with a key of one column, and what makes them past their time."""

    table: Table
    is_past: ColumnElement[bool]

    def find(self, tx: Tx) -> Sequence[Any]:
        """The keys of some that have to go."""
        return tx.execute(select(self._key()).where(self.is_past).limit(MOST)).scalars().all()

    def drop(self, tx: Tx, keys: Sequence[Any]) -> int:
        """Delete those of `keys` that are still past their time. How many."""
        return tx.execute(delete(self.table).where(self._key().in_(keys), self.is_past)).rowcount

    def _key(self) -> Any:
        (key,) = self.table.primary_key.columns
        return key


def ended_bans(now: datetime) -> Past:
    """Bans that have come to their end; the record keeps that they were."""
    return Past(bans, bans.c.until <= now)


def texts(now: datetime) -> Past:
    """Texts that no longer count as just sent."""
    return Past(recent_texts, recent_texts.c.until < now)


def kept_keys(now: datetime) -> Past:
    """Idempotency keys whose time is over."""
    return Past(idempotency_keys, idempotency_keys.c.until < now)


def idle_sessions(idle_since: datetime, begun_before: datetime) -> Past:
    """Sessions that idled too long or are too old."""
    return Past(sessions, or_(sessions.c.seen_at < idle_since, sessions.c.created_at < begun_before))


def old_links(now: datetime) -> Past:
    """One-time links whose time is over."""
    return Past(links, links.c.expires_at < now)


def old_privacy_links(now: datetime) -> Past:
    """Links to readers' data whose time is over."""
    return Past(privacy_links, privacy_links.c.expires_at <= now)


def card_leases(now: datetime) -> Past:
    """Leases of cards that have ended."""
    return Past(comment_leases, comment_leases.c.until < now)


def finished_jobs(before: datetime) -> Past:
    """Decisions about many comments that were finished before then; the record keeps what they decided."""
    return Past(bulk_jobs, bulk_jobs.c.finished_at < before)


def finished_backtests(before: datetime) -> Past:
    """Backtests that ended before then."""
    return Past(backtests, backtests.c.finished_at < before)


def done_mails(before: datetime) -> Past:
    """Letters by e-mail that were sent or given up before then."""
    return Past(mails, mails.c.done_at < before)


@dataclass(frozen=True, slots=True)
class Authors:
    """Authors who proved who they are before then for the last time, and of whom no comment is left."""

    before: datetime

    def find(self, tx: Tx) -> Sequence[bytes]:
        past = select(authors.c.id).where(authors.c.proved_at < self.before, ~needed())
        return tx.execute(past.order_by(authors.c.proved_at).limit(MOST)).scalars().all()

    def drop(self, tx: Tx, keys: Sequence[bytes]) -> int:
        return forget(tx, keys)


@dataclass(frozen=True, slots=True)
class Letters:
    """Letters of the outbox from before then. Their numbers grow with time, so that only the first are looked at."""

    before: datetime

    def find(self, tx: Tx) -> Sequence[int]:
        free = select(outbox.c.id, outbox.c.created_at).where(~is_held(outbox.c.comment_id))
        first = tx.execute(free.order_by(outbox.c.id).limit(MOST))
        return [row.id for row in first if row.created_at < self.before]

    def drop(self, tx: Tx, keys: Sequence[int]) -> int:
        return tx.execute(delete(outbox).where(outbox.c.id.in_(keys), ~is_held(outbox.c.comment_id))).rowcount


@dataclass(frozen=True, slots=True)
class Counts:
    """Hours from before then whose counts are kept, however many counts those are."""

    before: datetime

    def find(self, tx: Tx) -> Sequence[datetime]:
        past = select(tallies.c.hour).where(tallies.c.hour < self.before).distinct()
        return tx.execute(past.order_by(tallies.c.hour).limit(MOST)).scalars().all()

    def drop(self, tx: Tx, keys: Sequence[datetime]) -> int:
        return tx.execute(delete(tallies).where(tallies.c.hour.in_(keys))).rowcount


@dataclass(frozen=True, slots=True)
class Likenesses:
    """The keys of comments from before then. They stand by comment, so that only the first are looked at."""

    before: datetime

    def find(self, tx: Tx) -> Sequence[str]:
        old = likenesses.c.comment_id < ids.first(self.before)
        found = select(likenesses.c.comment_id).distinct().where(old).order_by(likenesses.c.comment_id)
        return tx.execute(found.limit(MOST)).scalars().all()

    def drop(self, tx: Tx, keys: Sequence[str]) -> int:
        return tx.execute(delete(likenesses).where(likenesses.c.comment_id.in_(keys))).rowcount


@dataclass(frozen=True, slots=True)
class Addresses:
    """The network addresses of comments from before then, which are blanked."""

    before: datetime

    def find(self, tx: Tx) -> Sequence[str]:
        old = (comments.c.address_hash.is_not(None), comments.c.id < ids.first(self.before), ~is_held(comments.c.id))
        return tx.execute(select(comments.c.id).where(*old).order_by(comments.c.id).limit(MOST)).scalars().all()

    def drop(self, tx: Tx, keys: Sequence[str]) -> int:
        waiting = update(external_checks).where(external_checks.c.comment_id.in_(keys))
        tx.execute(waiting.values(address=None))  # of a site that is in the rules file no more: others are soon asked
        free = (comments.c.id.in_(keys), ~is_held(comments.c.id))
        blank = update(comments).where(*free).values(address_hash=None, address_prefix=None)
        return tx.execute(blank).rowcount


@dataclass(frozen=True, slots=True)
class Reporters:
    """By what those are known again who reported something before then, which is blanked. Ids grow with time, so that
    only the first are looked at."""

    before: datetime

    def find(self, tx: Tx) -> Sequence[int]:
        known = select(reports.c.id, reports.c.at).where(
            reports.c.reporter.is_not(None), ~is_held(reports.c.comment_id)
        )
        return [row.id for row in tx.execute(known.order_by(reports.c.id).limit(MOST)) if row.at < self.before]

    def drop(self, tx: Tx, keys: Sequence[int]) -> int:
        free = (reports.c.id.in_(keys), ~is_held(reports.c.comment_id))
        return tx.execute(update(reports).where(*free).values(reporter=None)).rowcount


@dataclass(frozen=True, slots=True)
class Reports:
    """Reports of readers from before then that were decided about; an open one stays with its comment."""

    before: datetime

    def find(self, tx: Tx) -> Sequence[int]:
        kept = (reports.c.settled.is_not(None), ~is_held(reports.c.comment_id))
        settled = select(reports.c.id).where(*kept, reports.c.at < self.before)
        return tx.execute(settled.order_by(reports.c.at).limit(MOST)).scalars().all()

    def drop(self, tx: Tx, keys: Sequence[int]) -> int:
        free = (reports.c.id.in_(keys), reports.c.settled.is_not(None), ~is_held(reports.c.comment_id))
        return tx.execute(delete(reports).where(*free)).rowcount


def is_free() -> ColumnElement[bool]:
    """A comment that age may delete: nobody answered it, and no legal hold keeps it."""
    answers = comments.alias()
    return and_(~exists().where(answers.c.parent_id == comments.c.id), ~is_held(comments.c.id))


@dataclass(frozen=True, slots=True)
class Comments:
    """Comments that have stood in `statuses` since then, unless somebody answered them. Counts follow."""

    statuses: Sequence[Status]
    before: datetime
    shard: int

    def find(self, tx: Tx) -> Sequence[str]:
        found: list[str] = []
        for site in tx.execute(select(counters.c.site).distinct()).scalars():
            for status in self.statuses:
                here = (comments.c.site == site, comments.c.status == status.value, self._has_stood())
                some = select(comments.c.id).where(*here).order_by(comments.c.id).limit(MOST - len(found))
                found += tx.execute(some).scalars()
        return found

    def drop(self, tx: Tx, keys: Sequence[str]) -> int:
        stands = comments.c.status.in_([status.value for status in self.statuses])
        columns = (comments.c.site, comments.c.article_id, AUTHOR.label("author"), comments.c.status)
        going = delete(comments).where(comments.c.id.in_(keys), stands, self._has_stood()).returning(*columns)
        gone = [
            Change(row.site, row.article_id, row.author, Status(row.status), None, self.before)
            for row in tx.execute(going)
        ]
        count_changes(tx, gone, self.shard)
        drop_empty_records(tx, {(change.site, change.author) for change in gone if change.author is not None})
        return len(gone)

    def _has_stood(self) -> ColumnElement[bool]:
        return and_(
            comments.c.id < ids.first(self.before),
            or_(comments.c.decided_at.is_(None), comments.c.decided_at < self.before),
            is_free(),
        )


@dataclass(frozen=True, slots=True)
class Records:
    """What was decided against authors who took all of their comments back, and were first seen before then."""

    before: datetime

    def find(self, tx: Tx) -> Sequence[tuple[str, bytes]]:
        known = select(author_records.c.site, author_records.c.email_index).where(*self._is_past()).limit(MOST)
        return [(row.site, row.email_index) for row in tx.execute(known)]

    def drop(self, tx: Tx, keys: Sequence[tuple[str, bytes]]) -> int:
        these = tuple_(author_records.c.site, author_records.c.email_index).in_(keys)
        return tx.execute(delete(author_records).where(these, *self._is_past())).rowcount

    def _is_past(self) -> tuple[ColumnElement[bool], ...]:
        return author_records.c.first_seen < self.before, is_left()
