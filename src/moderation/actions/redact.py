"""Take words out of what the public sees of a comment, and put them back. The text itself stays as it was sent: what is
taken out is a span of it, as the masks of the rules are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from moderation.edges import comments, journal, queries
from moderation.edges.schema import Tx
from moderation.errors import Conflict, FieldProblem, Forbidden, Invalid, NotFound
from moderation.runtime import Runtime
from moderation.text.markup import REDACTED, render
from moderation.text.redact import holds_address
from moderation.values import Comment, Moderator, Right, Span, Status

MOST = 50
"""Places of one comment."""
SHORTEST, LONGEST = 3, 200
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be taken out of a comment in the version that was seen: each place where `words` stand, or one span
    of its text."""

    comment_id: str
    version: int
    reason: str
    words: str = ""
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Redacted:
    """The places that were taken out or put back, and the comment's version since."""

    spans: tuple[Span, ...]
    version: int


def redact(rt: Runtime, who: Moderator, wish: Wish, request_id: str) -> Redacted:
    """Each place is a row of the journal. Raises Forbidden, NotFound, Conflict, Invalid."""
    with rt.store.writing() as tx:
        comment = _seen(tx, who, wish.comment_id, wish.version)
        spans, problems = _spans(comment, wish)
        reason, wrong = _reason(wish.reason)
        if problems or wrong:
            raise Invalid(problems + wrong)
        return _change(rt, tx, who, comment, (*comment.masks, *spans), spans, ("redact", reason, request_id))


def restore(
    rt: Runtime, who: Moderator, comment_id: str, version: int, at: tuple[int, int], request_id: str
) -> Redacted:
    """Put one place back. Raises Forbidden, NotFound (also for a place that was not taken out), Conflict."""
    with rt.store.writing() as tx:
        comment = _seen(tx, who, comment_id, version)
        span = Span(*at, REDACTED)
        if span not in comment.masks:
            raise NotFound("redaction")
        left = tuple(mask for mask in comment.masks if mask != span)
        return _change(rt, tx, who, comment, left, (span,), ("restore", None, request_id))


def _seen(tx: Tx, who: Moderator, comment_id: str, version: int) -> Comment:
    """The comment as the moderator saw it."""
    if not who.may(Right.DECIDE):
        raise Forbidden(Right.DECIDE.value)
    comment = queries.comment(tx, comment_id)
    if comment is None or not who.may(Right.DECIDE, comment.site):
        raise NotFound("comment")
    if comment.escalation is not None and not who.may(Right.DECIDE_ESCALATED, comment.site):
        raise Forbidden(Right.DECIDE_ESCALATED.value)
    if comment.version != version:
        raise _conflict(comment)
    return comment


def _conflict(comment: Comment) -> Conflict:
    return Conflict(comment.id, comment.status.value, comment.version, comment.decided_by, comment.decided_at)


def _spans(comment: Comment, wish: Wish) -> tuple[tuple[Span, ...], list[FieldProblem]]:
    body = comment.body
    if wish.span is not None:
        start, end = wish.span
        found = [Span(start, end, REDACTED)] if 0 <= start < end <= len(body) and body[start:end].strip() else []
    else:
        found = list(_places(body, wish.words.replace("\r\n", "\n")) or _places(body, wish.words))
    if not found:
        return (), [FieldProblem("/words", "not-in-text" if wish.words or wish.span else "required")]
    fresh = tuple(span for span in found if span not in comment.masks)
    if not fresh:
        return (), [FieldProblem("/words", "redacted-before")]
    if len(fresh) + sum(mask.label == REDACTED for mask in comment.masks) > MOST:
        return (), [FieldProblem("/words", "too-many", {"most": MOST})]
    return fresh, []


def _places(body: str, words: str) -> Sequence[Span]:
    """Where `words` stand, none overlapping."""
    found: list[Span] = []
    at = body.find(words) if words.strip() else -1
    while at >= 0:
        found.append(Span(at, at + len(words), REDACTED))
        at = body.find(words, at + len(words))
    return found


def _reason(given: str) -> tuple[str, list[FieldProblem]]:
    """One line that stands in the journal for good, so it holds no address."""
    reason = " ".join(given.split())
    if len(reason) < SHORTEST:
        return reason, [FieldProblem("/reason", "too-short", {"least": SHORTEST, "length": len(reason)})]
    if len(reason) > LONGEST:
        return reason, [FieldProblem("/reason", "too-long", {"most": LONGEST, "length": len(reason)})]
    if holds_address(reason) or not reason.isprintable():
        return reason, [FieldProblem("/reason", "reveal-reason")]
    return reason, []


def _change(
    rt: Runtime,
    tx: Tx,
    who: Moderator,
    comment: Comment,
    masks: Sequence[Span],
    spans: tuple[Span, ...],
    told: tuple[str, str | None, str],
) -> Redacted:
    action, reason, request_id = told
    now = rt.now()
    if not comments.redact(tx, comment.id, comment.version, masks, render(comment.body, masks)):
        current = queries.comment(tx, comment.id)
        raise _conflict(current) if current else NotFound("comment")
    entry = journal.Entry(
        now, who.name, who.role, action, comment.site, comment.id, reason=reason, request_id=request_id
    )
    journal.write(tx, [replace(entry, after=f"{span.start}-{span.end}") for span in spans])
    _tell_outside(rt, tx, comment, masks, now)
    return Redacted(spans, comment.version + 1)


def _tell_outside(rt: Runtime, tx: Tx, comment: Comment, masks: Sequence[Span], now: datetime) -> None:
    """A letter that the public text changed, which waits for the site's grace time. What is put back within it is
    never told."""
    waiting = journal.carry(tx, comment.id, comment.version, now)
    if comment.status is not Status.APPROVED:
        return
    redacted = any(mask.label == REDACTED for mask in masks)
    version = comment.version + 1
    if "comment.changed" in waiting:
        if not redacted:
            journal.withdraw(tx, comment.id, version, now, "comment.changed")
        return
    site = rt.rules.sites.get(comment.site)
    grace = timedelta(seconds=site.settings.grace_seconds if site and redacted else 0)
    letter = journal.Letter(
        now, comment.site, "comment.changed", comment.id, comment.status.value, version, now + grace
    )
    journal.post(tx, [letter])
