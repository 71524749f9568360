"""A comment's text as safe HTML: paragraphs, line breaks, emphasis, code, quotes, lists and links; nothing else.

Rendered once, when a comment is written. markdown-it makes the HTML, nh3 is the second wall behind it. Text that
plainly has none, but for addresses that nobody reads otherwise, takes a short way with the same result.
"""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from moderation.text.redact import MASKS

MOST_NESTED = 8
"""A text that nests quotes and lists deeper than this is shown as it was typed: the library would drop its end."""

MOST_BRACKETS = 100
"""A text with more opening brackets is shown as it was typed: the library's time grows with their square."""


class Masked(Protocol):
    """What is hidden: `label` is the kind of contact, "word" or `REDACTED`."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def label(self) -> str: ...


def render(body: str, masks: Sequence[Masked] = ()) -> str:
    """The HTML of `body` with `masks` replaced. Each block carries `dir="auto"`."""
    return rendered(masked(body, masks))


def rendered(text: str) -> str:
    """The HTML of a text whose masks are in their places."""
    text = _visible(text)
    packed = _GAPS.sub("\n", text)
    linked = "://" in text and not _ODD_BLANK.search(text)
    if not _may_be_marked(_LINK.sub("link", packed) if linked else packed):
        shown = _plain(text, _linked)
    else:
        shown = _plain(text) if _is_hostile(packed) else _marked(text)
    return shown.replace(_STAR, "*").replace(_MARK, "[removed]")


def _may_be_marked(text: str) -> bool:
    """What may be markup or a link. Too much is caught rather than too little."""
    if _SIGN.search(text) or "://" in text or "www." in text or _DOTTED.search(text):
        return True
    return any(line.endswith(" ") or _LINE.match(line) for line in text.split("\n"))


def _is_hostile(text: str) -> bool:
    return text.count("[") > MOST_BRACKETS or _NESTED.search(text) is not None


def masked(body: str, masks: Sequence[Masked]) -> str:
    """`body` with each mask's span replaced: contact data by its fixed words, a word by its first letter and stars,
    what a moderator took out by a mark. Masks may overlap; what one of them hides stays hidden."""
    pieces, at = [], 0
    for begins, ends, shown in mask_places(body, masks):
        pieces += [body[at:begins], shown]
        at = ends
    return "".join(pieces) + body[at:]


def mask_places(body: str, masks: Sequence[Masked]) -> list[tuple[int, int, str]]:
    """Where something of `body` is hidden: start, end, and what `rendered` takes in its place. In order, none over
    another."""
    places: list[tuple[int, int, str]] = []
    at, label = 0, ""
    for mask in sorted(masks, key=lambda mask: (mask.start, -mask.end)):
        if mask.end <= at:
            continue
        begins = max(mask.start, at)
        if mask.start >= at or mask.label != label:
            places.append((begins, mask.end, _shown(body[begins : mask.end], mask.label)))
        else:
            places[-1] = (places[-1][0], mask.end, places[-1][2])
        at, label = mask.end, mask.label
    return places


def _shown(hidden: str, label: str) -> str:
    if label == REDACTED:
        return _MARK
    return _starred(hidden) if label == "word" else MASKS.get(label, "[hidden]")


REDACTED = "redacted"
"""The label of what a moderator took out."""
_MARK = "\u2045removed\u2046"
"""Stands for the mark until the HTML is made, so that Markdown and links take its brackets for punctuation only."""
_STAR = "\ue0f5"
"""Stands for a star until the HTML is made, so that Markdown takes none for emphasis. A private character: whoever
types it gets a star."""
MOST_STARS = 11


def _starred(word: str) -> str:
    """As many stars as letters, however far apart they stood; few enough that nothing stretches a page."""
    letters = [char for char in word if char.isalnum()] or ["", ""]
    return letters[0] + _STAR * min(max(len(letters) - 1, 1), MOST_STARS)


def _visible(text: str) -> str:
    """Without control characters, which HTML does not allow, with plain line ends and no blanks before them."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line.rstrip(_BLANK) for line in _CONTROLS.sub("", text).split("\n")).strip("\n")


