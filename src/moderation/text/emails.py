"""E-mail addresses in a text, plain or spelt out: john at mail dot com.

Every address has a sign (@), a host behind it and a mailbox before it.  What parts both, dots of any spelling, is found
once for the whole text, so that time is linear in it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

# What the two signs of an address are called where it is spelt out.
_AT_NAMES = (
    "at|ät|arroba|arobase|arobas|chiocciola|собака|собачка|равлик|małpa|malpa|zavináč|zavinac|kukac|snabela|snabel-a|"
    "krøllalfa|apenstaartje|παπάκι|골뱅이|アット"
)
_DOT_NAMES = (
    "dot|punkt|punktum|punt|point|punto|ponto|точка|крапка|kropka|tečka|tecka|nokta|pont|piste|τελεία|점|ドット"
)
_AT_HINT = re.compile(
    rf"[\s\[({{<_*-](?:{_AT_NAMES.removeprefix('at|')}|а)[\s\])}}>_*-]|[\[({{<_*-]at[\s\])}}>_*-]|\sat[\])}}>_*-]|\[@\]|\(a\)"
)
_AT_BOXED = re.compile(r"[\[({<_*-]at[\s\])}>_*-]|\sat[\])}>_*-]|\[@\]|\(a\)")
_AT_NAMED = tuple(name for name in _AT_NAMES.split("|") if name.isascii() and name != "at")
_PLAIN_AT = re.compile(r"\sat\s")  # also tells a place: an address follows only where a dot is spelt out
_DOT = (
    rf"(?:\s{{0,2}}[\[({{<_*-]{{1,2}}\s?(?:{_DOT_NAMES}|\.)\s?[\])}}>_*-]{{1,2}}\s{{0,2}}|"
    rf"\s{{1,2}}(?:{_DOT_NAMES})\s{{1,2}}|\.)"
)
_AT_SIGN = re.compile(
    rf"\s{{0,2}}[\[({{<_*-]{{1,2}}\s?(?P<boxed>{_AT_NAMES}|@|a)\s?[\])}}>_*-]{{1,2}}\s{{0,2}}|"
    rf"\s{{1,2}}(?P<word>{_AT_NAMES})\s{{1,2}}|\s?(?P<sign>@)\s?"
)
_DOT_BEGINS = re.compile(rf"(?={_DOT}[\w+%'-])")
_WHOLE_DOT = re.compile(_DOT)
_LONGEST_DOT = 17
_DOT_ENDS = frozenset("])}>_*-")
_LABEL = re.compile(r"[\w-]{1,63}")
_LABELS = re.compile(rf"(?:{_DOT}[\w-]{{1,63}}){{1,5}}")
_HOST_LONGEST, _MAILBOX_LONGEST, _PART_LONGEST = 200, 100, 64
_MOST_DOTS = 3  # of a mailbox
_LETTERS, _QUOTED = re.compile(r"[\w+%-]+"), re.compile(r"[\w+%'-]+")
_PARTS = re.compile(r"[\s\])}>_*-]|\.")
_SPELT_DOT = re.compile(rf"(?:{_DOT_NAMES})|[\[({{<_*-]\s?\.")
_DOT_NAMED = tuple(name for name in _DOT_NAMES.split("|") if name.isascii())
_DOT_BOXED = re.compile(r"[\[({<_*-]\s?\.")
_TLD = re.compile(r"(?:[a-z]{2,24}|xn--[\w-]{2,30}|[^\W\d_]{2,24})\Z")
# Words before a plain "at" that tell a place, not the name of a mailbox.
_PLACE = frozenset(
    [
        "look",
        "looking",
        "me",
        "us",
        "see",
        "it",
        "is",
        "are",
        "was",
        "be",
        "shop",
        "page",
        "site",
        "more",
        "available",
        "here",
        "there",
        "online",
        "found",
        "find",
        "live",
        "meet",
        "visit",
        "all",
        "get",
        "one",
        "them",
        "him",
        "her",
        "you",
        "out",
        "up",
        "back",
        "home",
        "work",
        "works",
        "working",
        "read",
        "book",
        "buy",
        "order",
        "check",
        "stay",
        "staying",
        "not",
        "now",
        "and",
        "or",
        "only",
        "anyone",
        "someone",
        "people",
        "sold",
        "hosted",
        "based",
        "posted",
        "published",
    ]
)


def find_emails(text: str) -> list[tuple[int, int]]:
    """Where e-mail addresses stand in `text`, which is lower case.  They may overlap."""
    return list(_emails(text, _Dots(text))) if _may_hold(text) else []


def _may_hold(text: str) -> bool:
    """Does anything in `text` look like the sign of an address?  What plain text has none of is seen without the two
    long patterns, in a third of the time."""
    if "@" in text:
        return True
    if not text.isascii():
        return bool(_AT_HINT.search(text) or (_PLAIN_AT.search(text) and _SPELT_DOT.search(text)))
    if _AT_BOXED.search(text) or (any(map(text.__contains__, _AT_NAMED)) and _AT_HINT.search(text)):
        return True
    return bool(_PLAIN_AT.search(text) and (any(map(text.__contains__, _DOT_NAMED)) or _DOT_BOXED.search(text)))


def _emails(text: str, dots: _Dots) -> Iterator[tuple[int, int]]:
    for sign in _AT_SIGN.finditer(text) if dots.begins else ():
        end = dots.host_end(sign.end())
        if end is None:
            continue
        host = text[sign.end() : end]
        if not _TLD.match(_PARTS.split(host)[-1]):
            continue
        start = dots.mailbox_start(sign.start())
        if start is None:
            continue
        last = text[start : sign.start()].rsplit(None, 1)[-1]
        spelt = bool(_SPELT_DOT.search(host))
        loose = sign.group() != "@"
        named = sign.group("word")  # a plain "at" also tells a place; the names of the sign tell nothing else
        if named == "at" and not (spelt and last not in _PLACE):
            continue
        if loose and sign.group("sign") and not spelt and sign.group().strip(" ") != "@":
            continue
        if not loose and " " in text[start : sign.start()]:
            start = sign.start() - len(last)
        yield start, end


class _Dots:
    """The dots of a text and the runs of letters between them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.begins = [found.start() for found in _DOT_BEGINS.finditer(text)]
        self._ends: dict[int, int] = {}
        self._letters = _Runs(_LETTERS, text if self.begins else "")
        self._quoted = _Runs(_QUOTED, text if self.begins else "")

    def host_end(self, start: int) -> int | None:
        """Where the host that begins at `start` ends: labels of at most 63 letters, parted by one to five dots."""
        text, beyond = self._text, min(len(self._text), start + _HOST_LONGEST)
        label = _LABEL.match(text, start, beyond)
        if label is None:
            return None
        at = bisect_right(self.begins, label.end())
        while at and self.begins[at - 1] > start:  # the first label is as long as can be
            at -= 1
            labels = _LABELS.match(text, self.begins[at], beyond)
            if labels is not None:
                return labels.end()
        return None

    def mailbox_start(self, end: int) -> int | None:
        """Where the mailbox that ends at `end` begins: as far to the left as four parts reach that dots part."""
        least = max(0, end - _MAILBOX_LONGEST)
        start = reach = self._quoted.start(end, least)
        if start == end:
            return None
        # By the number of dots behind it, where a part may begin: a bit for each place.
        parts = [_bits(start - least, end - least), 0, 0]
        for at in range(bisect_left(self.begins, end) - 1, -1, -1):
            dot = self.begins[at]
            if dot <= least or dot + _LONGEST_DOT < reach:
                break
            ends = self._ends_of(dot)
            behind = next((n for n, places in enumerate(parts) if places >> (dot - least) & ends), None)
            if behind is None:
                continue
            begin = self._letters.start(dot, least)
            if begin == dot:
                continue
            start = min(start, begin)
            if behind + 1 < _MOST_DOTS:
                parts[behind + 1] |= _bits(begin - least, dot - least)
                reach = min(reach, begin)
        return start

    def _ends_of(self, dot: int) -> int:
        """How long the dot at `dot` may be: a bit for each length."""
        known = self._ends.get(dot)
        if known is None:
            text, longest = self._text, min(_LONGEST_DOT, len(self._text) - dot)
            known = 2 if text[dot] == "." else 0
            for size in range(3, longest + 1 if not known else 0):
                last = text[dot + size - 1]
                if (last in _DOT_ENDS or last.isspace()) and _WHOLE_DOT.fullmatch(text, dot, dot + size):
                    known |= 1 << size
            self._ends[dot] = known
        return known


class _Runs:
    """The runs of letters in a text."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._spans = [found.span() for found in pattern.finditer(text)]
        self._begins = [begin for begin, _ in self._spans]

    def start(self, end: int, least: int) -> int:
        """Where the run up to `end` begins, not before `least`; `end` itself where there is none."""
        at = bisect_left(self._begins, end) - 1
        if at < 0 or self._spans[at][1] < end:
            return end
        return max(self._spans[at][0], least, end - _PART_LONGEST)


def _bits(first: int, last: int) -> int:
    return (1 << last) - (1 << first)
