"""People, their sessions, one-time links and API tokens, as rows. Of every secret only a SHA-256 is stored.

Every function takes a connection, inside a transaction where it writes. What the rows mean is `actions/accounts`.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, or_, select, update

from moderation.edges.schema import Tx, identities, links, people, second_factors, sessions, tokens
from moderation.values import Right, Role


@dataclass(frozen=True, slots=True)
class Person:
    """`password` is an argon2id hash or None, `sites` None for all; a sign-in is not looked at before `next_try_at`."""

    id: int
    name: str
    password: str | None = field(repr=False)
    role: Role
    sites: tuple[str, ...] | None
    disabled: bool
    failures: int
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that is under way. `has_factor`: the person has a second step, done in this session at
    `confirmed_at`."""

    person: Person
    created_at: datetime
    seen_at: datetime
    confirmed_at: datetime | None
    has_factor: bool


@dataclass(frozen=True, slots=True)
class Token:
    """An API token."""

    id: str
    secret: bytes = field(repr=False)
    name: str
    scopes: tuple[Right, ...]
    sites: tuple[str, ...] | None
    expires_at: datetime | None
    used_at: datetime | None


def fingerprint(secret: str) -> bytes:
    """How a secret that was handed out (cookie, token, link) is stored: its SHA-256. It has 256 bits of its own."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def find(tx: Tx, name: str) -> Person | None:
    """By name, in capitals or not: people type it on phones. What was typed never reaches the database."""
    key = _name_key(name)
    names = tx.execute(select(people.c.id, people.c.name))
    found = next((row.id for row in names if _name_key(row.name) == key), None)
    return get(tx, found) if found is not None else None


def get(tx: Tx, person_id: int) -> Person | None:
    """The person, also one who is switched off."""
    row = tx.execute(select(people).where(people.c.id == person_id)).first()
    return _person(row) if row else None


def everyone(tx: Tx) -> list[Person]:
    """All people by name."""
    return [_person(row) for row in tx.execute(select(people).order_by(people.c.name))]


def has_admin(tx: Tx) -> bool:
    """Whether anybody with a password is an admin."""
    able = (people.c.role == Role.ADMIN.value, people.c.password.is_not(None), people.c.disabled.is_(False))
    return bool(tx.execute(select(func.count()).select_from(people).where(*able)).scalar())


def able_admins(tx: Tx) -> set[int]:
    """The ids of those who can sign in and manage everything: admins of all sites who have a password or an account at
    the single sign-on. Their rows are locked, so that two of them cannot end each other at once."""
    where = (people.c.role == Role.ADMIN.value, people.c.disabled.is_(False))
    rows = tx.execute(select(people).where(*where).order_by(people.c.id).with_for_update()).all()
    accounts = identity_counts(tx)
    return {each.id for each in map(_person, rows) if each.sites is None and (each.password or each.id in accounts)}


def add(tx: Tx, name: str, role: Role, sites: Sequence[str] | None, password: str | None, now: datetime) -> int:
    """A new person's id. The caller has made sure that the name is free, in the same transaction."""
    row = {"name": name, "role": role.value, "sites": list(sites) if sites is not None else None, "password": password}
    done = tx.execute(insert(people).values(**row, disabled=False, failures=0, created_at=now))
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])


def set_password(tx: Tx, person_id: int, password: str) -> None:
    """Store a new hash."""
    tx.execute(update(people).where(people.c.id == person_id).values(password=password))


def desk_keys(tx: Tx, person_id: int) -> dict[str, Any] | None:
    """How they have the keys of the desk. None for the usual ones."""
    found: dict[str, Any] | None = tx.execute(select(people.c.desk_keys).where(people.c.id == person_id)).scalar()
    return found


def set_desk_keys(tx: Tx, person_id: int, keys: Mapping[str, Any] | None) -> None:
    """Keep how they want them."""
    tx.execute(update(people).where(people.c.id == person_id).values(desk_keys=keys))


def claim_try(tx: Tx, person_id: int, now: datetime, longest: timedelta) -> int | None:
    """Count a try as failed before the password is looked at, so that tries at the same time cannot all be the first.
    The failures in a row, or None while the account has to wait: such a try is not counted. No wait is for longer than
    `longest`: what is left of one that is was written by a wrong clock."""
    waits_until = people.c.next_try_at
    is_due = or_(waits_until.is_(None), waits_until <= now, waits_until > now + longest)
    counted = update(people).where(people.c.id == person_id, is_due).values(failures=people.c.failures + 1)
    return tx.execute(counted.returning(people.c.failures)).scalar()


def wait_until(tx: Tx, person_id: int, next_try_at: datetime) -> None:
    """No password of this person is looked at before then."""
    tx.execute(update(people).where(people.c.id == person_id).values(next_try_at=next_try_at))


def forgive(tx: Tx, person_id: int) -> None:
    """Guessing starts anew."""
    tx.execute(update(people).where(people.c.id == person_id).values(failures=0, next_try_at=None))


def change(tx: Tx, person_id: int, role: Role, sites: Sequence[str] | None, disabled: bool) -> None:
    """New role, sites (None for all) and whether switched off."""
    values = {"role": role.value, "sites": list(sites) if sites is not None else None, "disabled": disabled}
    tx.execute(update(people).where(people.c.id == person_id).values(**values))


def open_session(tx: Tx, token: bytes, person_id: int, now: datetime, confirmed_at: datetime | None = None) -> None:
    """Keep a session; `token` is the hash of its secret, `confirmed_at` when its second step was done."""
    row = {"token": token, "person_id": person_id, "created_at": now, "seen_at": now, "confirmed_at": confirmed_at}
    tx.execute(insert(sessions).values(**row))


