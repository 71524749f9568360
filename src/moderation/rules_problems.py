"""What is wrong with a rules file, in words an admin can act on: where it stands, what was found, what is allowed.

Turns pydantic's errors into `RulesProblem`s. Repeats no value of a setting that does not exist: it may be a secret.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from moderation.errors import RulesProblem
from moderation.settings import Rules, Site
from moderation.toml_places import Path, Places

MOST_PROBLEMS = 100
SHOWN = 60
"""How much of a wrong value or key is repeated in its problem."""


def problems_of(errors: ValidationError, places: Places) -> list[RulesProblem]:
    """Every error as a problem, in the order of the file, each once: a wrong default is not told for every site."""
    met: dict[tuple[int, int, Path, str], Any] = {}
    for error in errors.errors(include_url=False):
        path = tuple(str(part) for part in error["loc"] if part != "[key]")
        met.setdefault((*place(path, places), error["type"]), error)
    listed = [
        RulesProblem(line, column, shown_key(path), _found(error), _allowed(error, path))
        for (line, column, path, _), error in sorted(met.items(), key=lambda each: each[0][:2])[:MOST_PROBLEMS]
    ]
    if len(met) > MOST_PROBLEMS:
        listed.append(RulesProblem(0, 0, "", "", f"{len(met) - MOST_PROBLEMS} more problems are not listed"))
    return listed


def place(path: Path, places: Places) -> tuple[int, int, Path]:
    """Line and column of a key, or of the nearest one above it that the file names, and the key itself. A setting that
    a site has from `[defaults]` is found there."""
    given = [path, ("defaults", *path[2:])] if len(path) > 2 and path[0] == "sites" else [path]
    for each in given:
        if each in places:
            return (*places[each], each)
        if each[-1:] and each[-1].isdigit() and each[:-1] in places:
            return (*places[each[:-1]], each)
    for end in range(len(path) - 1, 0, -1):
        if path[:end] in places:
            return (*places[path[:end]], path)
    return 1, 1, path


def shown_key(path: Path) -> str:
    """A key as TOML writes it, shortened."""
    return _short(".".join(part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else _quoted(part) for part in path))


def shown_value(value: object) -> str:
    """A value as the file has it, shortened, without what could steer a terminal and without a URL's password."""
    if isinstance(value, str):
        return _short(_quoted(re.sub(r"(?<=//)[^/@\s]*@", "…@", value)))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 128:
        return "a huge number"
    if isinstance(value, (dict, BaseModel)):
        return "a table"
    return "a list" if isinstance(value, list) else _short(str(value))


def _quoted(text: str) -> str:
    quoted = json.dumps(text[: SHOWN + 1], ensure_ascii=False)
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in quoted)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _found(error: Any) -> str:
    return "" if error["type"] in ("missing", "extra_forbidden") else shown_value(error["input"])


def _allowed(error: Any, path: Path) -> str:
    """What would be right, in words."""
    kind, told = error["type"], error.get("ctx") or {}
    if kind == "extra_forbidden":
        return _no_such_setting(path)
    if kind == "value_error":
        return f"allowed is {error['msg'].removeprefix('Value error, ')}"
    return WORDS[kind](told) if kind in WORDS else "another kind of value belongs here"


def _no_such_setting(path: Path) -> str:
    near = difflib.get_close_matches(path[-1], known_settings(path[:-1]), 3)
    if near:
        return f"there is no such setting; did you mean {' or '.join(near)}?"
    if len(path) == 1 and path[0] in Site.model_fields:
        return "there is no such setting here; it belongs under [defaults] or a site"
    return "there is no such setting"


def known_settings(path: Path) -> list[str]:
    """The names that may stand in the table at `path`."""
    model: Any = Rules
    if path[:1] == ("sites",):
        model, path = Site, path[2:]
    for part in path:
        field = getattr(model, "model_fields", {}).get(part)
        if field is not None:
            model = next(iter(get_args(field.annotation)), field.annotation)
        elif not part.isdigit():
            return []
    return list(getattr(model, "model_fields", {}))


WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda told: "this must be given",
    "literal_error": lambda told: f"allowed is {told['expected']}",
    "bool_type": lambda told: "allowed is true or false",
    "int_type": lambda told: "allowed is a whole number",
    "float_type": lambda told: "allowed is a number",
    "finite_number": lambda told: "allowed is a finite number",
    "string_type": lambda told: "allowed is a text in quotes",
    "datetime_type": lambda told: "allowed is a date and time without quotes, such as 2026-11-25T22:30:00",
    "list_type": lambda told: "allowed is a list in brackets",
    "dict_type": lambda told: "allowed is a table",
    "model_type": lambda told: "allowed is a table",
    "greater_than_equal": lambda told: f"allowed is {told['ge']} or more",
    "less_than_equal": lambda told: f"allowed is {told['le']} or less",
    "string_pattern_mismatch": lambda told: (
        "allowed are at most 40 small letters, digits and hyphens, with no hyphen in front"
    ),
    "string_too_short": lambda told: "allowed is a text that is not empty",
    "string_too_long": lambda told: f"allowed are at most {told['max_length']} characters",
    "too_short": lambda told: "allowed is one entry or more",
    "too_long": lambda told: f"allowed are at most {told['max_length']} entries",
}
"""A sentence for each kind of error that pydantic has for these models."""
