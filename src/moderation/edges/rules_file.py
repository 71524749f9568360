"""The rules file on disk: read it, say everything that is wrong with it and where, notice when it changes.

Reading never changes anything; `write_default` writes only where nothing is. What the rules mean is `judge.ruleset`;
how problems are worded is `rules_problems`.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from moderation.edges.rules_words import word_problems
from moderation.errors import RulesInvalid, RulesProblem
from moderation.rules_problems import problems_of
from moderation.settings import Rules
from moderation.toml_places import key_places, long_key

MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A good rules file: its text and what it says."""

    text: str
    rules: Rules


def read(path: Path) -> Source:
    """The rules in `path`, which may be a link to a file. Raises RulesInvalid with every problem."""
    try:
        raw = _bytes(path)
    except OSError as error:
        raise _invalid(path.name, error.strerror or "an error", "the rules file must be readable") from None
    if raw is None:
        raise _invalid(path.name, "something that is not a file", "a file is needed here")
    if len(raw) > MOST_BYTES:
        raise _invalid(path.name, "more than 1 MiB", "allowed is at most 1 MiB")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        start = raw.rfind(b"\n", 0, error.start) + 1
        line, column = raw.count(b"\n", 0, start) + 1, len(raw[start : error.start].decode()) + 1
        raise _invalid(path.name, "bytes that are not UTF-8", "the file must be in UTF-8", line, column) from None
    return check_text(text, path.name)


def check_text(text: str, name: str) -> Source:
    """The rules in `text`. Raises RulesInvalid, which names the file as `name`."""
    text = text.removeprefix("\ufeff")  # some editors put a byte order mark there
    long = long_key(text)
    if long:
        raise _invalid(name, "a key of very many parts", "there is no such setting", *long)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesInvalid(name, [_syntax(text, str(error))]) from None
    except (RecursionError, ValueError):  # thousands of brackets; thousands of digits
        line, column = _widest(text)
        raise _invalid(name, "a value that is very deep or very long", "no setting needs it", line, column) from None
    places = key_places(text)
    try:
        rules = Rules.model_validate(table)
    except ValidationError as errors:
        raise RulesInvalid(name, problems_of(errors, places)) from None
    problems = word_problems(rules, text, places)
    if problems:
        raise RulesInvalid(name, problems)
    return Source(text, rules)


def write_default(path: Path, origins: Sequence[str]) -> None:
    """The shipped rules file, with `origins` for the site `demo`, where there is no file yet. Whole or not at all."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    text = default_text().replace(_DEMO_ORIGINS, f"origins = {json.dumps(list(origins))}")
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        fresh.write_text(text, "utf-8")
        os.link(fresh, path)
    except FileExistsError:
        return  # another process was first
    finally:
        fresh.unlink(missing_ok=True)


_DEMO_ORIGINS = 'origins = ["http://127.0.0.1:8080"]'


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


def _bytes(path: Path) -> bytes | None:
    """At most one byte more than is allowed; None where there is no regular file. Never waits, as a pipe would."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(MOST_BYTES + 1)
    finally:
        os.close(fd)


def _invalid(name: str, found: str, allowed: str, line: int = 0, column: int = 0) -> RulesInvalid:
    return RulesInvalid(name, [RulesProblem(line, column, "", found, allowed)])


_AT = re.compile(r"\(at line (\d+), column (\d+)\)|\(at end of document\)")


def _syntax(text: str, message: str) -> RulesProblem:
    found = _AT.search(message)
    if found and found[1]:
        line, column = int(found[1]), int(found[2])
    else:
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    what = _AT.sub("", message).strip()
    return RulesProblem(line, column, "", "", f"this is not TOML: {what[:120]}")


def _widest(text: str) -> tuple[int, int]:
    """Where the longest line begins: what is too long or too deep stands there, or in nobody's file."""
    lines = text.split("\n")
    return max(range(len(lines)), key=lambda number: len(lines[number])) + 1, 1
