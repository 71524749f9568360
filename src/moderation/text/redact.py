"""Contact data in comments: e-mail addresses and telephone numbers, plain or disguised, as spans; and masked text.

Decides nothing about what to do with them.  Every pattern is bounded, so time is linear in the text.  How an e-mail
address is recognised is `emails`'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from moderation.text.emails import find_emails

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
    found = [Contact("email", start, end) for start, end in find_emails(flat)]
    if _DIGITS.search(flat) or _NUMBER_HINT.search(flat):
        found += _phones(flat)
    if not found:
        return ()
    found.sort(key=lambda c: (c.start, -c.end))
    kept: list[Contact] = []
    for contact in found:
        if not kept or contact.start >= kept[-1].end:
            kept.append(contact)
    return tuple(kept)


def holds_address(text: str) -> bool:
    """Whether an e-mail address stands in `text`, also percent-encoded as in a web address."""
    plain = unquote(unquote(text)) if "%" in text else text
    if not find_emails(_flatten(plain)):
        return False
    return any(contact.kind == "email" for contact in find_contacts(plain))


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


def without_contacts(text: str, most: int) -> str:
    """`text` with its contact data masked, at most so many characters of it."""
    return mask_contacts(text, find_contacts(text))[:most]


def without_any_contact(text: str) -> str:
    """`text` with its contact data masked, also where an address is percent-encoded as in a web address."""
    masked = mask_contacts(text, find_contacts(text))
    if "%" not in masked or not holds_address(masked):
        return masked
    return re.sub(r"\S+", lambda part: MASKS["email"] if holds_address(part[0]) else part[0], masked)


_WIDE = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x2060: 0x20, 0x200B: 0x20, 0xFEFF: 0x20, 0xA0: 0x20, 0xAD: 0x20}
_WIDE |= {base + i: 0x30 + i for base in (0x660, 0x6F0, 0x966, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC) for i in range(10)}


def _flatten(text: str) -> str:
    """The same length in code points, lower case where that keeps the length, wide and foreign digits made plain."""
    if text.isascii():
        return text.lower()
    lower = text.lower()
    return (lower if len(lower) == len(text) else text).translate(_WIDE)


_DIGITS = re.compile(r"\d(?:[^\w\n]{0,3}\d){6}")
# A number may stand right behind a letter of a script that is written without spaces.
_UNSPACED = "\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af"
_CANDIDATE = re.compile(
    rf"(?:\+|\(|(?<![^\W{_UNSPACED}])(?<![.,:/#-])(?<!\w[^\w\s]))?(?<!\d)\d(?:[\s().\-/–‑·]{{0,3}}\d){{6,17}}(?!\d)"
)
_NUMBER = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|nought|double|triple)"
_NUMBER_HINT = re.compile(rf"\b{_NUMBER}[\s,.-]{{1,3}}{_NUMBER}\b")
_SPELT = re.compile(rf"\b{_NUMBER}(?:[\s,.-]{{1,3}}(?:{_NUMBER}|\d))" + r"{6,16}\b")
_CUE = re.compile(
    r"(?:call|phone|tel|mobile|cell|whats\s?app|text|dial|ring|viber|signal|telegram|fax|number|sms|contact)\W{0,3}(?:\w{1,8}\W{1,3}){0,3}\Z"
)
_NOT_PHONE = re.compile(
    r"(?:(?:isbn(?:-1[03])?|issn|order|invoice|ref|reference|case|id|no|nr|sku|ticket|doi|pmid|version|v|ean|iban|account|"
    r"serial|tracking|customer|member|model|part|batch|policy|booking|reservation|bestellung|rechnung|commande|pedido)"
    r"(?:\s(?:number|no|nr|id|code))?|#|[$€£¥₹])\W{0,3}\Z"
)
_IBAN = re.compile(r"\b[a-z]{2}\d{2}(?:\s?[a-z0-9]{4}){1,7}(?:\s?[a-z0-9]{1,3})?\Z")
_DECIMAL = re.compile(r"\d{1,3}[.,]\d{5,}\Z")
_FRENCH = re.compile(r"0\d(?:\.\d\d){4}\Z")
_RUNS_ON = re.compile(rf"[^\W\d{_UNSPACED}]|[%€@]")  # what follows is no part of a telephone number
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
    if not 7 <= len(digits) <= 15 or _RUNS_ON.match(text, end):
        return False
    cued = bool(_CUE.search(before))
    if shown.startswith("+") and len(digits) >= 8:
        return True
    if _NOT_PHONE.search(before) or (before[-1:] in ("_", "=", "/", ".", ",", ":", "-", "#") and not cued):
        return False
    if _FRENCH.match(shown):
        return True
    if any(kind.match(shown) for kind in (_YEARS, _DECIMAL)) or _DATE.fullmatch(shown) or _DOTTED.fullmatch(shown):
        return False
    if _IBAN.search(before + shown) or _RUNS_ON.match(before[-1:]):
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
