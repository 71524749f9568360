"""Links by which readers get a copy of what is kept about them, or have it deleted: each for one address, good once and
for a short while. Of the link itself only the SHA-256 is kept; the address is sealed, as in a letter.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import delete, insert, select

from moderation.edges.schema import Tx, privacy_links
from moderation.edges.vault import Unreadable
from moderation.values import Wish


class Keys(Protocol):
    """What is needed of the vault."""

    def seal_mail(self, mail: str, mail_id: str) -> str: ...
    def open_mail(self, sealed: str, mail_id: str) -> str: ...
    def index(self, email: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on which site. `email` is the address in its normal form."""

    id: str
    wish: Wish
    site: str
    email: str = field(repr=False)


def keep(tx: Tx, keys: Keys, link: Asked, secret: str, until: datetime) -> None:
    """`link.id` is a new id, `secret` what stands in the link."""
    row = {"id": link.id, "token": _token(secret), "wish": link.wish.value, "site": link.site, "expires_at": until}
    row |= {"sealed": keys.seal_mail(link.email, link.id), "email_index": keys.index(link.email.lower())}
    tx.execute(insert(privacy_links), row)


def find(tx: Tx, keys: Keys, secret: str, now: datetime) -> Asked | None:
    """None for no link of ours, one that was used, or one whose time is over."""
    here = (privacy_links.c.token == _token(secret), privacy_links.c.expires_at > now)
    row = tx.execute(select(privacy_links).where(*here)).first()
    if row is None:
        return None
    try:
        return Asked(row.id, Wish(row.wish), row.site, keys.open_mail(row.sealed, row.id))
    except Unreadable:
        return None


def use(tx: Tx, link: Asked) -> bool:
    """Use the link up. False where somebody else was first."""
    return tx.execute(delete(privacy_links).where(privacy_links.c.id == link.id)).rowcount == 1


def _token(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
