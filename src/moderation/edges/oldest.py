"""How old the oldest row of each class of data is that retention deletes (`expiry`): what shows whether it does. Each
is found by an index.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, func, select

from moderation import ids
from moderation.edges import chain
from moderation.edges.expiry import is_free
from moderation.edges.schema import Tx, authors, comments, counters, mails, outbox, reports, tallies
from moderation.values import Status


def rows(tx: Tx) -> dict[str, datetime]:
    """Since when the oldest row of each class is there; of a comment that was decided, since when it stands so. Classes
    without a row are left out, and comments that are answered or under a legal hold, which no age deletes."""
    addressed = _first(tx, comments.c.id, comments.c.address_hash.is_not(None))
    found = {
        "pending": _comment(tx, Status.PENDING),
        "refused": _comment(tx, Status.REJECTED, Status.SPAM),
        "addresses": ids.time(addressed) if addressed else None,
        "reporters": _first(tx, reports.c.at, reports.c.reporter.is_not(None), by=reports.c.id),
        "reports": _first(tx, reports.c.at, reports.c.settled.is_not(None), by=reports.c.id),
        "journal": chain.begun(tx),
        "counts": _first(tx, tallies.c.hour),
        "letters": _first(tx, outbox.c.created_at, by=outbox.c.id),
        "mails": _first(tx, mails.c.done_at, mails.c.done_at.is_not(None)),
        "authors": _first(tx, authors.c.proved_at),
    }
    return {name: since for name, since in found.items() if since is not None}


def _first(tx: Tx, wanted: Column[Any], *where: Any, by: Column[Any] | None = None) -> Any:
    return tx.execute(select(wanted).where(*where).order_by(wanted if by is None else by).limit(1)).scalar()


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
