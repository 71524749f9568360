"""Writing comments: store new ones in batches, decide by conditional UPDATE, and keep the counts that go with both.

Every function takes the connection of a transaction that its caller opened with `Store.writing()`; none commits.
Statements are built once, at the top, so that SQLAlchemy compiles each only once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

import orjson
from sqlalchemy import Boolean, ColumnElement, and_, bindparam, delete, exists, insert, or_, select, tuple_, update
from sqlalchemy.sql.dml import Insert

from moderation.edges import search
from moderation.edges.bulk import Bulk, Lookup
from moderation.edges.held import is_withheld
from moderation.edges.schema import (
    Tx,
    article_of,
    articles,
    author_records,
    authors,
    bans,
    comment_rules,
    comments,
    counters,
    finding_of,
    recent_texts,
    upsert,
)  # fmt: skip
from moderation.frozen import value
from moderation.values import Article, ArticleRef, Effect, Finding, Span, Status, Verdict, gravity, noted


@value
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
    words: list[str]
    body: str
    html: str
    verdict: Verdict
    facts: Mapping[str, Any]
    created_at: datetime
    author_id: bytes | None = None
    language: str | None = None
    article_title: str | None = None


@value
class Change:
    """One comment going from one status to another (`before` is None for a new one, `after` for one that goes).
    `author` is whose record it counts for (`schema.AUTHOR`); `endorses`: the desk approved it, and with it what the
    public then sees of its article; `title` is what it calls that."""

    site: str
    article_id: int
    author: bytes | None
    before: Status | None
    after: Status | None
    at: datetime
    endorses: bool = False
    title: str | None = None


def make_articles(tx: Tx, site: str, refs: Iterable[ArticleRef], now: datetime) -> dict[str, Article]:
    """The articles of `refs` by key; those not yet known are added. Title and URL are kept as first told, until the
    content system tells others, or a comment is approved that calls its article something else."""
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
    _ARTICLES.run(tx, rows)
    return find_articles(tx, site, wanted)


def fill_titles(tx: Tx, titles: Mapping[int, str]) -> None:
    """Titles for articles that have none yet, by id; for moderators, as those of first comments are."""
    for article_id, title in sorted(titles.items()):
        tx.execute(update(articles).where(articles.c.id == article_id, articles.c.title.is_(None)).values(title=title))


def find_articles(tx: Tx, site: str, keys: Iterable[str]) -> dict[str, Article]:
    """The known ones among `keys`."""
    found = map(article_of, _FIND_ARTICLES.run(tx, set(keys), site=site))
    return {article.key: article for article in found}


def find_articles_to_fill(tx: Tx, site: str, keys: Iterable[str]) -> tuple[dict[str, Article], bool]:
    """The known ones among `keys`, and whether there may be bans on the site: told in passing, since most have none."""
    rows = _FIND_ARTICLES_TO_FILL.run(tx, set(keys), site=site)
    found = [article_of(columns) for *columns, _ in rows]
    return {article.key: article for article in found}, not rows or rows[0][-1]


def change_article(
    tx: Tx, article: Article, *, closed: bool | None, title: str | None, url: str | None, tags: Sequence[str] | None
) -> None:
    """Set what is not None; the public version grows, so that cached threads are dropped."""
    given = {"closed": closed, "title": title, "url": url, "tags": None if tags is None else list(tags)}
    values = {name: value for name, value in given.items() if value is not None}
    values |= {f"{name}_told": True for name in ("title", "url") if name in values}
    tx.execute(update(articles).where(articles.c.id == article.id).values(**values, version=articles.c.version + 1))
    if title is not None and title != article.title:
        search.retitle(tx, article.id)


def said_before(tx: Tx, keys: Mapping[str, bytes], now: datetime, until: Mapping[str, datetime]) -> set[str]:
    """Claim each comment's text key (`keys`: comment id → key) until its time; returns the ids that came too late.

    One statement claims, so two processes cannot both win (PostgreSQL locks the row, SQLite the file).
    """
    first: dict[bytes, str] = {}
    for comment_id, key in keys.items():
        first.setdefault(key, comment_id)
    rows = [{"key": key, "comment_id": first[key], "until": until[first[key]], "now": now} for key in sorted(first)]
    if _TEXTS.run(tx, rows) == len(keys):
        return set()
    holders = {row.key: row.comment_id for row in tx.execute(_TEXT_HOLDERS, {"keys": list(first)})}
    return {comment_id for comment_id, key in keys.items() if holders[key] != comment_id}


def store(tx: Tx, new: Sequence[NewComment], shard: int) -> None:
    """Insert `new` and count them."""
    if not new:
        return
    rows = [_row(comment) for comment in new]
    _COMMENTS.run(tx, rows)
    _RULES.run(tx, [told for comment, row in zip(new, rows, strict=True) for told in _rule_rows(comment, row)])
    search.add(tx, [(each.id, each.words) for each in new])
    count_changes(
        tx,
        [
            Change(
                comment.site,
                comment.article_id,
                comment.author_id or comment.email_index,
                None,
                comment.verdict.status,
                comment.created_at,
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
        "author_id": comment.author_id,
        "verified": comment.verified,
        "address_hash": comment.address_hash,
        "address_prefix": comment.address_prefix,
        "body": comment.body,
        "html": comment.html,
        "masks": [_span_row(span) for span in verdict.masks],
        "findings": [
            finding_row(each) if each.data or each.spans else _told(each.rule, each.effect, each.code, each.field)
            for each in verdict.findings
        ],
        "facts": dict(comment.facts),
        "verdict": verdict.decision.value,
        "revision": verdict.revision,
        "created_at": comment.created_at,
        "gravity": gravity(verdict.findings),
        "language": comment.language,
        "article_title": comment.article_title,
    }


def _rule_rows(comment: NewComment, row: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    same = {name: row[name] for name in ("site", "status", "gravity")}
    return rule_rows(comment.verdict.findings, comment_id=comment.id, **same)


def rule_rows(findings: Iterable[Finding], **here: object) -> Iterator[dict[str, object]]:
    """What is kept of each rule that told something, or failed, beside the comment's own columns."""
    told = noted(findings)
    failed = {found.rule for found in told if found.code == "rule-failed"}
    for rule in sorted({found.rule for found in told}):
        yield {**here, "rule": rule, "failed": rule in failed}


