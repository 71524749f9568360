"""Keep data only as long as the rules say: a lease, then deletion by class in small transactions.

The law asks for no longer than necessary (GDPR article 5(1)(e)); the numbers are `[retention]` in the rules file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from moderation import ids
from moderation.edges import chain, expiry, held, holds, journal, likeness, report_mails
from moderation.edges.schema import Tx
from moderation.runtime import Runtime
from moderation.values import Status

LEASE = timedelta(seconds=90)
BATCH = 50
"""Rows a transaction, so that nobody waits long for the write lock."""


class Step(Protocol):
    """One class of data: what of it has to go, looked for without a lock, and letting it go."""

    def find(self, tx: Tx) -> Sequence[Any]: ...
    def drop(self, tx: Tx, keys: Sequence[Any]) -> int: ...


def tidy(rt: Runtime) -> dict[str, int]:
    """Delete what is past its time and say how much of each class. Empty when another process holds the lease."""
    now = rt.now()
    with rt.store.writing() as tx:
        if not expiry.lease(tx, "housekeeping", rt.process, now, now + LEASE):
            return {}
        holds.spread(tx)
    done = {name: _work_off(rt, step) for name, step in _steps(rt, now)}
    done["journal"] = _shorten(rt, now)
    return {name: count for name, count in done.items() if count}


def _steps(rt: Runtime, now: datetime) -> Iterator[tuple[str, Step]]:
    keep, shard = rt.rules.retention, rt.store.shard
    yield "texts", expiry.texts(now)
    yield "idempotency-keys", expiry.kept_keys(now)
    idle, whole = timedelta(minutes=rt.env.session_idle_minutes), timedelta(hours=rt.env.session_hours)
    yield "sessions", expiry.idle_sessions(now - idle, now - whole)
    yield "links", expiry.old_links(now)
    yield "privacy-links", expiry.old_privacy_links(now)
    yield "report-mails", report_mails.Told(rt.mail_server is not None)
    yield "leases", expiry.card_leases(now)
    yield "bans", expiry.ended_bans(now)
    yield "jobs", expiry.finished_jobs(now - timedelta(days=keep.jobs_days))
    yield "backtests", expiry.finished_backtests(now - timedelta(days=keep.backtests_days))
    yield "likenesses", expiry.Likenesses(now - likeness.KEPT)
    letters = now - timedelta(days=keep.letters_days)
    yield "mails", expiry.done_mails(letters)
    yield "letters", expiry.Letters(letters)
    if keep.authors_days:
        yield "authors", expiry.Authors(now - timedelta(days=keep.authors_days))
    if keep.journal_days:
        yield "counts", expiry.Counts(now - timedelta(days=keep.journal_days))
    if keep.address_days:
        yield "addresses", expiry.Addresses(now - timedelta(days=keep.address_days))
        yield "reporters", expiry.Reporters(now - timedelta(days=keep.address_days))
    if keep.reports_days:
        yield "reports", expiry.Reports(now - timedelta(days=keep.reports_days))
    if keep.pending_days:
        yield "pending", expiry.Comments([Status.PENDING], now - timedelta(days=keep.pending_days), shard)
    if keep.rejected_days:
        before = now - timedelta(days=keep.rejected_days)
        yield "refused", expiry.Comments([Status.REJECTED, Status.SPAM], before, shard)
        yield "records", expiry.Records(before)
    if keep.approved_days:
        yield "approved", expiry.Comments([Status.APPROVED], now - timedelta(days=keep.approved_days), shard)


def _work_off(rt: Runtime, step: Step) -> int:
    with rt.store.reading() as tx:
        keys = step.find(tx)
    gone = 0
    for at in range(0, len(keys), BATCH):
        with rt.store.writing() as tx:
            gone += step.drop(tx, keys[at : at + BATCH])
    return gone


def _shorten(rt: Runtime, now: datetime) -> int:
    """Shorten the journal at its old end, which is itself a row in it."""
    before = now - timedelta(days=rt.rules.retention.journal_days)
    with rt.store.reading() as tx:
        begun, kept = chain.begun(tx), held.oldest(tx)
    if kept is not None:  # what the record says of it is held as well
        before = min(before, ids.time(kept))
    if not rt.rules.retention.journal_days or begun is None or begun >= before:
        return 0
    with rt.store.writing() as tx:
        gone = chain.forget(tx, rt.vault, before, expiry.MOST)
        if gone:
            journal.write(tx, [journal.Entry(now, "service", "service", "journal-shortened", reason=f"{gone} rows")])
    return gone
