"""A moderator's decisions: one or many, each against the version that was seen, each with its row in the journal.

The first of two moderators decides; the second learns who did and when. Nothing here knows what a page looks like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from moderation.actions import external, reports
from moderation.edges import comments, escalations, external_checks, journal, queries
from moderation.edges.comments import Change
from moderation.edges.schema import Tx
from moderation.errors import Forbidden
from moderation.runtime import Runtime
from moderation.text.redact import without_contacts
from moderation.values import (
    SETTLES,
    STATUS_AFTER,
    Decision,
    Escalation,
    Moderator,
    Right,
    Ruling,
    Status,
    moves,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one ruling. After `conflict`, `illegal`, `escalated` (only a senior may decide it) and `withheld`
    (its author wants it deleted, a legal hold keeps it, and nobody approves it) the other fields say how it stands."""

    comment_id: str
    result: Literal["decided", "conflict", "illegal", "escalated", "withheld", "not-found"]
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
    outcomes: list[Outcome] = []
    for together in _without_repeats(rulings):
        with rt.store.writing() as tx:
            outcomes += decide_in(rt, tx, who, together, request_id, site=site)
    return outcomes


def decide_in(
    rt: Runtime, tx: Tx, who: Moderator, rulings: Sequence[Ruling], request_id: str, *, site: str | None = None
) -> list[Outcome]:
    """The same inside a transaction that is there already, for rulings about different comments. What is kept of a
    reason holds no contact data."""
    now = rt.now()
    # By id, whatever order they came in, so that two with the same comments do not wait in a circle.
    decided = {
        ruling.comment_id: _decide(rt, tx, who, _masked(ruling), now, request_id, site)
        for ruling in sorted(rulings, key=lambda ruling: ruling.comment_id)
    }
    comments.count_changes(tx, [change for _, change in decided.values() if change], rt.store.shard)
    return [decided[ruling.comment_id][0] for ruling in rulings]


def _masked(ruling: Ruling) -> Ruling:
    if not ruling.reason:
        return ruling
    return replace(ruling, reason=without_contacts(ruling.reason, journal.REASON_MOST))


def _without_repeats(rulings: Sequence[Ruling]) -> list[list[Ruling]]:
    """In order, each comment once in a transaction: an undo reads the journal, which is written at its end."""
    groups: list[list[Ruling]] = [[]]
    for ruling in rulings:
        if any(ruling.comment_id == other.comment_id for other in groups[-1]):
            groups.append([])
        groups[-1].append(ruling)
    return groups


def _decide(
    rt: Runtime, tx: Tx, who: Moderator, ruling: Ruling, now: datetime, request_id: str, site: str | None
) -> tuple[Outcome, Change | None]:
    seen = queries.standing(tx, ruling.comment_id, lock=True)
    if seen is None or not who.may(Right.DECIDE, seen.site) or (site or seen.site) != seen.site:
        return Outcome(ruling.comment_id, "not-found"), None
    if seen.version != ruling.version:
        return _stands(seen, "conflict"), None
    escalation = escalations.of(tx, seen.id)
    if escalation and not _may_settle(who, seen, ruling, escalation):
        return _stands(seen, "escalated"), None
    after, by, at, reason, former = _move(tx, seen, who, ruling, now)
    if after is None or (escalation and ruling.decision is Decision.ESCALATE):
        return _stands(seen, "illegal"), None
    if not comments.decide(tx, seen.id, seen.version, seen.status, after=after, by=by, at=at, reason=reason):
        current = queries.standing(tx, seen.id)
        if current is None:
            return Outcome(seen.id, "not-found"), None
        return _stands(current, "withheld" if current.version == seen.version else "conflict"), None
    if ruling.decision is Decision.ESCALATE:
        escalations.raise_to_seniors(tx, seen.id, Escalation(who.name, now, ruling.reason))
    elif former and former.undone is Decision.ESCALATE:
        escalations.take_back(tx, seen.id)
    if ruling.decision in SETTLES and seen.reports:
        reports.answer(rt, tx, seen, after, request_id, automated=who.role == "token", now=now)
    elif former and former.undone in SETTLES and former.request_id:
        reports.ask_again(tx, seen.id, former.request_id)
    _tell_check(rt, tx, seen, now)
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
    _tell_outside(rt, tx, seen, ruling.decision, after, now)
    endorses = after is Status.APPROVED and by is not None
    change = Change(seen.site, seen.article_id, seen.author, seen.status, after, now, endorses, seen.article_title)
    return Outcome(seen.id, "decided", after, version, by, at), change


def _tell_outside(
    rt: Runtime, tx: Tx, seen: queries.Standing, decision: Decision, after: Status, now: datetime
) -> None:
    """A letter that waits for the site's grace time. What is undone within it is never told, nor what changes nothing
    for those outside: then a letter that waits goes on to wait."""
    if after is seen.status:
        journal.carry(tx, seen.id, seen.version, now)
        return
    if decision is Decision.UNDO:
        journal.withdraw(tx, seen.id, seen.version, now, "comment.changed")
        if journal.withdraw(tx, seen.id, seen.version, now):
            return
    site = rt.rules.sites.get(seen.site)
    grace = timedelta(seconds=site.settings.grace_seconds if site and decision is not Decision.UNDO else 0)
    letter = journal.Letter(now, seen.site, "comment.decided", seen.id, after.value, seen.version + 1, now + grace)
    journal.post(tx, [letter])


def _tell_check(rt: Runtime, tx: Tx, seen: queries.Standing, now: datetime) -> None:
    """After the grace time it is looked whether the site's check outside was right."""
    site = rt.rules.sites.get(seen.site)
    if site and external.is_corrected(site):
        external_checks.reconsider(tx, seen.id, now + timedelta(seconds=site.settings.grace_seconds))


def _move(
    tx: Tx, seen: queries.Standing, who: Moderator, ruling: Ruling, now: datetime
) -> tuple[Status | None, str | None, datetime | None, str | None, queries.Former | None]:
    """Where the ruling leads and what the comment then says of its decision: (status or None, by, at, reason), and
    what an undo goes back to."""
    if ruling.decision not in moves(seen.status, seen.reports):
        return None, None, None, None, None
    if ruling.decision is not Decision.UNDO:
        return STATUS_AFTER[ruling.decision], who.name, now, ruling.reason, None
    former = queries.before_last_decision(tx, seen.id)
    if former is None:
        return None, None, None, None, None
    return former.status, former.decided_by, former.decided_at, former.reason, former


def _may_settle(who: Moderator, seen: queries.Standing, ruling: Ruling, escalation: Escalation) -> bool:
    """Who escalated may take it back, as long as nothing else was decided."""
    is_theirs = seen.status is Status.PENDING and seen.decided_by == escalation.by == who.name
    return who.may(Right.DECIDE_ESCALATED, seen.site) or (is_theirs and ruling.decision is Decision.UNDO)


def _stands(seen: queries.Standing, result: Literal["conflict", "illegal", "escalated", "withheld"]) -> Outcome:
    return Outcome(seen.id, result, seen.status, seen.version, seen.decided_by, seen.decided_at)
