"""What each fact of `conditions.facts` is worth for one case. Pure, like all of the judge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules
from moderation.values import AuthorRecord

MOST_ENTRIES = 50
"""Entries of a list that conditions see: a text of nothing but links costs no more than this many."""


def values(reading: Reading, site: SiteRules, wanted: Iterable[str]) -> dict[str, Any]:
    """The facts of `wanted` by their names, each worked out once."""
    return {name: VALUES[name](reading, site) for name in wanted}


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same as the evaluator wants it: `{"comment": {"body": …}, "site": …}`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        owner, _, field = name.partition(".")
        if field:
            found.setdefault(owner, {})[field] = value
        else:
            found[owner] = value
    return found


def _refused_share(record: AuthorRecord) -> float:
    refused = record.rejected + record.spam
    decided = refused + record.approved
    return refused / decided if decided else 0.0


def _links(reading: Reading, _: SiteRules) -> list[dict[str, str]]:
    return [{"host": link.host, "domain": link.domain} for link in reading.links[:MOST_ENTRIES]]


def _terms(reading: Reading, site: SiteRules) -> list[dict[str, Any]]:
    return [
        {
            "text": match.term,
            "language": match.language,
            "category": match.category,
            "severity": match.severity,
            "maybe": match.maybe,
        }
        for match in reading.words(site.matcher)[:MOST_ENTRIES]
    ]


def _run(reading: Reading, _: SiteRules) -> int:
    start, end = reading.longest_run
    return end - start


def _hour(reading: Reading, site: SiteRules) -> int:
    return reading.case.at.astimezone(ZoneInfo(site.settings.timezone)).hour


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _weekday(reading: Reading, site: SiteRules) -> str:
    return _DAYS[reading.case.at.astimezone(ZoneInfo(site.settings.timezone)).weekday()]


VALUES: Mapping[str, Callable[[Reading, SiteRules], Any]] = {
    "comment.body": lambda reading, _: reading.case.body,
    "comment.folded": lambda reading, _: reading.folded.text,
    "comment.length": lambda reading, _: len(reading.case.body),
    "comment.words": lambda reading, _: len(reading.case.body.split()),
    "comment.lines": lambda reading, _: sum(1 for line in reading.case.body.splitlines() if line.strip()),
    "comment.links": _links,
    "comment.uppercase": lambda reading, _: reading.capitals[1],
    "comment.longest_run": _run,
    "comment.contacts": lambda reading, _: len(reading.contacts),
    "comment.terms": _terms,
    "comment.seen": lambda reading, _: reading.case.limited.seen,
    "comment.similar": lambda reading, _: reading.case.limited.near,
    "comment.link_share": lambda reading, _: reading.link_share,
    "comment.disguised_links": lambda reading, _: len(reading.disguised_links),
    "comment.phrase_share": lambda reading, _: reading.phrases.share,
    "comment.script": lambda reading, _: reading.script.name,
    "comment.language": lambda reading, _: reading.language,
    "author.name": lambda reading, _: reading.case.author_name,
    "author.website": lambda reading, _: reading.case.author_url or "",
    "author.has_email": lambda reading, _: reading.case.has_email,
    "author.disposable_email": lambda reading, _: reading.case.disposable_email,
    "author.verified": lambda reading, _: reading.case.verified,
    "author.approved": lambda reading, _: reading.case.record.approved,
    "author.rejected": lambda reading, _: reading.case.record.rejected,
    "author.spam": lambda reading, _: reading.case.record.spam,
    "author.rejected_share": lambda reading, _: _refused_share(reading.case.record),
    "author.first_seen": lambda reading, _: reading.case.record.first_seen or reading.case.at,
    "article.id": lambda reading, _: reading.case.article.key,
    "article.closed": lambda reading, site: site.settings.closed or reading.case.article_closed is not None,
    "article.comments": lambda reading, _: reading.case.article.comments,
    "article.first_seen": lambda reading, _: reading.case.article.first_seen or reading.case.at,
    "article.recent": lambda reading, _: reading.case.limited.article_recent,
    "article.tags": lambda reading, _: list(reading.case.article.tags),
    "request.reply": lambda reading, _: reading.case.is_reply,
    "request.address_recent": lambda reading, _: reading.case.limited.address_recent,
    "request.seconds_to_submit": lambda reading, _: reading.case.seconds_to_submit or 0,
    "site": lambda reading, _: reading.case.site,
    "time.now": lambda reading, _: reading.case.at,
    "time.hour": _hour,
    "time.weekday": _weekday,
}
