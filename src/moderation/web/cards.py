"""What a card of the desk shows, worked out: a comment as the template needs it. Pure; no request, no query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from moderation.catalogue import _, counted
from moderation.settings import Reason, Site
from moderation.text.markup import REDACTED
from moderation.values import Comment, Decision, Effect, Finding, Moderator, Right, Span, Status
from moderation.values import moves as legal_moves
from moderation.web import sentences
from moderation.web.languages import language_name
from moderation.web.marks import Piece, pieces
from moderation.web.reasons import reason_words
from moderation.web.shown import Shown, shown

EXCERPT = 240
"""Characters of another comment that are shown."""


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
    text: Shown
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
    escalated: str
    held: str
    hides: str
    redacted: int
    language: str
    title_note: str


def _title_note(comment: Comment) -> str:
    """Where the title of the article, which is for moderators so far, is not what this comment calls it."""
    article = comment.article
    if not article.title or article.public_title or comment.article_title == article.title:
        return ""
    if not comment.article_title:
        return _("somebody else called it so")
    words = _("somebody else called it so; approving this comment makes it “{title}” for everybody")
    return words.format(title=f"\u2068{comment.article_title}\u2069")


def card(comment: Comment, site: Site, who: Moderator, now: datetime) -> Card:
    """`who` looks at it, and is told `you`."""
    zone = ZoneInfo(site.timezone)
    decided = (comment.status, comment.decided_by, comment.decided_at)
    return Card(
        comment=comment,
        site_name=site.name or comment.site,
        name=pieces(comment.author_name, spans(comment, "author.name")),
        text=shown(comment.body, comment.html, tuple(spans(comment, "body")), comment.masks),
        website=_website(comment),
        record=_record(comment),
        first_seen=sentences.clock(comment.record.first_seen, now, zone) if comment.record.first_seen else "",
        parent=excerpt(comment.parent.body) if comment.parent else "",
        parent_note=_parent_note(comment),
        article=comment.article.title or comment.article.key,
        ago=sentences.ago(comment.created_at, now),
        clock=sentences.clock(comment.created_at, now, zone),
        iso=comment.created_at.isoformat(timespec="seconds"),
        zone=site.timezone,
        why=sentences.why(comment.findings),
        lines=[_line(found) for found in sorted(comment.findings, key=sentences.gravity)],
        standing=sentences.standing(*decided, who.name, now, zone),
        reason=reason_words(comment.reason, site.reasons),
        reasons=site.reasons,
        moves=moves(comment, who),
        escalated=_escalated(comment, who.name, now, zone),
        held=_held(comment, who.name, now, zone),
        hides=_hides(comment),
        language=_foreign(comment, site),
        title_note=_title_note(comment),
        redacted=sum(mask.label == REDACTED for mask in comment.masks),
    )


def _foreign(comment: Comment, site: Site) -> str:
    """The language it is written in, where that is none of the site's own."""
    code = comment.language
    return (language_name(code) or code) if code and code not in site.words.languages else ""


def _hides(comment: Comment) -> str:
    """What the text as it was sent holds beside what is shown, in words; empty where it is the same."""
    told = [_("Underlined with dots: what stands for words that the public does not see.")] if comment.masks else []
    if unseen := sum(bool(piece.unseen) for piece in pieces(comment.body, [])):
        told.append(counted("{n} character in it cannot be seen.", "{n} characters in it cannot be seen.", unseen))
    return " ".join(told)


def moves(comment: Comment, who: Moderator) -> frozenset[Decision]:
    """The buttons to offer: undo where a person decided, hold where the rules did; of what was escalated only to
    seniors, and to who did it the way back. What its author wants deleted is nobody's to make public again."""
    if not who.may(Right.DECIDE, comment.site):
        return frozenset()
    legal = legal_moves(comment.status, comment.reports) - {Decision.HOLD if comment.decided_by else Decision.UNDO}
    if comment.hold and comment.hold.erase_asked:
        legal -= {Decision.APPROVE, Decision.UNDO}
    if comment.escalation is None:
        return legal
    if who.may(Right.DECIDE_ESCALATED, comment.site):
        return legal - {Decision.ESCALATE}
    is_theirs = comment.status is Status.PENDING and comment.decided_by == comment.escalation.by == who.name
    return frozenset({Decision.UNDO}) if is_theirs else frozenset()


def _escalated(comment: Comment, reader: str, now: datetime, zone: ZoneInfo) -> str:
    """`Escalated by Ana, 12:04: why`."""
    if comment.escalation is None:
        return ""
    by, at, why = comment.escalation.by, comment.escalation.at, comment.escalation.why
    who = _("you") if by == reader else by
    told = _("Escalated by {who}").format(who=who) + f", {sentences.clock(at, now, zone)}"
    return f"{told}: {why}" if why else told


def _held(comment: Comment, reader: str, now: datetime, zone: ZoneInfo) -> str:
    """`Legal hold by Ana, 12:04: why`."""
    hold = comment.hold
    if hold is None:
        return ""
    who = _("you") if hold.by == reader else hold.by
    told = _("Legal hold by {who}").format(who=who) + f", {sentences.clock(hold.at, now, zone)}: {hold.reason}"
    return f"{told}. " + _("Its author wants it deleted.") if hold.erase_asked else told


def spans(comment: Comment, field: str) -> list[Span]:
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
        effect_words=_(sentences.EFFECTS[found.effect]),
        sentence=sentences.finding(found),
        rule=found.rule,
        numbers=sentences.numbers(found),
    )


def _website(comment: Comment) -> list[Piece]:
    """The host, which is enough to know a site by; the whole address where a rule matched in it."""
    if not comment.author_url:
        return []
    if matched := spans(comment, "author.url"):
        return pieces(comment.author_url, matched)
    return [Piece((urlsplit(comment.author_url).hostname or comment.author_url).removeprefix("www."))]


def _record(comment: Comment) -> str:
    record = comment.record
    if comment.email_masked is None:
        return _("No e-mail address, so no record")
    if not record.approved + record.rejected + record.spam:
        return _("Nothing decided yet")
    told = _("{approved} approved · {rejected} rejected · {spam} spam")
    said = told.format(approved=record.approved, rejected=record.rejected, spam=record.spam)
    return " · ".join(part.replace(" ", "\u00a0") for part in said.split(" · "))


def excerpt(text: str) -> str:
    """The beginning, on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= EXCERPT else flat[: EXCERPT - 1].rstrip() + "…"


def _parent_note(comment: Comment) -> str:
    """Said of a parent that the public cannot see now."""
    if comment.parent is None or comment.parent.status is Status.APPROVED:
        return ""
    return _(sentences.STATUSES[comment.parent.status]).lower()
