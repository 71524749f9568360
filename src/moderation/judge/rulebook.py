"""The admin's own rules, compiled: which hold on a site, what facts they need, and their regular expressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from moderation.conditions.programs import PatternSets, Program, compiled
from moderation.settings import Rule
from moderation.values import Effect


@dataclass(frozen=True, slots=True)
class OwnRule:
    """One rule. `effect` is what its finding proposes; `would`, what it would propose if it did not only observe."""

    id: str
    effect: Effect
    would: Effect
    because: str
    public: str
    articles: frozenset[str]
    program: Program


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of one site, in the order of the file."""

    rules: tuple[OwnRule, ...]
    facts: frozenset[str]
    patterns: PatternSets


def rulebook(rules: Sequence[Rule], site: str) -> Rulebook:
    """The enabled ones of `rules` that hold on `site`. Raises ConditionError (a ValueError)."""
    held = [rule for rule in rules if rule.enabled and (not rule.sites or site in rule.sites)]
    chosen = tuple(_own(rule) for rule in held)
    facts = frozenset(fact for rule in chosen for fact in rule.program.facts)
    return Rulebook(chosen, facts, _patterns(tuple(rule.when for rule in held)))


@lru_cache(maxsize=64)
def _patterns(conditions: tuple[str, ...]) -> PatternSets:
    """Sites under the same rules share one automaton."""
    return PatternSets(compiled(condition) for condition in conditions)


def _own(rule: Rule) -> OwnRule:
    would = Effect(rule.then)
    effect = Effect.OBSERVE if rule.shadow else would
    return OwnRule(rule.id, effect, would, rule.because, rule.public, frozenset(rule.articles), compiled(rule.when))
