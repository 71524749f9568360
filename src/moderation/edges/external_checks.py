"""Comments that a check outside is asked about, or was: claimed one by one, settled with the verdict that comes of the
answer. What is said to whom is `akismet` and `generic_check`.

Whoever claimed one settles it, and nobody else: a claim is known by the moment at which it ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, select, update

from moderation.edges.comments import finding_row, rule_rows
from moderation.edges.schema import (
    AUTHOR,
    Tx,
    articles,
    comment_rules,
    comments,
    external_checks,
    finding_of,
    journal,
)
from moderation.edges.vault import Unreadable
from moderation.values import STATUS_AFTER, Decision, Span, Status, Verdict, gravity


class Keys(Protocol):
    """What is needed of the vault."""

    def open_sender(self, sealed: str, comment_id: str) -> str: ...


@dataclass(frozen=True, slots=True)
class New:
    """A comment to ask about, in this version. `may_publish`: whether a good answer lets the site's mode decide."""

    comment_id: str
    site: str
    version: int
    may_publish: bool
    address: str | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """One that is ours until then, and what may be told of the comment. `attempts` were made before; `said` is what it
    takes the comment for as far as we know, None where that is asked still."""

    comment_id: str
    version: int
    may_publish: bool
    address: str | None
    until: datetime
    attempts: int
    said: str | None
    article_key: str
    article_url: str | None
    article_title: str | None
    author_name: str
    author_url: str | None
    body: str
    is_reply: bool
    verified: bool
    language: str | None
    created_at: datetime
    status: Status
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class Stands:
    """How a comment stands, locked, and what it takes to judge it again. `is_touched`: whether anybody has decided
    about it."""

    site: str
    article_id: int
    author: bytes | None
    status: Status
    version: int
    verdict: Verdict
    facts: Mapping[str, Any]
    said: Mapping[str, Any]
    is_touched: bool


def ask(tx: Tx, new: Sequence[New]) -> None:
    """Have them asked about."""
    if not new:
        return
    fields = ("comment_id", "site", "version", "may_publish", "address", "due_at")
    tx.execute(
        insert(external_checks), [{name: getattr(each, name) for name in fields} | {"attempts": 0} for each in new]
    )


def drop(tx: Tx, comment_id: str) -> None:
    """Nothing is asked about it any more."""
    tx.execute(delete(external_checks).where(external_checks.c.comment_id == comment_id))


def sites(tx: Tx) -> dict[str, datetime]:
    """The sites of those about which something is left to do, and when the first of each is due. From site to site by
    the index, two looks each, however many comments wait."""
    return {row.site: row.due_at for row in tx.execute(_SITES)}


def _sites() -> Select[tuple[str, datetime]]:
    waits = external_checks.c.due_at.is_not(None)
    site = select(func.min(external_checks.c.site).label("site")).where(waits).cte("sites", recursive=True)
    after = select(func.min(external_checks.c.site)).where(waits, external_checks.c.site > site.c.site)
    site = site.union_all(select(after.scalar_subquery()).where(site.c.site.is_not(None)))
    first = select(func.min(external_checks.c.due_at)).where(waits, external_checks.c.site == site.c.site)
    return select(site.c.site, first.scalar_subquery().label("due_at")).where(site.c.site.is_not(None))


_SITES = _sites()


def due(tx: Tx, site: str, by: datetime, most: int) -> Sequence[str]:
    """The ids of a site's comments that are due by then, those that have waited longest first."""
    wanted = select(external_checks.c.comment_id)
    wanted = wanted.where(external_checks.c.site == site, external_checks.c.due_at <= by)
    return (
        tx.execute(wanted.order_by(external_checks.c.due_at, external_checks.c.comment_id).limit(most)).scalars().all()
    )


def claim(tx: Tx, keys: Keys, comment_id: str, by: datetime, until: datetime) -> Claimed | None:
    """Take one that is due by then, so that nobody else asks before `until`. None where somebody else was first. An
    address whose key is gone is left out."""
    here = external_checks.c.comment_id == comment_id
    taken = update(external_checks).where(here, external_checks.c.due_at <= by)
    if tx.execute(taken.values(due_at=until, attempts=external_checks.c.attempts + 1)).rowcount != 1:
        return None
    joined = select(external_checks, *_TOLD).join_from(external_checks, comments).join(articles)
    row = tx.execute(joined.where(here)).one()
    told = {column.key: getattr(row, column.key) for column in _TOLD if column.key not in ("parent_id", "status")}
    return Claimed(
        comment_id=comment_id,
        version=row.version,
        may_publish=row.may_publish,
        address=_opened(keys, row.address, comment_id),
        until=until,
        attempts=row.attempts - 1,
        said=row.said,
        is_reply=row.parent_id is not None,
        status=Status(row.status),
        **told,
    )


