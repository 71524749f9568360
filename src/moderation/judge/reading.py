"""What is read from a case, each thing once and only when asked for. Checks and conditions share one reading, and in a
backtest so do the old and the new rules. Not safe to share between threads."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any, Generic, Literal, Self, TypeVar, overload

from moderation.text.language import language
from moderation.text.links import DisguisedLink, Link, find_disguised_links, find_links
from moderation.text.matcher import Found, Match, Matcher
from moderation.text.normalise import Folded, fold
from moderation.text.redact import Contact, find_contacts
from moderation.text.signals import Phrases, Script, phrases, script
from moderation.values import Case

_RUN = re.compile(r"(\S)\1{2,}")
_CAPITALS = string.ascii_uppercase.encode()
_LETTERS = string.ascii_letters.encode()
Field = Literal["body", "author_name", "author_url"]


def _without(text: str, letters: bytes) -> int:
    """How many of `letters` an ASCII text has: a twentieth of the time that asking each character takes."""
    return len(text) - len(text.encode("ascii").translate(None, letters))


def _has_three_alike(text: bytes) -> bool:
    """Whether one byte stands three times in a row. All are compared with the one before them at once, as one number:
    where two are alike there is a zero."""
    number = int.from_bytes(text)
    return b"\0\0" in (number ^ (number >> 8)).to_bytes(len(text))[1:]


Value = TypeVar("Value")


class _once(Generic[Value]):
    """`functools.cached_property` without its lock, which takes as long as some of what is read."""

    def __init__(self, read: Callable[[Any], Value]) -> None:
        self._read = read

    @overload
    def __get__(self, reading: None, _: type[Reading]) -> Self: ...
    @overload
    def __get__(self, reading: Reading, _: type[Reading]) -> Value: ...
    def __get__(self, reading: Reading | None, _: type[Reading]) -> Self | Value:
        if reading is None:
            return self
        value = reading.__dict__[self._read.__name__] = self._read(reading)
        return value


class Reading:
    """One case as read."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self._words: dict[tuple[int, Field], Found] = {}

    @_once
    def contacts(self) -> tuple[Contact, ...]:
        return tuple(find_contacts(self.case.body))

    @_once
    def links(self) -> tuple[Link, ...]:
        return find_links(self.case.body)

    @_once
    def disguised_links(self) -> tuple[DisguisedLink, ...]:
        return find_disguised_links(self.case.body)

    @_once
    def link_share(self) -> float:
        """The share of the text's characters that stand in links."""
        size = sum(link.end - link.start for link in self.links)
        return round(size / len(self.case.body), 3) if size else 0.0

    @_once
    def phrases(self) -> Phrases:
        return phrases(self.case.body)

    @_once
    def script(self) -> Script:
        return script(self.case.body)

    @_once
    def language(self) -> str:
        """The code of the language that is written around the links, or empty."""
        parts, at = [], 0
        for link in self.links:
            parts.append(self.case.body[at : link.start])
            at = link.end
        return language(" ".join([*parts, self.case.body[at:]]))

    @_once
    def folded(self) -> Folded:
        return fold(self.case.body)

    @_once
    def capitals(self) -> tuple[int, float]:
        """How many letters have case, and the share of capitals among them."""
        body = self.case.body
        if body.isascii():
            upper, cased = _without(body, _CAPITALS), _without(body, _LETTERS)
        else:
            upper = sum(map(str.isupper, body))
            cased = upper + sum(map(str.islower, body))
        return cased, round(upper / cased, 3) if cased else 0.0

    @_once
    def longest_run(self) -> tuple[int, int]:
        """Where the longest row of one character stands; of one character, where no three are alike."""
        if self.case.body.isascii() and not _has_three_alike(self.case.body.encode()):
            return 0, 1
        longest = max(_RUN.finditer(self.case.body), key=lambda run: run.end() - run.start(), default=None)
        return longest.span() if longest else (0, 1)

    def words(self, matcher: Matcher) -> tuple[Match, ...]:
        """What `matcher` finds in the text."""
        return self.found(matcher).matches

    def found(self, matcher: Matcher, field: Field = "body") -> Found:
        """What `matcher` finds in a field, and whether it read all of it. Names and addresses are read with the
        stricter boundaries of names."""
        key = id(matcher), field
        if key not in self._words:
            self._words[key] = matcher.read(getattr(self.case, field) or "", name=field != "body")
        return self._words[key]
