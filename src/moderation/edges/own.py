"""A comment as its own author may meet it: how it stands, written anew, taken back. Its text is never read here, only
kept and replaced. Every function takes the connection of a transaction that its caller opened; none commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, literal, select, update

from moderation.edges import erasure, holds, search
from moderation.edges.comments import Change, count_changes, drop_empty_records, finding_row, rule_rows
from moderation.edges.schema import AUTHOR, Tx, article_of, articles, comment_rules, comments, earlier_texts
from moderation.values import APPEAL, Article, Status, Verdict, gravity


@dataclass(frozen=True, slots=True)
class Own:
    """How a comment stands, and what judging it again needs. `facts` are those of `judge.cases`; `appealed`: its
    author has asked for a second look."""

    id: str
    site: str
    article: Article
    status: Status
    version: int
    author_name: str
    author_url: str | None
    verified: bool
    is_reply: bool
    author: bytes | None
    facts: Mapping[str, Any]
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    appealed: bool


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a comment becomes."""

    body: str
    html: str
    status: Status
    verdict: Verdict
    language: str | None
    facts: Mapping[str, Any]
    at: datetime


def find(tx: Tx, comment_id: str, *, lock: bool = False) -> Own | None:
    """None for one that is gone, or of which only the place is left. With `lock` it stands so until the transaction
    ends."""
    columns = (
        comments.c.site, comments.c.article_id, comments.c.status, comments.c.version, comments.c.author_name,
        comments.c.author_url, comments.c.verified, comments.c.parent_id, AUTHOR.label("author"), comments.c.facts,
        comments.c.created_at, comments.c.decided_by, comments.c.decided_at, comments.c.reason, comments.c.findings,
    )  # fmt: skip
    is_there = comments.c.author_name != erasure.NOBODY
    query = select(*columns).where(comments.c.id == comment_id, is_there)
    row = tx.execute(query.with_for_update() if lock else query).first()
    if row is None:
        return None
    article = article_of(tx.execute(select(articles).where(articles.c.id == row.article_id)).one())
    return Own(
        comment_id, row.site, article, Status(row.status), row.version, row.author_name, row.author_url, row.verified,
        row.parent_id is not None, row.author, row.facts or {}, row.created_at, row.decided_by, row.decided_at,
        row.reason, any(found["rule"] == APPEAL for found in row.findings),
    )  # fmt: skip


def rewrite(tx: Tx, own: Own, new: Rewritten, shard: int) -> bool:
    """Replace the text and what was found in it, keep the one before. False when the comment no longer stands as in
    `own`: nothing was changed. Counts, the index of words and the filters of the queue follow."""
    here = (comments.c.id == own.id, comments.c.version == own.version, comments.c.status == own.status.value)
    kept = select(comments.c.id, comments.c.version, comments.c.body, literal(new.at, earlier_texts.c.until.type))
    if not tx.execute(insert(earlier_texts).from_select(list(earlier_texts.c.keys()), kept.where(*here))).rowcount:
        return False
    findings = new.verdict.findings
    values = {
        "body": new.body,
        "html": new.html,
        "masks": [[span.start, span.end, span.label] for span in new.verdict.masks],
        "findings": [finding_row(finding) for finding in findings],
        "facts": dict(new.facts),
        "language": new.language,
        "verdict": new.verdict.decision.value,
        "revision": new.verdict.revision,
        "gravity": gravity(findings),
        "status": new.status.value,
        "version": own.version + 1,
        "decided_at": None,
        "decided_by": None,
        "reason": None,
    }
    if tx.execute(update(comments).where(*here).values(**values)).rowcount != 1:
        return False
    tx.execute(delete(comment_rules).where(comment_rules.c.comment_id == own.id))
    same = {"comment_id": own.id, "site": own.site, "status": new.status.value, "gravity": values["gravity"]}
    if told := [*rule_rows(findings, **same)]:
        tx.execute(insert(comment_rules), told)
    search.read_again(tx, own.id)
    count_changes(tx, [Change(own.site, own.article.id, own.author, own.status, new.status, new.at)], shard)
    return True


def withdraw(tx: Tx, own: Own, at: datetime, shard: int) -> None:
    """Delete it; one that was answered stays as a place without text or author, and one that a legal hold keeps only
    leaves the public's sight. What was decided against the author stays in their record."""
    holds.spread(tx)
    if holds.withhold(tx, [own.id], "author", at, shard):
        return
    counted = own.author if own.status in (Status.PENDING, Status.APPROVED) else None
    after = own.status if erasure.remove(tx, own.id) else None
    count_changes(tx, [Change(own.site, own.article.id, counted, own.status, after, at)], shard)
    if counted is not None:
        drop_empty_records(tx, [(own.site, counted)])
