"""Keep data only as long as the rules say: a lease, then deletion by class in small transactions.

The law asks for no longer than necessary (GDPR article 5(1)(e)); the numbers are `[retention]` in the rules file.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from moderation.edges import expiry
from moderation.edges.schema import Tx
from moderation.runtime import Runtime

LEASE = timedelta(seconds=90)
LETTERS = timedelta(days=7)
"""How long outbox letters are kept."""


def tidy(rt: Runtime) -> dict[str, int]:
    """Delete what is past its time and say how much of each class. Empty when another process holds the lease."""
    now, keep = rt.now(), rt.rules.retention
    with rt.store.writing() as tx:
        if not expiry.lease(tx, "housekeeping", rt.process, now, now + LEASE):
            return {}
    idle = timedelta(minutes=rt.env.session_idle_minutes)
    whole = timedelta(hours=rt.env.session_hours)
    shard = rt.store.shard
    steps: dict[str, Callable[[Tx], int]] = {
        "texts": lambda tx: expiry.drop_texts(tx, now),
        "sessions": lambda tx: expiry.drop_sessions(tx, now - idle, now - whole),
        "links": lambda tx: expiry.drop_links(tx, now),
        "letters": lambda tx: expiry.drop_letters(tx, now - LETTERS),
        "addresses": lambda tx: expiry.forget_addresses(tx, _since(now, keep.address_days)),
        "pending": lambda tx: expiry.drop_comments(tx, ["pending"], _since(now, keep.pending_days), shard),
        "refused": lambda tx: expiry.drop_comments(tx, ["rejected", "spam"], _since(now, keep.rejected_days), shard),
        "journal": lambda tx: expiry.drop_journal(tx, _since(now, keep.journal_days)),
    }
    done: dict[str, int] = {}
    for name, step in steps.items():
        with rt.store.writing() as tx:
            count = step(tx)
        if count:
            done[name] = count
    return done


def _since(now: datetime, days: int) -> datetime | None:
    return now - timedelta(days=days) if days else None
