"""Where the links of a comment lead, host by host, so that nothing in their spelling can deceive. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from moderation.text.links import find_disguised_links, find_links

MOST = 50


@dataclass(frozen=True, slots=True)
class Host:
    """A host as it goes over the wire. `letters` is how it looks where that differs, `strange` the names of its
    characters beyond ASCII, `shows` another host that the link's text names instead."""

    name: str
    letters: str = ""
    strange: tuple[str, ...] = ()
    shows: str = ""


def hosts(body: str, website: str | None) -> list[Host]:
    """The hosts that a comment's text and its author's website lead to, each once, in order."""
    disguised = {link.real: link.shown for link in find_disguised_links(body)}
    found = [urlsplit(website).hostname or ""] if website else []
    found += [link.host for link in find_links(body)]
    return [_host(name, disguised.get(name, "")) for name in _once(found)][:MOST]


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(_wire(name) for name in names if name))


def _wire(name: str) -> str:
    """As punycode. A name that no rule allows stays as it is."""
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _host(name: str, shows: str) -> Host:
    letters = ".".join(_letters(label) for label in name.split("."))
    strange = dict.fromkeys(unicodedata.name(char, f"U+{ord(char):04X}").lower() for char in letters if ord(char) > 127)
    return Host(name, letters if letters != name else "", tuple(strange), shows)


def _letters(label: str) -> str:
    try:
        return label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label
    except UnicodeError:
        return label
