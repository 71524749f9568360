"""Reading: threads, comments, an author's record, counts, the journal. Nothing here writes; the queue is `queue`.

`PUBLIC` is the one gate: the only predicate that says what a stranger may see. Pages go by composite index and
keyset, never by OFFSET; a cursor is opaque to callers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select, true

from moderation.edges import held
from moderation.edges.bulk import Lookup
from moderation.edges.schema import (
    AUTHOR,
    Tx,
    article_of,
    articles,
    author_records,
    comments,
    counters,
    escalations,
    finding_of,
    journal,
)
from moderation.errors import FieldProblem, Invalid
from moderation.values import (
    STATUS_AFTER,
    Article,
    AuthorRecord,
    Comment,
    Decision,
    Escalation,
    Hold,
    ParentExcerpt,
    Span,
    Status,
)

PUBLIC = comments.c.status == Status.APPROVED.value
"""The gate: what a stranger may see."""


@dataclass(frozen=True, slots=True)
class PublicComment:
    """A comment as the public sees it. `depth` counts from 0; `parent_id` is None where the parent is not public."""

    id: str
    parent_id: str | None
    depth: int
    author_name: str
    author_url: str | None
    html: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """Comments in reading order: each under its parent, branches by age."""

    comments: tuple[PublicComment, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue; `next` is the cursor of the one after it. `goes_on`: enough was looked at for now, and there
    is more to look through behind `next`, whether or not the page is full."""

    items: tuple[Comment, ...]
    next: str | None
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Parent:
    """What a reply must know of the comment it answers."""

    id: str
    article_id: int
    root_id: str
    depth: int


def article(tx: Tx, site: str, key: str) -> Article | None:
    """The article of this key, if it is known."""
    row = tx.execute(_ARTICLE, {"site": site, "key": key}).first()
    return article_of(row) if row else None


def article_by_id(tx: Tx, article_id: int) -> Article | None:
    """By the number that the desk's filter names it by."""
    row = tx.execute(select(articles).where(articles.c.id == article_id)).first()
    return article_of(row) if row else None


def approved_counts(tx: Tx, site: str, keys: Sequence[str]) -> dict[str, int]:
    """How many public comments each article has; 0 for an unknown one."""
    rows = tx.execute(
        select(articles.c.key, articles.c.approved).where(articles.c.site == site, articles.c.key.in_(list(keys)))
    )
    known = {row.key: row.approved for row in rows}
    return {key: known.get(key, 0) for key in keys}


def thread(tx: Tx, article_id: int, cursor: str | None, limit: int, *, newest_first: bool = False) -> ThreadPage:
    """One page of an article's public comments. Raises Invalid for a cursor that is not one of ours."""
    root, reply = comments.c.root_id, comments.c.id
    query = select(
        comments.c.id, comments.c.parent_id, comments.c.root_id, comments.c.depth, comments.c.author_name,
        comments.c.author_url, comments.c.html, comments.c.created_at,
    ).where(comments.c.article_id == article_id, PUBLIC)  # fmt: skip
    if cursor:
        after_root, after_id = read_cursor(cursor, 2)
        beyond = root < after_root if newest_first else root > after_root
        query = query.where(or_(beyond, and_(root == after_root, reply > after_id)))
    rows = tx.execute(query.order_by(root.desc() if newest_first else root, reply).limit(limit + 1)).all()
    page = rows[:limit]
    more = cursor_of(page[-1].root_id, page[-1].id) if len(rows) > limit else None
    return ThreadPage(_reading_order(page), more)


def _reading_order(rows: Sequence[Any]) -> tuple[PublicComment, ...]:
    """Each comment under its parent. One whose parent is not on the page stands where its branch begins."""
    here = {row.id for row in rows}
    answers: dict[str | None, list[Any]] = {}
    for row in rows:
        answers.setdefault(row.parent_id if row.parent_id in here else None, []).append(row)
    ordered: list[PublicComment] = []
    waiting = [(row, 0) for row in reversed(answers.get(None, []))]
    while waiting:
        row, depth = waiting.pop()
        parent = row.parent_id if row.parent_id in here else None
        ordered.append(PublicComment(row.id, parent, depth, row.author_name, row.author_url, row.html, row.created_at))
        waiting.extend((answer, depth + 1) for answer in reversed(answers.get(row.id, [])))
    return tuple(ordered)


