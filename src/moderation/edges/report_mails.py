"""To whom it is told what came of a report: an address, sealed, which goes once that was told. It stands apart from the
report, under the number that its reader was given. Every function takes its caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, delete, exists, insert, select, update

from moderation.edges.schema import Tx, mails, report_mails, reports
from moderation.edges.vault import Unreadable

ROWS = 500
"""Rows that are found at once."""


class Keys(Protocol):
    """What is needed of the vault."""

    def seal_mail(self, mail: str, mail_id: str) -> str: ...
    def open_mail(self, sealed: str, mail_id: str) -> str: ...
    def index(self, email: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """One who reported, under the number of their report. `email` is None where its key is gone."""

    number: str
    site: str
    email: str | None = field(repr=False)


def keep(tx: Tx, keys: Keys, comment_id: str, reporter: bytes, number: str, site: str, email: str) -> bool:
    """The address that goes with this household's open report of the comment. False where there is no such report, or
    one has an address."""
    mine = (reports.c.comment_id == comment_id, reports.c.reporter == reporter, reports.c.settled.is_(None))
    taken = exists().where(report_mails.c.report_id == reports.c.id)
    report_id = tx.execute(select(reports.c.id).where(*mine, ~taken)).scalar()
    if report_id is None:
        return False
    row = {"id": number, "site": site, "report_id": report_id, "sealed": keys.seal_mail(email, number)}
    tx.execute(insert(report_mails), row | {"email_index": keys.index(email.lower())})
    return True


def to_tell(tx: Tx, keys: Keys, comment_id: str, request_id: str) -> list[Reader]:
    """Whose reports the decision of this request answers."""
    answered = (reports.c.comment_id == comment_id, reports.c.settled == request_id)
    joined = select(report_mails).join_from(report_mails, reports)
    return _opened(keys, tx.execute(joined.where(*answered).order_by(report_mails.c.id)).all())


def left_over(tx: Tx, keys: Keys) -> list[Reader]:
    """Some whose reports went with their comments before anybody decided, and who were not told so. Nobody else has
    them until the transaction ends."""
    wanted = select(report_mails).where(_IS_LEFT).order_by(report_mails.c.id).limit(ROWS)
    return _opened(keys, tx.execute(wanted.with_for_update()).all())


def are_left_over(tx: Tx) -> bool:
    """Whether there are such, without waiting for anybody."""
    return tx.execute(select(report_mails.c.id).where(_IS_LEFT).limit(1)).first() is not None


_IS_LEFT = and_(report_mails.c.report_id.is_(None), report_mails.c.mail_id.is_(None))


def _opened(keys: Keys, rows: Sequence[Any]) -> list[Reader]:
    return [Reader(row.id, row.site, _open(keys, row)) for row in rows]


def _open(keys: Keys, row: Any) -> str | None:
    try:
        return keys.open_mail(row.sealed, row.id)
    except Unreadable:
        return None


def drop(tx: Tx, number: str) -> None:
    """Nobody can be told."""
    tx.execute(delete(report_mails).where(report_mails.c.id == number))


def told_by(tx: Tx, number: str, mail_id: str) -> None:
    """This letter says what was decided."""
    tx.execute(update(report_mails).where(report_mails.c.id == number).values(mail_id=mail_id))


def take_back(tx: Tx, comment_id: str, request_id: str) -> None:
    """The decision of this request is undone: letters about it that were not begun to be sent are none."""
    answered = select(reports.c.id).where(reports.c.comment_id == comment_id, reports.c.settled == request_id)
    theirs = report_mails.c.report_id.in_(answered)
    written = select(report_mails.c.mail_id).where(theirs, report_mails.c.mail_id.is_not(None))
    tx.execute(delete(mails).where(mails.c.id.in_(written), mails.c.done_at.is_(None), mails.c.attempts == 0))
    tx.execute(update(report_mails).where(theirs).values(mail_id=None))


@dataclass(frozen=True, slots=True)
class Told:
    """Those who were told, or cannot be: the report is answered or gone, and no letter about it waits. Where one
    `can_tell` them, those whose reports are gone stay until they are told."""

    can_tell: bool

    def find(self, tx: Tx) -> Sequence[str]:
        done = select(report_mails.c.id).where(self._is_done()).order_by(report_mails.c.id)
        return tx.execute(done.limit(ROWS)).scalars().all()

    def drop(self, tx: Tx, keys: Sequence[str]) -> int:
        return tx.execute(delete(report_mails).where(report_mails.c.id.in_(keys), self._is_done())).rowcount

    def _is_done(self) -> ColumnElement[bool]:
        is_open = exists().where(reports.c.id == report_mails.c.report_id, reports.c.settled.is_(None))
        waits = exists().where(mails.c.id == report_mails.c.mail_id, mails.c.done_at.is_(None))
        done = and_(~is_open, ~waits)
        return and_(done, ~_IS_LEFT) if self.can_tell else done


def of(tx: Tx, indexes: Sequence[bytes]) -> Sequence[Any]:
    """The open reports of whoever has one of these addresses, for them to read."""
    columns = (report_mails.c.site, report_mails.c.id, reports.c.at, reports.c.reason, reports.c.words)
    joined = select(*columns).join_from(report_mails, reports)
    return tx.execute(joined.where(report_mails.c.email_index.in_(indexes)).order_by(report_mails.c.id)).all()


def forget(tx: Tx, indexes: Sequence[bytes]) -> int:
    """Their reports stay, from nobody. How many."""
    return tx.execute(delete(report_mails).where(report_mails.c.email_index.in_(indexes))).rowcount
