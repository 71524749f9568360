"""All that is kept about one author, found by blind indexes: to hand it out, and to forget it (GDPR articles 15, 17).

Forgetting deletes a comment; one that was answered stays as a place without text or author, so that the answers keep
theirs. At most `MOST` comments a call, so that no transaction is long. The journal holds neither text nor address and
stays whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, exists, or_, select, update

from moderation.edges import authors, report_mails, search
from moderation.edges.comments import Change, count_changes, lock
from moderation.edges.held import is_held
from moderation.edges.schema import (
    Tx,
    articles,
    author_records,
    backtests,
    bans,
    comment_rules,
    comments,
    earlier_texts,
    escalations,
    external_checks,
    idempotency_keys,
    journal,
    likenesses,
    mails,
    notes,
    privacy_links,
    recent_texts,
    reports,
)
from moderation.text.markup import render
from moderation.values import Status

MOST = 500
REMOVED = "[removed at the author's request]"
NOBODY = "[removed]"


@dataclass(frozen=True, slots=True)
class Gone:
    """How many comments were forgotten, and how many bans, proofs and letters beside them.
    What legal holds keep is not among them."""

    comments: int
    others: int


def _theirs(indexes: Sequence[bytes]) -> ColumnElement[bool]:
    """Comments with one of these addresses, or by one who is known by one of these names at a publisher's login."""
    return or_(comments.c.email_index.in_(indexes), comments.c.author_id.in_(authors.known_by(indexes)))


def statuses(tx: Tx, indexes: Sequence[bytes]) -> list[tuple[str, str]]:
    """Site and status of each of the author's comments."""
    found = select(comments.c.site, comments.c.status).where(_theirs(indexes))
    return [(row.site, row.status) for row in tx.execute(found)]


def everything(tx: Tx, indexes: Sequence[bytes]) -> Iterator[Mapping[str, Any]]:
    """Each comment of the author, oldest first, with its article and what was decided about it, never by whom."""
    joined = select(comments, articles.c.key, articles.c.url, articles.c.title).join_from(comments, articles)
    for row in tx.execute(joined.where(_theirs(indexes)).order_by(comments.c.id)):
        history = select(journal.c.at, journal.c.action, journal.c.after, journal.c.reason)
        told = select(reports.c.at, reports.c.reason, reports.c.words).where(reports.c.comment_id == row.id)
        said = select(notes.c.at, notes.c.text).where(notes.c.comment_id == row.id).order_by(notes.c.id)
        yield {
            **row._mapping,
            "earlier": [dict(each._mapping) for each in tx.execute(_EARLIER, {"id": row.id})],
            "notes": [dict(each._mapping) for each in tx.execute(said)],
            "reported": [dict(each._mapping) for each in tx.execute(told.order_by(reports.c.id))],
            "history": [dict(each._mapping) for each in tx.execute(_of(history, row.id))],
        }


def _of(history: Any, comment_id: str) -> Any:
    return history.where(journal.c.target == comment_id).order_by(journal.c.seq)


_EARLIER = (
    select(earlier_texts.c.body, earlier_texts.c.until)
    .where(earlier_texts.c.comment_id == bindparam("id"))
    .order_by(earlier_texts.c.version)
)


def take(tx: Tx, indexes: Sequence[bytes]) -> None:
    """Until the transaction ends nobody else decides about the author's comments or puts a hold on one."""
    lock(tx, _theirs(indexes))


def held(tx: Tx, indexes: Sequence[bytes]) -> list[str]:
    """The author's comments that a legal hold keeps."""
    return list(
        tx.execute(
            select(comments.c.id).where(_theirs(indexes), is_held(comments.c.id)).order_by(comments.c.id)
        ).scalars()
    )


def proofs(tx: Tx, indexes: Sequence[bytes]) -> list[Mapping[str, Any]]:
    """To which sites the author has proved who they are, how, and when last."""
    return [dict(row._mapping) for row in authors.of(tx, indexes)]


def letters(tx: Tx, indexes: Sequence[bytes]) -> list[Mapping[str, Any]]:
    """Which letters by e-mail wait to be sent to the author, and since when."""
    waiting = select(mails.c.kind, mails.c.created_at).where(mails.c.email_index.in_(indexes))
    return [dict(row._mapping) for row in tx.execute(waiting.order_by(mails.c.id))]


