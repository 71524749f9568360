"""Letters of the outbox as webhooks: claimed one by one, signed, sent, tried again. The format is that of Standard
Webhooks (standardwebhooks.com): ids and a status, no text and no person.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import delete, insert, select, update

from moderation.edges import outside
from moderation.edges.outside import Ask, Network
from moderation.edges.schema import Tx, outbox, webhooks
from moderation.errors import DeliveryError

MOST_ANSWERED = 20_000
"""Bytes of an answer that are read."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell. `id` stays the same however often it is sent, and no other letter ever has it, also where a
    database counts from the beginning again; `attempts` were made before."""

    id: str
    body: bytes
    attempts: int


def due(tx: Tx, site: str, kinds: Sequence[str], now: datetime, most: int) -> Sequence[int]:
    """The numbers of a site's letters that are due, the oldest first."""
    wanted = select(outbox.c.id).where(outbox.c.site == site, outbox.c.kind.in_(kinds))
    wanted = wanted.where(outbox.c.done_at.is_(None), outbox.c.due_at <= now)
    return tx.execute(wanted.order_by(outbox.c.due_at, outbox.c.id).limit(most)).scalars().all()


def pass_over(tx: Tx, site: str, kinds: Sequence[str], now: datetime, since: datetime) -> int:
    """Be done with letters that were due before `since` and never tried: a receiver that is new, or was away for long,
    is not told of all that was. How many there were."""
    old = update(outbox).where(outbox.c.site == site, outbox.c.kind.in_(kinds), outbox.c.attempts == 0)
    return tx.execute(old.where(outbox.c.done_at.is_(None), outbox.c.due_at < since).values(done_at=now)).rowcount


def claim(tx: Tx, number: int, now: datetime, until: datetime) -> Message | None:
    """Take a letter that is due, so that nobody else sends it before `until`. None where somebody else was first, or
    where it was taken back."""
    here = outbox.c.id == number
    taken = update(outbox).where(here, outbox.c.done_at.is_(None), outbox.c.due_at <= now)
    if tx.execute(taken.values(due_at=until, attempts=outbox.c.attempts + 1)).rowcount != 1:
        return None
    row = tx.execute(select(outbox).where(here)).one()
    told = {"type": row.kind, "timestamp": row.created_at.isoformat(), "data": row.payload}
    return Message(f"msg_{row.id}_{int(row.created_at.timestamp())}", orjson.dumps(told), row.attempts - 1)


def try_again(tx: Tx, number: int, due_at: datetime) -> None:
    """Not before `due_at`."""
    tx.execute(update(outbox).where(outbox.c.id == number).values(due_at=due_at))


def settle(tx: Tx, number: int, now: datetime) -> None:
    """The letter is done with."""
    tx.execute(update(outbox).where(outbox.c.id == number).values(done_at=now))


def stopped(tx: Tx) -> dict[str, str]:
    """The sites whose receiver wanted nothing more, and its address then."""
    return {row.site: row.url for row in tx.execute(select(webhooks))}


def stop(tx: Tx, site: str, url: str, now: datetime) -> None:
    """The receiver of a site wants nothing more."""
    start(tx, site)
    tx.execute(insert(webhooks).values(site=site, url=url, stopped_at=now))


def start(tx: Tx, site: str) -> bool:
    """Tell it again. Whether it was stopped."""
    return tx.execute(delete(webhooks).where(webhooks.c.site == site)).rowcount > 0


def secret_words(secret: bytes) -> str:
    """A secret as receivers take it."""
    return "whsec_" + b64encode(secret).decode()


def signature(secrets: Sequence[bytes], message: Message, at: datetime) -> str:
    """One for each secret, so that a receiver may know the old one or the new one."""
    signed = f"{message.id}.{int(at.timestamp())}.".encode() + message.body
    each = (b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode() for secret in secrets)
    return " ".join(f"v1,{mac}" for mac in each)


def signed(secrets: Sequence[bytes], message: Message, at: datetime) -> dict[str, str]:
    """The headers of a message in JSON, by which its receiver checks that it comes from us."""
    return {
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature(secrets, message, at),
    }


def send(url: str, inside: Sequence[Network], secrets: Sequence[bytes], message: Message, at: datetime) -> None:
    """Raises DeliveryError for any answer but 2xx; `GONE` means that nothing more is wanted."""
    status = outside.ask(url, inside, MOST_ANSWERED, Ask(signed(secrets, message, at), message.body)).status
    if not 200 <= status < 300:
        raise DeliveryError(f"answer-{status}", permanent=status == 410)


GONE = "answer-410"
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
"""After each attempt that failed (Standard Webhooks). After the last, three days on, a letter is given up."""
