"""Rules and the word lists beside them as one text, so that one text is one revision: what is kept, compared, put back
and tried on past comments is always whole. The lists stand behind the rules as comments, so that it stays TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from moderation.toml_places import long_key

MOST_LISTS = 100
HEAD = "#% word list "
LINE = "#%|"


def bundle(text: str, lists: Mapping[str, str]) -> str:
    """`text` with `lists` (name to content) behind it."""
    if not lists:
        return text
    behind = []
    for name, content in sorted(lists.items()):
        behind += [HEAD + name, *(LINE + line for line in content.split("\n"))]
    return f"{text}\n" + "\n".join(behind) + "\n"


def unbundle(source: str) -> tuple[str, dict[str, str]]:
    """The rules' own text, and the lists that stand behind it."""
    start = source.find("\n" + HEAD)
    if start < 0:
        return source, {}
    lists: dict[str, list[str]] = {}
    for line in source[start + 1 :].split("\n"):
        if line.startswith(HEAD):
            lists[line.removeprefix(HEAD)] = []
        elif line.startswith(LINE) and lists:
            lists[next(reversed(lists))].append(line.removeprefix(LINE))
    return source[:start], {name: "\n".join(lines) for name, lines in lists.items()}


def is_list_name(name: str) -> bool:
    """A file beside the rules file or in a folder there: no way leads up."""
    return len(name) <= 100 and re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)*", name, re.ASCII) is not None


def named_lists(raw: bytes) -> tuple[str, ...]:
    """The word lists that a rules file names, whether they are there and whatever else is wrong with it."""
    try:
        text = raw.decode("utf-8")
        # The library's time grows with the square of a key's parts.
        table = {} if long_key(text) else tomllib.loads(text)
    except (ValueError, RecursionError):
        return ()
    sites = table.get("sites")
    found: set[str] = set()
    for site in (table.get("defaults"), *(sites.values() if isinstance(sites, dict) else ())):
        words = site.get("words") if isinstance(site, dict) else None
        names = words.get("lists") if isinstance(words, dict) else None
        if isinstance(names, list):
            found |= {name for name in names if isinstance(name, str) and is_list_name(name)}
    return tuple(sorted(found)[:MOST_LISTS])


def whole(path: Path) -> bytes:
    """The rules file with the word lists it names, as it is to be kept. Raises OSError."""
    raw = path.read_bytes()
    lists = {}
    for name in named_lists(raw):
        try:
            lists[name] = (path.parent / name).read_text("utf-8")
        except (OSError, UnicodeDecodeError):  # then the rules are refused as they are, and are kept as they are
            return raw
    return bundle(raw.decode("utf-8"), lists).encode() if lists else raw