def parents(tx: Tx, ids: Iterable[str]) -> dict[str, Parent]:
    """The public ones among `ids`: only they can be answered."""
    return {found.id: found for found in (Parent(*row) for row in _PARENTS.run(tx, set(ids)))}


def public_comment(tx: Tx, site: str, comment_id: str) -> tuple[PublicComment, Article] | None:
    """One public comment and its article, for a permalink or a reply form."""
    row = tx.execute(
        select(comments, articles.c.key.label("article_key"))
        .join(articles, articles.c.id == comments.c.article_id)
        .where(comments.c.id == comment_id, comments.c.site == site, PUBLIC)
    ).first()
    if row is None:
        return None
    found = article(tx, site, row.article_key)
    shown = PublicComment(row.id, row.parent_id, row.depth, row.author_name, row.author_url, row.html, row.created_at)
    return (shown, found) if found else None


def records(tx: Tx, site: str, indexes: Iterable[bytes]) -> dict[bytes, AuthorRecord]:
    """Authors' records by blind index, or by id for those who proved who they are."""
    return {index: AuthorRecord(*record) for index, *record in _RECORDS.run(tx, set(indexes), site=site)}


def tab_counts(tx: Tx, sites: Sequence[str] | None) -> dict[Status, int]:
    """How many comments stand in each status on `sites` (None: all), from kept counts."""
    where = counters.c.site.in_(list(sites)) if sites is not None else true()
    rows = tx.execute(select(counters.c.status, func.sum(counters.c.count)).where(where).group_by(counters.c.status))
    counted = {status: int(total) for status, total in rows}
    return {status: max(0, counted.get(status.value, 0)) for status in Status}


def comments_of(tx: Tx, ids: Sequence[str]) -> tuple[Comment, ...]:
    """These comments with all a moderator sees of them, in the order of `ids`; those that are gone are left out."""
    found = {row.id: row for row in tx.execute(_COMMENTS, {"ids": list(ids)})} if ids else {}
    return _with_context(tx, [found[comment_id] for comment_id in ids if comment_id in found])


def comment(tx: Tx, comment_id: str) -> Comment | None:
    """One comment with all a moderator sees of it."""
    return next(iter(comments_of(tx, [comment_id])), None)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a comment stands: what a decision needs to know of it."""

    id: str
    site: str
    article_id: int
    author: bytes | None
    status: Status
    version: int
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    reports: int
    article_title: str | None


def standing(tx: Tx, comment_id: str, *, lock: bool = False) -> Standing | None:
    """How the comment stands: what a decision needs to know of it. With `lock` it stands so until the transaction
    ends, also its blind index while keys are rotated."""
    row = tx.execute(_STANDING_LOCKED if lock else _STANDING, {"id": comment_id}).first()
    return Standing(**{**row._mapping, "status": Status(row.status)}) if row else None


@dataclass(frozen=True, slots=True)
class Sealed:
    """A comment's e-mail address as the vault sealed it."""

    site: str
    email: str


def sites_of(tx: Tx, ids: Iterable[str]) -> dict[str, str]:
    """The site of each of these comments that is there."""
    rows = tx.execute(select(comments.c.id, comments.c.site).where(comments.c.id.in_(list(ids))))
    return {row.id: row.site for row in rows}


def sealed_email(tx: Tx, comment_id: str) -> Sealed | None:
    """None where there is no such comment, or no address with it."""
    row = tx.execute(select(comments.c.site, comments.c.email_sealed).where(comments.c.id == comment_id)).first()
    return Sealed(row.site, row.email_sealed) if row and row.email_sealed else None