def bans_on(tx: Tx, indexes: Sequence[bytes], mailbox: Sequence[bytes]) -> list[dict[str, Any]]:
    """The bans on the author, and those made from their comments, never by whom. `mailbox` are the blind indexes of the
    mailbox that their address leads to: a ban on an address is one on that."""
    columns = (bans.c.site, bans.c.whom, bans.c.shown, bans.c.effect, bans.c.reason, bans.c.made_at, bans.c.until)
    found = select(*columns).where(_banned(tx, indexes, mailbox)).order_by(bans.c.id)
    return [dict(row._mapping) for row in tx.execute(found)]


def _banned(tx: Tx, indexes: Sequence[bytes], mailbox: Sequence[bytes]) -> ColumnElement[bool]:
    theirs = select(comments.c.id).where(_theirs(indexes))
    proved = [row.id for row in authors.of(tx, indexes)]
    return or_(bans.c.key.in_([*indexes, *mailbox, *proved]), bans.c.comment_id.in_(theirs))


def forget(tx: Tx, indexes: Sequence[bytes], mailbox: Sequence[bytes], at: datetime, shard: int) -> Gone:
    """Delete or empty up to `MOST` of the author's comments, answers before what they answer; and all the rest."""
    columns = (comments.c.id, comments.c.site, comments.c.article_id, comments.c.status)
    proved = [row.id for row in authors.of(tx, indexes)]
    free = ~is_held(comments.c.id)
    wanted = select(*columns).where(_theirs(indexes), free).order_by(comments.c.id.desc()).limit(MOST)
    rows = tx.execute(wanted).all()
    others = tx.execute(delete(bans).where(_banned(tx, indexes, mailbox))).rowcount
    for row in rows:
        stood = Status(row.status)
        stays = remove(tx, row.id)
        count_changes(tx, [Change(row.site, row.article_id, None, stood, stood if stays else None, at)], shard)
    tx.execute(delete(backtests))  # reports quote comments, also those that are being made
    others += tx.execute(delete(mails).where(mails.c.email_index.in_(indexes))).rowcount
    tx.execute(delete(privacy_links).where(privacy_links.c.email_index.in_(indexes)))
    others += report_mails.forget(tx, indexes)
    tx.execute(delete(author_records).where(author_records.c.email_index.in_(indexes)))
    others += authors.forget(tx, proved)
    return Gone(len(rows), others)


def remove(tx: Tx, comment_id: str) -> bool:
    """Delete one comment; empty it where it was answered. Whether its place stays. Counts are the caller's."""
    stays = _is_answered(tx, comment_id)
    (_empty if stays else _delete)(tx, comment_id)
    return stays


def _is_answered(tx: Tx, comment_id: str) -> bool:
    """Asked one by one, since an answer by the same author may have just gone."""
    return bool(tx.execute(select(exists().where(comments.c.parent_id == comment_id))).scalar())


def _delete(tx: Tx, comment_id: str) -> None:
    _delete_around(tx, comment_id)
    tx.execute(delete(comments).where(comments.c.id == comment_id))


def _delete_around(tx: Tx, comment_id: str) -> None:
    """What other tables keep of its text, and of what was thought about it."""
    for table in (
        recent_texts,
        idempotency_keys,
        comment_rules,
        earlier_texts,
        escalations,
        notes,
        likenesses,
        reports,
        external_checks,
    ):
        tx.execute(delete(table).where(table.c.comment_id == comment_id))


def _empty(tx: Tx, comment_id: str) -> None:
    _delete_around(tx, comment_id)
    blank: dict[str, Any] = {
        "author_name": NOBODY,
        "author_url": None,
        "article_title": None,
        "email_sealed": None,
        "email_index": None,
        "email_masked": None,
        "author_id": None,
        "verified": False,
        "address_hash": None,
        "address_prefix": None,
        "body": REMOVED,
        "html": render(REMOVED, ()),
        "masks": [],
        "findings": [],
        "facts": None,
        "gravity": 0,
        "reports": 0,
        "language": None,
        "reason": None,
        "version": comments.c.version + 1,
    }
    tx.execute(update(comments).where(comments.c.id == comment_id).values(**blank))
    search.read_again(tx, comment_id)
