"""Asks the admin's own rules about a case. Those that fire leave a finding; so do those that fail, and they hold.

Evidence is gathered only for rules that fired: the numbers their condition saw, and where in the text it is so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from moderation.conditions.facts import BY_NAME
from moderation.conditions.programs import MATCHED, evaluator
from moderation.judge.fact_values import MOST_ENTRIES, nested, values
from moderation.judge.reading import Reading
from moderation.judge.rulebook import OwnRule
from moderation.judge.ruleset import SiteRules
from moderation.values import Effect, Finding, Span, Verdict

LONGEST_TOLD = 80
"""Characters of a text that are repeated beside a finding."""


RULES_CHECK = "rules"
"""How the finding names all rules together, where the facts they need cannot be had."""


def ask_rules(reading: Reading, site: SiteRules) -> list[Finding]:
    """A finding for each rule of the site that fires or fails, in the order of the file."""
    book = site.book
    if not book.rules:
        return []
    known = values(reading, site, book.facts)
    context = evaluator().Context(variables={**nested(known), MATCHED: book.patterns.find(known)})
    found = []
    for rule in book.rules:
        if rule.articles and reading.case.article.key not in rule.articles:
            continue
        try:
            if rule.program.holds(context):
                found.append(_fired(rule, reading, site, known, context))
        except Exception as error:  # noqa: BLE001 - doubt holds, whatever its kind
            found.append(_failed(rule, error))
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """What one rule made of a case. `saw` are the facts that its condition read, whatever came of it."""

    id: str
    would: Effect
    in_shadow: bool
    outcome: Literal["fired", "silent", "failed", "elsewhere"]
    saw: Mapping[str, Any]


def told_each(reading: Reading, site: SiteRules, verdict: Verdict) -> list[Asked]:
    """What `verdict` holds of every rule of the site, also of those that did not fire; `elsewhere` are those for other
    articles. Where the facts cannot be had, all have failed and saw nothing."""
    found = {each.rule: each.code for each in verdict.findings}
    has_facts = not any(each.data.get("check") == RULES_CHECK for each in verdict.findings)
    known = values(reading, site, site.book.facts) if has_facts else {}
    asked = []
    for rule in site.book.rules:
        outcome: Literal["fired", "silent", "failed", "elsewhere"] = "silent"
        if not has_facts:
            outcome = "failed"
        elif rule.id in found:
            outcome = "failed" if found[rule.id] == "rule-failed" else "fired"
        elif rule.articles and reading.case.article.key not in rule.articles:
            outcome = "elsewhere"
        asked.append(Asked(rule.id, rule.would, rule.effect is not rule.would, outcome, _saw(rule, known)))
    return asked


def _failed(rule: OwnRule, error: Exception) -> Finding:
    """Holds, unless the rule could never do more than observe or tag. Says the kind of error and quotes nothing."""
    effect = rule.effect if rule.effect in (Effect.OBSERVE, Effect.TAG) else Effect.HOLD
    return Finding(rule.id, effect, "rule-failed", "rule", data={"id": rule.id, "error": type(error).__name__})


def _fired(rule: OwnRule, reading: Reading, site: SiteRules, known: Mapping[str, Any], context: Any) -> Finding:
    spans = [*_matched(rule, reading, known), *_chosen(rule, reading, site, known, context)]
    field = spans[0][0] if spans else _subject(rule)
    shown = sorted({(span.start, span.end, span.label) for at, span in spans if at == field})[:MOST_ENTRIES]
    data: dict[str, Any] = {"because": rule.because or f"the rule {rule.id}"}
    if rule.public:
        data["public"] = rule.public
    if rule.effect is Effect.OBSERVE:
        data["would"] = rule.would.value
    data["saw"] = _saw(rule, known)
    code = "rule-observed" if rule.effect is Effect.OBSERVE else "rule"
    return Finding(rule.id, rule.effect, code, field, tuple(Span(*each) for each in shown), data)


def _saw(rule: OwnRule, known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _told(known[name]) for name in rule.program.facts if name in known and BY_NAME[name].is_quoted}


def _told(value: Any) -> Any:
    """A value of a fact as it is kept beside a finding: lists by their length."""
    if isinstance(value, list):
        return len(value)
    if isinstance(value, str):
        return value[:LONGEST_TOLD]
    if isinstance(value, float):
        return round(value, 3)
    return value if isinstance(value, (bool, int)) else value.isoformat(timespec="seconds")


def _subject(rule: OwnRule) -> str:
    """What a rule without spans is about: the text if it looks at it, else the first thing it looks at."""
    owners = [name.partition(".")[0] for name in rule.program.facts]
    return "body" if "comment" in owners or not owners else owners[0]


_Evidence = Iterator[tuple[str, Span]]
"""Spans, each with its field."""


def _matched(rule: OwnRule, reading: Reading, known: Mapping[str, Any]) -> _Evidence:
    """What the rule's regular expressions match."""
    for sought in rule.program.sought:
        if sought.fact in _TEXTS:
            field, where = _TEXTS[sought.fact]
            for found in islice(sought.regex.finditer(known[sought.fact]), MOST_ENTRIES):
                yield field, Span(*where(reading, *found.span()))


def _chosen(rule: OwnRule, reading: Reading, site: SiteRules, known: Mapping[str, Any], context: Any) -> _Evidence:
    """The entries that the rule's predicates choose; all links, words or contacts, where it only counts them."""
    for each in rule.program.chosen:
        for entry, span in zip(known[each.fact], _stretches(each.fact, reading, site), strict=False):
            context.add_variable(each.variable, entry)
            if _chooses(each.program, context):
                yield "body", span
    chosen = {each.fact for each in rule.program.chosen}
    for fact in rule.program.facts:
        if fact not in chosen:
            for span in _stretches(fact, reading, site):
                yield "body", span


def _chooses(program: Any, context: Any) -> bool:
    """A predicate that fails for one entry shows nothing there: the condition as a whole has held."""
    try:
        return program.execute(context) is True
    except Exception:  # noqa: BLE001 - only what is marked in the text depends on it
        return False


def _plain(_: Reading, start: int, end: int) -> tuple[int, int]:
    return start, end


def _unfolded(reading: Reading, start: int, end: int) -> tuple[int, int]:
    return reading.folded.span(start, end)


_TEXTS: Mapping[str, tuple[str, Callable[[Reading, int, int], tuple[int, int]]]] = {
    "comment.body": ("body", _plain),
    "comment.folded": ("body", _unfolded),
    "author.name": ("author.name", _plain),
    "author.website": ("author.url", _plain),
}


def _stretches(fact: str, reading: Reading, site: SiteRules) -> list[Span]:
    """Where in the text a fact comes from, entry by entry; nowhere for most."""
    if fact == "comment.links":
        return [Span(link.start, link.end, link.host) for link in reading.links[:MOST_ENTRIES]]
    if fact == "comment.contacts":
        return [Span(each.start, each.end, each.kind) for each in reading.contacts[:MOST_ENTRIES]]
    if fact == "comment.terms":
        matches = reading.words(site.matcher)[:MOST_ENTRIES]
        return [Span(match.start, match.end, f"{match.severity} {match.category}") for match in matches]
    return []
