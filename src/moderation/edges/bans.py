"""Bans: kept, found by what a sender is known by, listed, let go. A lookup is one indexed query, however many senders.

A ban in force is one whose end has not come; one that has ended does nothing, and retention deletes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, or_, select

from moderation.edges.authors import is_id
from moderation.edges.schema import Tx, bans, comments
from moderation.edges.vault import Unreadable
from moderation.rates import coarse, household, is_within, mailbox
from moderation.values import Ban, Effect, Whom


class Keys(Protocol):
    """What is needed of the vault."""

    def indexes(self, email: str) -> list[bytes]: ...
    def fingerprints(self, purpose: str, *parts: str) -> list[bytes]: ...
    def open(self, sealed: str, row_id: str) -> str: ...


@dataclass(frozen=True, slots=True)
class NewBan:
    """A ban as it goes into the store. `keys` are what its sender is found by under each live key, the active one's
    first; `known_at` is when that was made."""

    ban: Ban
    site: str
    keys: Sequence[bytes]
    shown: str
    known_at: datetime
    made_by: str
    made_at: datetime
    until: datetime | None
    network: str = ""
    email_sealed: str | None = None
    comment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A ban as people see it. `shown` tells whom it is on: a masked e-mail address, or a network."""

    ban: Ban
    site: str
    shown: str
    comment_id: str | None
    made_by: str
    made_at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Sender:
    """What is kept of the sender of a comment."""

    site: str
    author_id: bytes | None
    email_index: bytes | None
    email_sealed: str | None
    address_hash: bytes | None
    address_prefix: str | None
    created_at: datetime


def keys_of(vault: Keys, address: str, *, email: str | None = None, author: bytes | None = None) -> list[bytes]:
    """What the bans on a sender may be found by: household, network, e-mail address, and their id where they proved
    who they are."""
    return [
        *([author] if author else []),
        *(author_keys(vault, email) if email else []),
        *address_keys(vault, household(address)),
        network_key(coarse(address)),
    ]


def author_keys(vault: Keys, email: str) -> list[bytes]:
    """Those of an author, by blind index."""
    return vault.indexes(mailbox(email))


def address_keys(vault: Keys, address: str) -> list[bytes]:
    """Those of a household; the first is what a comment keeps of its own (`address_hash`)."""
    return vault.fingerprints("address", address)


def network_key(prefix: str) -> bytes:
    """That of all networks in a /24 or /48."""
    return prefix.encode()


def in_force(tx: Tx, keys: Collection[bytes], now: datetime) -> Sequence[Any]:
    """Those that any of `keys` finds, for `on`."""
    return tx.execute(_IN_FORCE, {"keys": list(keys), "now": now}).all()


def on(
    found: Iterable[Any], site: str, keys: Collection[bytes], address: str, *, proved: bool, author: bytes | None
) -> tuple[Ban, ...]:
    """Those among `found` that are on one sender. Of who `proved` to be an `author` (None: a new one) somebody else may
    have typed the e-mail address to get them banned; and whoever types that of a banned author may be another."""
    return tuple(
        replace(_ban(row), doubtful=row.whom == Whom.AUTHOR and row.key != author and (proved or is_id(row.key)))
        for row in found
        if row.site == site and row.key in keys and (not row.network or is_within(address, row.network))
    )


