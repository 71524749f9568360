"""The examples of a rules file: each is judged, and must come out as it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from moderation.judge.pipeline import judge
from moderation.judge.ruleset import Ruleset, SiteRules
from moderation.settings import Example
from moderation.values import AuthorRecord, Case, Effect, Finding, Limited, UnderArticle, Verdict

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When an example came that does not say when: a Thursday at noon."""

OBJECTIONS = frozenset({Effect.HOLD, Effect.SPAM, Effect.REJECT})


@dataclass(frozen=True, slots=True)
class Failure:
    """An example that came out otherwise. `then` is what came of it, where that is wrong; `missing` fired not, and
    `unwanted` did."""

    number: int
    example: Example
    then: str | None
    missing: tuple[str, ...]
    unwanted: tuple[str, ...]
    verdict: Verdict


def failures(rules: Ruleset) -> list[Failure]:
    """The examples of the file that do not come out as they say, in its order."""
    judged = ((number, example, _judged(example, rules)) for number, example in enumerate(rules.examples))
    return [found for number, example, verdict in judged if (found := _failure(number, example, verdict))]


def case_of(example: Example, site: SiteRules) -> Case:
    """The case that an example describes."""
    at = (example.at or AT) if example.at is None or example.at.tzinfo else example.at.replace(tzinfo=_zone(site))
    author, article, request = example.author, example.article, example.request
    record = AuthorRecord(author.approved, author.rejected, author.spam, 0, at - timedelta(days=author.known_days))
    return Case(
        site=site.id,
        body=example.text,
        author_name=author.name,
        author_url=author.website or None,
        has_email=author.has_email,
        disposable_email=author.disposable_email,
        verified=author.verified,
        is_reply=request.reply,
        article_closed="hand" if article.closed else None,
        record=record,
        limited=Limited(seen=request.seen, address_recent=request.address_recent),
        at=at,
        article=UnderArticle(article.id, article.comments, at - timedelta(days=article.age_days), tuple(article.tags)),
        seconds_to_submit=request.seconds_to_submit or None,
    )


def objections(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that speak against publishing."""
    return [found for found in findings if found.effect in OBJECTIONS]


def _zone(site: SiteRules) -> ZoneInfo:
    return ZoneInfo(site.settings.timezone)


def _judged(example: Example, rules: Ruleset) -> Verdict:
    site = rules.sites[example.site or next(iter(rules.sites))]
    return judge(case_of(example, site), site)


def _failure(number: int, example: Example, verdict: Verdict) -> Failure | None:
    fired = {found.rule for found in verdict.findings if found.effect is not Effect.PASS}
    then = verdict.decision.value
    if example.then == "clean":
        then = then if objections(verdict.findings) else "clean"
    wrong = None if example.then in (None, then) else then
    missing = tuple(name for name in example.fires if name not in fired)
    unwanted = tuple(name for name in example.silent if name in fired)
    if wrong is None and not missing and not unwanted:
        return None
    return Failure(number, example, wrong, missing, unwanted, verdict)