def finding_row(finding: Finding) -> dict[str, Any]:
    """A finding as JSON: in the store, in the API."""
    return {
        "rule": finding.rule,
        "effect": finding.effect._value_,  # `value` itself takes eight times as long, for each of two dozen
        "code": finding.code,
        "field": finding.field,
        "spans": [_span_row(span) for span in finding.spans],
        "data": dict(finding.data),
    }


@lru_cache(maxsize=1000)
def _told(rule: str, effect: Effect, code: str, field: str) -> orjson.Fragment:
    """The JSON of a finding without numbers, which most are: the same for each comment."""
    return orjson.Fragment(orjson.dumps(finding_row(Finding(rule, effect, code, field))))


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
    """Move one comment from `status` in `version` to `after`. False when it is no longer there, or would become
    public while it is only kept by a legal hold: nothing was changed."""
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
    if done.rowcount != 1:
        return False
    tx.execute(_DECIDE_RULES, {"at_id": comment_id, "status": after.value})
    return True


def wait_again(tx: Tx, comment_id: str, version: int, status: Status, finding: Finding) -> bool:
    """Have a comment that was decided about wait again, and say why beside what the rules found. False where it is not
    as it was."""
    here = (comments.c.id == comment_id, comments.c.version == version, comments.c.status == status.value)
    row = tx.execute(select(comments.c.site, comments.c.findings).where(*here)).first()
    if row is None:
        return False
    kept = [each for each in row.findings if each["rule"] != finding.rule]
    found = [*map(finding_of, kept), finding]
    values: dict[str, Any] = {
        "status": Status.PENDING.value,
        "version": version + 1,
        "findings": [*kept, finding_row(finding)],
        "gravity": gravity(found),
        "decided_at": None,
        "decided_by": None,
        "reason": None,
    }
    if tx.execute(update(comments).where(*here).values(**values)).rowcount != 1:
        return False
    told = {name: values[name] for name in ("status", "gravity")}
    of_it = comment_rules.c.comment_id == comment_id
    tx.execute(delete(comment_rules).where(of_it, comment_rules.c.rule == finding.rule))
    tx.execute(update(comment_rules).where(of_it).values(**told))
    also = {"comment_id": comment_id, "rule": finding.rule, "site": row.site, "failed": False}
    tx.execute(insert(comment_rules).values(**also, **told))
    return True


def lock(tx: Tx, where: ColumnElement[bool]) -> list[str]:
    """Until the transaction ends nobody else decides about these comments, deletes them or puts a hold on one. Their
    ids, in the order in which everybody locks. What is asked of them afterwards is as the one before has left it."""
    locked = select(comments.c.id).where(where).order_by(comments.c.id).with_for_update()
    return list(tx.execute(locked).scalars())


