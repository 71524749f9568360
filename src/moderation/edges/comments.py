"""Writing comments: store new ones in batches, decide by conditional UPDATE, and keep the counts that go with both.

Every function takes the connection of a transaction that its caller opened with `Store.writing()`; none commits.
Statements are built once, at the top, so that SQLAlchemy compiles each only once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.sql.dml import Insert

from moderation.edges.schema import Tx, article_of, articles, author_records, comments, counters, recent_texts, upsert
from moderation.values import Article, ArticleRef, Finding, Span, Status, Verdict


@dataclass(frozen=True, slots=True)
class NewComment:
    """A judged comment as it goes into the store. `text_key` is what a second sending is recognised by."""

    id: str
    site: str
    article_id: int
    parent_id: str | None
    root_id: str
    depth: int
    author_name: str
    author_url: str | None
    email_sealed: str | None
    email_index: bytes | None
    email_masked: str | None
    verified: bool
    address_hash: bytes
    address_prefix: str
    body: str
    html: str
    verdict: Verdict
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One comment going from one status to another (`before` is None for a new one, `after` for one that goes)."""

    site: str
    article_id: int
    email_index: bytes | None
    before: Status | None
    after: Status | None
    at: datetime


def make_articles(tx: Tx, site: str, refs: Iterable[ArticleRef], now: datetime) -> dict[str, Article]:
    """The articles of `refs` by key; those not yet known are added. Title and URL are kept as first told."""
    wanted = {ref.key: ref for ref in refs}
    rows = [
        {
            "site": site,
            "key": ref.key,
            "url": ref.url,
            "title": ref.title,
            "closed": False,
            "created_at": now,
            "version": 0,
            "approved": 0,
        }
        for ref in sorted(wanted.values(), key=lambda ref: ref.key)
    ]
    if rows:
        tx.execute(_statement("articles", tx.dialect.name), rows)
    return find_articles(tx, site, wanted)


def find_articles(tx: Tx, site: str, keys: Iterable[str]) -> dict[str, Article]:
    """The known ones among `keys`."""
    found = tx.execute(_FIND_ARTICLES, {"site": site, "keys": list(keys)})
    return {row.key: article_of(row) for row in found}


def change_article(tx: Tx, article: Article, *, closed: bool | None, title: str | None, url: str | None) -> None:
    """Set what is not None; the public version grows, so that cached threads are dropped."""
    values = {name: value for name, value in (("closed", closed), ("title", title), ("url", url)) if value is not None}
    tx.execute(update(articles).where(articles.c.id == article.id).values(**values, version=articles.c.version + 1))


def said_before(tx: Tx, keys: Mapping[str, bytes], now: datetime, until: Mapping[str, datetime]) -> set[str]:
    """Claim each comment's text key (`keys`: comment id → key) until its time; returns the ids that came too late.

    One statement claims, so two processes cannot both win (PostgreSQL locks the row, SQLite the file).
    """
    rows: list[dict[str, Any]] = [
        {"key": key, "comment_id": comment_id, "until": until[comment_id]}
        for comment_id, key in sorted(keys.items(), key=lambda item: item[1])
    ]
    if not rows:
        return set()
    tx.execute(_statement("recent_texts", tx.dialect.name), [{**row, "now": now} for row in rows])
    holders = {row.key: row.comment_id for row in tx.execute(_TEXT_HOLDERS, {"keys": [row["key"] for row in rows]})}
    return {comment_id for comment_id, key in keys.items() if holders[key] != comment_id}


def store(tx: Tx, new: Sequence[NewComment], shard: int) -> None:
    """Insert `new` and count them."""
    if not new:
        return
    tx.execute(_INSERT, [_row(comment) for comment in new])
    count_changes(
        tx,
        [
            Change(
                comment.site, comment.article_id, comment.email_index, None, comment.verdict.status, comment.created_at
            )
            for comment in new
        ],
        shard,
    )


def _row(comment: NewComment) -> dict[str, Any]:
    verdict = comment.verdict
    return {
        "id": comment.id,
        "site": comment.site,
        "article_id": comment.article_id,
        "parent_id": comment.parent_id,
        "root_id": comment.root_id,
        "depth": comment.depth,
        "status": verdict.status.value,
        "version": 1,
        "author_name": comment.author_name,
        "author_url": comment.author_url,
        "email_sealed": comment.email_sealed,
        "email_index": comment.email_index,
        "email_masked": comment.email_masked,
        "verified": comment.verified,
        "address_hash": comment.address_hash,
        "address_prefix": comment.address_prefix,
        "body": comment.body,
        "html": comment.html,
        "masks": [_span_row(span) for span in verdict.masks],
        "findings": [finding_row(finding) for finding in verdict.findings],
        "verdict": verdict.decision.value,
        "revision": verdict.revision,
        "created_at": comment.created_at,
    }


