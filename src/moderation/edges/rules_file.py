"""The rules file on disk: read it, say everything that is wrong with it and where, notice when it changes.

Reading never changes anything; `write_default` writes only where nothing is. What the rules mean is `judge.ruleset`.
"""

from __future__ import annotations

import difflib
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from moderation.errors import RulesInvalid, RulesProblem
from moderation.settings import Rules, Site
from moderation.text.lexicon import LexiconError, load

MOST_BYTES = 1024 * 1024
MOST_PROBLEMS = 100
SHOWN = 60
"""How much of a wrong value is repeated in its problem."""


@dataclass(frozen=True, slots=True)
class Source:
    """A good rules file: its text and what it says."""

    text: str
    rules: Rules


def read(path: Path) -> Source:
    """The rules in `path`. Raises RulesInvalid with every problem."""
    name = path.name
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise RulesInvalid(
                    name, [RulesProblem(0, 0, "", "something that is not a file", "a rules file is needed")]
                )
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise RulesInvalid(
            name, [RulesProblem(0, 0, "", error.strerror or "an error", "the file must be readable")]
        ) from None
    if len(raw) > MOST_BYTES:
        raise RulesInvalid(name, [RulesProblem(0, 0, "", "a file over 1 MiB", "at most 1 MiB")])
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RulesInvalid(
            name, [RulesProblem(line, 1, "", "bytes that are not UTF-8", "the file must be UTF-8")]
        ) from None
    return check_text(text, name)


def check_text(text: str, name: str) -> Source:
    """The rules in `text`. Raises RulesInvalid, which names the file as `name`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesInvalid(name, [_syntax(text, str(error))]) from None
    except RecursionError:
        raise RulesInvalid(name, [RulesProblem(0, 0, "", "values nested very deeply", "less nesting")]) from None
    places = key_places(text)
    try:
        rules = Rules.model_validate(table)
    except ValidationError as errors:
        raise RulesInvalid(name, _problems(errors, places)) from None
    problems = list(_word_problems(rules, places))
    if problems:
        raise RulesInvalid(name, problems)
    return Source(text, rules)


def write_default(path: Path, origins: Sequence[str]) -> None:
    """The shipped rules file, with `origins` for the site `demo`, where there is no file yet. Atomic."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f'"{origin}"' for origin in origins)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fresh.write_text(default_text().replace('origins = ["http://127.0.0.1:8080"]', f"origins = [{listed}]"), "utf-8")
    try:
        os.link(fresh, path)
    except FileExistsError:
        return  # another process was first
    finally:
        fresh.unlink()


def default_text() -> str:
    """The rules file as shipped: every setting with its default, in comments."""
    return resources.files("moderation").joinpath("default_rules.toml").read_text("utf-8")


class Watch:
    """Whether a file has changed since the last look: by time, size and inode, also when it goes or comes back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None

    def changed(self) -> bool:
        """True at the first look, and at the first look after each change. One system call."""
        try:
            found = os.stat(self._path)
            now: tuple[int, ...] = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)
        except OSError as error:
            now = (-1, error.errno or 0)
        before, self._seen = self._seen, now
        return before != now


_AT = re.compile(r"\(at line (\d+), column (\d+)\)|\(at end of document\)")


def _syntax(text: str, message: str) -> RulesProblem:
    place = _AT.search(message)
    if place and place[1]:
        line, column = int(place[1]), int(place[2])
    else:
        lines = text.splitlines() or [""]
        line, column = len(lines), len(lines[-1]) + 1
    what = _AT.sub("", message).strip().rstrip(".")
    return RulesProblem(line, column, "", "", f"this is not TOML: {what[:120]}")


def _problems(errors: ValidationError, places: dict[tuple[str, ...], tuple[int, int]]) -> list[RulesProblem]:
    """pydantic's errors as ours, in the order of the file, each once: a wrong default is not told for every site."""
    found: dict[tuple[int, int, str], RulesProblem] = {}
    for error in errors.errors(include_url=False):
        path = tuple(str(part) for part in error["loc"])
        line, column, path = _place(path, places)
        key = ".".join(path)
        problem = RulesProblem(line, column, key, _shown(error), _allowed(error, path))
        found.setdefault((line, column, problem.allowed), problem)
    ordered = sorted(found.values(), key=lambda problem: (problem.line, problem.column))
    return ordered[:MOST_PROBLEMS]


def _place(path: tuple[str, ...], places: dict[tuple[str, ...], tuple[int, int]]) -> tuple[int, int, tuple[str, ...]]:
    """Line and column of the key, or of the nearest table above it that the file names. A setting that a site has from
    `[defaults]` is found there."""
    given = [path]
    if len(path) > 2 and path[0] == "sites":
        given.append(("defaults", *path[2:]))
    for each in given:
        if each in places:
            return (*places[each], each)
        if each[:-1] in places and len(each) > 1 and each[-1].isdigit():
            return (*places[each[:-1]], each)
    for end in range(len(path) - 1, 0, -1):
        if path[:end] in places:
            return (*places[path[:end]], path)
    return (1 if places else 0, 1 if places else 0, path)


