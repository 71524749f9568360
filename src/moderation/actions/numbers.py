"""Keep the counts that the page of numbers shows in step with the journal, and look how long the oldest waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from moderation import ids
from moderation.edges import tallies
from moderation.edges.tallies import CAME, DECIDED, RULE, WAITED, Key
from moderation.runtime import Runtime
from moderation.values import Decision, Status

MOST = 2000
"""Rows of the journal a step."""
TAKEN_BACK: Mapping[str, Decision] = {
    Status.APPROVED.value: Decision.APPROVE,
    Status.REJECTED.value: Decision.REJECT,
    Status.SPAM.value: Decision.SPAM,
    Status.PENDING.value: Decision.HOLD,
}
"""Which decision an undo takes back, by how the comment stood."""
_DECISIONS = frozenset(decision.value for decision in TAKEN_BACK.values())


def count(rt: Runtime) -> bool:
    """Count the next rows of the journal. Whether there may be more."""
    with rt.store.reading() as tx:
        seq = tallies.counted_up_to(tx)
        rows = tallies.uncounted(tx, seq, MOST)
        decided = sorted({row.target for row in rows if _is_decision(row)})
        rules = tallies.rules_of(tx, decided)
    if not rows:
        return False
    with rt.store.writing() as tx:
        tallies.add(tx, _counts(rt, rows, rules), seq, rows[-1].seq)
    return len(rows) == MOST


def look(rt: Runtime) -> None:
    """Keep how many wait now, and how long the oldest has."""
    now, sites = rt.now(), list(rt.rules.sites)
    with rt.store.reading() as tx:
        waiting, oldest = tallies.waiting(tx, sites), tallies.oldest_waiting(tx, sites)
    ages = {site: max(0, int((now - came).total_seconds())) for site, (_, came) in oldest.items()}
    with rt.store.writing() as tx:
        tallies.look(tx, {site: hour_of(rt, site, now) for site in sites}, waiting, ages)


def zone_of(rt: Runtime, site: str) -> ZoneInfo:
    """The site's time zone; UTC for one that the rules no longer name."""
    known = rt.rules.sites.get(site)
    return ZoneInfo(known.settings.timezone if known else "UTC")


def hour_of(rt: Runtime, site: str, at: datetime) -> datetime:
    """When the hour that `at` lies in began on the site's own clock."""
    return at.astimezone(zone_of(rt, site)).replace(minute=0, second=0, microsecond=0).astimezone(UTC)


def _is_decision(row: Any) -> bool:
    """To escalate is none, nor to keep what readers reported, nor to undo either: the comment stands as it stood."""
    is_one = row.action in _DECISIONS or row.action == Decision.UNDO.value
    return bool(row.site and row.target) and is_one and row.before != row.after


def _counts(rt: Runtime, rows: Sequence[Any], rules: Mapping[str, Sequence[str]]) -> Counter[Key]:
    counts: Counter[Key] = Counter()
    for row in rows:
        if row.site and row.action == "received":
            counts[row.site, CAME, hour_of(rt, row.site, row.at), "", row.after] += 1
        elif _is_decision(row):
            hour = hour_of(rt, row.site, row.at)
            counts[row.site, DECIDED, hour, row.actor, row.action] += 1
            is_undo = row.action == Decision.UNDO.value
            meant = TAKEN_BACK[row.before].value if is_undo else row.action
            for rule in rules.get(row.target, ()):
                counts[row.site, RULE, hour, rule, meant] += -1 if is_undo else 1
            if not is_undo and row.before == Status.PENDING.value:
                waited = (row.at - ids.time(row.target)).total_seconds()
                counts[row.site, WAITED, hour, row.actor, tallies.stretch_of(waited)] += 1
    return counts
