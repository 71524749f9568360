"""The page of numbers: what came, what was decided, what waits, how long it took; tables, of which a script draws
charts. Everything is added up from `tallies`, whose size does not grow with the comments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request

from moderation.actions.numbers import zone_of
from moderation.actions.promise import clocks
from moderation.catalogue import _
from moderation.durations import in_words
from moderation.edges import tallies
from moderation.edges.schema import Tx
from moderation.errors import FieldProblem, Invalid
from moderation.values import Decision, Effect, Moderator, Right, Status
from moderation.web import auth, sentences
from moderation.web.context import rt
from moderation.web.views import sites_of

numbers = Blueprint("numbers", __name__, url_prefix="/desk/numbers")

PERIODS: Mapping[str, tuple[str, int]] = {
    "": ("the last 7 days", 7),
    "1": ("the last 24 hours", 1),
    "30": ("the last 30 days", 30),
    "90": ("the last 90 days", 90),
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DECIDED = (Decision.APPROVE, Decision.REJECT, Decision.SPAM)
PEOPLE = (*DECIDED, Decision.HOLD, Decision.UNDO)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which sites, since when (UTC), cut into pieces of the page's zone."""

    sites: Sequence[str]
    since: datetime
    zone: ZoneInfo
    by_hour: bool

    def label(self, hour: datetime) -> str:
        """The piece of time that an hour belongs to."""
        return hour.astimezone(self.zone).strftime("%m-%d %H:00" if self.by_hour else "%Y-%m-%d")

    def labels(self, now: datetime) -> list[str]:
        """All pieces from then to now, also those in which nothing happened."""
        hours = range(int((now - self.since).total_seconds() // 3600) + 1)
        return list(dict.fromkeys(self.label(self.since + timedelta(hours=hour)) for hour in hours))


@numbers.get("")
@auth.signed_in(Right.READ_QUEUE)
def page() -> str:
    """Filters in the address: `site`, `days`."""
    who, now = auth.current(), rt().now()
    mine = sites_of(who)
    site, days = request.args.get("site", ""), request.args.get("days", "")
    wrong = [FieldProblem("/site", "choice")] if site and site not in mine else []
    wrong += [FieldProblem("/days", "choice")] if days not in PERIODS else []
    if wrong:
        raise Invalid(wrong)
    asked = _asked([site] if site else list(mine), PERIODS[days][1], now)
    with rt().store.reading() as tx:
        shown = _shown(tx, asked, who, now)
    return render_template(
        "desk/numbers.html",
        who=who,
        sites=[(site_id, settings.name or site_id) for site_id, settings in mine.items()],
        names={site_id: settings.name or site_id for site_id, settings in mine.items()},
        periods={key: _(words) for key, (words, _days) in PERIODS.items()},
        site=site,
        days=days,
        zone=asked.zone.key,
        piece=_("Hour") if asked.by_hour else _("Day"),
        **shown,
    )


def _asked(sites: list[str], days: int, now: datetime) -> Asked:
    """From the beginning of an hour or a day on the clock of the site; of UTC where several sites differ."""
    zones = {zone_of(rt(), site).key for site in sites}
    zone = ZoneInfo(zones.pop() if len(zones) == 1 else "UTC")
    local = now.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    if days == 1:
        return Asked(sites, local.astimezone(UTC) - timedelta(hours=23), zone, True)
    first = local.replace(hour=0) - timedelta(days=days - 1)  # on the wall clock: a day may have 23 hours
    return Asked(sites, first.astimezone(UTC), zone, False)


def _shown(tx: Tx, asked: Asked, who: Moderator, now: datetime) -> dict[str, Any]:
    came = tallies.sums(tx, asked.sites, tallies.CAME, asked.since, "hour", "outcome")
    decided = tallies.sums(tx, asked.sites, tallies.DECIDED, asked.since, "hour", "outcome")
    waited = _counted(tallies.sums(tx, asked.sites, tallies.WAITED, asked.since, "outcome"), lambda row: row.outcome)
    waiting = tallies.sums(tx, asked.sites, tallies.WAITING, asked.since, "hour")
    oldest = tallies.most(tx, asked.sites, tallies.OLDEST, asked.since)
    final = {each.value for each in DECIDED}
    out = [row for row in decided if row.outcome in final]
    return {
        "clocks": clocks(rt(), tx, list(asked.sites)),
        "figures": {
            "came": sum(int(row.count) for row in came),
            "held": sum(int(row.count) for row in came if row.outcome == Status.PENDING.value),
            "decided": sum(int(row.count) for row in out),
            "median": _time(tallies.quantile(waited, 0.5)),
            "slowest": _time(tallies.quantile(waited, 0.95)),
        },
        "pieces": _pieces(asked, now, came, decided, waiting, oldest),
        "rules": _rules(tx, asked),
        "hours": _by(asked, came, out, lambda local: local.hour, [(hour, f"{hour:02d}:00") for hour in range(24)]),
        "weekdays": _by(asked, came, out, lambda local: local.weekday(), list(enumerate(map(_, WEEKDAYS)))),
        "people": _people(tx, asked, who),
        "everybody": who.may(Right.MANAGE_PEOPLE),
        "in_words": in_words,
    }


def _pieces(
    asked: Asked, now: datetime, came: list[Any], decided: list[Any], waiting: list[Any], oldest: list[Any]
) -> list[dict[str, Any]]:
    """A row for each hour or day."""
    into = _counted(came, lambda row: asked.label(row.hour))
    out = _counted(decided, lambda row: (asked.label(row.hour), row.outcome))
    last: dict[str, tuple[datetime, int]] = {}
    for row in waiting:
        label = asked.label(row.hour)
        last[label] = max(last.get(label, (row.hour, 0)), (row.hour, int(row.count)))
    longest: dict[str, int] = {}
    for row in oldest:
        label = asked.label(row.hour)
        longest[label] = max(longest.get(label, 0), int(row.count))
    return [
        {
            "label": label,
            "came": into[label],
            "out": sum(out[label, each.value] for each in DECIDED),
            **{each.value: out[label, each.value] for each in PEOPLE},
            "waiting": last[label][1] if label in last else None,
            "oldest": longest.get(label),
            "oldest_words": in_words(timedelta(seconds=longest[label])) if label in longest else "–",
        }
        for label in asked.labels(now)
    ]


def _rules(tx: Tx, asked: Asked) -> list[dict[str, Any]]:
    """What people decided about the comments of each rule, undone decisions taken off; the most decided first."""
    counts = _counted(
        tallies.sums(tx, asked.sites, tallies.RULE, asked.since, "name", "outcome"),
        lambda row: (row.name, row.outcome),
    )
    known = rt().rules.sites
    wishes = {rule.id: rule.would for site in asked.sites if site in known for rule in known[site].book.rules}
    rows = []
    for rule in {name for name, _outcome in counts}:
        approved = max(0, counts[rule, Decision.APPROVE.value])
        refused = sum(max(0, counts[rule, each.value]) for each in (Decision.REJECT, Decision.SPAM))
        wish = wishes.get(rule)
        against = None if wish is Effect.OBSERVE else refused if wish is Effect.APPROVE else approved
        total = approved + refused
        share = f"{against / total:.0%}" if total and against is not None else "–"
        rows.append(
            {"name": sentences.rule(rule), "total": total, "approved": approved, "refused": refused, "share": share}
        )
    return sorted((row for row in rows if row["total"]), key=lambda row: (-row["total"], row["name"]))


def _by(
    asked: Asked,
    came: list[Any],
    out: list[Any],
    part: Callable[[datetime], int],
    names: Iterable[tuple[int, str]],
) -> list[tuple[str, int, int]]:
    """What came and what was decided by a part of the local time."""
    into = _counted(came, lambda row: part(row.hour.astimezone(asked.zone)))
    gone = _counted(out, lambda row: part(row.hour.astimezone(asked.zone)))
    return [(name, into[number], gone[number]) for number, name in names]


def _people(tx: Tx, asked: Asked, who: Moderator) -> list[dict[str, Any]]:
    """Everybody's decisions for those who manage people, else one's own."""
    name = None if who.may(Right.MANAGE_PEOPLE) else who.name
    counts = _counted(
        tallies.sums(tx, asked.sites, tallies.DECIDED, asked.since, "name", "outcome", name=name),
        lambda row: (row.name, row.outcome),
    )
    waits: dict[str, Counter[str]] = {}
    for row in tallies.sums(tx, asked.sites, tallies.WAITED, asked.since, "name", "outcome", name=name):
        waits.setdefault(row.name, Counter())[row.outcome] += int(row.count)
    rows = [
        {
            "name": person,
            "total": sum(counts[person, each.value] for each in DECIDED),
            **{each.value: counts[person, each.value] for each in PEOPLE},
            "median": _time(tallies.quantile(waits.get(person, {}), 0.5)),
            "slowest": _time(tallies.quantile(waits.get(person, {}), 0.95)),
        }
        for person in {person for person, _ in counts}
    ]
    return sorted(rows, key=lambda row: (-row["total"], row["name"]))


def _counted(rows: Iterable[Any], key: Callable[[Any], Any]) -> Counter[Any]:
    counts: Counter[Any] = Counter()
    for row in rows:
        counts[key(row)] += int(row.count)
    return counts


def _time(seconds: float | None) -> str:
    return in_words(timedelta(seconds=seconds)) if seconds is not None else "–"