def finding_row(finding: Finding) -> dict[str, Any]:
    """A finding as JSON: in the store, in the API."""
    return {
        "rule": finding.rule,
        "effect": finding.effect.value,
        "code": finding.code,
        "field": finding.field,
        "spans": [_span_row(span) for span in finding.spans],
        "data": dict(finding.data),
    }


def _span_row(span: Span) -> list[Any]:
    return [span.start, span.end, span.label]


def decide(
    tx: Tx,
    comment_id: str,
    version: int,
    status: Status,
    *,
    after: Status,
    by: str | None,
    at: datetime | None,
    reason: str | None,
) -> bool:
    """Move one comment from `status` in `version` to `after`. False when it is no longer there: nothing was changed."""
    done = tx.execute(
        _DECIDE,
        {
            "at_id": comment_id,
            "at_version": version,
            "at_status": status.value,
            "status": after.value,
            "decided_by": by,
            "decided_at": at,
            "reason": reason,
        },
    )
    return done.rowcount == 1


def count_changes(tx: Tx, changes: Sequence[Change], shard: int) -> None:
    """Keep tab counts, authors' records and articles' public versions in step with `changes`; rows in a fixed
    order, so that two transactions never wait for each other in a circle."""
    tabs: Counter[tuple[str, str]] = Counter()
    records: dict[tuple[str, bytes], tuple[Counter[str], datetime]] = {}
    public: Counter[int] = Counter()
    touched: set[int] = set()
    for change in changes:
        for status, step in ((change.after, 1), (change.before, -1)):
            if status is None:
                continue
            tabs[change.site, status.value] += step
            if change.email_index is not None:
                record = records.setdefault((change.site, change.email_index), (Counter(), change.at))
                record[0][status.value] += step
            if status is Status.APPROVED:
                public[change.article_id] += step
                touched.add(change.article_id)
    _add_up(tx, tabs, shard)
    _add_records(tx, records)
    if touched:
        tx.execute(_BUMP_ARTICLE, [{"at_id": article_id, "step": public[article_id]} for article_id in sorted(touched)])


def _add_up(tx: Tx, tabs: Counter[tuple[str, str]], shard: int) -> None:
    rows = [
        {"site": site, "status": status, "shard": shard, "count": step}
        for (site, status), step in sorted(tabs.items())
        if step
    ]
    if rows:
        tx.execute(_statement("counters", tx.dialect.name), rows)


def _add_records(tx: Tx, records: Mapping[tuple[str, bytes], tuple[Counter[str], datetime]]) -> None:
    rows = [
        {
            "site": site,
            "email_index": index,
            "first_seen": at,
            **{status.value: steps[status.value] for status in Status},
        }
        for (site, index), (steps, at) in sorted(records.items())
    ]
    if rows:
        tx.execute(_statement("author_records", tx.dialect.name), rows)


@lru_cache(maxsize=8)
def _statement(name: str, dialect: str) -> Any:
    """The upserts, each built once for a dialect: building one costs more than running it."""
    if name == "articles":
        return upsert(dialect, articles).on_conflict_do_nothing(index_elements=["site", "key"])
    if name == "recent_texts":
        claim = upsert(dialect, recent_texts)
        return claim.on_conflict_do_update(
            index_elements=["key"],
            set_={"comment_id": claim.excluded.comment_id, "until": claim.excluded.until},
            where=recent_texts.c.until < bindparam("now"),
        )
    if name == "counters":
        count = upsert(dialect, counters)
        added = {"count": counters.c.count + count.excluded.count}
        return count.on_conflict_do_update(index_elements=["site", "status", "shard"], set_=added)
    record = upsert(dialect, author_records)
    steps = {status.value: author_records.c[status.value] + record.excluded[status.value] for status in Status}
    return record.on_conflict_do_update(index_elements=["site", "email_index"], set_=steps)


_INSERT: Insert = insert(comments)
_FIND_ARTICLES = select(articles).where(
    articles.c.site == bindparam("site"), articles.c.key.in_(bindparam("keys", expanding=True))
)
_TEXT_HOLDERS = select(recent_texts.c.key, recent_texts.c.comment_id).where(
    recent_texts.c.key.in_(bindparam("keys", expanding=True))
)
_DECIDE = (
    update(comments)
    .where(
        comments.c.id == bindparam("at_id"),
        comments.c.version == bindparam("at_version"),
        comments.c.status == bindparam("at_status"),
    )
    .values(
        status=bindparam("status"),
        version=comments.c.version + 1,
        decided_by=bindparam("decided_by"),
        decided_at=bindparam("decided_at"),
        reason=bindparam("reason"),
    )
)
_BUMP_ARTICLE = (
    update(articles)
    .where(articles.c.id == bindparam("at_id"))
    .values(version=articles.c.version + 1, approved=articles.c.approved + bindparam("step"))
)
