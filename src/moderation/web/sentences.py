"""The desk's sentences: findings, rules, statuses, decisions and times in short plain words, in the language of its
reader (`catalogue`).

Pure, and knows no page. A code without a sentence here is a fault that a test finds; at run time it still gets one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from moderation.catalogue import _, counted, moment, plural, spoken
from moderation.values import EXTERNAL, Decision, Effect, Finding, Role, Span, Status

ROLES: Mapping[Role, str] = {
    Role.MODERATOR: "moderator",
    Role.SENIOR: "senior",
    Role.ADMIN: "admin",
    Role.AUDITOR: "auditor",
}
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
DECISIONS: Mapping[Decision, str] = {
    Decision.APPROVE: "Approve",
    Decision.REJECT: "Reject",
    Decision.SPAM: "Spam",
    Decision.HOLD: "Hold",
}
"""The words on the buttons."""
EFFECTS: Mapping[Effect, str] = {
    Effect.PASS: "passed",
    Effect.OBSERVE: "watched",
    Effect.TAG: "note",
    Effect.APPROVE: "approve",
    Effect.HOLD: "hold",
    Effect.SPAM: "spam",
    Effect.REJECT: "reject",
}
GRAVEST_FIRST = (Effect.REJECT, Effect.SPAM, Effect.HOLD, Effect.APPROVE, Effect.TAG, Effect.OBSERVE, Effect.PASS)
PLACES: Mapping[str, str] = {
    "author.name": "in the name",
    "author.url": "in the website",
}
"""Said after a finding that is not about the text."""

FINDINGS: Mapping[str, str] = {
    "check-failed": "The check {check} broke and could not look",
    "article-closed": "The article takes no comments",
    "length": "{length} characters, and {least} to {most} are allowed",
    "limits-unavailable": "Redis did not answer, so the rate limits were not sure",
    "site-fuse": "The site got more than it can look at, so everything was held",
    "email-limit": "Many comments from this e-mail address in a short time",
    "contacts": "Contact data ({count})",
    "maybe-word": "Perhaps a listed word: {terms}",
    "mild-word": "Mild word: {terms}",
    "strong-word": "Strong word: {terms}",
    "severe-word": "Severe word: {terms}",
    "unread-words": "So full of hidden words that not all was read from character {unread} on",
    "many-links": "{count} links, more than {most}",
    "shortener": "A shortened link, which hides where it leads",
    "denied-domain": "A link to a domain on the deny list",
    "shouting": "{share} of the letters are capitals",
    "long-run": "The same character {longest_run} times in a row",
    "repeated-words": "{repeated_share} of the words are repeats",
    "seen-before": "The same text, but for numbers and signs, came {seen} times within an hour",
    "similar-text": "Much the same text came {near} times within an hour",
    "link-density": "{link_share} of the text is links",
    "disguised-link": "A link shows {shown}, but leads to {real}",
    "repeated-phrases": "The same three words come up to {times} times",
    "other-script": "Written in {script} letters; this site's languages use {known}",
    "form-missing": "It came without a form of ours",
    "form-forged": "The form was not ours, or for another article",
    "form-used": "The form had brought another comment before",
    "form-early": "Written within {seconds} s of opening the form; people need {least}",
    "form-late": "The form was opened {hours} hours before, more than {most}",
    "form-trap": "A field was filled in that people do not see",
    "proof-missing": "It came without the calculation that browsers do against spam",
    "proof-wrong": "The calculation against spam was wrong",
    "proof-used": "The calculation against spam had served another comment before",
    "proof-late": "The calculation against spam was done too long before",
    "external-check-waiting": "{by} has not answered yet",
    "external-check-ham": "{by} sees no spam",
    "external-check-spam": "{by} takes it for spam",
    "external-check-blatant": "{by} takes it for spam beyond doubt",
    "external-check-hold": "{by} asks that somebody look at it",
    "external-check-unanswered": "{by} was asked {tries} times and never answered",
    "burst": "{recent} comments at once under this article",
    "disposable-email": "The e-mail address is of a throw-away kind",
    "banned": "A ban on this {whom}: {because}",
    "banned-perhaps": "A ban on this e-mail address, which somebody else may have typed: {because}",
    "pre-moderated": "All from this {whom} waits for a moderator: {because}",
    "refused-before": "Earlier comments: {refused} refused, {approved} approved",
    "post-moderation": "This site publishes first and looks later",
    "approved-before": "A verified author with {approved} approved comments",
    "first-comments": "The first comments of an author wait for a moderator",
    "pre-moderation": "Every comment on this site waits for a moderator",
    "reported": "{count} readers reported it",
    "appeal": "Its author asks for a second look: {words}",
    "appeal-person": "Its author asks for a second look, by somebody other than {by} where that can be: {words}",
    "rule": "{because}",
    "rule-observed": "A rule that only watches would {would}: {because}",
    "rule-failed": "The rule {id} broke and could not look",
}
"""A sentence for every code in `judge.pipeline.CODES` but `passed`. Names in braces are a finding's data."""

