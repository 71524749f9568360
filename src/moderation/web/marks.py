"""A reader's text cut into pieces for the desk: what rules matched, what the public does not see, what cannot be seen.

Pure: text and spans in, pieces out; the pieces put together are the text again, code point for code point. How a
piece looks is the template's business.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from moderation.values import Span


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that is marked alike throughout.

    `matches` are the labels of all spans over it; `begins` those whose span starts here, so that each is read out
    once; `ends` says that one of them stops here. `hidden` is true where the public sees a mask instead. `unseen` is
    the name of the one character of this piece when it cannot be seen, such as `ZERO WIDTH SPACE`.
    """

    text: str
    matches: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    ends: bool = False
    hidden: bool = False
    unseen: str = ""


def pieces(text: str, matched: Iterable[Span], masked: Iterable[Span] = (), *, all_unseen: bool = False) -> list[Piece]:
    """`text` in order. Spans may overlap, touch, or reach past the end (an older text may have been longer). With
    `all_unseen` every character that shows nothing is a piece of its own: also those that do their work, tabs, and line
    ends, whose pieces keep the line end."""
    spans = [span for span in matched if 0 <= span.start < min(span.end, len(text))]
    masks = [span for span in masked if 0 <= span.start < min(span.end, len(text))]
    unseen = dict(_all_unseen(text) if all_unseen else _unseen(text))
    cuts = {0, len(text)}
    for span in (*spans, *masks):
        cuts |= {span.start, min(span.end, len(text))}
    for at in unseen:
        cuts |= {at, at + 1}
    edges = sorted(cuts)
    return [
        Piece(
            text[start:end],
            matches=_labels(span for span in spans if span.start <= start < span.end),
            begins=_labels(span for span in spans if span.start == start),
            ends=any(min(span.end, len(text)) == end for span in spans),
            hidden=any(span.start <= start < span.end for span in masks),
            unseen=unseen.get(start, "") if end == start + 1 else "",
        )
        for start, end in pairwise(edges)
    ]


def _all_unseen(text: str) -> Iterable[tuple[int, str]]:
    return ((at, name) for at, char in enumerate(text) if (name := _name_of_unseen(char)))


def _name_of_unseen(char: str) -> str:
    """Its name where it shows nothing; empty for what is seen, and for a plain blank."""
    if char == " " or (char.isprintable() and char not in BLANKS and not _is_selector(char)):
        return ""
    return CONTROLS.get(char, "") or unicodedata.name(char, f"U+{ord(char):04X}")


CONTROLS: dict[str, str] = {"\n": "LINE END", "\r": "CARRIAGE RETURN", "\t": "TAB"}
"""Names of our own: Unicode has none for controls."""


def _labels(spans: Iterable[Span]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(span.label for span in spans))


def _unseen(text: str) -> Iterable[tuple[int, str]]:
    """Where a character stands that shows nothing and could hide something; joiners and selectors at work are left."""
    if text.isascii() and text.isprintable():
        return
    for at, char in enumerate(text):
        if char in "\n\t" or (char.isprintable() and char not in BLANKS and not _is_selector(char)):
            continue
        if char == " " or unicodedata.category(char) in ("Zs", "Cn", "Co"):
            continue
        if not _is_at_work(char, text[at - 1] if at else "", text[at + 1 : at + 2]):
            yield at, unicodedata.name(char, f"U+{ord(char):04X}")


BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Letters, marks and symbols that look like nothing (Unicode: Default_Ignorable_Code_Point, and braille blank)."""
ABBREVIATIONS = {
    "\u00ad": "SHY", "\u034f": "CGJ", "\u061c": "ALM", "\u200b": "ZWSP", "\u200c": "ZWNJ", "\u200d": "ZWJ",
    "\u200e": "LRM", "\u200f": "RLM", "\u2028": "LSEP", "\u2029": "PSEP", "\u202a": "LRE", "\u202b": "RLE",
    "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO", "\u2060": "WJ", "\u2066": "LRI", "\u2067": "RLI",
    "\u2068": "FSI", "\u2069": "PDI", "\ufeff": "BOM", "\n": "↵", "\r": "CR", "\t": "TAB", "\u00a0": "NBSP",
}  # fmt: skip
"""What Unicode's charts write in the dashed boxes, and a sign for the end of a line."""


def abbreviation(char: str) -> str:
    """The short form of an unseen character: `ZWSP`, else `U+E0041`."""
    return ABBREVIATIONS.get(char, f"U+{ord(char):04X}")


def _is_selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _is_at_work(char: str, before: str, after: str) -> bool:
    """Whether an unseen character does its work: joins emoji, shapes a script, selects a variant."""
    if _is_selector(char):
        return bool(before) and (_is_pictograph(before) or before in "0123456789#*" or before > "\u2e80")
    if "\U000e0020" <= char <= "\U000e007f":  # the letters of a flag stand after a black flag
        return before == "\U0001f3f4" or "\U000e0020" <= before <= "\U000e007f"
    if char == "\u200d" and before and after and _is_pictograph(before) and _is_pictograph(after):
        return True
    if char in "\u200c\u200d\u200e\u200f\u061c\u17b4\u17b5":
        return _is_shaped(before) or (char in "\u200e\u200f\u061c" and _is_shaped(after))
    return "\u180b" <= char <= "\u180f" and "\u1820" <= before <= "\u18aa"  # Mongolian


def _is_pictograph(char: str) -> bool:
    return unicodedata.category(char) in ("So", "Sk") or _is_selector(char) or "\U0001f3fb" <= char <= "\U0001f3ff"


def _is_shaped(char: str) -> bool:
    """Hebrew to Myanmar, Khmer, Mongolian: scripts that use joiners and direction marks in ordinary words."""
    return "\u0590" <= char <= "\u109f" or "\u1780" <= char <= "\u18aa" or "\ufb1d" <= char <= "\ufefc"
