"""What is wrong with the admin's own rules and examples: conditions that cannot be, ids that are taken, unknown names.
The rest of the file is `rules_file`'s."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from moderation.conditions.language import ConditionError
from moderation.conditions.programs import compiled
from moderation.errors import RulesProblem
from moderation.rules_problems import MOST_PROBLEMS, place, shown_key, shown_value
from moderation.settings import Rule, Rules
from moderation.toml_places import Places, place_in_value

CHECKS = frozenset({
    "article.closed", "body.length", "check-failed", "contacts", "limits", "words.body", "words.name", "words.website",
    "links", "style.shouting", "style.repetition", "duplicates.near", "author.disposable-email", "author.record",
    "author.ban",
    "mode", "duplicates.similar", "links.density", "links.disguised", "style.phrases", "style.script", "article.burst",
    "form.token", "form.trap", "form.proof", "external.check",
})  # fmt: skip
"""The ids of the built-in checks, which stand beside the rules' in every record."""

LONGEST = 2000
"""Characters of a condition: the evaluator recurses, and this is far from where its stack would end."""


def condition_problems(table: Mapping[str, Any], text: str, places: Places) -> list[RulesProblem]:
    """What is wrong with the conditions of a file that may have other mistakes as well."""
    rules = table.get("rules")
    found = []
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        when = rule.get("when") if isinstance(rule, dict) else None
        if not isinstance(when, str) or not 1 <= len(when) <= LONGEST:
            continue
        try:
            compiled(when)
        except ConditionError as error:
            line, column, key = place(("rules", str(number), "when"), places)
            line, column = place_in_value(text, (line, column), error.offset)
            found.append(RulesProblem(line, column, shown_key(key), "", str(error)))
    return found[:MOST_PROBLEMS]


def rule_problems(rules: Rules, places: Places) -> list[RulesProblem]:
    """What is wrong with the rules around their conditions, and with the names in examples."""
    counted = Counter(rule.id for rule in rules.rules)
    found = []
    for number, rule in enumerate(rules.rules):
        for key, value, allowed in _mistakes(rule, rules, counted):
            line, column, path = place(("rules", str(number), *key), places)
            found.append(RulesProblem(line, column, shown_key(path), shown_value(value), allowed))
    found.extend(_example_problems(rules, places))
    return found[:MOST_PROBLEMS]


def _example_problems(rules: Rules, places: Places) -> Iterator[RulesProblem]:
    """Examples that name a site, a rule or a check which does not exist."""
    ids = CHECKS | {rule.id for rule in rules.rules}
    for number, example in enumerate(rules.examples):
        named: list[tuple[tuple[str, ...], str, frozenset[str], str]] = [
            ((key, str(at)), name, ids, "rule or check")
            for key, names in (("fires", example.fires), ("silent", example.silent))
            for at, name in enumerate(names)
        ]
        if example.site:
            named.append((("site",), example.site, frozenset(rules.sites), "site"))
        for key, name, known, noun in named:
            if name not in known:
                line, column, path = place(("examples", str(number), *key), places)
                yield RulesProblem(line, column, shown_key(path), shown_value(name), _no_such(noun, name, known))


def _no_such(noun: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 3)
    return f"there is no such {noun}" + (f"; did you mean {' or '.join(near)}?" if near else "")


def _mistakes(rule: Rule, rules: Rules, counted: Mapping[str, int]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    if counted[rule.id] > 1:
        yield ("id",), rule.id, "each rule needs an id of its own"
    if rule.id in CHECKS:
        yield ("id",), rule.id, "a check of this service has this id; allowed is any other"
    for number, site in enumerate(rule.sites):
        if site not in rules.sites:
            yield ("sites", str(number)), site, _no_such("site", site, rules.sites)
    held = [site for name, site in rules.sites.items() if not rule.sites or name in rule.sites]
    if rule.public and not all(rule.public in [reason.code for reason in site.reasons] for site in held):
        yield ("public",), rule.public, "allowed is the code of a reason that every site of the rule has"
