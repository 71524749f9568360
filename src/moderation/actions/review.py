"""A moderator's decisions: one or many, each against the version that was seen, each with its row in the journal.

The first of two moderators decides; the second learns who did and when. Nothing here knows what a page looks like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from moderation.edges import comments, journal, queries
from moderation.edges.comments import Change
from moderation.edges.schema import Tx
from moderation.errors import Forbidden
from moderation.runtime import Runtime
from moderation.values import MOVES, STATUS_AFTER, Decision, Moderator, Right, Ruling, Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one ruling. After `conflict` and `illegal` the other fields say how the comment stands."""

    comment_id: str
    result: Literal["decided", "conflict", "illegal", "not-found"]
    status: Status | None = None
    version: int | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


def decide(
    rt: Runtime, who: Moderator, rulings: Sequence[Ruling], request_id: str, *, site: str | None = None
) -> list[Outcome]:
    """An outcome for each ruling, in order. Raises Forbidden when `who` may not decide at all.

    A comment on a site that is not theirs, or not `site` where one is given, is `not-found`. One that conflicts does
    not stop the others.
    """
    if not who.may(Right.DECIDE):
        raise Forbidden(Right.DECIDE.value)
    now = rt.now()
    with rt.store.writing() as tx:
        decided = [_decide(tx, who, ruling, now, request_id, site) for ruling in rulings]
        changes = [change for _, change in decided if change]
        comments.count_changes(tx, changes, rt.store.shard)
    return [outcome for outcome, _ in decided]


def _decide(
    tx: Tx, who: Moderator, ruling: Ruling, now: datetime, request_id: str, site: str | None
) -> tuple[Outcome, Change | None]:
    seen = queries.standing(tx, ruling.comment_id)
    if seen is None or not who.may(Right.DECIDE, seen.site) or (site or seen.site) != seen.site:
        return Outcome(ruling.comment_id, "not-found"), None
    if seen.version != ruling.version:
        return _stands(seen, "conflict"), None
    after, by, at, reason = _move(tx, seen, who, ruling, now)
    if after is None:
        return _stands(seen, "illegal"), None
    if not comments.decide(tx, seen.id, seen.version, seen.status, after=after, by=by, at=at, reason=reason):
        current = queries.standing(tx, seen.id)
        return (_stands(current, "conflict") if current else Outcome(seen.id, "not-found")), None
    version = seen.version + 1
    journal.write(
        tx,
        [
            journal.Entry(
                at=now,
                actor=who.name,
                role=who.role,
                action=ruling.decision.value,
                site=seen.site,
                target=seen.id,
                before=seen.status.value,
                after=after.value,
                reason=ruling.reason,
                request_id=request_id,
            )
        ],
    )
    journal.post(tx, [journal.Letter(now, seen.site, "comment.decided", seen.id, after.value, version)])
    change = Change(seen.site, seen.article_id, seen.email_index, seen.status, after, now)
    return Outcome(seen.id, "decided", after, version, by, at), change


def _move(
    tx: Tx, seen: queries.Standing, who: Moderator, ruling: Ruling, now: datetime
) -> tuple[Status | None, str | None, datetime | None, str | None]:
    """Where the ruling leads and what the comment then says of its decision: (status or None, by, at, reason)."""
    if ruling.decision not in MOVES[seen.status]:
        return None, None, None, None
    if ruling.decision is not Decision.UNDO:
        return STATUS_AFTER[ruling.decision], who.name, now, ruling.reason
    former = queries.before_last_decision(tx, seen.id)
    if former is None:
        return None, None, None, None
    return former.status, former.decided_by, former.decided_at, former.reason


def _stands(seen: queries.Standing, result: Literal["conflict", "illegal"]) -> Outcome:
    return Outcome(seen.id, result, seen.status, seen.version, seen.decided_by, seen.decided_at)
