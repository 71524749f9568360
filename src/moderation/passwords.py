"""Passwords: which are taken, how they are hashed, how many are hashed at once. Whose they are is `actions/accounts`.

The numbers follow OWASP ASVS 5.0 (6.2, appendix C) and NIST SP 800-63B: argon2id, at least 12 characters of any kind,
none of the common ones.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import resources

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from moderation.errors import FieldProblem, Unavailable

SHORTEST, LONGEST = 12, 128
"""Characters of a password."""

AT_ONCE, WAITING = 2, 10
"""Hashes under way and in the queue, in each process. Each takes 46 MiB and about 70 ms."""

NOBODY = "$argon2id$v=19$m=47104,t=1,p=1$ZzbzhT5MMlYrnb//qef2Hw$Qx2MxJ8YR/wXxcBvEwUBVs0CRlU5mBnmeE1a4u7kXlI"
"""The hash of random bytes that nobody kept: a name that nobody has is checked against it, and costs the same."""

_hasher = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)
_working = threading.BoundedSemaphore(AT_ONCE)
_admitted = threading.BoundedSemaphore(AT_ONCE + WAITING)
_ENDINGS = "0123456789!?.,-_+*#$@ "
_ROWS = ("0123456789" * 13, "1234567890" * 13, "abcdefghijklmnopqrstuvwxyz" * 5, "qwertyuiopasdfghjklzxcvbnm" * 5)


def problem(password: str, names: Iterable[str] = ()) -> FieldProblem | None:
    """Why this password is not taken, or None. `names` are of the person and the sites: with the product's own they are
    what somebody who guesses tries first."""
    length = len(_normal(password))
    if length < SHORTEST:
        return FieldProblem("/password", "too-short", {"least": SHORTEST, "length": length})
    if length > LONGEST:
        return FieldProblem("/password", "too-long", {"most": LONGEST, "length": length})
    is_first = _is_common(_normal(password)) or _is_of(_normal(password), ("moderation", *names))
    return FieldProblem("/password", "common-password") if is_first else None


def hashed(password: str) -> str:
    """The argon2id hash to store. Raises Unavailable when too many wait."""
    with _turn():
        return _hasher.hash(_bytes(password))


def is_right(stored: str | None, password: str) -> bool:
    """Whether `stored` is the hash of this password. Without one the answer is no, after the same work.

    Raises Unavailable when too many wait.
    """
    with _turn():
        try:
            return _hasher.verify(stored or NOBODY, _bytes(password)) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with other numbers than today's."""
    return _hasher.check_needs_rehash(stored)


def _is_common(password: str) -> bool:
    """On the list, on it with digits and signs around it, the same again and again, along a row of keys, or two from
    the list."""
    known, folded = _common_passwords(), password.casefold()
    if folded in known or folded.strip(_ENDINGS) in known or len(set(folded)) < 4:
        return True
    if folded in (folded + folded)[1:-1] or any(folded in row or folded[::-1] in row for row in _ROWS):
        return True
    return any(folded[:cut] in known and folded[cut:] in known for cut in range(3, len(folded) - 2))


def _is_of(password: str, names: Iterable[str]) -> bool:
    """One of the names or a word of it, once or again and again, and otherwise only digits and signs. A name of one or
    two letters is in too many passwords by chance."""
    said = _letters(password)
    own = {_letters(_normal(part)) for name in names for part in (name, *name.split())}
    return said != "" and any(len(letters) > 2 and not said.replace(letters, "") for letters in own)


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.casefold()))


@lru_cache(maxsize=1)
def _common_passwords() -> frozenset[str]:
    """The 10,000 most common passwords, in lower case."""
    text = resources.files("moderation").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def _normal(password: str) -> str:
    """The same letters from every keyboard (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)


def _bytes(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")


@contextmanager
def _turn() -> Iterator[None]:
    if not _admitted.acquire(blocking=False):
        raise Unavailable(2, "hashing")
    try:
        with _working:
            yield
    finally:
        _admitted.release()
