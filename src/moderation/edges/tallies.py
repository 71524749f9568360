"""Counts by site and hour, made of the journal row by row: what came, what was decided and how long it had waited, what
each rule's comments came to. Pages add a few thousand of these up where there are millions of comments.

An hour begins as the site's own clock has it. `tally_head` says up to which row of the journal has been counted; it
moves in the same transaction as the counts, so that no row is counted twice or left out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from moderation.edges.bulk import Bulk
from moderation.edges.schema import Tx, comment_rules, comments, counters, journal, tallies, tally_head, upsert
from moderation.values import Status

CAME, DECIDED, WAITED, RULE, WAITING, OLDEST = "came", "decided", "waited", "rule", "waiting", "oldest"
"""What is counted: comments that came, by status; decisions, by who and what; how long the decided had waited, by who
and stretch (`stretch_of`); decisions about comments of a rule, by rule and what. And two that are looked at now and
then: how many wait (the last look in the hour), the seconds that the oldest has waited (the most in the hour)."""

Key = tuple[str, str, datetime, str, str]
"""Site, what, hour, name, outcome."""


def counted_up_to(tx: Tx) -> int:
    """The last row of the journal that has been counted."""
    return tx.execute(select(tally_head.c.seq)).scalar() or 0


def uncounted(tx: Tx, seq: int, most: int) -> Sequence[Any]:
    """The next rows of the journal after `seq`."""
    columns = (journal.c.seq, journal.c.at, journal.c.actor, journal.c.action, journal.c.site, journal.c.target)
    rows = select(*columns, journal.c.before, journal.c.after).where(journal.c.seq > seq)
    return tx.execute(rows.order_by(journal.c.seq).limit(most)).all()


def rules_of(tx: Tx, ids: Sequence[str]) -> dict[str, list[str]]:
    """Which rules told something of these comments."""
    found: dict[str, list[str]] = {}
    for at in range(0, len(ids), 500):
        some = select(comment_rules.c.comment_id, comment_rules.c.rule).where(comment_rules.c.failed.is_(False))
        for row in tx.execute(some.where(comment_rules.c.comment_id.in_(ids[at : at + 500]))):
            found.setdefault(row.comment_id, []).append(row.rule)
    return found


def add(tx: Tx, counts: Mapping[Key, int], was: int, now: int) -> bool:
    """Add counts of the journal's rows after `was` up to `now`. False, and nothing is added, where somebody else has
    counted them."""
    tx.execute(upsert(tx.dialect.name, tally_head).on_conflict_do_nothing(), {"id": 1, "seq": 0})
    if tx.execute(update(tally_head).where(tally_head.c.seq == was).values(seq=now)).rowcount != 1:
        return False
    _ADD.run(tx, _rows(counts))
    return True


def look(tx: Tx, hour: Mapping[str, datetime], waiting: Mapping[str, int], oldest: Mapping[str, int]) -> None:
    """Keep what stands now, by site: how many wait, and for how many seconds the oldest has."""
    _SET.run(tx, _rows({(site, WAITING, hour[site], "", ""): count for site, count in waiting.items()}))
    _MOST.run(tx, _rows({(site, OLDEST, hour[site], "", ""): seconds for site, seconds in oldest.items()}))


def _rows(counts: Mapping[Key, int]) -> list[dict[str, Any]]:
    """In a fixed order, so that two transactions never wait for each other in a circle."""
    names = ("site", "what", "hour", "name", "outcome")
    return [{**dict(zip(names, key, strict=True)), "count": counts[key]} for key in sorted(counts) if counts[key]]


def sums(tx: Tx, sites: Sequence[str], what: str, since: datetime, *by: str, name: str | None = None) -> list[Any]:
    """Counts since then added up by `by` (names of columns), each with a `count`; of one `name` only where given."""
    columns = [tallies.c[each] for each in by]
    wanted = [tallies.c.site.in_(list(sites)), tallies.c.what == what, tallies.c.hour >= since]
    if name is not None:
        wanted.append(tallies.c.name == name)
    added = func.sum(tallies.c.count).label("count")
    return list(tx.execute(select(*columns, added).where(*wanted).group_by(*columns)))


def most(tx: Tx, sites: Sequence[str], what: str, since: datetime) -> list[Any]:
    """The greatest of each hour."""
    wanted = (tallies.c.site.in_(list(sites)), tallies.c.what == what, tallies.c.hour >= since)
    return list(
        tx.execute(
            select(tallies.c.hour, func.max(tallies.c.count).label("count")).where(*wanted).group_by(tallies.c.hour)
        )
    )


def oldest_waiting(tx: Tx, sites: Sequence[str]) -> dict[str, tuple[str, datetime]]:
    """The comment that has waited longest on each site where any does, and when it came."""
    found: dict[str, tuple[str, datetime]] = {}
    for site in sites:
        here = (comments.c.site == site, comments.c.status == Status.PENDING.value)
        first = select(comments.c.id, comments.c.created_at).where(*here).order_by(comments.c.id).limit(1)
        row = tx.execute(first).first()
        if row:
            found[site] = (row.id, row.created_at)
    return found


def waiting(tx: Tx, sites: Sequence[str]) -> dict[str, int]:
    """How many wait on each site, from kept counts."""
    wanted = (counters.c.site.in_(list(sites)), counters.c.status == Status.PENDING.value)
    rows = tx.execute(select(counters.c.site, func.sum(counters.c.count)).where(*wanted).group_by(counters.c.site))
    return dict.fromkeys(sites, 0) | {site: max(0, int(total)) for site, total in rows}


def stretch_of(seconds: float) -> str:
    """The stretch of time that `seconds` falls into, four to a doubling: less than a fifth apart."""
    return f"{0 if seconds < 1 else 1 + math.floor(4 * math.log2(seconds)):03d}"


def end_of(stretch: str) -> float:
    """The seconds at which a stretch ends."""
    return math.exp2(int(stretch) / 4)


def quantile(stretches: Mapping[str, int], share: float) -> float | None:
    """Seconds that `share` of what was counted did not exceed, at most a fifth too many. None where nothing was."""
    total = Counter({stretch: count for stretch, count in stretches.items() if count > 0}).total()
    reached = 0
    for stretch in sorted(stretches):
        reached += max(0, stretches[stretch])
        if total and reached >= share * total:
            return end_of(stretch)
    return None


def _building(change: Any) -> Any:
    def build(dialect: str) -> Any:
        row = upsert(dialect, tallies)
        key = ["site", "what", "hour", "name", "outcome"]
        return row.on_conflict_do_update(index_elements=key, set_={"count": change(dialect, row.excluded["count"])})

    return build


_NAMES = ["site", "what", "hour", "name", "outcome", "count"]
_KEPT = tallies.c["count"]
_ADD = Bulk(_NAMES, _building(lambda _, new: _KEPT + new))
_SET = Bulk(_NAMES, _building(lambda _, new: new))
_MOST = Bulk(_NAMES, _building(lambda dialect, new: (func.max if dialect == "sqlite" else func.greatest)(_KEPT, new)))
