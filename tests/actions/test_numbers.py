"""Counts by hour are those of the journal's raw rows, however they were counted; on SQLite and PostgreSQL."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from tests.actions.test_queue import LINKS
from tests.actions.test_review import ANA, BOB, rule, send
from tests.conftest import Clock
from tests.service import RULES

from moderation.actions import numbers, retention
from moderation.edges import tallies
from moderation.edges.schema import comment_rules, comments, journal
from moderation.runtime import Runtime
from moderation.values import MOVES, STATUS_AFTER, Decision, Status

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ZONE = "Asia/Kathmandu"
THERE = RULES.replace('name = "Demo"', f'name = "Demo"\ntimezone = "{ZONE}"')


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime(THERE)


def count_all(rt: Runtime) -> None:
    while numbers.count(rt):
        pass


def sums(rt: Runtime, what: str, *by: str, sites: Iterable[str] = ("demo", "open"), **over: Any) -> Counter[Any]:
    with rt.store.reading() as tx:
        rows = tallies.sums(tx, list(sites), what, LONG_AGO, *by, **over)
    return Counter({tuple(row)[:-1]: int(row.count) for row in rows if row.count})


def busy_days(rt: Runtime, clock: Clock, chance: random.Random) -> None:
    """Comments come, are decided, decided otherwise and undone, by two people on two sites, over days."""
    versions: dict[str, tuple[int, Status]] = {}
    for number in range(40):
        clock.advance(minutes=chance.randrange(1, 200))
        body = f"{LINKS} {number}" if chance.random() < 0.5 else f"Plain {number}"
        comment = send(rt, number, body=body, site=chance.choice(["demo", "open"]))
        with rt.store.reading() as tx:
            status = tx.execute(sa.select(comments.c.status).where(comments.c.id == comment)).scalar_one()
        versions[comment] = 1, Status(status)
        for _ in range(chance.randrange(4)):
            clock.advance(seconds=chance.randrange(1, 20_000))
            other = chance.choice(list(versions))
            version, stands = versions[other]
            outcome = rule(rt, other, version, chance.choice(sorted(MOVES[stands])), chance.choice([ANA, BOB]))
            if outcome.result == "decided":
                assert outcome.version
                assert outcome.status
                versions[other] = outcome.version, outcome.status


def recounted(rt: Runtime) -> dict[str, Counter[Any]]:
    """The same from raw rows, one by one and in another way: by what each decision was, looked up in the journal."""
    with rt.store.reading() as tx:
        rows = tx.execute(sa.select(journal).where(journal.c.target.is_not(None)).order_by(journal.c.seq)).all()
        arrived = dict(tx.execute(sa.select(comments.c.id, comments.c.created_at)).all())
        rules = tx.execute(sa.select(comment_rules.c.comment_id, comment_rules.c.rule)).all()
    found: dict[str, Counter[Any]] = {what: Counter() for what in ("came", "decided", "waits", "rule")}
    done: dict[str, list[str]] = {}
    for row in rows:
        local = row.at.astimezone(ZoneInfo(ZONE if row.site == "demo" else "UTC"))
        hour = (
            local - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        ).astimezone(UTC)
        told = [each for comment, each in rules if comment == row.target]
        if row.action == "received":
            found["came"][row.site, hour, row.after] += 1
        elif row.action == "escalate" or row.before == row.after:
            continue  # which leaves the decision to another, and taking that back
        elif row.action == "undo":
            found["decided"][row.site, hour, row.actor, "undo"] += 1
            found["rule"].subtract((each, done[row.target][-1]) for each in told)
            done[row.target].pop()
        elif row.action in STATUS_AFTER:
            found["decided"][row.site, hour, row.actor, row.action] += 1
            found["rule"].update((each, row.action) for each in told)
            done.setdefault(row.target, []).append(row.action)
            if row.before == "pending":
                found["waits"][row.actor, (row.at - arrived[row.target]).total_seconds()] += 1
    return found


@pytest.mark.parametrize("seed", [1])
def test_counts_are_those_of_the_raw_rows(
    rt: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(numbers, "MOST", 37)  # so that many steps are needed
    chance = random.Random(seed)
    for _ in range(2):
        busy_days(rt, clock, chance)
        count_all(rt)
    raw = recounted(rt)
    assert sums(rt, tallies.CAME, "site", "hour", "outcome") == raw["came"]
    assert sums(rt, tallies.DECIDED, "site", "hour", "name", "outcome") == raw["decided"]
    assert sums(rt, tallies.RULE, "name", "outcome") == Counter({key: n for key, n in raw["rule"].items() if n})
    assert raw["decided"].total() > 40
    assert {"approve", "undo"} <= {key[3] for key in raw["decided"]}
    for name in ("Ana", "Bob"):
        waits = sorted(seconds for (who, seconds), n in raw["waits"].items() if who == name for _ in range(n))
        stretches = {key[0]: n for key, n in sums(rt, tallies.WAITED, "outcome", name=name).items()}
        assert sum(stretches.values()) == len(waits)
        for share in (0.5, 0.95):
            told = tallies.quantile(stretches, share)
            true = waits[max(0, -(-len(waits) * share // 1).__int__() - 1)]
            assert told
            assert true <= told + 0.01, (share, true, told)
            assert told <= max(1.0, true * 1.2), (share, true, told)


def test_several_processes_count_each_row_once(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "MOST", 3)
    for number in range(40):
        send(rt, number)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: count_all(rt), range(6)))
    count_all(rt)
    assert sums(rt, tallies.CAME, "outcome") == Counter({("pending",): 40})


def test_an_hour_that_comes_twice_is_two_hours(make_runtime: Callable[..., Runtime], clock: Clock) -> None:
    rt = make_runtime(RULES.replace('name = "Demo"', 'name = "Demo"\ntimezone = "Europe/Berlin"'))
    first, again = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert numbers.hour_of(rt, "demo", first) == datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert numbers.hour_of(rt, "demo", again) == datetime(2026, 10, 25, 1, tzinfo=UTC)
    assert numbers.hour_of(rt, "gone", again) == datetime(2026, 10, 25, 1, tzinfo=UTC)


def test_what_waits_is_looked_at_the_last_of_the_hour_and_the_oldest_at_its_most(rt: Runtime, clock: Clock) -> None:
    clock.time = clock.time.replace(minute=20)
    first = send(rt, 1)
    send(rt, 2)
    clock.advance(minutes=5)
    numbers.look(rt)
    rule(rt, first, 1, Decision.APPROVE)
    clock.advance(minutes=1)
    numbers.look(rt)
    assert sums(rt, tallies.WAITING, sites=["demo"]) == Counter({(): 1})
    with rt.store.reading() as tx:
        ((hour, seconds),) = tallies.most(tx, ["demo"], tallies.OLDEST, LONG_AGO)
    assert int(seconds) == 360
    assert hour == datetime(2026, 11, 24, 11, 15, tzinfo=UTC) + timedelta(hours=1)


def test_counts_go_with_the_record(make_runtime: Callable[..., Runtime], clock: Clock) -> None:
    rt = make_runtime(RULES + "\n[retention]\njournal_days = 30\npending_days = 0\n")
    send(rt, 1)
    count_all(rt)
    clock.advance(days=29)
    send(rt, 2)
    count_all(rt)
    assert "counts" not in retention.tidy(rt)
    clock.advance(days=2)
    assert retention.tidy(rt)["counts"] == 1
    assert sums(rt, tallies.CAME).total() == 1


def test_half_and_most_of_what_was_counted() -> None:
    assert tallies.quantile({}, 0.5) is None
    assert tallies.quantile({"004": 0}, 0.5) is None
    one = tallies.stretch_of(100)
    assert 100 <= tallies.end_of(one) <= 120
    assert tallies.quantile({one: 1}, 0.5) == tallies.quantile({one: 1}, 0.95) == tallies.end_of(one)
    assert tallies.stretch_of(0) == "000"
    assert sorted(map(tallies.stretch_of, (0.5, 3, 80, 5000, 90_000, 4e7))) == list(
        map(tallies.stretch_of, (0.5, 3, 80, 5000, 90_000, 4e7))
    )
