"""From a rules file to rules that may take effect: read, compile, run the file's own examples. The service, `moderation
check` and the desk all come this way, so that what was checked is what runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from moderation.edges import rules_file
from moderation.edges.outside import Network
from moderation.edges.rules_file import Source
from moderation.errors import RulesInvalid, RulesProblem
from moderation.judge.examples import Failure, failures, objections
from moderation.judge.ruleset import Ruleset, build
from moderation.rules_problems import place
from moderation.toml_places import Places, key_places

DRAFT = "draft"
"""How problems name a draft."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rules that are sound, and the examples of theirs that come out otherwise than they say."""

    rules: Ruleset
    source: Source
    failures: tuple[Failure, ...]


def load(path: Path, inside: Sequence[Network] | None = None) -> Loaded:
    """The rules in `path`; `inside` as in `rules_file`. Raises RulesInvalid for a file that cannot be; not for its
    examples."""
    return _loaded(rules_file.read(path, inside))


def load_text(text: str, name: str, folder: Path | None = None, inside: Sequence[Network] | None = None) -> Loaded:
    """The rules in `text`, whose word lists stand behind it or in `folder`. Raises RulesInvalid, which names the file
    as `name`; not for its examples."""
    return _loaded(rules_file.check_text(text, name, folder, inside))


def refuse_failures(loaded: Loaded, name: str) -> Loaded:
    """The same rules, if all of their examples come out as they say. Raises RulesInvalid."""
    if loaded.failures:
        places = key_places(loaded.source.text)
        raise RulesInvalid(name, [_problem(failure, places) for failure in loaded.failures])
    return loaded


def load_draft(text: str, folder: Path | None, inside: Sequence[Network]) -> Loaded:
    """A draft that may take effect, with its word lists behind it or in `folder`. Raises RulesInvalid."""
    return refuse_failures(load_text(text, DRAFT, folder, inside), DRAFT)


def place_of(failure: Failure, loaded: Loaded) -> tuple[int, int]:
    """Line and column of an example."""
    line, column, _ = place(("examples", str(failure.number)), key_places(loaded.source.text))
    return line, column


def _loaded(source: Source) -> Loaded:
    rules = build(source.rules, source.text, source.lists)
    return Loaded(rules, source, tuple(failures(rules)))


def _problem(failure: Failure, places: Places) -> RulesProblem:
    """Without the text, which may hold an address: problems are logged."""
    line, column, _ = place(("examples", str(failure.number)), places)
    wrong = [f"it says {failure.example.then}, and {failure.then} came of it"] if failure.then else []
    wrong += [f"{name} found nothing" for name in failure.missing]
    wrong += [f"{name} found something" for name in failure.unwanted]
    against = ", ".join(found.rule for found in objections(failure.verdict.findings))
    because = f" (against it: {against})" if against else ""
    return RulesProblem(line, column, f"examples.{failure.number}", "", "; ".join(wrong) + because)
