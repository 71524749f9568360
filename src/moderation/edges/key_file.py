"""Changing the key file: a key is added, made the active one, retired. Each change replaces the file as a whole, under
a lock between processes; running workers look at it twice a second. What is in the file is `vault`.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import orjson

from moderation.edges.vault import KEY_BYTES, Key, load_keys
from moderation.errors import KeysInvalid

MOST_ID = 255


def add(path: Path, purpose: str) -> Key:
    """A new key for `purpose`, in state `decrypt`: everybody can read with it before anybody writes with it. Where a
    rotation was cut short, the key that it had added. Raises KeysInvalid."""
    added: list[Key] = []

    def with_new(keys: Sequence[Key]) -> list[Key]:
        active = _active(keys, purpose)
        waiting = [key for key in keys if key.purpose == purpose and key.state == "decrypt" and key.id > active.id]
        if waiting:
            added.append(waiting[-1])
            return list(keys)
        number = max(key.id for key in keys) + 1
        if number > MOST_ID:
            raise KeysInvalid(f"{path}: ids go up to {MOST_ID}, and all are used. Take out retired keys by hand.")
        added.append(Key(number, purpose, secrets.token_bytes(KEY_BYTES), "decrypt"))
        return [*keys, added[0]]

    _change(path, with_new)
    return added[0]


def activate(path: Path, key_id: int, today: date) -> Key:
    """Let the key make new values from now on. The former one stays to read with. The key of the rate limits begins
    tomorrow, when all limits start anew anyway. Returns the former key. Raises KeysInvalid."""
    former: list[Key] = []

    def with_active(keys: Sequence[Key]) -> list[Key]:
        new = next((key for key in keys if key.id == key_id and key.state == "decrypt"), None)
        if new is None:
            raise KeysInvalid(f"{path}: key {key_id} is no longer there to become active.")
        former.append(_active(keys, new.purpose))
        since = today + timedelta(days=1) if new.purpose == "rate" else today
        states = {key_id: replace(new, state="active", since=since), former[0].id: replace(former[0], state="decrypt")}
        return [states.get(key.id, key) for key in keys]

    _change(path, with_active)
    return former[0]


def retire(path: Path, key_ids: Sequence[int]) -> None:
    """Let these keys do nothing any more. They stay in the file: an older backup needs them. Raises KeysInvalid."""
    _change(path, lambda keys: [replace(key, state="retired") if key.id in key_ids else key for key in keys])


def _active(keys: Sequence[Key], purpose: str) -> Key:
    return next(key for key in keys if key.purpose == purpose and key.state == "active")


def _change(path: Path, change: Callable[[Sequence[Key]], list[Key]]) -> None:
    fd = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        before = load_keys(path).all
        after = change(before)
        if after != list(before):
            _replace(path, after)
    finally:
        os.close(fd)


def _replace(path: Path, keys: Sequence[Key]) -> None:
    """The new file appears whole or not at all, and is checked before it does."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        new = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(new, "wb") as file:
            file.write(orjson.dumps([_row(key) for key in keys], option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        load_keys(unfinished)
        unfinished.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        unfinished.unlink(missing_ok=True)


def _row(key: Key) -> dict[str, object]:
    row: dict[str, object] = {"id": key.id, "purpose": key.purpose}
    row |= {"key": b64encode(key.secret).decode(), "state": key.state}
    return row if key.since == date.min else row | {"since": key.since.isoformat()}
