"""A comment's HTML as a tree of plain lists, for pages that may not parse HTML (Trusted Types).

A text is a string; an element is `[tag, children]`, a link `["a", children, {"href": …}]` and a numbered list that does
not begin at 1 `["ol", children, {"start": …}]`. Other attributes are implied. Pure: HTML is made in `text.markup` and
shown by `static/reader/embed.js`, which keeps the same list of elements.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

ELEMENTS = frozenset({"p", "br", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"})
"""What a comment may consist of. Of any other element only its text is left."""
HOLDERS = frozenset({"ul", "ol", "blockquote"})
"""Elements that hold only other elements: blanks between those mean nothing."""
DEEPEST = 40
"""Elements nested deeper are left out and their text stays, so that no reader of the tree can run out of stack."""


def nodes(html: str) -> list[Any]:
    """The tree of `html`. Never raises: what is not understood becomes text or is left out."""
    grower = _Grower()
    grower.feed(html)
    grower.close()
    return grower.tree


TALL = 28
"""A text of more rows than this is cut short until its reader wants the rest; the widget measures 700 pixels."""


def is_tall(tree: list[Any]) -> bool:
    """Whether a text of this tree is cut short at first."""
    return rows(tree) > TALL


def rows(tree: list[Any], width: int = 70) -> int:
    """About how many lines of `width` characters a text of this tree takes."""
    breaks = length = 0
    todo = list(tree)
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            breaks, length = breaks + node.count("\n"), length + len(node)
        else:
            breaks += node[0] in ("p", "li")
            todo += node[1]
    return breaks + length // width


class _Grower(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tree: list[Any] = []
        self._open: list[tuple[str, list[Any]]] = []

    @property
    def _here(self) -> list[Any]:
        return self._open[-1][1] if self._open else self.tree

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS or len(self._open) >= DEEPEST:
            return
        node: list[Any] = [tag, []]
        if tag == "a":
            href = dict(attrs).get("href") or ""
            if not _is_web(href):
                return
            node.append({"href": href})
        start = dict(attrs).get("start") or ""
        if tag == "ol" and start.isascii() and start.isdigit() and len(start) < 10:
            node.append({"start": start})
        self._here.append(node)
        if tag != "br":
            self._open.append((tag, node[1]))

    def handle_endtag(self, tag: str) -> None:
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index][0] == tag:
                del self._open[index:]
                return

    def handle_data(self, data: str) -> None:
        here = self._here
        if here and isinstance(here[-1], str):
            here[-1] += data
        elif data.strip() or (self._open and self._open[-1][0] not in HOLDERS):
            here.append(data)


def _is_web(href: str) -> bool:
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