def redact(tx: Tx, comment_id: str, version: int, masks: Sequence[Span], html: str) -> bool:
    """Hide other spans of a comment from the public. False when it is no longer in `version`: nothing was changed."""
    rows = [_span_row(span) for span in masks]
    done = tx.execute(_REDACT, {"at_id": comment_id, "at_version": version, "masks": rows, "html": html})
    if done.rowcount != 1:
        return False
    tx.execute(_TOUCH_ARTICLE, {"comment_id": comment_id})
    return True


def count_changes(tx: Tx, changes: Sequence[Change], shard: int) -> None:
    """Keep tab counts, authors' records and articles' public versions in step with `changes`; rows in a fixed
    order, so that two transactions never wait for each other in a circle."""
    tabs: Counter[tuple[str, str]] = Counter()
    records: dict[tuple[str, bytes], tuple[Counter[str], datetime]] = {}
    public: Counter[int] = Counter()
    touched: set[int] = set()
    endorsed = {change.article_id for change in changes if change.endorses}
    for change in changes:
        for status, step in ((change.after, 1), (change.before, -1)):
            if status is None:
                continue
            tabs[change.site, status.value] += step
            if change.author is not None:
                record = records.setdefault((change.site, change.author), (Counter(), change.at))
                record[0][status.value] += step
            if status is Status.APPROVED:
                public[change.article_id] += step
                touched.add(change.article_id)
    _add_up(tx, tabs, shard)
    _add_records(tx, records)
    if touched:
        rows = [{"at_id": each, "step": public[each], "endorses": each in endorsed} for each in sorted(touched)]
        tx.execute(_BUMP_ARTICLE, rows)
        _settle_titles(tx, changes)


def _settle_titles(tx: Tx, changes: Sequence[Change]) -> None:
    """A title that only comments have told is for the public while one of those that call it so is approved. The first
    one that the desk approves decides which; their articles' rows are locked by now."""
    left = sorted({change.article_id for change in changes if change.before is Status.APPROVED})
    if left:
        tx.execute(_TITLE_AGAIN, {"ids": left})
    told = {each.article_id: each.title for each in reversed(changes) if each.endorses and each.title}
    for article_id, title in sorted(told.items()):
        if tx.execute(_TITLE, {"at_id": article_id, "said": title}).rowcount:
            search.retitle(tx, article_id)


def drop_empty_records(tx: Tx, authors_of: Collection[tuple[str, bytes]]) -> None:
    """An author's record, by site and author, goes with the last comment that is counted in it."""
    record = author_records.c
    empty = and_(record.pending == 0, record.approved == 0, record.rejected == 0, record.spam == 0)
    theirs = tuple_(record.site, record.email_index).in_(sorted(authors_of))
    tx.execute(delete(author_records).where(theirs, empty))


def is_left() -> ColumnElement[bool]:
    """A record that no comment and no verified author belongs to: its comments were taken back, what was decided
    against them is counted still."""
    record = author_records.c
    typed = exists().where(comments.c.site == record.site, comments.c.email_index == record.email_index)
    proved = exists().where(authors.c.id == record.email_index)
    return and_(~typed, ~proved)


def _add_up(tx: Tx, tabs: Counter[tuple[str, str]], shard: int) -> None:
    rows = [
        {"site": site, "status": status, "shard": shard, "count": step}
        for (site, status), step in sorted(tabs.items())
        if step
    ]
    _COUNTERS.run(tx, rows)


def _add_records(tx: Tx, records: Mapping[tuple[str, bytes], tuple[Counter[str], datetime]]) -> None:
    rows = [
        {
            "site": site,
            "email_index": index,
            "first_seen": at,
            **{status: steps[status] for status in _STATUSES},
        }
        for (site, index), (steps, at) in sorted(records.items())
    ]
    _RECORDS.run(tx, rows)


_STATUSES = tuple(status.value for status in Status)
"""Read once: `value` of an enum costs several times what looking a name up does, and each author has four."""


def _new_articles(dialect: str) -> Insert:
    return cast(Insert, upsert(dialect, articles).on_conflict_do_nothing(index_elements=["site", "key"]))


def _claim_texts(dialect: str) -> Insert:
    claim = upsert(dialect, recent_texts)
    claimed = {"comment_id": claim.excluded.comment_id, "until": claim.excluded.until}
    free = recent_texts.c.until < bindparam("now")
    return cast(Insert, claim.on_conflict_do_update(index_elements=["key"], set_=claimed, where=free))


