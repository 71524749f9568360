"""The one catalogue of the desk's sentences: findings, rules, statuses, decisions and times in short plain English.

Pure, and knows no page. A code without a sentence here is a fault that a test finds; at run time it still gets one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from moderation.values import Decision, Effect, Finding, Span, Status

STATUSES: Mapping[Status, str] = {
    Status.PENDING: "Pending",
    Status.APPROVED: "Approved",
    Status.REJECTED: "Rejected",
    Status.SPAM: "Spam",
}
DONE: Mapping[Status, str] = {
    Status.PENDING: "back to pending",
    Status.APPROVED: "approved",
    Status.REJECTED: "rejected",
    Status.SPAM: "marked as spam",
}
EFFECTS: Mapping[Effect, str] = {
    Effect.PASS: "passed",
    Effect.TAG: "note",
    Effect.APPROVE: "approve",
    Effect.HOLD: "hold",
    Effect.SPAM: "spam",
    Effect.REJECT: "reject",
}
GRAVEST_FIRST = (Effect.REJECT, Effect.SPAM, Effect.HOLD, Effect.APPROVE, Effect.TAG, Effect.PASS)
PLACES: Mapping[str, str] = {
    "author.name": " in the name",
    "author.url": " in the website",
}
"""Said after a finding that is not about the text."""

FINDINGS: Mapping[str, str] = {
    "check-failed": "The check {check} broke and could not look",
    "article-closed": "The article takes no comments",
    "length": "{length} characters, and {least} to {most} are allowed",
    "limits-unavailable": "Redis did not answer, so the rate limits were not sure",
    "email-limit": "Many comments from this e-mail address in a short time",
    "contacts": "Contact data ({count})",
    "maybe-word": "Perhaps a listed word: {terms}",
    "mild-word": "Mild word: {terms}",
    "strong-word": "Strong word: {terms}",
    "severe-word": "Severe word: {terms}",
    "many-links": "{count} links, more than {most}",
    "shortener": "A shortened link, which hides where it leads",
    "denied-domain": "A link to a domain on the deny list",
    "shouting": "{share} of the letters are capitals",
    "long-run": "The same character {longest_run} times in a row",
    "repeated-words": "{repeated_share} of the words are repeats",
    "seen-before": "The same text came {seen} times within an hour",
    "disposable-email": "The e-mail address is of a throw-away kind",
    "refused-before": "Earlier comments: {refused} refused, {approved} approved",
    "post-moderation": "This site publishes first and looks later",
    "approved-before": "A verified author with {approved} approved comments",
    "first-comments": "The first comments of an author wait for a moderator",
    "pre-moderation": "Every comment on this site waits for a moderator",
}
"""A sentence for every code in `judge.pipeline.CODES` but `passed`. Names in braces are a finding's data."""

PASSED: Mapping[str, str] = {
    "article.closed": "The article is open",
    "body.length": "The length is fine",
    "contacts": "No contact data",
    "limits": "Within the rate limits",
    "words.body": "No listed word in the text",
    "words.name": "No listed word in the name",
    "words.website": "No listed word in the website",
    "links": "The links are fine",
    "style.shouting": "No shouting",
    "style.repetition": "No repetition",
    "duplicates.near": "Not seen before",
    "author.disposable-email": "No throw-away e-mail address",
    "author.record": "Nothing against the author",
}
"""What a rule says when it passes, by its id."""

SPANS: Mapping[str, str] = {"email": "e-mail address", "phone": "phone number"}
"""Labels of spans that are codes; the others are words already."""


def finding(found: Finding) -> str:
    """What was found, in one sentence without a full stop."""
    if found.code == "passed":
        return PASSED.get(found.rule, "Nothing found")
    template = FINDINGS.get(found.code) or found.code.replace("-", " ").capitalize()
    return template.format_map(_Numbers(found.data)) + PLACES.get(found.field, "")


def labelled(span: Span, found: Finding) -> Span:
    """The span with words for the mark over it: its own label, else what was found."""
    return Span(span.start, span.end, SPANS.get(span.label) or span.label or finding(found))


