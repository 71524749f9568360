"""A comment's text as the public sees it, for the desk: the very HTML as a tree, with what rules matched marked in it.

Spans count code points of the text as it was sent. Where they stand in the HTML is found by writing a sign of our own
at both ends of each and making the HTML again: only where it is the same but for the signs, the signs tell. A span that
Markdown reads otherwise with a sign in it, such as a bare link, is looked for by its words instead; one that the public
does not see is told apart. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any
from urllib.parse import unquote, urlsplit

from moderation.text.markup import mask_places, rendered
from moderation.values import Span
from moderation.web.marks import Piece
from moderation.web.nodes import is_tall, nodes

MOST = 200
"""Spans of one text that are marked."""
MOST_TRIES = 8
"""Spans that are tried one by one where all of them together change the text."""
LONGEST_TRIED = 5000


@dataclass(frozen=True, slots=True)
class Element:
    """One of `nodes.ELEMENTS` with what is in it: elements, and lists of pieces. Of a link `href` is where it leads and
    `host` its host, where the words of the link do not tell it."""

    tag: str
    children: tuple[Element | list[Piece], ...]
    start: str = ""
    href: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """`elsewhere` are matched spans that stand nowhere in what the public sees, as pieces of what was sent. `marks` are
    the others; `is_tall` is a text that is cut short at first."""

    tree: tuple[Element | list[Piece], ...]
    elsewhere: list[Piece]
    marks: int
    is_tall: bool


@dataclass(frozen=True, slots=True)
class _Mark:
    """A stretch to be marked, in code points of one text or another. `label` is empty for what stands for a mask."""

    start: int
    end: int
    label: str


@lru_cache(maxsize=1000)
def shown(body: str, html: str, matched: tuple[Span, ...], masks: tuple[Span, ...]) -> Shown:
    """`html` is what was made of `body` with `masks`. A spot may be marked by several spans."""
    tree = nodes(html)
    places = mask_places(body, masks)
    spans = [span for span in dict.fromkeys(matched) if 0 <= span.start < min(span.end, len(body))][:MOST]
    wanted = [_Mark(span.start, min(span.end, len(body)), span.label) for span in spans]
    wanted += [_Mark(start, end, "") for start, end, _ in places]
    found = _by_signs(body, html, wanted, places) if wanted else {}
    flat = _Flat(tree)
    for mark in wanted:
        if mark not in found and (place := _by_words(body, flat, mark, places)):
            found[mark] = place
    left = [mark for mark in wanted if mark not in found and mark.label]
    elsewhere = [Piece(body[mark.start : mark.end], (mark.label,), (mark.label,), ends=True) for mark in left]
    marks = sum(bool(mark.label) for mark in found)
    return Shown(_Grown(list(found.values())).grow(tree), elsewhere, marks, is_tall(tree))


def _by_signs(
    body: str, html: str, wanted: Sequence[_Mark], places: Sequence[tuple[int, int, str]]
) -> dict[_Mark, _Mark]:
    """Where each stands in the text of the HTML. Without those whose signs change it."""
    if _SIGN.search(body) or _SIGN.search(html) or _SIGN_IN_LINK.search(html):
        return {}
    found = _tried(body, html, wanted, places)
    if found is not None:
        return found
    if len(wanted) > MOST_TRIES or len(body) > LONGEST_TRIED:
        return {}
    alone = [_tried(body, html, [mark], places) or {} for mark in wanted]
    return {mark: place for each in alone for mark, place in each.items()}


def _tried(
    body: str, html: str, wanted: Sequence[_Mark], places: Sequence[tuple[int, int, str]]
) -> dict[_Mark, _Mark] | None:
    """None where the HTML is another one with these signs."""
    signed = rendered(_signed(body, wanted, places))
    if _SIGN_IN_LINK.sub("", _SIGN.sub("", signed)) != html:
        return None
    flat = _Flat(nodes(signed))
    found: dict[_Mark, _Mark] = {}
    for number, mark in enumerate(wanted):
        begins, ends = _sign(2 * number), _sign(2 * number + 1)
        if begins in flat.signs and ends in flat.signs and flat.signs[begins] < flat.signs[ends]:
            found[mark] = _Mark(flat.signs[begins], flat.signs[ends], mark.label)
    return found


def _signed(body: str, wanted: Sequence[_Mark], places: Sequence[tuple[int, int, str]]) -> str:
    """The text with its masks in place, and with the signs: beside letters, so that they are taken for letters, and
    around masks."""
    inside = {at: place for place in places for at in range(place[0], place[1])}
    begins: dict[int, list[str]] = {}
    ends: dict[int, list[str]] = {}
    for number, mark in enumerate(wanted):
        start, end = (mark.start, mark.end) if not mark.label else _beside_letters(body, mark.start, mark.end)
        start = inside[start][0] if start in inside else start
        end = inside[end - 1][1] if end - 1 in inside else end
        begins.setdefault(start, []).append(_sign(2 * number))
        ends.setdefault(end, []).append(_sign(2 * number + 1))
    pieces: list[str] = []
    at = 0
    cuts = sorted({*begins, *ends, *(edge for place in places for edge in place[:2]), len(body)})
    hidden = {place[0]: place for place in places}
    for cut in cuts:
        if at < cut:
            pieces.append(hidden[at][2] if at in hidden else body[at:cut])
        pieces += [*ends.get(cut, ()), *begins.get(cut, ())]
        at = cut
    return "".join(pieces)


def _beside_letters(body: str, start: int, end: int) -> tuple[int, int]:
    """The stretch without what stands around its first and last letter or digit; as it is where it has none."""
    inner = [at for at in range(start, end) if body[at].isalnum()]
    return (inner[0], inner[-1] + 1) if inner else (start, end)


def _by_words(body: str, flat: _Flat, mark: _Mark, places: Sequence[tuple[int, int, str]]) -> _Mark | None:
    """Where the same words stand as often in the one as in the other, counted off; else a link that leads there."""
    words = body[mark.start : mark.end]
    if not mark.label or any(start < mark.end and mark.start < end for start, end, _ in places):
        return None
    if flat.text.count(words) == body.count(words):
        at = -1
        for _ in range(body.count(words, 0, mark.start + len(words))):
            at = flat.text.find(words, at + 1)
        if at >= 0:
            return _Mark(at, at + len(words), mark.label)
    here = (link for link in flat.links if words in link.href or words in unquote(link.href))
    found = next(here, None)
    return _Mark(found.start, found.end, mark.label) if found else None


@dataclass(frozen=True, slots=True)
class _Link:
    start: int
    end: int
    href: str


class _Flat:
    """The text of a tree, where its links stand in it, and where the signs stood that are left out of it."""

    def __init__(self, tree: list[Any]) -> None:
        self.signs: dict[str, int] = {}
        self.links: list[_Link] = []
        self._parts: list[str] = []
        self._at = 0
        self._walk(tree)
        self.text = "".join(self._parts)

    def _walk(self, tree: list[Any]) -> None:
        for node in tree:
            if isinstance(node, str):
                self._take(node)
                continue
            began = self._at
            self._walk(node[1])
            if node[0] == "a":
                href = node[2]["href"]
                for found in _SIGN_IN_LINK.finditer(href):
                    sign = unquote(found[0])
                    self.signs[sign] = began if ord(sign) % 2 == 0 else self._at
                self.links.append(_Link(began, self._at, href))
            if node[0] in _BREAKS:
                self._take("\n")

    def _take(self, text: str) -> None:
        for part in _EACH_SIGN.split(text):
            if _SIGN.fullmatch(part):
                self.signs.setdefault(part, self._at)
            else:
                self._parts.append(part)
                self._at += len(part)


class _Grown:
    """The tree as elements, cut where marks begin and end."""

    def __init__(self, marks: Sequence[_Mark]) -> None:
        self._marks = sorted(marks, key=lambda mark: (mark.start, mark.end))
        self._at = 0

    def grow(self, tree: list[Any]) -> tuple[Element | list[Piece], ...]:
        return tuple(self._one(node) for node in tree)

    def _one(self, node: Any) -> Element | list[Piece]:
        if isinstance(node, str):
            return list(self._cut(node))
        tag, children, told = node[0], self.grow(node[1]), node[2] if len(node) > 2 else {}
        if tag in _BREAKS:
            self._at += 1
        return Element(tag, children, told.get("start", ""), told.get("href", ""), _host(node, told.get("href", "")))

    def _cut(self, text: str) -> Iterator[Piece]:
        start, end = self._at, self._at + len(text)
        self._at = end
        over = [mark for mark in self._marks if mark.start < end and start < mark.end]
        cuts = sorted({start, end, *(each for mark in over for each in (mark.start, mark.end) if start < each < end)})
        for left, right in pairwise(cuts):
            here = [mark for mark in over if mark.start <= left and right <= mark.end]
            told = dict.fromkeys(mark.label for mark in here if mark.label)
            yield Piece(
                text[left - start : right - start],
                matches=tuple(told),
                begins=tuple(label for label in told if any(m.label == label and m.start == left for m in here)),
                ends=any(mark.label and mark.end == right for mark in here),
                hidden=any(not mark.label for mark in here),
            )


def _host(node: list[Any], href: str) -> str:
    """The host that a link leads to, where its own words do not begin with it."""
    if node[0] != "a":
        return ""
    try:
        host = urlsplit(href).hostname or href
    except ValueError:
        host = href
    said = re.sub(r"^https?://", "", _Flat(node[1]).text.strip(), flags=re.IGNORECASE)
    return "" if re.match(re.escape(host) + r"(?![\w.-])", said, re.IGNORECASE) else host[:100]


def _sign(number: int) -> str:
    return chr(_FIRST + number)


_FIRST = 0xF0000
"""Private characters that nothing gives a meaning to: Markdown takes them for letters. Even ones begin a mark."""
_SIGN = re.compile("[\U000f0000-\U000fffff]")
_EACH_SIGN = re.compile("([\U000f0000-\U000fffff])")
_SIGN_IN_LINK = re.compile(r"%F3%B[0-9A-F]%[89AB][0-9A-F]%[89AB][0-9A-F]")
_BREAKS = frozenset({"p", "br", "pre", "blockquote", "li"})