def _count_up(dialect: str) -> Insert:
    count = upsert(dialect, counters)
    added = {"count": counters.c.count + count.excluded.count}
    return cast(Insert, count.on_conflict_do_update(index_elements=["site", "status", "shard"], set_=added))


def _record_up(dialect: str) -> Insert:
    record = upsert(dialect, author_records)
    steps = {status.value: author_records.c[status.value] + record.excluded[status.value] for status in Status}
    return cast(Insert, record.on_conflict_do_update(index_elements=["site", "email_index"], set_=steps))


_ARTICLES = Bulk(["site", "key", "url", "title", "closed", "created_at", "version", "approved"], _new_articles)
_TEXTS = Bulk(["key", "comment_id", "until"], _claim_texts)
_COMMENTS = Bulk([
    "id", "site", "article_id", "parent_id", "root_id", "depth", "status", "version", "author_name", "author_url",
    "email_sealed", "email_index", "email_masked", "author_id", "verified", "address_hash", "address_prefix", "body",
    "html", "masks", "findings", "facts", "verdict", "revision", "created_at", "gravity", "language",
    "article_title",
], lambda _: insert(comments))  # fmt: skip
_RULES = Bulk(["comment_id", "rule", "site", "status", "gravity", "failed"], lambda _: insert(comment_rules))
_COUNTERS = Bulk(["site", "status", "shard", "count"], _count_up)
_RECORDS = Bulk(["site", "email_index", "first_seen", *(status.value for status in Status)], _record_up)
_DECIDE_RULES = (
    update(comment_rules).where(comment_rules.c.comment_id == bindparam("at_id")).values(status=bindparam("status"))
)
_BY_KEYS = select(articles).where(
    articles.c.site == bindparam("site"), articles.c.key.in_(bindparam("keys", expanding=True))
)
_FIND_ARTICLES = Lookup(_BY_KEYS)
_FIND_ARTICLES_TO_FILL = Lookup(_BY_KEYS.add_columns(exists().where(bans.c.site == bindparam("site"))))
_TEXT_HOLDERS = select(recent_texts.c.key, recent_texts.c.comment_id).where(
    recent_texts.c.key.in_(bindparam("keys", expanding=True))
)
_DECIDE = (
    update(comments)
    .where(
        comments.c.id == bindparam("at_id"),
        comments.c.version == bindparam("at_version"),
        comments.c.status == bindparam("at_status"),
        or_(bindparam("status") != Status.APPROVED.value, ~is_withheld(comments.c.id)),
    )
    .values(
        status=bindparam("status"),
        version=comments.c.version + 1,
        decided_by=bindparam("decided_by"),
        decided_at=bindparam("decided_at"),
        reason=bindparam("reason"),
    )
)
_REDACT = (
    update(comments)
    .where(comments.c.id == bindparam("at_id"), comments.c.version == bindparam("at_version"))
    .values(version=comments.c.version + 1, masks=bindparam("masks"), html=bindparam("html"))
)
_TOUCH_ARTICLE = (  # where the comment is public
    update(articles)
    .where(
        articles.c.id.in_(
            select(comments.c.article_id).where(
                comments.c.id == bindparam("comment_id"), comments.c.status == Status.APPROVED.value
            )
        )
    )
    .values(version=articles.c.version + 1)
)
_SAYS_SO = exists().where(
    comments.c.article_id == articles.c.id,
    comments.c.status == Status.APPROVED.value,
    comments.c.decided_by.is_not(None),
    comments.c.article_title == articles.c.title,
)
_TITLE_AGAIN = (
    update(articles)
    .where(articles.c.id.in_(bindparam("ids", expanding=True)), articles.c.title_approved)
    .values(title_approved=_SAYS_SO)
)
_TITLE = (
    update(articles)
    .where(articles.c.id == bindparam("at_id"), ~articles.c.title_told, ~articles.c.title_approved)
    .values(title=bindparam("said"), title_approved=True)
)
_BUMP_ARTICLE = (
    update(articles)
    .where(articles.c.id == bindparam("at_id"))
    .values(
        version=articles.c.version + 1,
        approved=articles.c.approved + bindparam("step"),
        endorsed=and_(
            or_(articles.c.endorsed, bindparam("endorses", type_=Boolean)),
            articles.c.approved + bindparam("step") > 0,
        ),
    )
)