SEVERAL: Mapping[str, str] = {
    "maybe-word": "Perhaps listed words: {terms}",
    "mild-word": "Mild words: {terms}",
    "strong-word": "Words, the worst of them strong: {terms}",
    "severe-word": "Words, the worst of them severe: {terms}",
}
"""Instead, where there is more than one term."""
AND_MANY: Mapping[str, str] = {
    "shortener": "A shortened link, which hides where it leads, among {count} links, more than {most}",
    "denied-domain": "A link to a domain on the deny list, among {count} links, more than {most}",
}
"""Instead, where there are also too many links."""

IN_SHORT: Mapping[str, str] = {
    "appeal": "Its author asks for a second look",
    "appeal-person": "Its author asks for a second look, by somebody other than {by} where that can be",
}
"""Instead, among other reasons."""

PASSED: Mapping[str, str] = {
    "article.closed": "The article is open",
    "body.length": "The length is fine",
    "contacts": "No contact data",
    "limits": "Within the rate limits",
    "author.ban": "No ban on the sender",
    "form.token": "The form was ours, and fresh",
    "form.trap": "The unseen field stayed empty",
    "form.proof": "No calculation against spam is missing",
    "words.body": "No listed word in the text",
    "words.name": "No listed word in the name",
    "words.website": "No listed word in the website",
    "links": "The links are fine",
    "style.shouting": "No shouting",
    "style.repetition": "No repetition",
    "duplicates.near": "Not seen before",
    "duplicates.similar": "No other text like it",
    "links.density": "More text than links",
    "links.disguised": "No link that shows another site than it leads to",
    "style.phrases": "No repeated phrases",
    "style.script": "Written in the letters of this site",
    "article.burst": "No rush of comments under this article",
    "author.disposable-email": "No throw-away e-mail address",
    "author.record": "Nothing against the author",
    "external.check": "No check outside was asked",
}
"""What a rule says when it passes, by its id."""

RULES: Mapping[str, str] = {
    "check-failed": "A check that broke",
    "limits": "Rate limits",
    "author.ban": "A ban",
    "form.token": "The form it came by",
    "form.trap": "The unseen field",
    "form.proof": "Proof of work",
    "contacts": "Contact data",
    "words.body": "Words in the text",
    "words.name": "Words in the name",
    "words.website": "Words in the website",
    "links": "Links",
    "links.disguised": "Links that show another site",
    "style.shouting": "Shouting",
    "style.repetition": "Repetition",
    "duplicates.near": "The same text again",
    "author.disposable-email": "Throw-away e-mail",
    "author.record": "The author's record",
    "reports": "Reports by readers",
    "appeal": "A second look",
    "external.check": "A check outside",
}
"""Rules by their ids, as the filter of the queue names them."""


UNSIFTED: Mapping[str, str] = {"mode": "The mode of the site"}
"""Rules that have a name and hold nothing, so nobody looks for what they did."""


def rule(rule_id: str) -> str:
    """A rule's name; its id, where the site made it."""
    return _(known) if (known := RULES.get(rule_id) or UNSIFTED.get(rule_id)) else rule_id


SPANS: Mapping[str, str] = {"email": "e-mail address", "phone": "phone number"}
"""Labels of spans that are codes; the others are words already."""


def finding(found: Finding) -> str:
    """What was found, in one sentence without a full stop."""
    if found.code == "passed":
        return _(PASSED[found.rule]) if found.rule in PASSED else _("Nothing found")
    said = _template(found).format_map(_Numbers(found.data))
    if found.rule == EXTERNAL and (because := found.data.get("because")):
        said = f"{said}: {because}"
    return f"{said} {_(PLACES[found.field])}" if found.field in PLACES else said


