"""Keys, and what is done with them: sealing e-mail addresses, finding them again by a keyed blind index, keyed hashes
of network addresses, keys for the rate limits, signatures. Where sealed addresses are stored is `comments`.

The key file is JSON of mode 0600: `[{"id": 1, "purpose": "email-enc", "key": base64 of 32 bytes, "state": "active"}]`.
Every purpose has exactly one active key, which makes new values. A `decrypt` key still opens, finds and checks older
ones; a `retired` key does nothing any more. `since`, a day, may stand beside them: when it became active. A key for
the rate limits names buckets only from that day on, so that a new one empties none. Changing the file is `key_file`.
"""

from __future__ import annotations

import binascii
import hmac
import os
import secrets
import stat
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from moderation import chance
from moderation.errors import KeysInvalid
from moderation.values import PURPOSES as PURPOSES

STATES = ("active", "decrypt", "retired")
KEY_BYTES = 32
FEWEST_VALUES = 16
"""32 random bytes hold fewer distinct values than this once in 10^16 times; keys made by hand mostly do."""

_FILE_MOST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `id` is 1 to 255, unique in the file; it stands in front of what the key made."""

    id: int
    purpose: str
    secret: bytes
    state: str
    since: date = date.min

    def __repr__(self) -> str:
        return f"Key(id={self.id}, purpose={self.purpose!r}, state={self.state!r})"


@dataclass(frozen=True, slots=True)
class Keys:
    """The checked content of a key file."""

    all: tuple[Key, ...]

    def active(self, purpose: str) -> Key:
        return next(key for key in self.all if key.purpose == purpose and key.state == "active")

    def live(self, purpose: str) -> list[Key]:
        """The active key first, then those that only open."""
        opening = [key for key in self.all if key.purpose == purpose and key.state == "decrypt"]
        return [self.active(purpose), *opening]

    def of(self, purpose: str) -> list[Key]:
        """All of them, also retired ones: the live ones first."""
        gone = [key for key in self.all if key.purpose == purpose and key.state == "retired"]
        return [*self.live(purpose), *gone]


class Unreadable(Exception):
    """A sealed value cannot be opened: wrong key, missing key, or damage. Says nothing else, on purpose."""

    def __str__(self) -> str:
        return "unreadable"


def ensure_keys(path: Path) -> None:
    """Make the key file with fresh keys and mode 0600 where there is none. It appears whole or not at all, also when
    two processes try at once: the first one's file stays."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    rows = [
        {"id": number, "purpose": purpose, "key": b64encode(secrets.token_bytes(KEY_BYTES)).decode(), "state": "active"}
        for number, purpose in enumerate(PURPOSES, start=1)
    ]
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            file.flush()
            os.fsync(file.fileno())
        _publish(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_keys(path: Path) -> Keys:
    """The keys in the file. Raises KeysInvalid, in a sentence that names the file and the key, never its value."""
    try:
        rows = orjson.loads(_read_private(path))
    except orjson.JSONDecodeError:
        raise KeysInvalid(
            f"{path}: this is not JSON. Put back the key file that was made at the first start."
        ) from None
    if not isinstance(rows, list):
        raise KeysInvalid(f"{path}: a list of keys is needed.")
    keys = tuple(_key(path, place, row) for place, row in enumerate(rows, start=1))
    _check_together(path, keys)
    return Keys(keys)


class Vault:
    """What the keys can do. Safe to use from many threads."""

    def __init__(self, keys: Keys) -> None:
        self._emails = _Sealer(keys.live("email-enc"), b"email|comments|")
        self._mails = _Sealer(keys.live("email-enc"), b"letter|mails|")
        self._senders = _Sealer(keys.live("email-enc"), b"address|external_checks|")
        self._names = _Sealer(keys.live("email-enc"), b"name|authors|")
        self._seeds = _Sealer(keys.live("totp"), b"seed|people|")
        self._index_keys = [(bytes([key.id]), _mac(key)) for key in keys.live("email-index")]
        self._index_prefix, self._index_mac = self._index_keys[0]
        self._all_index_keys = [(bytes([key.id]), _mac(key)) for key in keys.of("email-index")]
        self._rate_mac = _mac(keys.active("rate"))
        self._rate_macs = [_mac(key) for key in keys.live("rate")]
        self._limit_keys = sorted(((key.since, key.id, _mac(key)) for key in keys.live("rate")), reverse=True, key=_age)
        self._limit_day = (date.min, self._rate_mac)
        self._active = {purpose: keys.active(purpose).id for purpose in PURPOSES}
        self._audit_macs = {bytes([key.id]): _mac(key) for key in keys.live("audit")}
        self._audit_prefix = next(iter(self._audit_macs))
        self._signers = {purpose: {str(key.id): _mac(key) for key in keys.live(purpose)} for purpose in PURPOSES}

    def active_id(self, purpose: str) -> int:
        """The id of the key that makes new values."""
        return self._active[purpose]

    def seal(self, email: str, row_id: str) -> str:
        """AES-256-GCM bound to the row: `v1.<key id>.<nonce>.<text and tag>`, base64url without padding."""
        return self._emails.seal(email, row_id)

    def open(self, sealed: str, row_id: str) -> str:
        """The address again. Raises Unreadable for another row's value, damage, or a key that is gone."""
        return self._emails.open(sealed, row_id)

    def seal_mail(self, mail: str, mail_id: str) -> str:
        """As `seal`, for a letter that waits to be sent."""
        return self._mails.seal(mail, mail_id)

    def open_mail(self, sealed: str, mail_id: str) -> str:
        """Raises Unreadable."""
        return self._mails.open(sealed, mail_id)

    def seal_sender(self, address: str, comment_id: str) -> str:
        """As `seal`, for a network address that waits to be told to a check outside."""
        return self._senders.seal(address, comment_id)

    def open_sender(self, sealed: str, comment_id: str) -> str:
        """Raises Unreadable."""
        return self._senders.open(sealed, comment_id)

    def seal_name(self, name: str, author_id: bytes) -> str:
        """As `seal`, for the name under which an author has proved who they are."""
        return self._names.seal(name, author_id.hex())

    def open_name(self, sealed: str, author_id: bytes) -> str:
        """Raises Unreadable."""
        return self._names.open(sealed, author_id.hex())

    def seal_seed(self, seed: str, person_id: int) -> str:
        """As `seal`, for the seed of a person's second step."""
        return self._seeds.seal(seed, str(person_id))

    def open_seed(self, sealed: str, person_id: int) -> str:
        """Raises Unreadable."""
        return self._seeds.open(sealed, str(person_id))

    def derive(self, purpose: str, *parts: str) -> bytes:
        """32 bytes that only this key can make of `parts`."""
        return self.derived(purpose, *parts)[0]

    def derived(self, purpose: str, *parts: str) -> list[bytes]:
        """What `derive` makes under every live key, the active one's first: both count while keys are rotated."""
        return [_digest(mac, _message("derived", *parts)) for mac in self._signers[purpose].values()]

    def index(self, email: str) -> bytes:
        """17 bytes by which an address in its normal form is found again: key id, then HMAC-SHA256 cut to 16."""
        return self._index_prefix + _digest(self._index_mac, email.encode())[:16]

    def indexes(self, email: str) -> list[bytes]:
        """The address under every live index key, the active one first: for lookups while keys are rotated."""
        return [prefix + _digest(mac, email.encode())[:16] for prefix, mac in self._index_keys]

    def all_indexes(self, email: str) -> list[bytes]:
        """Also under retired keys: an older copy of the database may have been written with them."""
        return [prefix + _digest(mac, email.encode())[:16] for prefix, mac in self._all_index_keys]

    def limit_key(self, *parts: str, day: date) -> str:
        """32 hex digits that stand for `parts` on `day` only, so that Redis dumps of two days cannot be joined."""
        return _digest(self._limit_mac(day), _message(*parts)).hex()[:32]

    def _limit_mac(self, day: date) -> HMAC:
        """Keyed and told the day: made once a day, since every submission needs half a dozen keys."""
        known_day, mac = self._limit_day
        if known_day != day:
            began = (known for since, _, known in self._limit_keys if since <= day)
            mac = next(began, self._limit_keys[-1][2]).copy()
            mac.update(_message("limit", day.isoformat()))
            self._limit_day = day, mac
        return mac

    def fingerprint(self, purpose: str, *parts: str) -> bytes:
        """16 bytes that stand for `parts`, to know them again without keeping them."""
        return _digest(self._rate_mac, _message(purpose, *parts))[:16]

    def fingerprints(self, purpose: str, *parts: str) -> list[bytes]:
        """Those of every live key, the active one's first: to find what was kept before keys were rotated."""
        return [_digest(mac, _message(purpose, *parts))[:16] for mac in self._rate_macs]

    def address_hash(self, address: str) -> bytes:
        """16 bytes that stand for a network address."""
        return _digest(self._rate_mac, _message("address", address))[:16]

    def link(self, before: bytes, data: bytes) -> bytes:
        """33 bytes that bind `data` to what stands before it in the journal: key id, then HMAC-SHA256."""
        return self._audit_prefix + _digest(self._audit_macs[self._audit_prefix], _linked(before, data))

    def is_link(self, mac: bytes, before: bytes, data: bytes) -> bool:
        """Whether `link(before, data)` made `mac` with a key that is still live."""
        key = self._audit_macs.get(mac[:1])
        return key is not None and hmac.compare_digest(_digest(key, _linked(before, data)), mac[1:])

    def sign(self, purpose: str, *parts: str) -> str:
        """A signature over `parts`, in order: `<key id>.<HMAC-SHA256 in base64url>`."""
        key_id, mac = next(iter(self._signers[purpose].items()))
        return f"{key_id}.{_text(_digest(mac, _message(*parts)))}"

    def check(self, signature: str, purpose: str, *parts: str) -> bool:
        """Whether `sign(purpose, *parts)` made this with a key that is still live. In constant time."""
        key_id, _, given = signature.partition(".")
        mac = self._signers[purpose].get(key_id)
        if mac is None:
            return False
        return hmac.compare_digest(_text(_digest(mac, _message(*parts))).encode(), given.encode("utf-8", "replace"))


class _Sealer:
    """AES-256-GCM under the keys of one purpose, each value bound to its row."""

    def __init__(self, keys: Sequence[Key], place: bytes) -> None:
        self._ciphers = {str(key.id): AESGCM(key.secret) for key in keys}
        self._cipher = AESGCM(keys[0].secret)
        self._prefix = f"v1.{keys[0].id}."
        self._place = place

    def seal(self, value: str, row_id: str) -> str:
        nonce = chance.some(12)
        sealed = self._cipher.encrypt(nonce, value.encode(), self._place + row_id.encode())
        return f"{self._prefix}{_text(nonce)}.{_text(sealed)}"

    def open(self, sealed: str, row_id: str) -> str:
        try:
            version, key_id, nonce, text = sealed.split(".")
            if version != "v1":
                raise Unreadable
            bound_to = self._place + row_id.encode()
            return self._ciphers[key_id].decrypt(_bytes(nonce), _bytes(text), bound_to).decode()
        except (ValueError, KeyError, InvalidTag):
            raise Unreadable from None


def mask(email: str) -> str:
    """What moderators see of an address: `j•••@e•••.org`, at most 40 characters."""
    local, _, domain = email.rpartition("@")
    host, dot, last = domain.rpartition(".")
    return f"{local[:1]}•••@{(host or last)[:1]}•••{dot}{last if dot else ''}"[:40]


def _publish(unfinished: Path, path: Path) -> None:
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return  # another process was first, and its keys may be in use already
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read_private(path: Path) -> bytes:
    """The file's bytes, if nobody else on the machine could have read them. Asks the open file, not the path."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeysInvalid(f"{path}: the key file cannot be read ({error.strerror}).") from None
    try:
        _check_private(path, os.fstat(fd))
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(fd)


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeysInvalid(f"{path}: this is not a file.")
    if status.st_mode & 0o077:
        raise KeysInvalid(
            f"{path}: others on this machine may read or change the keys "
            f"(mode {stat.S_IMODE(status.st_mode):04o}). Make it private with: chmod 600 {path}"
        )
    if status.st_size > _FILE_MOST:
        raise KeysInvalid(f"{path}: too large for a key file.")


def _key(path: Path, place: int, row: object) -> Key:
    where = f"{path}: key number {place}"
    if not isinstance(row, dict) or row.keys() - {"since"} != {"id", "purpose", "key", "state"}:
        raise KeysInvalid(f"{where}: it needs exactly id, purpose, key and state; since may stand with them.")
    number, purpose, text, state = row["id"], row["purpose"], row["key"], row["state"]
    if type(number) is not int or not 1 <= number <= 255:
        raise KeysInvalid(f"{where}: its id must be a number from 1 to 255.")
    if purpose not in PURPOSES:
        raise KeysInvalid(f"{where}: unknown purpose. Known are {', '.join(PURPOSES)}.")
    if state not in STATES:
        raise KeysInvalid(f"{where}: unknown state. Known are {', '.join(STATES)}.")
    try:
        secret = b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        raise KeysInvalid(f"{where}: the key is not base64.") from None
    if len(secret) != KEY_BYTES:
        raise KeysInvalid(f"{where}: a key is {KEY_BYTES} random bytes, this has {len(secret)}.")
    if _is_weak(secret):
        raise KeysInvalid(f"{where}: the key is an example or made by hand. It must be {KEY_BYTES} random bytes.")
    try:
        since = date.fromisoformat(row.get("since", date.min.isoformat()))
    except (TypeError, ValueError):
        raise KeysInvalid(f"{where}: since must be a day, such as 2026-11-24.") from None
    return Key(number, purpose, secret, state, since)


def _is_weak(secret: bytes) -> bool:
    """Too few distinct bytes, readable text, or counted up: nothing that chance would make."""
    steps = {(after - before) % 256 for before, after in pairwise(secret)}
    is_text = all(32 <= byte < 127 for byte in secret)
    return len(set(secret)) < FEWEST_VALUES or is_text or len(steps) < 4


def _check_together(path: Path, keys: Sequence[Key]) -> None:
    if len({key.id for key in keys}) < len(keys):
        raise KeysInvalid(f"{path}: two keys have the same id.")
    if len({key.secret for key in keys}) < len(keys):
        raise KeysInvalid(f"{path}: the same key stands there twice. Each needs its own random bytes.")
    for purpose in PURPOSES:
        active = sum(key.purpose == purpose and key.state == "active" for key in keys)
        if active != 1:
            found = "no active key" if active == 0 else f"{active} active keys"
            raise KeysInvalid(f"{path}: there is {found} for {purpose}. Exactly one is needed.")


def _age(kept: tuple[date, int, HMAC]) -> tuple[date, int]:
    return kept[:2]


def _mac(key: Key) -> HMAC:
    """Keyed once; every use works on a copy, which also makes it safe between threads. That of the standard library
    takes three times as long, and a comment needs a dozen."""
    return HMAC(key.secret, SHA256())


def _digest(mac: HMAC, message: bytes) -> bytes:
    mac = mac.copy()
    mac.update(message)
    return mac.finalize()


def _message(*parts: str) -> bytes:
    """Each part behind its length, so that no two lists of parts read the same."""
    message = "".join([f"{len(part)}:{part}" for part in parts])
    if message.isascii():
        return message.encode()
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(b"%d:%b" % (len(part), part) for part in encoded)


def _linked(before: bytes, data: bytes) -> bytes:
    return b"%d:%b%b" % (len(before), before, data)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Strictly what `_text` made: one value has one spelling."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _text(raw) != text:
        raise ValueError("another spelling")
    return raw
