"""What a card of the desk shows, worked out: a comment as the template needs it. Pure; no request, no query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from moderation.settings import Reason, Site
from moderation.values import MOVES, Comment, Decision, Effect, Finding, Span, Status
from moderation.web import sentences
from moderation.web.marks import Piece, pieces

EXCERPT = 240
"""Characters of a parent that are shown."""

OFFERED = (Decision.APPROVE, Decision.REJECT, Decision.SPAM, Decision.HOLD, Decision.UNDO)
"""The buttons in their order. All are in the page; those that are no legal move are hidden."""


@dataclass(frozen=True, slots=True)
class Line:
    """One finding in words."""

    effect: Effect
    effect_words: str
    sentence: str
    rule: str
    numbers: str


@dataclass(frozen=True, slots=True)
class Card:
    """Times: `ago` in words, `clock` exact in the site's zone, `iso` for machines."""

    comment: Comment
    site_name: str
    name: list[Piece]
    text: list[Piece]
    website: list[Piece]
    record: str
    first_seen: str
    parent: str
    parent_note: str
    article: str
    ago: str
    clock: str
    iso: str
    zone: str
    why: str
    lines: list[Line]
    standing: str
    reason: str
    reasons: Sequence[Reason]
    moves: frozenset[Decision]
    hides: bool


def card(comment: Comment, site: Site, reader: str, now: datetime) -> Card:
    """`reader` is the name of the moderator who looks, who is told `you`."""
    zone = ZoneInfo(site.timezone)
    decided = (comment.status, comment.decided_by, comment.decided_at)
    return Card(
        comment=comment,
        site_name=site.name or comment.site,
        name=pieces(comment.author_name, _spans(comment, "author.name")),
        text=pieces(comment.body, _spans(comment, "body"), comment.masks),
        website=_website(comment),
        record=_record(comment),
        first_seen=sentences.clock(comment.record.first_seen, now, zone) if comment.record.first_seen else "",
        parent=_excerpt(comment.parent.body) if comment.parent else "",
        parent_note=_parent_note(comment),
        article=comment.article.title or comment.article.key,
        ago=sentences.ago(comment.created_at, now),
        clock=sentences.clock(comment.created_at, now, zone),
        iso=comment.created_at.isoformat(timespec="seconds"),
        zone=site.timezone,
        why=sentences.why(comment.findings),
        lines=[_line(found) for found in sorted(comment.findings, key=sentences.gravity)],
        standing=sentences.standing(*decided, reader, now, zone),
        reason=_reason(comment.reason, site),
        reasons=site.reasons,
        moves=moves(comment.status, comment.decided_by),
        hides=bool(comment.masks),
    )


def moves(status: Status, decided_by: str | None) -> frozenset[Decision]:
    """The buttons to offer: undo where a person decided, hold where the rules did."""
    return MOVES[status] - {Decision.HOLD if decided_by else Decision.UNDO}


def _spans(comment: Comment, field: str) -> list[Span]:
    """The spans of the findings that say something, labelled with what the rule found."""
    return [
        sentences.labelled(span, found)
        for found in comment.findings
        if found.field == field and found.effect is not Effect.PASS
        for span in found.spans
    ]


def _line(found: Finding) -> Line:
    return Line(
        effect=found.effect,
        effect_words=sentences.EFFECTS[found.effect],
        sentence=sentences.finding(found),
        rule=found.rule,
        numbers=sentences.numbers(found),
    )


def _website(comment: Comment) -> list[Piece]:
    """The host, which is enough to know a site by; the whole address where a rule matched in it."""
    if not comment.author_url:
        return []
    if matched := _spans(comment, "author.url"):
        return pieces(comment.author_url, matched)
    return [Piece((urlsplit(comment.author_url).hostname or comment.author_url).removeprefix("www."))]


def _record(comment: Comment) -> str:
    record = comment.record
    if comment.email_masked is None:
        return "No e-mail address, so no record"
    if not record.approved + record.rejected + record.spam:
        return "Nothing decided yet"
    return f"{record.approved}\u00a0approved · {record.rejected}\u00a0rejected · {record.spam}\u00a0spam"


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= EXCERPT else flat[: EXCERPT - 1].rstrip() + "…"


def _parent_note(comment: Comment) -> str:
    """Said of a parent that the public cannot see now."""
    if comment.parent is None or comment.parent.status is Status.APPROVED:
        return ""
    return sentences.STATUSES[comment.parent.status].lower()


def _reason(code: str | None, site: Site) -> str:
    return next((reason.label for reason in site.reasons if reason.code == code), code or "")
