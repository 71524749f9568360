"""The one strict parser for bodies: JSON and forms, whoever sends them. What is wrong with one raises Unparsable."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from moderation.errors import Unparsable

DEEPEST = 20
"""How deep JSON may nest."""


def parse_json(raw: bytes) -> Any:
    """Strict JSON (RFC 8259, I-JSON RFC 7493): UTF-8, no duplicate names, no NaN, no lone surrogates, no NUL, at most
    `DEEPEST` deep. Raises Unparsable."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unparsable("not-utf-8") from None
    if text.startswith("\ufeff"):
        raise Unparsable("byte-order-mark")
    try:
        value = _STRICT.decode(text)
    except RecursionError:
        raise Unparsable("too-deep") from None
    except ValueError:
        raise Unparsable("not-json") from None
    _check_strings(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unparsable("duplicate-key")
    return found


def _no_constant(_: str) -> Any:
    raise Unparsable("not-a-number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise Unparsable("not-a-number")
    return number


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


def _check_strings(value: Any) -> None:
    """Depth, surrogates and NUL, without recursion."""
    level = [value]
    for depth in range(DEEPEST + 1):
        deeper: list[Any] = []
        for each in level:
            if isinstance(each, str):
                _check_string(each)
            elif isinstance(each, (dict, list)):
                if depth == DEEPEST:
                    raise Unparsable("too-deep")
                deeper.extend(each)
                if isinstance(each, dict):
                    deeper.extend(each.values())
        level = deeper


def _check_string(text: str) -> None:
    if "\0" in text:
        raise Unparsable("nul")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise Unparsable("lone-surrogate") from None


def parse_form(raw: bytes) -> dict[str, str]:
    """A form post (application/x-www-form-urlencoded): UTF-8, each field once, at most 40. Raises Unparsable."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=40
        )
    except UnicodeDecodeError:
        raise Unparsable("not-utf-8") from None
    except ValueError:
        raise Unparsable("too-many-fields") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unparsable("duplicate-key")
    if any("\0" in part for pair in pairs for part in pair):
        raise Unparsable("nul")
    return found


def idempotency_key(header: str | None) -> str | None:
    """The header's value without the quotes of a structured field (RFC 8941), which not everybody sends. Raises
    Unparsable."""
    if header is None:
        return None
    text = header.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not re.fullmatch(r"[!-~]{1,200}", text):
        raise Unparsable("idempotency-key")
    return text
