"""Who has proved to a site who they are: known again by a blind index of their name there, under an id that stays the
same while keys are rotated. The name itself is sealed. Every function takes its caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Row, Select, delete, exists, or_, select, tuple_, update

from moderation.edges.schema import Tx, author_records, authors, bans, comments, upsert

LOGIN = "login"
MAIL = "mail"


class Keys(Protocol):
    """What is needed of the vault."""

    def indexes(self, email: str) -> list[bytes]: ...
    def seal_name(self, name: str, author_id: bytes) -> str: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """How an author has proved who they are: an `id` that we have handed out, or a name at the publisher's login,
    `keys` being its blind indexes under every live key, the active one's first."""

    site: str
    id: bytes | None = None
    name: str = field(default="", repr=False)
    keys: tuple[bytes, ...] = ()

    @property
    def who(self) -> bytes | None:
        """What tells this author from others for a while: keys are rotated."""
        return self.keys[0] if self.keys else self.id


def new_id(random: bytes) -> bytes:
    """An id out of 16 random bytes. No blind index begins with a zero, so it can stand where one does."""
    return b"\0" + random


def by_login(keys: Keys, site: str, name: str) -> Proof:
    """The proof that a token of the publisher's login gives."""
    return Proof(site, name=name, keys=tuple(keys.indexes(_at_login(site, name))))


def key_of(kind: str, site: str, name: str) -> str:
    """What the blind index of an author is made of: of the address in small letters, or the name at the login."""
    return name if kind == MAIL else _at_login(site, name)


def _at_login(site: str, name: str) -> str:
    return f"\0{site}\0{name}"  # no e-mail address looks like it


def find(tx: Tx, proofs: Iterable[Proof]) -> dict[Proof, bytes]:
    """The ids of those that are known."""
    wanted = list(proofs)
    by_id = authors.c.id.in_([proof.id for proof in wanted if proof.id])
    named = [(proof.site, LOGIN, key) for proof in wanted for key in proof.keys]
    by_key = tuple_(authors.c.site, authors.c.kind, authors.c.key).in_(named)
    rows = tx.execute(select(authors.c.id, authors.c.site, authors.c.kind, authors.c.key).where(or_(by_id, by_key)))
    ids = {}
    for row in rows:
        ids[row.site, row.id] = ids[row.site, row.key] = row.id
    found = {}
    for proof in wanted:
        known = (ids[proof.site, key] for key in (proof.id, *proof.keys) if (proof.site, key) in ids)
        if (author_id := next(known, None)) is not None:
            found[proof] = author_id
    return found


def prove(tx: Tx, keys: Keys, kind: str, site: str, name: str, author_id: bytes, now: datetime) -> bytes:
    """Write down that this is so now. The author's id: `author_id` for one who was not known. While a key becomes the
    active one, two workers may each write down one row; `reencryption.names` joins them."""
    indexes = keys.indexes(key_of(kind, site, name))
    known = _known(tx, kind, site, indexes)
    if known is not None:
        tx.execute(update(authors).where(authors.c.id == known).values(proved_at=now))
        return known
    row = {"id": author_id, "site": site, "kind": kind, "key": indexes[0], "proved_at": now}
    new = upsert(tx.dialect.name, authors).values(**row, sealed=keys.seal_name(name, author_id))
    tx.execute(new.on_conflict_do_nothing(index_elements=["site", "kind", "key"]))
    written = _known(tx, kind, site, indexes)
    assert written is not None
    return written


def _known(tx: Tx, kind: str, site: str, indexes: Sequence[bytes]) -> bytes | None:
    """The id under the first of these blind indexes that is there, as `find` has it."""
    here = (authors.c.site == site, authors.c.kind == kind, authors.c.key.in_(indexes))
    ids = {row.key: row.id for row in tx.execute(select(authors.c.key, authors.c.id).where(*here))}
    return next((ids[index] for index in indexes if index in ids), None)


def proved_at(tx: Tx, keys: Keys, kind: str, site: str, name: str) -> datetime | None:
    """When they proved it last. None for one who is not known."""
    here = (authors.c.site == site, authors.c.kind == kind, authors.c.key.in_(keys.indexes(key_of(kind, site, name))))
    return tx.execute(select(authors.c.proved_at).where(*here)).scalars().first()


def is_id(key: bytes) -> bool:
    """Whether this is the id of one who proved who they are, and no blind index."""
    return key.startswith(b"\0")


def known_by(indexes: Sequence[bytes]) -> Select[tuple[bytes]]:
    """The ids of those who are known by one of these blind indexes, as part of a statement."""
    return select(authors.c.id).where(authors.c.key.in_(indexes))


def by_mail(tx: Tx, site: str, indexes: Iterable[bytes]) -> dict[bytes, bytes]:
    """The ids, by blind index, of those who confirmed to the site an address with one of these blind indexes."""
    here = (authors.c.site == site, authors.c.kind == MAIL, authors.c.key.in_(list(indexes)))
    return {row.key: row.id for row in tx.execute(select(authors.c.key, authors.c.id).where(*here))}


def of(tx: Tx, indexes: Sequence[bytes]) -> Sequence[Row[Any]]:
    """Those who are known by one of these blind indexes, or wrote a comment with an address that is."""
    wrote = select(comments.c.author_id).where(comments.c.email_index.in_(indexes), comments.c.author_id.is_not(None))
    theirs = or_(authors.c.id.in_(known_by(indexes)), authors.c.id.in_(wrote))
    return tx.execute(select(authors).where(theirs).order_by(authors.c.id)).all()


def needed() -> ColumnElement[bool]:
    """Whether something is left that knows an author by their id."""
    wrote = exists().where(comments.c.author_id == authors.c.id)
    return or_(wrote, exists().where(bans.c.key == authors.c.id))


def forget(tx: Tx, author_ids: Sequence[bytes]) -> int:
    """Forget those of whom no comment is left, and who are not banned. How many."""
    gone = delete(authors).where(authors.c.id.in_(author_ids), ~needed()).returning(authors.c.id)
    ids = list(tx.execute(gone).scalars())
    tx.execute(delete(author_records).where(author_records.c.email_index.in_(ids)))
    return len(ids)
