"""Ids of comments: 16 characters that sort by time, so that a keyset on ids is a keyset on age."""

from __future__ import annotations

from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS = range(70, -1, -10)


def make(at: datetime, chance: bytes) -> str:
    """48 bits of milliseconds, then 4 bytes of `chance`."""
    number = int(at.timestamp() * 1000) << 32 | int.from_bytes(chance, "big")
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def time(comment_id: str) -> datetime:
    """When the comment of this id came, to the millisecond."""
    number = 0
    for sign in comment_id:
        number = number << 5 | _ALPHABET.index(sign)
    return datetime.fromtimestamp((number >> 32) / 1000, UTC)


def first(at: datetime) -> str:
    """The least id that a comment of `at` or later can have."""
    return make(at, b"\0\0\0\0")
