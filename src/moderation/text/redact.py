"""Contact data in comments: e-mail addresses and telephone numbers, plain or disguised, as spans; and masked text.

Decides nothing about what to do with them.  Every pattern is bounded, so time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MASKS = {"email": "[e-mail hidden]", "phone": "[phone number hidden]"}


@dataclass(frozen=True, slots=True)
class Contact:
    """`kind` is "email" or "phone"; [start, end) are code points of the text."""

    kind: str
    start: int
    end: int


def find_contacts(text: str) -> tuple[Contact, ...]:
    """Contact data in `text`, in order, none overlapping."""
    flat = _flatten(text)
    found: list[Contact] = []
    if "@" in flat or _AT_HINT.search(flat):
        found += _emails(flat)
    if _DIGITS.search(flat) or _NUMBER_HINT.search(flat):
        found += _phones(flat)
    found.sort(key=lambda c: (c.start, -c.end))
    kept: list[Contact] = []
    for contact in found:
        if not kept or contact.start >= kept[-1].end:
            kept.append(contact)
    return tuple(kept)


def mask_contacts(text: str, contacts: Iterable[Contact]) -> str:
    """`text` with each contact replaced by a fixed sentence; nothing else changes."""
    pieces: list[str] = []
    at = 0
    for contact in sorted(contacts, key=lambda c: c.start):
        if contact.start < at:
            continue
        pieces += [text[at : contact.start], MASKS[contact.kind]]
        at = contact.end
    return "".join(pieces) + text[at:]


_WIDE = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x2060: 0x20, 0x200B: 0x20, 0xFEFF: 0x20, 0xA0: 0x20, 0xAD: 0x20}
_WIDE |= {base + i: 0x30 + i for base in (0x660, 0x6F0, 0x966, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC) for i in range(10)}


def _flatten(text: str) -> str:
    """The same length in code points, lower case where that keeps the length, wide and foreign digits made plain."""
    if text.isascii():
        return text.lower()
    lower = text.lower()
    return (lower if len(lower) == len(text) else text).translate(_WIDE)


_AT_HINT = re.compile(r"[\s\[({<_*-](?:at|arroba|ät|собака|а)[\s\])}>_*-]|\[@\]|\(a\)")
_DOT = (
    r"(?:\s{0,2}[\[({<_*-]{1,2}\s?(?:dot|punkt|point|punto|ponto|точка|\.)\s?[\])}>_*-]{1,2}\s{0,2}|"
    r"\s{1,2}(?:dot|punkt|point|punto|ponto|точка)\s{1,2}|\.)"
)
_AT_SIGN = re.compile(
    r"\s{0,2}[\[({<_*-]{1,2}\s?(?P<boxed>at|@|a|ät|arroba|собака)\s?[\])}>_*-]{1,2}\s{0,2}|"
    r"\s{1,2}(?P<word>at|arroba|собака)\s{1,2}|\s?(?P<sign>@)\s?"
)
_LOCAL_END = re.compile(rf"(?:[\w+%-]{{1,64}}{_DOT}){{0,3}}[\w+%'-]{{1,64}}\Z")
_HOST = re.compile(rf"[\w-]{{1,63}}(?:{_DOT}[\w-]{{1,63}}){{1,5}}")
_SPELT_DOT = re.compile(r"dot|punkt|point|punto|ponto|точка|[\[({<_*-]\s?\.")
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


def _emails(text: str) -> Iterator[Contact]:
    for sign in _AT_SIGN.finditer(text):
        local = _LOCAL_END.search(text, max(0, sign.start() - 100), sign.start())
        host = _HOST.match(text, sign.end(), min(len(text), sign.end() + 200))
        if local is None or host is None:
            continue
        start, end = local.start(), host.end()
        tail = re.split(r"[\s\])}>_*-]|\.", text[host.start() : end])[-1]
        if not _TLD.match(tail):
            continue
        spelt = bool(_SPELT_DOT.search(host.group()))
        loose = sign.group() != "@"
        if sign.group("word") and not (spelt and local.group().rsplit(None, 1)[-1] not in _PLACE):
            continue
        if loose and sign.group("sign") and not spelt and sign.group().strip(" ") != "@":
            continue
        if not loose and " " in local.group():
            start = sign.start() - len(local.group().rsplit(None, 1)[-1])
        yield Contact("email", start, end)


_DIGITS = re.compile(r"\d(?:[^\w\n]{0,3}\d){6}")
_CANDIDATE = re.compile(r"(?:\+|\(|(?<![\w.,:/#-])(?<!\w[^\w\s]))?(?<!\d)\d(?:[\s().\-/–‑·]{0,3}\d){6,17}(?!\d)")
_NUMBER = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|nought|double|triple)"
_NUMBER_HINT = re.compile(rf"\b{_NUMBER}[\s,.-]{{1,3}}{_NUMBER}\b")
_SPELT = re.compile(rf"\b{_NUMBER}(?:[\s,.-]{{1,3}}(?:{_NUMBER}|\d))" + r"{6,16}\b")
_CUE = re.compile(
    r"(?:call|phone|tel|mobile|cell|whats\s?app|text|dial|ring|viber|signal|telegram|fax|number|sms|contact)\W{0,3}(?:\w{1,8}\W{1,3}){0,3}\Z"
)
_NOT_PHONE = re.compile(
    r"(?:isbn(?:-1[03])?|issn|order|invoice|ref|case|id|no|nr|sku|ticket|doi|pmid|version|v|ean|iban|account|#|[$€£¥₹])\W{0,3}\Z"
)
_DATE = re.compile(r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})(?:[\sT]+\d{1,2})?")
_YEARS = re.compile(r"(?:1[5-9]|20)\d\d\s?[-–/]\s?(?:(?:1[5-9]|20)\d\d)(?:\D.*)?\Z")
_GROUPED = re.compile(r"\d{1,3}(?:[., ]\d{3})+(?:[.,]\d{1,2})?\Z")
_DOTTED = re.compile(r"\d{1,3}(?:\.\d{1,3}){2,4}\Z")


def _phones(text: str) -> Iterator[Contact]:
    for found in _CANDIDATE.finditer(text):
        start, end = found.start(), found.end()
        if text[start] == "(" and ")" not in found.group():
            start += 1
        if _is_phone(text, start, end):
            yield Contact("phone", start, end)
    if _NUMBER_HINT.search(text):
        for found in _SPELT.finditer(text):
            yield Contact("phone", found.start(), found.end())


def _is_phone(text: str, start: int, end: int) -> bool:
    shown = text[start:end]
    digits = re.sub(r"\D", "", shown)
    before = text[max(0, start - 40) : start]
    if not 7 <= len(digits) <= 15 or text[end : end + 1].isalpha() or text[end : end + 1] in ("%", "€", "@", "_"):
        return False
    cued = bool(_CUE.search(before))
    if shown.startswith("+") and len(digits) >= 8:
        return True
    if _NOT_PHONE.search(before) or (before[-1:] in ("_", "=", "/", ".", ",", ":", "-", "#") and not cued):
        return False
    if _DATE.fullmatch(shown) or _YEARS.match(shown) or _DOTTED.fullmatch(shown):
        return False
    groups = re.findall(r"\d+", shown)
    if (
        _GROUPED.fullmatch(shown)
        and not (shown.count(" ") and digits[0] == "0")
        and len(groups[0]) < 4
        and " " not in shown
    ):
        return False
    if digits[:3] in ("978", "979") and len(digits) == 13:
        return False
    if len(groups) == 1:
        return cued or (digits[0] == "0" and 9 <= len(digits) <= 12)
    if all(len(g) <= 2 for g in groups) and not cued:
        return digits[0] == "0" and len(digits) >= 9 and (max(map(len, groups)) == 1 or len(groups) == len(digits) // 2)
    if (
        any(re.fullmatch(r"(?:1[5-9]|20)\d\d", g) for g in groups)
        and len(groups) <= 3
        and digits[0] != "0"
        and not cued
    ):
        return len(digits) >= 10 and "(" in shown
    if len(digits) < 9 and not cued:
        return len(groups) == 2 and [len(g) for g in groups] == [3, 4] and "-" in shown
    return len(digits) >= 9 or cued
