"""How old the oldest row of each class of data is that retention deletes (`expiry`): what shows whether it does. Each
is found by an index, but for a few tables that stay small.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, func, select

from moderation import ids
from moderation.edges import chain
from moderation.edges.expiry import is_free
from moderation.edges.held import is_held
from moderation.edges.schema import (
    Tx,
    authors,
    backtests,
    bulk_jobs,
    comments,
    counters,
    idempotency_keys,
    likenesses,
    mails,
    outbox,
    privacy_links,
    recent_texts,
    report_mails,
    reports,
    sessions,
    tallies,
)
from moderation.values import Status


def rows(tx: Tx) -> dict[str, datetime]:
    """Since when the oldest row of each class is there; of a comment that was decided, since when it stands so. Classes
    without a row are left out, and comments that are answered or under a legal hold, which no age deletes. Where no
    time is kept, the id of the comment that it was written with tells it."""
    addressed = _first(tx, comments.c.id, comments.c.address_hash.is_not(None), ~is_held(comments.c.id))
    key = _first(tx, idempotency_keys.c.comment_id, by=idempotency_keys.c.until)
    text = _first(tx, recent_texts.c.comment_id, by=recent_texts.c.until)
    alike = _first(tx, likenesses.c.comment_id)
    link, reader = _first(tx, privacy_links.c.id), _first(tx, report_mails.c.id)
    found = {
        "pending": _comment(tx, Status.PENDING),
        "approved": _comment(tx, Status.APPROVED),
        "refused": _comment(tx, Status.REJECTED, Status.SPAM),
        "addresses": ids.time(addressed) if addressed else None,
        "reporters": _first(tx, reports.c.at, reports.c.reporter.is_not(None), _free(reports), by=reports.c.id),
        "reports": _first(tx, reports.c.at, reports.c.settled.is_not(None), _free(reports)),
        "journal": chain.begun(tx),
        "counts": _first(tx, tallies.c.hour),
        "letters": _first(tx, outbox.c.created_at, _free(outbox), by=outbox.c.id),
        "mails": _first(tx, mails.c.done_at, mails.c.done_at.is_not(None)),
        "authors": _first(tx, authors.c.proved_at),
        "idempotency-keys": ids.time(key) if key else None,
        "texts": ids.time(text) if text else None,
        "likenesses": ids.time(alike) if alike else None,
        "privacy-links": ids.time(link) if link else None,
        "report-mails": ids.time(reader) if reader else None,
        "jobs": _first(tx, bulk_jobs.c.finished_at, bulk_jobs.c.finished_at.is_not(None)),
        "backtests": tx.execute(select(func.min(backtests.c.finished_at))).scalar(),
        "sessions": tx.execute(select(func.min(sessions.c.created_at))).scalar(),
    }
    return {name: since for name, since in found.items() if since is not None}


def _first(tx: Tx, wanted: Column[Any], *where: Any, by: Column[Any] | None = None) -> Any:
    return tx.execute(select(wanted).where(*where).order_by(wanted if by is None else by).limit(1)).scalar()


def _free(table: Table) -> ColumnElement[bool]:
    """What no legal hold keeps."""
    return ~is_held(table.c.comment_id)


def _comment(tx: Tx, *statuses: Status) -> datetime | None:
    """The oldest on all sites: the first of each, in one statement."""
    sites = select(counters.c.site).distinct().subquery()
    oldest = []
    for status in statuses:
        here = (comments.c.site == sites.c.site, comments.c.status == status.value, is_free())
        first = select(comments.c.id).where(*here).order_by(comments.c.id).limit(1)
        each = select(first.scalar_subquery().label("id")).select_from(sites).subquery()
        oldest.append(tx.execute(select(func.min(each.c.id))).scalar())
    found = min((comment_id for comment_id in oldest if comment_id), default=None)
    if found is None:
        return None
    decided = tx.execute(select(comments.c.decided_at).where(comments.c.id == found)).scalar()
    return max(ids.time(found), decided) if decided else ids.time(found)