_TOLD = (
    articles.c.key.label("article_key"), articles.c.url.label("article_url"), articles.c.title.label("article_title"),
    comments.c.author_name, comments.c.author_url, comments.c.body, comments.c.parent_id, comments.c.verified,
    comments.c.language, comments.c.created_at, comments.c.status, comments.c.decided_by,
)  # fmt: skip


def _opened(keys: Keys, sealed: str | None, comment_id: str) -> str | None:
    try:
        return keys.open_sender(sealed, comment_id) if sealed else None
    except Unreadable:
        return None


def stands(tx: Tx, claimed: Claimed) -> Stands | None:
    """How the comment stands until the transaction ends. None where it is gone or is no longer ours to settle: it was
    written anew, or the claim ended."""
    columns = (
        comments.c.site, comments.c.article_id, AUTHOR.label("author"), comments.c.status, comments.c.version,
        comments.c.verdict, comments.c.findings, comments.c.masks, comments.c.revision, comments.c.facts,
        comments.c.body, comments.c.author_name, comments.c.author_url, comments.c.verified, comments.c.parent_id,
        comments.c.created_at,
    )  # fmt: skip
    here = select(*columns).where(comments.c.id == claimed.comment_id).with_for_update()
    row = tx.execute(here).first()
    if row is None or tx.execute(select(external_checks.c.said).where(_ours(claimed))).first() is None:
        return None
    decided = (journal.c.target == claimed.comment_id, journal.c.action.in_(_DECISIONS))
    masks = tuple(Span(*each) for each in row.masks)
    findings = tuple(finding_of(each) for each in row.findings)
    return Stands(
        row.site,
        row.article_id,
        row.author,
        Status(row.status),
        row.version,
        Verdict(Decision(row.verdict), findings, masks, row.revision),
        row.facts or {},
        {
            "body": row.body,
            "author_name": row.author_name,
            "author_url": row.author_url,
            "verified": row.verified,
            "is_reply": row.parent_id is not None,
            "at": row.created_at,
        },
        tx.execute(select(journal.c.seq).where(*decided).limit(1)).first() is not None,
    )


_DECISIONS = sorted({*(decision.value for decision in STATUS_AFTER), Decision.UNDO.value})


def judged(tx: Tx, comment_id: str, was: Stands, verdict: Verdict, status: Status, facts: Mapping[str, Any]) -> None:
    """Write down what comes of the answer, for a comment that is locked. Counts are the caller's."""
    values = {
        "findings": [finding_row(each) for each in verdict.findings],
        "facts": dict(facts),
        "verdict": verdict.decision.value,
        "revision": verdict.revision,
        "gravity": gravity(verdict.findings),
        "status": status.value,
        "version": was.version + (status is not was.status),
    }
    tx.execute(update(comments).where(comments.c.id == comment_id).values(**values))
    tx.execute(delete(comment_rules).where(comment_rules.c.comment_id == comment_id))
    same = {"comment_id": comment_id, "site": was.site, "status": status.value, "gravity": values["gravity"]}
    if told := [*rule_rows(verdict.findings, **same)]:
        tx.execute(insert(comment_rules), told)


def settle(tx: Tx, claimed: Claimed, said: str | None, due_at: datetime | None = None) -> None:
    """It was asked, or told; what it takes the comment for is `said`. The sender's address goes. Due again where a
    moderator thinks otherwise by then."""
    done = {"said": said, "due_at": due_at, "attempts": 0, "address": None}
    tx.execute(update(external_checks).where(_ours(claimed)).values(**done))


def put_off(tx: Tx, claimed: Claimed, until: datetime) -> None:
    """Not before `until`."""
    tx.execute(update(external_checks).where(_ours(claimed)).values(due_at=until))


def reconsider(tx: Tx, comment_id: str, due_at: datetime) -> None:
    """Somebody has decided about a comment: look then whether that is what was said of it."""
    said = external_checks.c.said.is_not(None)
    here = update(external_checks).where(external_checks.c.comment_id == comment_id, said)
    tx.execute(here.values(due_at=due_at, attempts=0))


def _ours(claimed: Claimed) -> ColumnElement[bool]:
    return and_(external_checks.c.comment_id == claimed.comment_id, external_checks.c.due_at == claimed.until)
