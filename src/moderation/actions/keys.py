"""Keys are rotated while the service runs: a new one is added and told to every worker, then made the active one; rows
are written anew with it; the former one is retired when nothing needs it any more. Each can be cut short at any moment
and asked again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import orjson

from moderation.edges import bans, journal, key_file, reencryption
from moderation.edges.schema import Tx
from moderation.edges.vault import Key, Vault, load_keys
from moderation.errors import KeysInvalid
from moderation.runtime import Runtime
from moderation.values import Moderator

TOLD_AFTER = 3.0
"""Seconds after which every worker knows a changed key file; promised are 2 (`runtime.RELOAD_EVERY`)."""

CHECKPOINT = "keys.checkpoint"
"""How far `reencrypt` has come, in the state folder."""

LASTS = {"rate": timedelta(days=2), "session-csrf": timedelta(days=1), "links": timedelta(days=180)}
"""How long something made with a key may come back that no table tells of: idempotency keys and limits, forms, marks of
known browsers and confirmed addresses."""

_Step = Callable[[Tx, Vault, str], reencryption.Batch]
STEPS: dict[str, _Step] = {
    "addresses": reencryption.addresses,
    "records": reencryption.records,
    "letters": reencryption.letters,
    "privacy-links": reencryption.links,
    "reports": reencryption.readers,
    "senders": reencryption.senders,
    "names": reencryption.names,
    "bans": reencryption.bans_on_authors,
    "seeds": reencryption.seeds,
}
_OF_EMAIL = ("addresses", "records", "letters", "privacy-links", "reports", "senders", "names", "bans")
_STEPS_OF = {"email-enc": _OF_EMAIL, "email-index": _OF_EMAIL, "totp": ("seeds",)}


def rotate(rt: Runtime, who: Moderator, purpose: str, pause: Callable[[float], None] = time.sleep) -> tuple[Key, Key]:
    """The key that every worker writes with from now on, and the former one. Raises KeysInvalid."""
    path = rt.env.keys_path
    new = key_file.add(path, purpose)
    pause(TOLD_AFTER)
    before = load_keys(path).active(purpose)
    _write_down(rt, who, "keys-rotate", purpose, f"key {before.id}", f"key {new.id}")
    former = key_file.activate(path, new.id, rt.now().date())
    rt.reload_keys()
    pause(TOLD_AFTER)
    return new, former


def reencrypt(rt: Runtime, who: Moderator, purpose: str) -> Iterator[reencryption.Batch]:
    """Write every row anew that an older key of this purpose made; one batch a step. For both purposes of e-mail
    addresses it is the same work. Raises KeysInvalid."""
    if purpose not in _STEPS_OF:
        raise KeysInvalid(f"No row has to be written anew for {purpose}.")
    rt.reload_keys()
    total = 0
    for name in _STEPS_OF[purpose]:
        for batch in _batches(rt, name):
            total += batch.written
            yield batch
    _checkpoint(rt).unlink(missing_ok=True)
    _write_down(rt, who, "keys-reencrypt", purpose, None, f"{total} rows")


def _batches(rt: Runtime, name: str) -> Iterator[reencryption.Batch]:
    after = _resume(rt, name)
    while after is not None:
        with rt.store.writing() as tx:
            batch = STEPS[name](tx, rt.vault, after)
        after = batch.last
        if after is not None:
            _checkpoint(rt).write_bytes(orjson.dumps({"keys": _active(rt), "step": name, "after": after}))
        yield batch


def _resume(rt: Runtime, name: str) -> str | None:
    """Where a run with the same keys was cut short; steps before that one are done."""
    try:
        kept = orjson.loads(_checkpoint(rt).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return ""
    if kept["keys"] != _active(rt) or kept["step"] not in STEPS:
        return ""
    order = list(STEPS)
    if order.index(name) < order.index(kept["step"]):
        return None
    return str(kept["after"]) if kept["step"] == name else ""


def _active(rt: Runtime) -> list[int]:
    return [rt.vault.active_id(purpose) for purpose in _STEPS_OF]


def _checkpoint(rt: Runtime) -> Path:
    return rt.env.state / CHECKPOINT


def retire(rt: Runtime, who: Moderator, purpose: str) -> list[Key]:
    """Retire all former keys of this purpose. Which. Raises KeysInvalid while something needs one of them."""
    keys = load_keys(rt.env.keys_path)
    active, *former = keys.live(purpose)
    former = [key for key in former if key.id < active.id]
    with rt.store.reading() as connection:
        for key in former:
            if table := reencryption.user_of(connection, purpose, key.id):
                raise KeysInvalid(f"Key {key.id} cannot be retired: rows of {table} were made with it. {_way(purpose)}")
        needed = bans.oldest_address(connection, rt.now()) if purpose == "rate" and former else None
    if needed and needed.date() <= active.since:
        raise KeysInvalid(f"Key {former[0].id} cannot be retired: a ban on an address was made with it. Lift it first.")
    until = active.since + LASTS.get(purpose, timedelta(0))
    if former and rt.now().date() < until:
        raise KeysInvalid(f"Key {former[0].id} cannot be retired before {until}: what it made may still come back.")
    if former:
        ids = ", ".join(str(key.id) for key in former)
        _write_down(rt, who, "keys-retire", purpose, f"key {ids}"[:40], "retired")
        key_file.retire(rt.env.keys_path, [key.id for key in former])
        rt.reload_keys()
    return former


def _way(purpose: str) -> str:
    if purpose == "audit":
        return "The record is never written anew: it can go when retention has taken those rows."
    return f"First: moderation keys reencrypt {purpose}"


def _write_down(rt: Runtime, who: Moderator, action: str, purpose: str, before: str | None, after: str) -> None:
    with rt.store.writing() as tx:
        entry = journal.Entry(rt.now(), who.name, who.role, action, target=purpose, before=before, after=after)
        journal.write(tx, [entry])