def session(tx: Tx, token: bytes) -> Session | None:
    """The session of this hash with its person, if there is one."""
    row = tx.execute(_SESSION, {"token": token}).first()
    if row is None:
        return None
    return Session(_person(row), row.begun_at, row.seen_at, row.confirmed_at, row.factor_of is not None)


def sessions_of(tx: Tx, person_id: int) -> list[tuple[bytes, datetime, datetime]]:
    """(token hash, begun, last seen) of each."""
    columns = (sessions.c.token, sessions.c.created_at, sessions.c.seen_at)
    rows = tx.execute(select(*columns).where(sessions.c.person_id == person_id).order_by(sessions.c.created_at))
    return [(row.token, row.created_at, row.seen_at) for row in rows]


def see_session(tx: Tx, token: bytes, now: datetime) -> None:
    """Note that it was used, for the idle time."""
    tx.execute(update(sessions).where(sessions.c.token == token).values(seen_at=now))


def end_session(tx: Tx, token: bytes) -> None:
    """Drop the session of this hash."""
    tx.execute(delete(sessions).where(sessions.c.token == token))


def end_sessions(tx: Tx, person_id: int) -> int:
    """How many there were."""
    return tx.execute(delete(sessions).where(sessions.c.person_id == person_id)).rowcount


def add_link(tx: Tx, token: bytes, purpose: str, person_id: int, expires_at: datetime) -> None:
    """A one-time link. An older one for the same person and purpose stops working."""
    tx.execute(delete(links).where(links.c.purpose == purpose, links.c.person_id == person_id))
    tx.execute(insert(links).values(token=token, purpose=purpose, person_id=person_id, expires_at=expires_at))


def link(tx: Tx, token: bytes, purpose: str, now: datetime) -> Person | None:
    """Whom a link that still works is for. None for somebody who is switched off."""
    where = (links.c.token == token, links.c.purpose == purpose, links.c.expires_at > now, ~people.c.disabled)
    row = tx.execute(select(people).join(links, links.c.person_id == people.c.id).where(*where)).first()
    return _person(row) if row else None


def use_link(tx: Tx, token: bytes) -> bool:
    """Take the link away. False when somebody else was first."""
    return tx.execute(delete(links).where(links.c.token == token)).rowcount == 1


def add_identity(tx: Tx, key: bytes, person_id: int) -> None:
    """An account at a provider of sign-ins is this person's, and nobody else's any more."""
    tx.execute(delete(identities).where(identities.c.key == key))
    tx.execute(insert(identities), {"key": key, "person_id": person_id})


def of_identity(tx: Tx, keys: Sequence[bytes]) -> Person | None:
    """Whose account it is, by its hash under each live key."""
    query = select(people).join(identities, identities.c.person_id == people.c.id)
    row = tx.execute(query.where(identities.c.key.in_(list(keys)))).first()
    return _person(row) if row else None


def identity_counts(tx: Tx) -> dict[int, int]:
    """How many accounts at the provider each person has, of those who have any."""
    counted = select(identities.c.person_id, func.count().label("many")).group_by(identities.c.person_id)
    return {row.person_id: row.many for row in tx.execute(counted)}


def drop_identities(tx: Tx, person_id: int) -> int:
    """Forget all accounts of a person. How many."""
    return tx.execute(delete(identities).where(identities.c.person_id == person_id)).rowcount


def add_token(tx: Tx, token: Token, now: datetime) -> None:
    """Keep an API token; its secret is hashed."""
    row = {
        "id": token.id,
        "secret": token.secret,
        "name": token.name,
        "scopes": [scope.value for scope in token.scopes],
        "sites": list(token.sites) if token.sites is not None else None,
        "created_at": now,
        "expires_at": token.expires_at,
    }
    tx.execute(insert(tokens).values(**row))


def token(tx: Tx, token_id: str) -> Token | None:
    """The token of this id, also one that has expired."""
    row = tx.execute(select(tokens).where(tokens.c.id == token_id)).first()
    return _token(row) if row else None


def every_token(tx: Tx) -> list[Token]:
    """All tokens, oldest first."""
    return [_token(row) for row in tx.execute(select(tokens).order_by(tokens.c.created_at, tokens.c.id))]


def use_token(tx: Tx, token_id: str, now: datetime) -> None:
    """Note when it was used last."""
    tx.execute(update(tokens).where(tokens.c.id == token_id).values(used_at=now))


def drop_token(tx: Tx, token_id: str) -> bool:
    """Whether there was such a token to drop."""
    return tx.execute(delete(tokens).where(tokens.c.id == token_id)).rowcount == 1


_SESSION = (
    select(
        people,
        sessions.c.created_at.label("begun_at"),
        sessions.c.seen_at,
        sessions.c.confirmed_at,
        second_factors.c.person_id.label("factor_of"),
    )
    .join(sessions, sessions.c.person_id == people.c.id)
    .outerjoin(second_factors, second_factors.c.person_id == people.c.id)
    .where(sessions.c.token == bindparam("token"))
)


def _person(row: Row[tuple[object, ...]]) -> Person:
    sites = tuple(row.sites) if row.sites is not None else None
    return Person(row.id, row.name, row.password, Role(row.role), sites, row.disabled, row.failures, row.next_try_at)


def _token(row: Row[tuple[object, ...]]) -> Token:
    sites = tuple(row.sites) if row.sites is not None else None
    scopes = tuple(Right(scope) for scope in row.scopes)
    return Token(row.id, row.secret, row.name, scopes, sites, row.expires_at, row.used_at)


def _name_key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
