"""Conditions made ready to run: a program of the evaluator, with regular expressions taken out of it.

All regular expressions run on RE2 before the conditions, together (`PatternSets`); a condition then only asks whether
its own is among those that matched.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import re2

from moderation.conditions.facts import TYPES
from moderation.conditions.language import Condition, ConditionError, Pattern, read

MATCHED = "_matched"
"""The evaluator's variable that lists the keys of the patterns that matched. No name in a condition begins like it."""

MOST_MEMORY = 4 << 20
"""Bytes for one regular expression: some nested repetitions would take gigabytes."""

SET_MEMORY = 64 << 20


@dataclass(frozen=True, slots=True)
class Sought:
    """A regular expression and the fact it reads. `key` stands for both."""

    key: str
    fact: str
    regex: Any


@dataclass(frozen=True, slots=True)
class Chosen:
    """A predicate over a list fact, to run for each entry once its condition is true."""

    fact: str
    variable: str
    program: Any


@dataclass(frozen=True, slots=True)
class Program:
    """A condition that can run. `facts` are the names it reads."""

    facts: tuple[str, ...]
    run: Any
    sought: tuple[Sought, ...]
    chosen: tuple[Chosen, ...]

    def holds(self, context: Any) -> bool:
        """Raises whatever went wrong: a division by zero, a list without that entry."""
        return bool(self.run.execute(context))


@lru_cache(maxsize=1)
def evaluator() -> Any:
    """The package `cel` without its own command line, which it loads with itself: that brings prompt_toolkit, Pygments
    and typer, which took 80 ms of each start."""
    sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
    import cel

    return cel


@lru_cache(maxsize=4096)
def compiled(source: str) -> Program:
    """`source` as a program. Raises ConditionError with the first thing that is wrong and its offset."""
    condition = read(source, TYPES)
    sought = tuple(_sought(pattern) for pattern in condition.patterns)
    try:
        program = evaluator().compile(_rewritten(condition, 0, len(source)))
        chosen = tuple(
            Chosen(choice.fact, choice.variable, evaluator().compile(_rewritten(condition, *choice.predicate)))
            for choice in condition.choices
        )
    except Exception as error:  # noqa: BLE001 - the evaluator has no error class of its own
        raise ConditionError(0, f"the evaluator cannot read it: {str(error)[:120]}") from None
    return Program(condition.facts, program, sought, chosen)


def _rewritten(condition: Condition, start: int, end: int) -> str:
    """The stretch [start, end) of the source, where each `matches()` asks for its key."""
    parts, at = [], start
    for pattern in condition.patterns:
        if start <= pattern.start and pattern.end <= end:
            parts += [condition.source[at : pattern.start], f'("{_key(pattern)}" in {MATCHED})']
            at = pattern.end
    return "".join([*parts, condition.source[at:end]])


def _key(pattern: Pattern) -> str:
    return hashlib.blake2b(f"{pattern.fact}\0{pattern.regex}".encode(), digest_size=6).hexdigest()


def _sought(pattern: Pattern) -> Sought:
    options = re2.Options()
    options.max_mem = MOST_MEMORY
    options.log_errors = False
    try:
        return Sought(_key(pattern), pattern.fact, re2.compile(pattern.regex, options))
    except re2.error as error:
        told = error.args[0] if error.args else error
        told = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
        raise ConditionError(pattern.regex_at, f"not a regular expression that RE2 takes: {told[:120]}") from None


class PatternSets:
    """The regular expressions of many conditions, one set a fact. Safe to share between threads."""

    def __init__(self, programs: Iterable[Program]) -> None:
        by_fact: dict[str, dict[str, Sought]] = {}
        for program in programs:
            for sought in program.sought:
                by_fact.setdefault(sought.fact, {})[sought.key] = sought
        self._sets = {fact: _Set(tuple(sought.values())) for fact, sought in by_fact.items()}

    def find(self, values: Mapping[str, Any]) -> list[str]:
        """The keys of all that match. `values` are texts by fact; a fact that is not given matches nothing."""
        return [key for fact, each in self._sets.items() if fact in values for key in each.find(values[fact])]


class _Set:
    """An empty pattern goes with the others: where even that does not match, the set ran out of memory."""

    def __init__(self, sought: tuple[Sought, ...]) -> None:
        self._sought = sought
        options = re2.Options()
        options.max_mem = SET_MEMORY
        options.log_errors = False
        self._set = re2.Set.SearchSet(options)
        for each in sought:
            self._set.Add(each.regex.pattern)
        self._always = self._set.Add("")
        self._set.Compile()
        self.find("The first search builds the automaton.")

    def find(self, text: str) -> list[str]:
        found = set(self._set.Match(text))
        if self._always in found:
            return [each.key for number, each in enumerate(self._sought) if number in found]
        return [each.key for each in self._sought if each.regex.search(text)]