@dataclass(frozen=True, slots=True)
class Former:
    """How a comment stood before its last decision, `undone`. `request_id` is that of the decision."""

    status: Status
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    request_id: str | None
    undone: Decision


def before_last_decision(tx: Tx, comment_id: str) -> Former | None:
    """What an undo goes back to: how it stood before the last decision by a person that was not undone. None where
    there is none."""
    rows = tx.execute(
        select(journal)
        .where(journal.c.target == comment_id, journal.c.after.is_not(None))
        .order_by(journal.c.seq.desc())
        .limit(MOST_STEPS)
    )
    standing = _not_undone(rows)
    last = next(standing, None)
    if last is None:
        return None
    one_before = next(standing, None)
    if one_before is None:
        return Former(Status(last.before), None, None, None, last.request_id, Decision(last.action))
    at, reason = one_before.at, one_before.reason
    return Former(Status(last.before), one_before.actor, at, reason, last.request_id, Decision(last.action))


def _not_undone(rows: Iterable[Any]) -> Iterator[Any]:
    """The decisions among rows that come newest first, without those that an undo took back."""
    undone = 0
    for row in rows:
        if row.action == Decision.UNDO.value:
            undone += 1
        elif row.action in _DECISIONS and undone:
            undone -= 1
        elif row.action in _DECISIONS:
            yield row
        elif row.action in _ANEW:
            return


MOST_STEPS = 500
"""Rows of a comment's record that an undo looks back over."""


def _with_context(tx: Tx, rows: Sequence[Any]) -> tuple[Comment, ...]:
    """Comments with their parents, their authors' records and who escalated them: a few more queries for the whole
    page."""
    excerpts = {
        row.id: ParentExcerpt(row.id, row.author_name, row.body, Status(row.status))
        for row in tx.execute(_EXCERPTS, {"ids": [row.parent_id for row in rows if row.parent_id]})
    }
    by_site: dict[str, set[bytes]] = {}
    for row in rows:
        if author := row.author_id or row.email_index:
            by_site.setdefault(row.site, set()).add(author)
    known = {
        (site, index): record
        for site, indexes in by_site.items()
        for index, record in records(tx, site, indexes).items()
    }
    kept = held.of_comments(tx, [row.id for row in rows])
    raised = {
        row.comment_id: Escalation(row.raised_by, row.raised_at, row.why)
        for row in tx.execute(_ESCALATIONS, {"ids": [row.id for row in rows]})
    }
    return tuple(
        _comment_of(
            row,
            excerpts.get(row.parent_id),
            known.get((row.site, row.author_id or row.email_index), AuthorRecord()),
            raised.get(row.id),
            kept.get(row.id),
        )
        for row in rows
    )


def _comment_of(
    row: Any, parent: ParentExcerpt | None, record: AuthorRecord, escalation: Escalation | None, hold: Hold | None
) -> Comment:
    return Comment(
        id=row.id,
        site=row.site,
        article=Article(
            row.article_id,
            row.site,
            row.key,
            row.url,
            row.title,
            row.closed,
            row.article_created_at,
            row.article_version,
            title_told=row.title_told,
            title_approved=row.title_approved,
        ),
        article_title=row.article_title,
        parent_id=row.parent_id,
        status=Status(row.status),
        version=row.version,
        author_name=row.author_name,
        author_url=row.author_url,
        email_masked=row.email_masked,
        verified=row.verified,
        body=row.body,
        html=row.html,
        masks=tuple(Span(*span) for span in row.masks),
        findings=tuple(finding_of(found) for found in row.findings),
        verdict=Decision(row.verdict),
        revision=row.revision,
        created_at=row.created_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
        parent=parent,
        record=record,
        escalation=escalation,
        hold=hold,
        language=row.language,
        reports=row.reports,
    )


