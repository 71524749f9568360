"""The keys by which publishers' logins sign who somebody is: out of files, or fetched from the publisher by a thread
that nobody waits for. Whoever needs them while a comment comes in is answered from memory.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey, RSAKey

from moderation.edges.outside import Network, fetch
from moderation.errors import DeliveryError, KeysInvalid

EVERY = 600.0
"""Seconds after which fetched keys are fetched again."""
SOONEST = 60.0
"""Seconds between two tries at least, also when a token names a key that is not known."""
KEPT = 86400.0
"""Seconds for which fetched keys hold while their publisher does not answer."""
MOST_BYTES = 256 * 1024
MOST_KEYS = 50
SHORTEST_SECRET = 32
"""Bytes of a shared secret (RFC 7518, section 3.2)."""
SHORTEST_RSA = 2048
KINDS = {"HS": "oct", "RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""What kind of key an algorithm needs, by its first two letters."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Fetched:
    keys: Sequence[Any] = ()
    at: float | None = None
    tried: float | None = None
    wanted: bool = True


class LoginKeys:
    """Thread safe. `folder` has a file for each site that names no address: a JWK Set (RFC 7517), `SITE.json`."""

    def __init__(self, folder: Path, inside: Sequence[Network], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._inside = inside
        self._clock = clock
        self._files: dict[Path, tuple[tuple[int, int, int], Sequence[Any]]] = {}
        self._fetched: dict[str, _Fetched] = {}
        self._mutex = threading.Lock()

    def of(self, site: str, url: str, algorithm: str, kid: str | None) -> Sequence[Any] | None:
        """Keys that may have signed with `algorithm` (all of them where `kid` is None). None while there are no keys at
        all: it cannot be told then whether a token is good."""
        keys = self._of_url(url) if url else self._of_file(site)
        if not keys:
            return None
        found = [key for key in keys if _may_sign(key, algorithm) and (kid is None or key.kid in (None, kid))]
        if url and not found:
            self._fetched[url].wanted = True
        return found

    def are_there(self, site: str, url: str) -> bool:
        """Whether tokens can be checked."""
        return bool(self._of_url(url) if url else self._of_file(site))

    def refresh(self, urls: Iterable[str]) -> int:
        """Fetch what is due. How many were fetched. Takes its time."""
        return sum(self._refresh(url) for url in urls)

    def _refresh(self, url: str) -> bool:
        with self._mutex:
            known, now = self._fetched.setdefault(url, _Fetched()), self._clock()
            is_old = known.at is None or now - known.at >= EVERY
            if not (is_old or known.wanted) or (known.tried is not None and now - known.tried < SOONEST):
                return False
            known.tried, known.wanted = now, False
        try:
            keys = parse(fetch(url, self._inside, MOST_BYTES))
        except (DeliveryError, KeysInvalid) as error:
            log.warning("login-keys-not-fetched", why=getattr(error, "why", ""))
            return False
        known.keys, known.at = keys, now
        return True

    def _of_url(self, url: str) -> Sequence[Any]:
        known = self._fetched.get(url)
        if known is None or known.at is None or self._clock() - known.at > KEPT:
            return ()
        return known.keys

    def _of_file(self, site: str) -> Sequence[Any]:
        path = self._folder / f"{site}.json"
        try:
            told = path.stat()
            stamp = told.st_ino, told.st_mtime_ns, told.st_size
            known = self._files.get(path)
            if known is None or known[0] != stamp:
                known = self._files[path] = stamp, self._read(path, told.st_mode)
        except OSError:
            return ()
        return known[1]

    def _read(self, path: Path, mode: int) -> Sequence[Any]:
        try:
            return read_file(path, mode)
        except KeysInvalid as problem:
            log.error("login-keys-refused", file=path.name, problem=str(problem))
            return ()


def read_file(path: Path, mode: int) -> Sequence[Any]:
    """The keys in a file of this mode. Raises KeysInvalid, OSError."""
    keys = parse(path.read_bytes()[: MOST_BYTES + 1])
    if any(key.key_type == "oct" for key in keys) and mode & 0o077:
        raise KeysInvalid(f"Others on this machine may read the shared secret. Make it private: chmod 600 {path}")
    return keys


def parse(raw: bytes) -> Sequence[Any]:
    """The keys of a JWK Set. Raises KeysInvalid, in a sentence: for short keys, and for the publisher's private ones,
    which have no business here."""
    try:
        found = orjson.loads(raw)
        keys = KeySet.import_key_set(found).keys
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise KeysInvalid("This is not a JWK Set with keys in it.") from None
    if len(keys) > MOST_KEYS:
        raise KeysInvalid(f"At most {MOST_KEYS} keys are taken.")
    for key in keys:
        if isinstance(key, OctKey) and len(key.raw_value) < SHORTEST_SECRET:
            raise KeysInvalid(f"A shared secret has at least {SHORTEST_SECRET} random bytes.")
        if isinstance(key, RSAKey) and key.raw_value.key_size < SHORTEST_RSA:
            raise KeysInvalid(f"An RSA key has at least {SHORTEST_RSA} bits.")
        if key.key_type != "oct" and key.is_private:
            raise KeysInvalid("A private key is in it. Only its public half belongs here.")
    return keys


def _may_sign(key: Any, algorithm: str) -> bool:
    """Whether the key's own words allow it: a public key is never a shared secret."""
    told = key.as_dict(private=False) if key.key_type != "oct" else key.dict_value
    fits = told.get("use") in (None, "sig") and told.get("alg") in (None, algorithm)
    return bool(fits and key.key_type == KINDS[algorithm[:2]])
