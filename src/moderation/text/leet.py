"""Letters drawn with several signs, |-| for H and \\/\\/ for W, and pairs of letters that look like one (rn for m)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from moderation.text.normalise import Unit
from moderation.text.readings import SIGN, Reading

_DRAWN = {
    "|-|": "h", "]-[": "h", "}-{": "h", ")-(": "h", "(-)": "h", "/-/": "h", "\\-\\": "h", "|~|": "h", "|_|": "u",
    "(_)": "u", "[_]": "u", "\\_/": "u", "\\_\\": "u", "{_}": "u", "l_l": "u", "|<": "k", "|{": "k", "|(": "k",
    "|c": "k", "1<": "k", "!<": "k", "l<": "k", "|)": "d", "|]": "d", "|}": "d", "[)": "d", "(|": "d", "|>": "p",
    "|*": "p", "|o": "p", "|=": "f", "|#": "f", "]=": "f", "(=": "f", "/=": "f", "/\\/\\": "m", "|\\/|": "m",
    "|v|": "m", "(v)": "m", "/v\\": "m", "[v]": "m", "^^": "m", "|\\|": "n", "/\\/": "n", "[\\]": "n", "{\\}": "n",
    "<\\>": "n", "\\/\\/": "w", "\\^/": "w", "\\|/": "w", "\\v/": "w", "|/\\|": "w", "|^|": "n", "vv": "w",
    "\\/": "v", "/\\": "a", "/-\\": "a", "/_\\": "a", "()": "o", "[]": "o", "{}": "o", "<>": "o", "><": "x",
    ")(": "x", "}{": "x", "`/": "y", "'/": "y", "-/": "y", "\\|": "y", "\\'/": "y", "|3": "b", "|8": "b", "]3": "b",
    "13": "b", "l3": "b", "!3": "b", "(3": "b", "/3": "b", ")3": "b", "|2": "r", "|?": "r", "|^": "p", "12": "r",
    "l2": "r", "|`": "r", "(_,": "q", "0_": "q", "_|": "j", "_/": "j", "|_": "l", "-|-": "t", "~|~": "t", "']['": "t",
    "7`": "t", "(_-": "c", "[-": "e", "|-": "f", "rn": "m", "nn": "m", "cl": "d", "(_+": "g", "(,": "g", "_]": "j",
    "5h": "sh", "$h": "sh",
}  # fmt: skip
_SEQUENCE = re.compile("|".join(re.escape(s) for s in sorted(_DRAWN, key=len, reverse=True) if len(s) > 1))
_MIRRORED = re.compile("|".join(re.escape(s[::-1]) for s in sorted(_DRAWN, key=len, reverse=True) if len(s) > 1))
_READINGS = {drawn: Reading(SIGN, letter, "", drawn) for drawn, letter in _DRAWN.items()}


def drawn(lower: str) -> Iterator[str]:
    """`lower` with drawn letters as the letters they draw, cut from the left and from the right."""
    if _SEQUENCE.search(lower):
        yield _SEQUENCE.sub(lambda found: _DRAWN[found[0]], lower)
        yield _MIRRORED.sub(lambda found: _DRAWN[found[0][::-1]][::-1], lower[::-1])[::-1]


def heavy(units: Sequence[Unit], piece: str, written: Sequence[str]) -> Iterator[tuple[list[Unit], list[str]]]:
    """`units`, and what is written for each, with drawn letters merged into one unit each, cut from the left and from
    the right where that differs: (|-| may be D and dash or C and H.  Nothing where nothing is drawn.  All stand in
    step."""
    lower = piece.lower()
    if len(units) != len(lower) or not _SEQUENCE.search(lower):
        return
    forth = [found.span() for found in _SEQUENCE.finditer(lower)]
    size = len(lower)
    back = [(size - found.end(), size - found.start()) for found in _MIRRORED.finditer(lower[::-1])][::-1]
    for cuts in (forth, back) if back != forth else (forth,):
        merged: list[Unit] = []
        letters: list[str] = []
        at = 0
        for first, last in cuts:
            drawing = lower[first:last]
            merged += units[at:first]
            merged.append(Unit(_READINGS[drawing], units[first].start, units[last - 1].end))
            letters += written[at:first]
            letters.append(_DRAWN[drawing])
            at = last
        yield merged + list(units[at:]), letters + list(written[at:])
