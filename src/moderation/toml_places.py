"""Where the keys of a TOML text stand: line and column, which `tomllib` does not tell.

Knows only as much TOML as finding keys takes; whether the text is TOML at all is `tomllib`'s to say.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

Path = tuple[str, ...]
"""The parts of a key, tables first; the entries of an array of tables count from "0"."""

Places = Mapping[Path, tuple[int, int]]

MOST_PARTS = 20
"""No setting has a key of so many parts, and tomllib's time grows with their square."""

_PART = r"""(?:"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+'|[A-Za-z0-9_-]++)"""
_LONG = re.compile(rf"(?:^|[\[{{,])[ \t]*+(?:{_PART}[ \t]*+\.[ \t]*+){{{MOST_PARTS}}}", re.MULTILINE)
_KEY = re.compile(rf"[ \t]*({_PART})[ \t]*(\.?)")
_BETWEEN = re.compile(r"(?:\s++|#[^\n]*+)*+")
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?!")|'
    r"'''.*?'''(?!')|"
    r'"(?:[^"\\\n]|\\.)*"|'
    r"'[^'\n]*'|#[^\n]*|\n|[\[\]{}]",
    re.DOTALL,
)


def key_places(text: str) -> Places:
    """Line and column, from 1, of every table header and key in a text that is TOML. Keys inside inline tables are not
    listed; the key that holds the table stands for them."""
    places: dict[Path, tuple[int, int]] = {}
    lines = [0, *(at.end() for at in re.finditer("\n", text))]
    table: Path = ()
    entries: dict[Path, int] = {}
    for offset, brackets, keys in _statements(text):
        line = bisect_right(lines, offset)
        place = (line, offset - lines[line - 1] + 1)
        if brackets:
            table = _resolved(keys, entries, is_new=brackets == 2)
            places.setdefault(table[:-1] if brackets == 2 else table, place)
            places[table] = place
        else:
            for end in range(1, len(keys) + 1):
                places.setdefault((*table, *keys[:end]), place)
    return places


def place_in_value(text: str, key: tuple[int, int], offset: int) -> tuple[int, int]:
    """Line and column of the character at `offset` of the text value of the key that stands at `key`. The key's own
    place where the value is not a text that begins on its line."""
    return places_in_value(text, key, [offset])[0]


def places_in_value(text: str, key: tuple[int, int], offsets: Sequence[int]) -> list[tuple[int, int]]:
    """The same for many offsets in ascending order, in one walk."""
    line, column = key
    start = sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column - 1
    opened = _OPENED.match(text, start)
    if opened is None:
        return [key] * len(offsets)
    quote, at = opened["quote"], opened.end()
    if len(quote) == 3 and text.startswith("\n", at):
        at += 1
    found, done, row, counted = [], 0, 1, 0
    for offset in offsets:
        for _ in range(offset - done):
            at = _next(text, at, has_escapes=quote[0] == '"')
        row += text.count("\n", counted, at)
        done, counted = offset, at
        found.append((row, at - text.rfind("\n", 0, at)))
    return found


_OPENED = re.compile(rf"""[ \t]*(?:{_PART}[ \t]*\.?[ \t]*)+=[ \t]*(?P<quote>\"{{3}}|'{{3}}|["'])""")
_ESCAPES = {"x": 4, "u": 6, "U": 10}
_TRIMMED = re.compile(r"(?:\\[ \t]*\n\s*)+")


def _next(text: str, at: int, *, has_escapes: bool) -> int:
    """Where the character after the one at `at` begins, in the text as written."""
    if has_escapes:
        if trimmed := _TRIMMED.match(text, at):
            at = trimmed.end()
        if text.startswith("\\", at):
            return at + _ESCAPES.get(text[at + 1 : at + 2], 2)
    return at + (2 if text.startswith("\r\n", at) else 1)


def long_key(text: str) -> tuple[int, int] | None:
    """Line and column of a key with so many parts that the text must not be parsed, if there is one."""
    found = _LONG.search(text)
    if found is None:
        return None
    return text.count("\n", 0, found.start()) + 1, found.start() - text.rfind("\n", 0, found.start())


def _resolved(keys: Path, entries: dict[Path, int], *, is_new: bool) -> Path:
    """The table a header opens: below an array of tables it is the array's last entry."""
    path: Path = ()
    for number, key in enumerate(keys, 1):
        path = (*path, key)
        if is_new and number == len(keys):
            entries[path] = entries.get(path, -1) + 1
        if path in entries:
            path = (*path, str(entries[path]))
    return path


def _statements(text: str) -> Iterator[tuple[int, int, Path]]:
    """Each header and each key with its value: where it begins, the brackets before it (2, 1 or 0), its parts."""
    at = 0
    while (at := _end(_BETWEEN, text, at)) < len(text):
        brackets = 2 if text.startswith("[[", at) else int(text[at] == "[")
        keys, end = _dotted(text, at + brackets)
        if not keys:
            return  # not TOML after all
        yield at, brackets, keys
        at = _value_end(text, end + brackets)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _dotted(text: str, at: int) -> tuple[Path, int]:
    parts: list[str] = []
    while found := _KEY.match(text, at):
        parts.append(_plain(found[1]))
        at = found.end()
        if not found[2]:
            break
    return tuple(parts), at


def _plain(part: str) -> str:
    if part.startswith('"'):
        return str(tomllib.loads(f"key = {part}")["key"])
    return part.strip("'") if part.startswith("'") else part


def _value_end(text: str, at: int) -> int:
    """The end of the line on which the value that begins at `at` ends."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        if token[0] in ("[", "{"):
            depth += 1
        elif token[0] in ("]", "}"):
            depth -= 1
        elif token[0] == "\n" and depth <= 0:
            return token.end()
    return len(text)
