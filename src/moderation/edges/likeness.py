"""Which comments are much alike, by the keys that near copies share (`text.signals.sketch`).

Rows are written in the transaction of a comment whose like came within the hour before (Redis knows), and kept for
`KEPT`: ordinary comments cost nothing. So the first of several copies has none; what is like it is found by its text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, insert, select

from moderation import ids
from moderation.edges.bulk import Bulk
from moderation.edges.schema import Tx, comments, likenesses
from moderation.text.signals import seen_keys

KEPT = timedelta(days=1)
MOST_COUNTED = 100
"""Copies of one comment that are counted for a card."""
MOST_READ = 1_000
"""Texts that are read to find the first of several copies."""
MOST_LOOKED_AT = 5_000
"""Rows that are looked at for a page of cards, the newest."""
MOST = 10_000
"""Copies that are shown and decided together."""


@dataclass(frozen=True, slots=True)
class Alike:
    """How many comments are like one, itself and the first of them not counted."""

    last_hour: int
    last_day: int


def key_of(sketched: str) -> int:
    """A key of a sketch as a number that every store can index."""
    return int.from_bytes(hashlib.blake2b(sketched.encode(), digest_size=8).digest(), "big", signed=True)


def keys_of(body: str) -> list[int]:
    """The keys of a text; none of a short one that many may write."""
    return keys(seen_keys(body))


def keys(seen: Sequence[str]) -> list[int]:
    """The same of what `text.signals.seen_keys` found: the sketch, else the fingerprint of the whole."""
    return [key_of(each) for each in seen[1:] or seen]


def add(tx: Tx, keys: Iterable[tuple[str, Sequence[int]]]) -> None:
    """Keep the keys of new comments."""
    _ROWS.run(tx, [{"comment_id": comment_id, "key": key} for comment_id, each in keys for key in sorted(set(each))])


def counts(tx: Tx, texts: Mapping[str, str], sites: Sequence[str] | None, now: datetime) -> dict[str, Alike]:
    """For each comment (`texts`: its id → its text) that has its like on `sites` (None: all): one query for a page."""
    own = {comment_id: keys_of(body) for comment_id, body in texts.items()}
    asked = sorted({key for each in own.values() for key in each})
    last_hour = ids.first(now - timedelta(hours=1))
    rows = tx.execute(
        _matching(asked, sites)
        .add_columns(likenesses.c.key)
        .where(likenesses.c.comment_id >= ids.first(now - KEPT))
        .order_by(likenesses.c.comment_id.desc())
        .limit(MOST_LOOKED_AT)
    )
    by_key: dict[int, set[str]] = {}
    for row in rows:
        by_key.setdefault(row.key, set()).add(row.comment_id)
    found = {}
    for comment_id, each in own.items():
        others = set[str]().union(*(by_key.get(key, set()) for key in each)) - {comment_id}
        if others:
            found[comment_id] = Alike(sum(other >= last_hour for other in others), len(others))
    return found


def like(tx: Tx, comment_id: str, body: str, sites: Sequence[str] | None) -> list[str]:
    """The comments that are like this one, and itself, the newest first."""
    own = keys_of(body)
    query = _matching(own, sites).distinct().order_by(likenesses.c.comment_id.desc()).limit(MOST)
    found = {comment_id, *tx.execute(query).scalars()} if own else {comment_id}
    return sorted(found | _first(tx, min(found), set(own), sites), reverse=True)


def _first(tx: Tx, oldest: str, own: set[int], sites: Sequence[str] | None) -> set[str]:
    """Those of the hour before the oldest that are like it, by their texts: the first of several copies has no row."""
    came = tx.execute(select(comments.c.created_at).where(comments.c.id == oldest)).scalar()
    if came is None or not own:
        return set()
    hour = (comments.c.id >= ids.first(came - timedelta(hours=1)), comments.c.id < oldest)
    here = [] if sites is None else [comments.c.site.in_(list(sites))]
    before = select(comments.c.id, comments.c.body).where(*hour, *here).order_by(comments.c.id.desc())
    return {row.id for row in tx.execute(before.limit(MOST_READ)) if own & set(keys_of(row.body))}


def _matching(asked: Sequence[int], sites: Sequence[str] | None) -> Select[Any]:
    query = select(likenesses.c.comment_id).where(likenesses.c.key.in_(list(asked)))
    if sites is None:
        return query
    return query.join(comments, comments.c.id == likenesses.c.comment_id).where(comments.c.site.in_(list(sites)))


_ROWS = Bulk(["comment_id", "key"], lambda _: insert(likenesses))