def about(tx: Tx, vault: Keys, comment_id: str, ids: Sequence[str], now: datetime) -> list[Kept]:
    """Those in force that are on the sender of a comment, as far as it tells, or are among `ids`."""
    sender = sender_of(tx, comment_id)
    if sender is None:
        return []
    keys = [key for key in (sender.author_id, sender.email_index, sender.address_hash) if key]
    keys += [network_key(sender.address_prefix)] if sender.address_prefix else []
    if sender.email_sealed:
        with suppress(Unreadable):
            keys += author_keys(vault, vault.open(sender.email_sealed, comment_id))
    same = or_(
        and_(bans.c.site == sender.site, bans.c.key.in_(keys)), bans.c.comment_id == comment_id, bans.c.id.in_(ids)
    )
    return [_kept(row) for row in tx.execute(select(bans).where(same, _lasts(now)).order_by(bans.c.id))]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which bans are looked for; None and empty stand for any. `words` stand in what is shown of it, its reason or the
    name of who made it; `keys` are those that its sender may be found by."""

    effect: Effect | None = None
    words: str = ""
    keys: Sequence[bytes] | None = None


ANY = Asked()


def sought(vault: Keys, *, email: str | None = None, network: str | None = None) -> list[bytes]:
    """What a ban is found by that is on this e-mail address, or on this network or a part of the /24 or /48
    around it."""
    if email:
        return author_keys(vault, email)
    return [*address_keys(vault, network), network_key(coarse(network.partition("/")[0]))] if network else []


def page(
    tx: Tx, sites: Sequence[str] | None, now: datetime, before: str | None, limit: int, asked: Asked = ANY
) -> list[Kept]:
    """Those in force on `sites` (None: all), the newest first, older than the ban `before`."""
    query = select(bans).where(_lasts(now)).order_by(bans.c.id.desc()).limit(limit)
    if sites is not None:
        query = query.where(bans.c.site.in_(list(sites)))
    if asked.effect is not None:
        query = query.where(bans.c.effect == asked.effect.value)
    if asked.words:
        told = (bans.c.shown, bans.c.reason, bans.c.made_by)
        query = query.where(or_(*(_holds(each, asked.words) for each in told)))
    if asked.keys is not None:
        query = query.where(bans.c.key.in_(list(asked.keys)))
    return [_kept(row) for row in tx.execute(query if before is None else query.where(bans.c.id < before))]


def _holds(column: ColumnElement[Any], words: str) -> ColumnElement[bool]:
    """In whatever case. Databases know small letters of ASCII only (SQLite; PostgreSQL by its locale), so of others the
    usual forms are tried."""
    forms = sorted({words, words.lower(), words.upper(), words.capitalize(), words.title()})
    return or_(
        func.lower(column).contains(words.lower(), autoescape=True),
        *(column.contains(form, autoescape=True) for form in forms),
    )


def find(tx: Tx, ban_id: str, now: datetime) -> Kept | None:
    """One that is in force."""
    row = tx.execute(select(bans).where(bans.c.id == ban_id, _lasts(now))).first()
    return _kept(row) if row else None


def sender_of(tx: Tx, comment_id: str) -> Sender | None:
    """Whom a ban from this comment's card would be on."""
    columns = (
        comments.c.site, comments.c.author_id, comments.c.email_index, comments.c.email_sealed, comments.c.address_hash,
        comments.c.address_prefix, comments.c.created_at,
    )  # fmt: skip
    row = tx.execute(select(*columns).where(comments.c.id == comment_id)).first()
    return Sender(*row) if row else None


def put(tx: Tx, new: NewBan) -> str | None:
    """Keep a ban, in place of a former one on the same sender. The former one's id."""
    same = (bans.c.site == new.site, bans.c.key.in_(list(new.keys)), bans.c.network == new.network)
    former = tx.execute(select(bans.c.id).where(*same)).scalar()
    tx.execute(delete(bans).where(*same))
    row = {
        "id": new.ban.id,
        "site": new.site,
        "key": new.keys[0],
        "network": new.network,
        "whom": new.ban.whom.value,
        "shown": new.shown,
        "effect": new.ban.effect.value,
        "reason": new.ban.reason,
        "email_sealed": new.email_sealed,
        "comment_id": new.comment_id,
        "known_at": new.known_at,
        "made_by": new.made_by,
        "made_at": new.made_at,
        "until": new.until,
    }
    tx.execute(insert(bans).values(row))
    return former


def lift(tx: Tx, ban_id: str) -> bool:
    """False where it is gone."""
    return tx.execute(delete(bans).where(bans.c.id == ban_id)).rowcount == 1


def oldest_address(tx: Tx, now: datetime) -> datetime | None:
    """When the oldest hash of an address was made that a ban in force needs."""
    query = select(func.min(bans.c.known_at)).where(bans.c.whom == Whom.ADDRESS.value, _lasts(now))
    return tx.execute(query).scalar()


def _lasts(now: datetime) -> ColumnElement[bool]:
    return or_(bans.c.until.is_(None), bans.c.until > now)


def _ban(row: Any) -> Ban:
    return Ban(row.id, Whom(row.whom), Effect(row.effect), row.reason)


def _kept(row: Any) -> Kept:
    return Kept(_ban(row), row.site, row.shown, row.comment_id, row.made_by, row.made_at, row.until)


_IN_FORCE = (
    select(bans.c.id, bans.c.site, bans.c.key, bans.c.network, bans.c.whom, bans.c.effect, bans.c.reason)
    .where(
        bans.c.key.in_(bindparam("keys", expanding=True)),
        or_(bans.c.until.is_(None), bans.c.until > bindparam("now", type_=bans.c.until.type)),
    )
    .order_by(bans.c.id)
)
