"""One case explained: how its text is read, what every check found, what every rule saw, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from moderation.judge.pipeline import judge_reading
from moderation.judge.reading import Reading
from moderation.judge.rules import Asked, told_each
from moderation.judge.ruleset import SiteRules
from moderation.values import Case, Verdict


@dataclass(frozen=True, slots=True)
class Explained:
    """`folded` is the text as the word list reads it; `asked` are the admin's rules, fired or not."""

    folded: str
    verdict: Verdict
    asked: tuple[Asked, ...]


def explain(case: Case, site: SiteRules) -> Explained:
    """All that the judge has to say about a case."""
    reading = Reading(case)
    verdict = judge_reading(reading, site)
    return Explained(reading.folded.text, verdict, tuple(told_each(reading, site, verdict)))