def _shown(error: Any) -> str:
    given = error["input"]
    if error["type"] in ("missing", "extra_forbidden", "value_error") and isinstance(given, (dict, BaseModel)):
        return ""
    if isinstance(given, dict):
        return "a table"
    text = (
        f'"{given}"'
        if isinstance(given, str)
        else "true"
        if given is True
        else "false"
        if given is False
        else str(given)
    )
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _allowed(error: Any, path: tuple[str, ...]) -> str:
    """What would be right, in words."""
    kind, told = error["type"], error.get("ctx") or {}
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], _known(path[:-1]), 3)
        return f"there is no such setting; did you mean {' or '.join(near)}?" if near else "there is no such setting"
    if kind == "missing":
        return "this must be given"
    if kind == "value_error":
        return f"allowed is {error['msg'].removeprefix('Value error, ')}"
    return _WORDS.get(kind, "another kind of value belongs here").format(**told)


_WORDS = {
    "literal_error": "allowed is {expected}",
    "bool_type": "allowed is true or false",
    "int_type": "allowed is a whole number",
    "int_from_float": "allowed is a whole number",
    "float_type": "allowed is a number",
    "finite_number": "allowed is a finite number",
    "string_type": "allowed is a text in quotes",
    "list_type": "allowed is a list in brackets",
    "dict_type": "allowed is a table",
    "model_type": "allowed is a table",
    "greater_than_equal": "allowed is {ge} or more",
    "less_than_equal": "allowed is {le} or less",
    "string_pattern_mismatch": "allowed are lower-case letters, digits and hyphens",
    "string_too_short": "allowed are {min_length} characters or more",
    "string_too_long": "allowed are {max_length} characters or fewer",
    "too_short": "allowed are {min_length} entries or more",
    "too_long": "allowed are {max_length} entries or fewer",
}


def _known(path: tuple[str, ...]) -> list[str]:
    """The names that may stand in the table at `path`."""
    model: Any = Rules
    for part in path:
        fields = getattr(model, "model_fields", {})
        if part in fields:
            model = fields[part].annotation
            model = Site if part == "sites" else model
        elif model is not Site:
            return []
        if model is Site and part == "sites":
            continue
    names = list(getattr(model, "model_fields", {}))
    return [*names, "defaults"] if model is Rules else names


def _word_problems(rules: Rules, places: dict[tuple[str, ...], tuple[int, int]]) -> Iterator[RulesProblem]:
    for name, site in rules.sites.items():
        try:
            load(site.words.languages, site.words.deny, site.words.allow)
        except LexiconError as error:
            line, column, path = _place(("sites", name, "words", "languages"), places)
            yield RulesProblem(line, column, ".".join(path), "", str(error).partition(": ")[2] or str(error))


_KEY = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(\.|=|\])?""")


def key_places(text: str) -> dict[tuple[str, ...], tuple[int, int]]:
    """Line and column, from 1, of every table header and key in a TOML text that parses. Keys inside inline tables and
    arrays are not listed; the nearest listed one above them stands for them."""
    places: dict[tuple[str, ...], tuple[int, int]] = {}
    table: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    for number, line in _statements(text):
        stripped = line.lstrip()
        column = len(line) - len(stripped) + 1
        if stripped.startswith("[["):
            name = _dotted(stripped[2:])
            counts[name] = counts.get(name, -1) + 1
            table = (*name, str(counts[name]))
            places.setdefault(name, (number, column))
            places[table] = (number, column)
        elif stripped.startswith("["):
            table = _dotted(stripped[1:])
            places.setdefault(table, (number, column))
        elif stripped and not stripped.startswith("#"):
            keys = _dotted(stripped)
            for end in range(1, len(keys) + 1):
                places.setdefault((*table, *keys[:end]), (number, column))
    return places


def _dotted(text: str) -> tuple[str, ...]:
    parts: list[str] = []
    at = 0
    while match := _KEY.match(text, at):
        parts.append(next(group for group in match.groups()[:3] if group is not None))
        at = match.end()
        if match[4] != ".":
            break
    return tuple(parts)


_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|\n|[\[\]{}]', re.DOTALL
)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement's first line with its number: lines inside strings and brackets belong to the one before."""
    line, start, depth, fresh = 1, 0, 0, True
    for token in _TOKEN.finditer(text):
        found = token[0]
        if found == "\n":
            if fresh:
                yield line, text[start : token.start()]
            line += 1
            start, fresh = token.end(), depth == 0
        else:
            head = text[start : token.start()].strip()
            if found in "[{" and not (fresh and depth == 0 and not head.strip("[")):
                depth += 1
            elif found in "]}" and depth:
                depth -= 1
            if "\n" in found:
                if fresh:
                    yield line, text[start : token.start()]
                line += found.count("\n")
                fresh = False
    if fresh and text[start:].strip():
        yield line, text[start:]
