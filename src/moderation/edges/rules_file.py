"""The rules file on disk: read it, say everything that is wrong with it and where, notice when it changes.

Reading never changes anything; `write_default` writes only where nothing is. What the rules mean is `judge.ruleset`;
how problems are worded is `rules_problems`.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from moderation.edges.outside import Network
from moderation.edges.rules_addresses import address_problems
from moderation.edges.rules_bundle import bundle, named_lists, unbundle
from moderation.edges.rules_conditions import condition_problems, rule_problems
from moderation.edges.rules_words import word_problems
from moderation.errors import RulesInvalid, RulesProblem
from moderation.rules_problems import place, problems_of, shown_key, shown_value
from moderation.settings import Rules
from moderation.toml_places import Path as Key
from moderation.toml_places import Places, key_places, long_key

MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A good rules file: its text, what it says, and the word lists that it names, by name."""

    text: str
    rules: Rules
    lists: Mapping[str, str]

    @property
    def whole(self) -> str:
        """The text with its word lists, from which `check_text` makes the same again."""
        return bundle(self.text, self.lists)


def read(path: Path, inside: Sequence[Network] | None = None) -> Source:
    """As `check_text`, from `path`, which may be a link to a file. Raises RulesInvalid with every problem."""
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
    return check_text(text, path.name, path.parent, inside)


def check_text(text: str, name: str, folder: Path | None = None, inside: Sequence[Network] | None = None) -> Source:
    """The rules in `text`, whose word lists stand behind it (`rules_bundle`) or in `folder`. Raises RulesInvalid, which
    names the file as `name`. `inside` are the networks of ours that its addresses may lead into; None for rules that
    are only looked at, whose addresses nobody asks."""
    text, lists = unbundle(text.removeprefix("\ufeff"))  # some editors put a byte order mark there
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
        told = problems_of(errors, places) + condition_problems(table, text, places)
        raise RulesInvalid(name, sorted(told, key=_by_place)) from None
    lists, unread = _lists(rules, folder, lists, places)
    problems = [
        *unread,
        *word_problems(rules, text, places, lists),
        *condition_problems(table, text, places),
        *rule_problems(rules, places),
        *(address_problems(rules, places, inside) if inside is not None else []),
    ]
    if problems:
        raise RulesInvalid(name, sorted(problems, key=_by_place))
    return Source(text, rules, lists)


def _named(path: Path) -> tuple[Path, ...]:
    try:
        raw = _bytes(path) or b""
    except OSError:
        return ()
    return tuple(path.parent / name for name in named_lists(raw))


def _lists(
    rules: Rules, folder: Path | None, given: Mapping[str, str], places: Places
) -> tuple[dict[str, str], list[RulesProblem]]:
    """The word lists that `rules` name: those that are given, else from their files; and what cannot be read."""
    found: dict[str, str] = {}
    met: dict[tuple[int, int, Key], RulesProblem] = {}
    for name, site in rules.sites.items():
        for number, listed in enumerate(site.words.lists):
            try:
                found[listed] = given[listed] if listed in given else _list(folder, listed)
            except (OSError, ValueError) as error:
                why = (error.strerror if isinstance(error, OSError) else None) or "not a file of UTF-8 up to 1 MiB"
                at = place(("sites", name, "words", "lists", str(number)), places)
                allowed = f"the word list must be readable: {why}"
                met.setdefault(at, RulesProblem(at[0], at[1], shown_key(at[2]), shown_value(listed), allowed))
    return found, list(met.values())


def _list(folder: Path | None, name: str) -> str:
    """Raises OSError, ValueError."""
    if folder is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    raw = _bytes(folder / name)
    if raw is None or len(raw) > MOST_BYTES or b"\0" in raw:
        raise ValueError("not a list")
    return raw.decode("utf-8").replace("\r\n", "\n")


def _by_place(problem: RulesProblem) -> tuple[bool, int, int]:
    """In the order of the file; what has no place comes last."""
    return problem.line == 0, problem.line, problem.column


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


def on_disk(path: Path) -> bytes:
    """What stands there, at most one byte more than is allowed; nothing where there is no file to be read."""
    try:
        return _bytes(path) or b""
    except OSError:
        return b""


def keep_beside(path: Path, at: datetime) -> None:
    """A copy of the file as it is, named after the time, before others write over it. Raises OSError."""
    replace(path.with_name(f"{path.name}.before-{at:%Y%m%dT%H%M%S}"), path.read_bytes())


def replace_all(path: Path, text: str, lists: Mapping[str, str]) -> Callable[[], None]:
    """`replace` the rules file and word lists beside it, those first; what differs not stays as it is. What puts them
    back. Raises OSError, and then all of them are as they were."""
    done: list[tuple[Path, bytes]] = []

    def put_back() -> None:
        for target, old in done:
            replace(target, old)

    try:
        for target, content in [*((path.parent / name, lists[name]) for name in lists), (path, text)]:
            old = target.read_bytes() if target.exists() else None
            if content.encode() != old:
                replace(target, content.encode())
                if old is not None:
                    done.append((target, old))
    except OSError:
        put_back()
        raise
    return put_back


def replace(path: Path, content: bytes) -> None:
    """Put `content` in the place of `path`, or of the file that it is a link to: whole or not at all, with the mode of
    the old one. Raises OSError where that cannot be."""
    target = Path(os.path.realpath(path))
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o600
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


_DEMO_ORIGINS = 'origins = ["http://127.0.0.1:8080"]'


def default_text() -> str:
    """The rules file as shipped: every setting with its default, in comments."""
    return resources.files("moderation").joinpath("default_rules.toml").read_text("utf-8")


class Watch:
    """Whether a file, or one of the word lists it names, has changed since the last look: by time, size and inode, also
    when it goes or comes back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lists: tuple[Path, ...] = ()
        self._seen: tuple[tuple[int, ...], ...] | None = None

    def changed(self) -> bool:
        """True at the first look, and at the first look after each change. One system call a file."""
        now = tuple(_state(path) for path in (self._path, *self._lists))
        before, self._seen = self._seen, now
        if before is None or before[0] != now[0]:
            self._lists = _named(self._path)
            self._seen = (now[0], *(_state(path) for path in self._lists))
        return before != now


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError as error:
        return -1, error.errno or 0
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


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
