"""Letters by e-mail that wait to be sent: put there in the transaction of what they tell, claimed one by one, tried
again after a while. Address, subject and text are sealed, and gone once a letter is done. Sending is `mail`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson
from sqlalchemy import insert, select, update

from moderation.edges.schema import Tx, mails


class Keys(Protocol):
    """What is needed of the vault."""

    def seal_mail(self, mail: str, mail_id: str) -> str: ...
    def open_mail(self, sealed: str, mail_id: str) -> str: ...
    def index(self, email: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """A letter that is due. `attempts` were made before."""

    id: str
    kind: str
    to: str
    subject: str
    text: str
    attempts: int
    created_at: datetime


def post(
    tx: Tx, keys: Keys, mail_id: str, kind: str, to: str, subject: str, text: str, now: datetime,
    due_at: datetime | None = None, why_not: str | None = None,
) -> None:  # fmt: skip
    """Have a letter sent when this transaction is committed, or later. `mail_id` is a new id (`Runtime.new_id`), `kind`
    a word for log and metrics, `to` an address in its normal form. `why_not` does the same work for a letter that
    nobody gets, of which only that is kept."""
    sealed = keys.seal_mail(orjson.dumps([to, " ".join(subject.split()), text]).decode(), mail_id)
    row = {"id": mail_id, "kind": kind, "sealed": sealed, "email_index": keys.index(to.lower()), "attempts": 0}
    row |= {"created_at": now, "due_at": due_at or now, "done_at": None, "result": None}
    tx.execute(insert(mails), row | _done(why_not, now) if why_not else row)


def due(tx: Tx, now: datetime, most: int) -> Sequence[str]:
    """The ids of those that are due, those that have waited longest first."""
    wanted = select(mails.c.id).where(mails.c.done_at.is_(None), mails.c.due_at <= now)
    return tx.execute(wanted.order_by(mails.c.due_at, mails.c.id).limit(most)).scalars().all()


def claim(tx: Tx, keys: Keys, mail_id: str, now: datetime, until: datetime) -> Waiting | None:
    """Take a letter that is due, so that nobody else sends it before `until`. None where somebody else was first."""
    here = mails.c.id == mail_id
    taken = update(mails).where(here, mails.c.done_at.is_(None), mails.c.due_at <= now)
    if tx.execute(taken.values(due_at=until, attempts=mails.c.attempts + 1)).rowcount != 1:
        return None
    row = tx.execute(select(mails).where(here)).one()
    to, subject, text = orjson.loads(keys.open_mail(row.sealed, mail_id))
    return Waiting(mail_id, row.kind, to, subject, text, row.attempts - 1, row.created_at)


def try_again(tx: Tx, mail_id: str, due_at: datetime) -> None:
    """Not before `due_at`."""
    tx.execute(update(mails).where(mails.c.id == mail_id).values(due_at=due_at))


def settle(tx: Tx, mail_id: str, result: str, now: datetime) -> None:
    """The letter is done with: `sent`, or why it is given up. Only that and its times are kept."""
    tx.execute(update(mails).where(mails.c.id == mail_id).values(**_done(result, now)))


def _done(result: str, now: datetime) -> dict[str, Any]:
    return {"sealed": None, "email_index": None, "result": result, "done_at": now}
