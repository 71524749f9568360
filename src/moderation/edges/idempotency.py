"""What became of a submission that came with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), so that
sending it again gets the same answer and stores nothing. Written in the comment's own transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, select

from moderation.edges.schema import Tx, idempotency_keys, upsert


@dataclass(frozen=True, slots=True)
class Claim:
    """`key` and `payload` are keyed hashes of 16 bytes: of the header with its site, and of what was sent."""

    key: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """A claim with what became of it."""

    key: bytes
    payload: bytes
    comment_id: str
    article_key: str
    article_url: str | None
    published: bool
    until: datetime


def find(tx: Tx, keys: Iterable[bytes], now: datetime) -> dict[bytes, Outcome]:
    """The outcomes of `keys` that still count, by key."""
    wanted = select(idempotency_keys).where(idempotency_keys.c.key.in_(list(keys)), idempotency_keys.c.until >= now)
    return {row.key: Outcome(**row._mapping) for row in tx.execute(wanted)}


def claim(tx: Tx, outcomes: Sequence[Outcome], now: datetime) -> dict[bytes, Outcome]:
    """Write those whose key nobody else has; returns who has each key now. The key is settled between processes by one
    statement: a second transaction waits for the first, and then finds its outcome."""
    if not outcomes:
        return {}
    fresh = upsert(tx.dialect.name, idempotency_keys)
    names = [column.name for column in idempotency_keys.c if column.name != "key"]
    over_an_old_one = fresh.on_conflict_do_update(
        index_elements=["key"],
        set_={name: fresh.excluded[name] for name in names},
        where=idempotency_keys.c.until < now,
    )
    for outcome in sorted(outcomes, key=lambda each: each.key):
        tx.execute(over_an_old_one, asdict(outcome))
    return find(tx, [outcome.key for outcome in outcomes], now)


def release(tx: Tx, comment_ids: Sequence[str]) -> None:
    """Give up the claims of comments that were not stored after all, or that are gone."""
    if comment_ids:
        tx.execute(delete(idempotency_keys).where(idempotency_keys.c.comment_id.in_(comment_ids)))
