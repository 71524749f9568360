"""Append-only: the record of who did what, and the outbox letters that tell the outside. Both are written in the
transaction of the change itself, so that neither can be missing. Reading the record is `queries`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert

from moderation.edges.schema import Tx, journal, outbox


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing to tell the outside: ids and a status, no text, no person."""

    at: datetime
    site: str
    kind: str
    comment_id: str
    status: str
    version: int


def write(tx: Tx, entries: Sequence[Entry]) -> None:
    """Add `entries` in order."""
    if entries:
        tx.execute(insert(journal), [asdict(entry) for entry in entries])


def post(tx: Tx, letters: Sequence[Letter]) -> None:
    """Put `letters` into the outbox, due at once."""
    if letters:
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
                "due_at": letter.at,
                "attempts": 0,
            }
            for letter in letters
        ]
        tx.execute(insert(outbox), rows)
