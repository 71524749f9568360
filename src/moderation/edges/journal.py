"""Append-only: the record of who did what, and the outbox letters that tell the outside. Both are written in the
transaction of the change itself, so that neither can be missing. Reading the record is `queries`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update

from moderation.edges.bulk import Bulk
from moderation.edges.schema import Tx, outbox
from moderation.edges.store import waiting
from moderation.frozen import value
from moderation.text.redact import find_contacts, mask_contacts

REASON_MOST = 200
"""Characters of a reason."""


@value
class Entry:
    """One row of the record. `actor` is a person's or token's name, `author` or `service`; never an e-mail address."""

    at: datetime
    actor: str
    role: str
    action: str
    site: str | None = None
    target: str | None = None
    before: str | None = None
    after: str | None = None
    reason: str | None = None
    request_id: str | None = None


@value
class Letter:
    """One thing to tell the outside: ids and a status, no text, no person. Not before `due`; at once where None."""

    at: datetime
    site: str
    kind: str
    comment_id: str
    status: str
    version: int
    due: datetime | None = None


def write(tx: Tx, entries: Sequence[Entry]) -> None:
    """Have `entries` written, in order, when the transaction ends (`chain`). A reason was typed by somebody: e-mail
    addresses in it are masked, since no row can be erased later."""
    rows = waiting(tx)
    for entry in entries:
        row = dict(zip(_COLUMNS, _values(entry), strict=True))
        if entry.reason is not None:
            row["reason"] = _without_addresses(entry.reason)
        rows.append(row)


def _without_addresses(reason: str) -> str:
    found = [contact for contact in find_contacts(reason) if contact.kind == "email"]
    return mask_contacts(reason, found)[:REASON_MOST] if found else reason


def withdraw(tx: Tx, comment_id: str, version: int, now: datetime, kind: str = "comment.decided") -> bool:
    """Take back the letter about what led to `version`. False where it is due: then it may be told."""
    found = [row.id for row in _unsent(tx, comment_id, version, now) if row.kind == kind]
    return bool(found) and tx.execute(delete(outbox).where(outbox.c.id.in_(found), *_waits(now))).rowcount == len(found)


def carry(tx: Tx, comment_id: str, version: int, now: datetime) -> set[str]:
    """Let the letters that wait about `version` tell of the one after it, which left the status as it was. Their
    kinds."""
    carried = set()
    for row in _unsent(tx, comment_id, version, now):
        here = update(outbox).where(outbox.c.id == row.id, *_waits(now))
        if tx.execute(here.values(payload=row.payload | {"version": version + 1})).rowcount:
            carried.add(str(row.kind))
    return carried


def _unsent(tx: Tx, comment_id: str, version: int, now: datetime) -> list[Any]:
    """The letters about this version that are not yet due."""
    wanted = select(outbox.c.id, outbox.c.kind, outbox.c.payload)
    letters = tx.execute(wanted.where(outbox.c.comment_id == comment_id, *_waits(now)))
    return [row for row in letters if row.payload["version"] == version]


def _waits(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Not told, and not being told: asked again by each change, since whoever tells may have come in between."""
    return outbox.c.done_at.is_(None), outbox.c.due_at > now, outbox.c.attempts == 0


def post(tx: Tx, letters: Sequence[Letter]) -> None:
    """Put `letters` into the outbox, due when each says."""
    rows = [
        {
            "site": letter.site,
            "kind": letter.kind,
            "comment_id": letter.comment_id,
            "payload": {
                "id": letter.comment_id,
                "site": letter.site,
                "status": letter.status,
                "version": letter.version,
            },
            "created_at": letter.at,
            "due_at": letter.due or letter.at,
            "attempts": 0,
        }
        for letter in letters
    ]
    _LETTERS.run(tx, rows)


_COLUMNS = tuple(each.name for each in fields(Entry))
_values = attrgetter(*_COLUMNS)
_LETTERS = Bulk(["site", "kind", "comment_id", "payload", "created_at", "due_at", "attempts"], lambda _: insert(outbox))
