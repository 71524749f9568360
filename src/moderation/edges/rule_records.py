"""How often each rule fired, and what people decided then. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select

from moderation import ids
from moderation.edges.schema import Tx, comment_rules, comments
from moderation.values import Status

LATEST = 200
DECIDED = {
    Status.APPROVED.value: "approved",
    Status.REJECTED.value: "refused",
    Status.SPAM.value: "refused",
}


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """`fired` counts comments; `approved` and `refused` those of them that a person decided so since. `failed` counts
    comments on which the rule broke and told nothing."""

    fired: int = 0
    failed: int = 0
    approved: int = 0
    refused: int = 0


def records(tx: Tx, rules: Iterable[str], since: datetime) -> dict[str, RuleRecord]:
    """The record of each of `rules` on comments since `since`."""
    by_people = comments.c.decided_by.is_not(None)
    kinds = (comment_rules.c.rule, comment_rules.c.failed, comments.c.status, by_people)
    rows = tx.execute(
        select(*kinds, func.count())
        .join(comments, comments.c.id == comment_rules.c.comment_id)
        .where(comment_rules.c.rule.in_(list(rules)), comment_rules.c.comment_id >= ids.first(since))
        .group_by(*kinds)
    ).all()
    found: dict[str, Counter[str]] = {}
    for rule, has_failed, status, is_human, number in rows:
        known = found.setdefault(rule, Counter())
        known["failed" if has_failed else "fired"] += number
        if is_human and not has_failed and (decided := DECIDED.get(status)):
            known[decided] += number
    return {rule: RuleRecord(**counted) for rule, counted in found.items()}


def broken(tx: Tx, rules: Iterable[str], since: datetime) -> dict[str, int]:
    """On how many of the newest `LATEST` comments that any of `rules` remarked on each of them failed instead of
    telling something. Rules that never did are left out."""
    newest = (
        select(comment_rules.c.comment_id)
        .where(comment_rules.c.rule.in_(list(rules)), comment_rules.c.comment_id >= ids.first(since))
        .distinct()
        .order_by(comment_rules.c.comment_id.desc())
        .limit(LATEST)
    )
    here = (comment_rules.c.comment_id.in_(newest), comment_rules.c.failed.is_(True))
    found = select(comment_rules.c.rule, func.count().label("number")).where(
        *here, comment_rules.c.rule.in_(list(rules))
    )
    return {row.rule: row.number for row in tx.execute(found.group_by(comment_rules.c.rule))}


def against(tx: Tx, rule: str, statuses: Sequence[Status], since: datetime, limit: int = 20) -> Sequence[Any]:
    """The newest comments on which the rule fired and which a person then put into one of `statuses`."""
    return tx.execute(
        select(
            comments.c.id, comments.c.site, comments.c.body, comments.c.status, comments.c.decided_by,
            comments.c.decided_at, comments.c.created_at,
        )
        .join(comment_rules, comments.c.id == comment_rules.c.comment_id)
        .where(
            and_(
                comment_rules.c.rule == rule,
                comment_rules.c.failed.is_(False),
                comment_rules.c.comment_id >= ids.first(since),
                comments.c.decided_by.is_not(None),
                comments.c.status.in_([status.value for status in statuses]),
            )
        )
        .order_by(comments.c.id.desc())
        .limit(limit)
    ).all()  # fmt: skip