def journal_of(tx: Tx, target: str, limit: int = 50) -> tuple[Mapping[str, Any], ...]:
    """What was done to `target`, newest first."""
    rows = tx.execute(select(journal).where(journal.c.target == target).order_by(journal.c.seq.desc()).limit(limit))
    return tuple(dict(row._mapping) for row in rows)


@dataclass(frozen=True, slots=True)
class JournalFilter:
    """Which rows of the journal are asked for; None stands for any. `until` is not included."""

    actor: str | None = None
    action: str | None = None
    site: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def journal_page(
    tx: Tx, sites: Sequence[str] | None, asked: JournalFilter, before: int | None, limit: int
) -> list[Mapping[str, Any]]:
    """Rows of the record, newest first, older than `before`. `sites` are those of the asker: who has not all of them
    sees no rows without a site, which are about people and tokens."""
    query = select(journal).order_by(journal.c.seq.desc()).limit(limit)
    if sites is not None:
        query = query.where(journal.c.site.in_(list(sites)))
    if before is not None:
        query = query.where(journal.c.seq < before)
    for column, value in (
        (journal.c.actor, asked.actor),
        (journal.c.action, asked.action),
        (journal.c.site, asked.site),
        (journal.c.target, asked.target),
    ):
        if value is not None:
            query = query.where(column == value)
    if asked.since is not None:
        query = query.where(journal.c.at >= asked.since)
    if asked.until is not None:
        query = query.where(journal.c.at < asked.until)
    return [dict(row._mapping) for row in tx.execute(query)]


def cursor_of(*parts: str) -> str:
    """A place in a list, opaque to callers."""
    return base64.urlsafe_b64encode(".".join(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str, parts: int) -> list[str]:
    """The `parts` of 16 characters that a cursor holds. Raises Invalid."""
    try:
        found = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").split(".")
    except (binascii.Error, ValueError):
        found = []
    if len(found) != parts or not all(len(part) == 16 and part.isalnum() for part in found):
        raise bad_cursor()
    return found


def bad_cursor() -> Invalid:
    """The error for a cursor that is not one of ours."""
    return Invalid([FieldProblem("/cursor", "cursor")])


_ANEW = frozenset({"held", "edited", "appealed"})
"""After which nothing that was decided before holds any more."""
_DECISIONS = frozenset(decision.value for decision in STATUS_AFTER)
_STANDING = select(
    comments.c.id,
    comments.c.site,
    comments.c.article_id,
    AUTHOR.label("author"),
    comments.c.status,
    comments.c.version,
    comments.c.decided_by,
    comments.c.decided_at,
    comments.c.reason,
    comments.c.reports,
    comments.c.article_title,
).where(comments.c.id == bindparam("id"))
_STANDING_LOCKED = _STANDING.with_for_update()
_ARTICLE = select(articles).where(articles.c.site == bindparam("site"), articles.c.key == bindparam("key"))
_PARENTS = Lookup(
    select(*(comments.c[name] for name in Parent.__slots__)).where(
        comments.c.id.in_(bindparam("keys", expanding=True)), PUBLIC
    )
)
_EXCERPTS = select(comments.c.id, comments.c.author_name, comments.c.body, comments.c.status).where(
    comments.c.id.in_(bindparam("ids", expanding=True))
)
_ESCALATIONS = select(escalations).where(escalations.c.comment_id.in_(bindparam("ids", expanding=True)))
_RECORDS = Lookup(
    select(author_records.c.email_index, *(author_records.c[each.name] for each in fields(AuthorRecord))).where(
        author_records.c.site == bindparam("site"), author_records.c.email_index.in_(bindparam("keys", expanding=True))
    )
)
_COMMENTS = (
    select(
        comments,
        articles.c.key,
        articles.c.url,
        articles.c.title,
        articles.c.closed,
        articles.c.created_at.label("article_created_at"),
        articles.c.version.label("article_version"),
        articles.c.title_told,
        articles.c.title_approved,
    )
    .join(articles, articles.c.id == comments.c.article_id)
    .where(comments.c.id.in_(bindparam("ids", expanding=True)))
)