class _Numbers(dict[str, Any]):
    """The data of a finding for a sentence: lists are read out, a number that is not there is left out."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__({name: value_words(name, value) for name, value in data.items()})

    def __missing__(self, name: str) -> str:
        return "some"


def value_words(name: str, value: Any) -> str:
    """A number, a share, a list or a word of a finding, as people write it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, (list, tuple)):
        return ", ".join(value_words(name, each) for each in value)
    if name.endswith("share") and isinstance(value, (int, float)):
        return f"{value:.0%}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def numbers(found: Finding) -> str:
    """What decided, for the full list: `count 3 · most 2`. What is empty or untrue says nothing."""
    told = {name: value_words(name, value) for name, value in found.data.items() if value or value == 0}
    return " · ".join(f"{name.replace('_', ' ')} {words}" for name, words in told.items() if words != "no")


def why(findings: Sequence[Finding]) -> str:
    """Why a comment is where it is, in one line: the gravest findings first. Where no rule asked for more, the site's
    own wish comes first."""
    telling = sorted((each for each in findings if each.effect not in _QUIET), key=gravity)
    if not any(each.effect in _DECIDING for each in telling):
        telling = [each for each in findings if each.rule == "mode"] + telling
    said = list(dict.fromkeys(finding(each) for each in telling))
    return "; ".join(said[:1] + [_inside(each) for each in said[1:]]) + "." if said else "No rule objected."


_QUIET = frozenset({Effect.PASS, Effect.APPROVE})
_DECIDING = frozenset({Effect.REJECT, Effect.SPAM, Effect.HOLD})


def gravity(found: Finding) -> int:
    """For sorting: the gravest first, what passed last."""
    return GRAVEST_FIRST.index(found.effect)


def _inside(sentence: str) -> str:
    """A sentence after a semicolon: it begins small, unless its first word is written in capitals."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]


def standing(status: Status, by: str | None, at: datetime | None, reader: str, now: datetime, zone: tzinfo) -> str:
    """How a comment stands: `Approved by Ana, 12:04`. `reader` is who reads it, and is told `you`."""
    if status is Status.PENDING:
        return "Pending"
    if by is None:
        return f"{_large(DONE[status])} by the rules"
    who = "you" if by == reader else by
    return f"{_large(DONE[status])} by {who}" + (f", {clock(at, now, zone)}" if at else "")


def already(status: Status, by: str | None, at: datetime | None, reader: str, now: datetime, zone: tzinfo) -> str:
    """What a stale click is told: `Already approved by Ana, 12:04.`"""
    if status is Status.PENDING:
        return "Somebody put this back to pending. Nothing was changed."
    words = standing(status, by, at, reader, now, zone)
    return f"Already {words[:1].lower()}{words[1:]}. Nothing was changed."


UNTOLD: Mapping[str, str] = {
    "not-found": "This comment is not there any more.",
    "illegal": "This cannot be done to it now. Nothing was changed.",
}


def done(decision: Decision, status: Status) -> str:
    """What a decision did, for the line that offers to undo it."""
    return f"Undone: {DONE[status]}." if decision is Decision.UNDO else f"{_large(DONE[status])}."


def _large(words: str) -> str:
    return words[:1].upper() + words[1:]


def clock(at: datetime, now: datetime, zone: tzinfo) -> str:
    """`12:04` today, `3 Aug, 12:04` this year, else with the year."""
    at, now = at.astimezone(zone), now.astimezone(zone)
    if at.date() == now.date():
        return f"{at:%H:%M}"
    return f"{at.day} {at:%b, %H:%M}" if at.year == now.year else f"{at.day} {at:%b %Y, %H:%M}"


def ago(at: datetime, now: datetime) -> str:
    """`just now`, `5 minutes ago`, `3 hours ago`, `2 days ago`, `4 months ago`, `2 years ago`."""
    seconds = max(0, int((now - at).total_seconds()))
    for size, unit in ((31_557_600, "year"), (2_629_800, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{counted(seconds // size, unit)} ago"
    return "just now"


def counted(number: int, noun: str) -> str:
    """`1 comment`, `3 comments`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