_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_GAPS = re.compile(r"\n(?:[^\S\n]*\n)+")
"""Blank lines mean nothing to the two patterns below, and each would be a new start for them: time would grow with the
square of their number."""
_NESTED = re.compile(rf"^(?:\s*(?:[>*+-]|\d{{1,9}}[.)])){{{MOST_NESTED}}}", re.MULTILINE)
_SIGN = re.compile(r"[*_`\[\]<>&\\~|#\t@]")
_DOTTED = re.compile(r"\.(?<=\w\.)\w")  # it begins with a literal, which is quicker to look for
_LINE = re.compile(r" {2}|\s*(?:[-+=]|\d+[.)])")


_LABEL = "[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?"
_LINK = re.compile(
    rf"(?<!\S)https?://(?!\S*xn--)(?:{_LABEL}\.)+[a-z]{{2,24}}(?:/[A-Za-z0-9-]+)*+(?:\.[a-z0-9]+|/)?"
    r"(?=[.,;!?]?(?:\s|\Z))"
)
"""A web address between blanks that everybody reads alike: plain letters, nothing to encode, its end beyond doubt."""
_ODD_BLANK = re.compile(r"[^\S \n]")


def _linked(line: str) -> str:
    return _LINK.sub(r'<a href="\g<0>" rel="nofollow ugc noopener">\g<0></a>', line) if "://" in line else line


def _plain(text: str, finish: Callable[[str], str] = str) -> str:
    """`finish` makes of a line what else is to be made of it, after its own signs were written out."""
    paragraphs = (part.strip("\n") for part in re.split(r"\n[^\S\n]*\n+", text))
    shown = (_lines(part, finish) for part in paragraphs if part and not part.isspace())
    return "".join(f'<p dir="auto">{part}</p>\n' for part in shown)


def _lines(paragraph: str, finish: Callable[[str], str]) -> str:
    return "<br>\n".join(finish(html.escape(line.strip(_BLANK), quote=False)) for line in paragraph.split("\n"))


_BLANK = " \t"
_local = threading.local()


def _marked(text: str) -> str:
    """By markdown-it. A renderer keeps state while it works, so each thread has its own: one that looks for addresses
    typed without any markup, which takes most of the time, and one that need not."""
    name = "linking" if _may_link(text) else "other"
    markdown = getattr(_local, name, None)
    if markdown is None:
        markdown = _renderer(linkify=name == "linking")
        setattr(_local, name, markdown)
    return nh3.clean(
        markdown.render(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel=None,
        strip_comments=True,
    )


_TAGS = {"p", "br", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "a", "s"}
_ATTRIBUTES = {
    "a": {"href", "rel"},
    **{tag: {"dir"} for tag in ("p", "blockquote", "ul", "ol", "pre")},
    "ol": {"dir", "start"},
}
_SCHEMES = {"http", "https"}


def _may_link(text: str) -> bool:
    """What may be an address: two slashes, a scheme that goes without them, a dot with no blank on either side."""
    return "//" in text or _INSIDE.search(text) is not None


_INSIDE = re.compile(r"\.(?<=\S\.)\S|mailto:", re.IGNORECASE)


def _renderer(*, linkify: bool) -> MarkdownIt:
    markdown = MarkdownIt(
        "commonmark",
        {"html": False, "linkify": linkify, "breaks": True, "typographer": False, "maxNesting": MOST_NESTED * 3},
    )
    if linkify:
        markdown.enable("linkify")
    markdown.disable(["image", "heading", "lheading", "html_block", "html_inline", "reference", "hr", "entity"])
    if markdown.linkify:
        markdown.linkify.set({"fuzzy_email": False, "fuzzy_link": True})
    markdown.validateLink = lambda url: bool(re.match(r"https?://[^\s/]", url, re.IGNORECASE))  # type: ignore[method-assign]
    for rule in ("paragraph_open", "blockquote_open", "bullet_list_open", "ordered_list_open"):
        markdown.add_render_rule(rule, _open_block)
    markdown.add_render_rule("link_open", _open_link)
    return markdown


def _open_block(self: RendererHTML, tokens: Sequence[Token], at: int, options: object, env: object) -> str:
    tokens[at].attrSet("dir", "auto")
    return self.renderToken(tokens, at, options, env)  # type: ignore[arg-type]


def _open_link(self: RendererHTML, tokens: Sequence[Token], at: int, options: object, env: object) -> str:
    token = tokens[at]
    token.attrs = {"href": str(token.attrGet("href") or ""), "rel": "nofollow ugc noopener"}
    return self.renderToken(tokens, at, options, env)  # type: ignore[arg-type]