def _template(found: Finding) -> str:
    data, terms = found.data, found.data.get("terms")
    if found.code in SEVERAL and isinstance(terms, (list, tuple)) and len(terms) > 1:
        return _(SEVERAL[found.code])
    if found.code in AND_MANY and data.get("count", 0) > data.get("most", math.inf):
        return _(AND_MANY[found.code])
    return _(FINDINGS[found.code]) if found.code in FINDINGS else found.code.replace("-", " ").capitalize()


def labelled(span: Span, found: Finding) -> Span:
    """The span with words for the mark over it: its own label, else what was found."""
    return Span(span.start, span.end, _(SPANS[span.label]) if span.label in SPANS else span.label or finding(found))


class _Numbers(dict[str, Any]):
    """The data of a finding for a sentence: lists are read out, a number that is not there is left out."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__({name: value_words(name, value) for name, value in data.items()})

    def __missing__(self, name: str) -> str:
        return _("some")


def value_words(name: str, value: Any) -> str:
    """A number, a share, a list or a word of a finding, as people write it."""
    if value is None or isinstance(value, bool):
        return {None: _("none"), True: _("yes"), False: _("no")}[value]
    if isinstance(value, (list, tuple)):
        return ", ".join(value_words(name, each) for each in value)
    if name.endswith("share") and isinstance(value, (int, float)):
        return f"{value:.0%}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def numbers(found: Finding) -> str:
    """What decided, for the full list: `count 3 · most 2`. What is empty or untrue says nothing. Of a rule, every value
    that its condition saw."""
    if found.code in ("rule", "rule-observed"):
        return " · ".join(f"{name} {value_words(name, value)}" for name, value in found.data.get("saw", {}).items())
    told = {name: value_words(name, value) for name, value in found.data.items() if value or value == 0}
    return " · ".join(f"{name.replace('_', ' ')} {words}" for name, words in told.items() if words != _("no"))


def why(findings: Sequence[Finding]) -> str:
    """Why a comment is where it is, in one line: the gravest findings first. Where no rule asked for more, the site's
    own wish comes first."""
    telling = sorted((each for each in findings if each.effect not in _QUIET), key=gravity)
    if not any(each.effect in _DECIDING for each in telling):
        telling = [each for each in findings if each.rule == "mode"] + telling
    said = list(dict.fromkeys(_in_short(each).removesuffix(".") for each in telling))
    if not said:
        return _("No rule objected.")
    return ("; " if spoken() == "en" else ". ").join(said[:1] + [_inside(each) for each in said[1:]]) + "."


def _in_short(found: Finding) -> str:
    """What was found, without the words of an author who asks for a second look: the card has them in full."""
    return _(IN_SHORT[found.code]).format_map(_Numbers(found.data)) if found.code in IN_SHORT else finding(found)


_QUIET = frozenset({Effect.PASS, Effect.OBSERVE, Effect.APPROVE})
_DECIDING = frozenset({Effect.REJECT, Effect.SPAM, Effect.HOLD})


def gravity(found: Finding) -> int:
    """For sorting: the gravest first, what passed last."""
    return GRAVEST_FIRST.index(found.effect)


def _inside(sentence: str) -> str:
    """A sentence after another: in English, where a semicolon parts them, it begins small, unless its first word is
    written in capitals."""
    return sentence if sentence[1:2].isupper() or spoken() != "en" else sentence[:1].lower() + sentence[1:]


def standing(status: Status, by: str | None, at: datetime | None, reader: str, now: datetime, zone: tzinfo) -> str:
    """How a comment stands: `Approved by Ana, 12:04`. `reader` is who reads it, and is told `you`."""
    if status is Status.PENDING:
        return _("Pending")
    if by is None:
        return _("{done} by the rules").format(done=_large(_(DONE[status])))
    who = _("you") if by == reader else by
    said = _("{done} by {who}").format(done=_large(_(DONE[status])), who=who)
    return f"{said}, {clock(at, now, zone)}" if at else said


def already(
    status: Status,
    by: str | None,
    at: datetime | None,
    reader: str,
    now: datetime,
    zone: tzinfo,
    *,
    is_rewritten: bool = False,
) -> str:
    """What a stale click is told: `Already approved by Ana, 12:04.` `is_rewritten`: since it was seen."""
    anew = _("Its author has written it anew meanwhile.")
    if status is Status.PENDING:
        if is_rewritten:
            nothing = _("Nothing was changed.")
            return f"{anew} {nothing}"
        return _("Somebody escalated this, took words out of it or put it back to pending. Nothing was changed.")
    words = standing(status, by, at, reader, now, zone)
    told = _("Already {standing}. Nothing was changed.").format(standing=words[:1].lower() + words[1:])
    return f"{anew} {told}" if is_rewritten else told


def alike(last_hour: int, last_day: int, most: int) -> str:
    """How many comments are much like one: `6 like this in the last hour, 14 in the last day`. Not counted further than
    `most`."""
    hour, day = (_("{n} or more").format(n=count) if count >= most else str(count) for count in (last_hour, last_day))
    if not last_hour:
        return _("{n} like this in the last day").format(n=day)
    told = _("{n} like this in the last hour").format(n=hour)
    more = _("{n} in the last day").format(n=day)
    return f"{told}, {more}" if last_day > last_hour else told


UNTOLD: Mapping[str, str] = {
    "not-found": "This comment is not there any more.",
    "nobody": "Nothing here was sent with that e-mail address.",
    "no-right": "Your role does not search by e-mail address.",
    "escalated": "This was escalated: a senior decides. Nothing was changed.",
    "withheld": "Its author wants it deleted, and a legal hold keeps it: nobody can approve it. Nothing was changed.",
    "illegal": "This cannot be done to it now. Nothing was changed.",
}


def done(decision: Decision, status: Status) -> str:
    """What a decision did, for the line that offers to undo it."""
    if decision is Decision.ESCALATE:
        return _("Escalated: a senior decides.")
    if decision is Decision.UNDO:
        return _("Undone: {done}.").format(done=_(DONE[status]))
    return f"{_large(_(DONE[status]))}."


def _large(words: str) -> str:
    return words[:1].upper() + words[1:]


def clock(at: datetime, now: datetime, zone: tzinfo) -> str:
    """`12:04` today, `3 Aug, 12:04` this year, else with the year."""
    at, now = at.astimezone(zone), now.astimezone(zone)
    if at.date() == now.date():
        return f"{at:%H:%M}"
    return moment(at, "d MMM, HH:mm") if at.year == now.year else moment(at, "d MMM y, HH:mm")


def ago(at: datetime, now: datetime) -> str:
    """`just now`, `5 minutes ago`, `3 hours ago`, `2 days ago`, `4 months ago`, `2 years ago`."""
    seconds = max(0, int((now - at).total_seconds()))
    for size, one, many in AGO:
        if seconds >= size:
            return counted(one, many, seconds // size)
    return _("just now")


AGO = (
    (31_557_600, "{n} year ago", "{n} years ago"),
    (2_629_800, "{n} month ago", "{n} months ago"),
    (86_400, "{n} day ago", "{n} days ago"),
    (3_600, "{n} hour ago", "{n} hours ago"),
    (60, "{n} minute ago", "{n} minutes ago"),
)


def no_language(rules: Sequence[str]) -> str:
    """Which rules ask for what nothing here can tell."""
    asks = plural("The rule {rules} asks", "The rules {rules} ask", len(rules)).format(rules=", ".join(rules))
    nothing = _(
        "{asks} for comment.language, and nothing is installed here that tells languages: it is always empty. "
        "docs/rules.md says what to install."
    )
    return nothing.format(asks=asks)


def no_language_on(sites: Sequence[str]) -> str:
    """Which sites wish to know what nothing here can tell."""
    told = _(
        "tell_language is on for {sites}, and nothing is installed here that tells languages. "
        "docs/rules.md says what to install."
    )
    return told.format(sites=", ".join(sites))


def left_behind(word: str, forms: Sequence[str]) -> str:
    """Which words a new grade does not reach, though people may think so."""
    told = _("regrade names {word}, which leaves these as they are: {forms}. Name them as well, if you wish.")
    return told.format(word=word, forms=", ".join(forms))
