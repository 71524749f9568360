"""Leases of cards: one holder at a time, renewed, let go, ended by time; on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.actions.test_review import ANA, BOB, rule, send
from tests.conftest import Clock

from moderation.actions import attend, retention
from moderation.edges import live
from moderation.errors import NotFound
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Decision, Moderator, Role


def held(rt: Runtime, who: Moderator, sites: list[str] | None = None) -> dict[str, str]:
    with rt.store.reading() as tx:
        return live.held(tx, sites, who.id, rt.now())


def test_the_second_learns_who_has_it_until_it_ends_by_itself(rt: Runtime, clock: Clock) -> None:
    comment = send(rt)
    assert attend.attend(rt, ANA, comment) is None
    assert attend.attend(rt, BOB, comment) == "Ana"
    assert held(rt, BOB) == {comment: "Ana"}
    assert held(rt, ANA) == {}
    assert held(rt, BOB, ["open"]) == {}
    clock.advance(seconds=100)
    assert attend.attend(rt, ANA, comment) is None, "renewed"
    clock.advance(seconds=100)
    assert attend.attend(rt, BOB, comment) == "Ana"
    clock.advance(seconds=30)
    assert held(rt, BOB) == {}
    assert attend.attend(rt, BOB, comment) is None
    assert held(rt, ANA) == {comment: "Bob"}


def test_going_on_lets_go_of_ones_own_only(rt: Runtime) -> None:
    first, second = send(rt, 1), send(rt, 2)
    attend.attend(rt, ANA, first)
    attend.attend(rt, BOB, second, leaving=first)
    assert held(rt, BOB) == {first: "Ana"}
    assert attend.attend(rt, ANA, second, leaving=first) == "Bob"
    assert held(rt, BOB) == {}


def test_of_eight_at_once_one_has_it(rt: Runtime) -> None:
    comment = send(rt)
    people = [Moderator(number, f"M{number}", RIGHTS[Role.MODERATOR], None, "moderator") for number in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda who: attend.attend(rt, who, comment), people))
    assert told.count(None) == 1
    assert len({name for name in told if name}) == 1


def test_nobody_attends_to_what_they_may_not_see(rt: Runtime) -> None:
    comment = send(rt)
    elsewhere = Moderator(3, "Eva", RIGHTS[Role.MODERATOR], frozenset({"open"}), "moderator")
    for who, target in ((elsewhere, comment), (ANA, "0" * 16)):
        with pytest.raises(NotFound):
            attend.attend(rt, who, target)
    assert held(rt, BOB) == {}


def test_ended_leases_are_tidied_away(rt: Runtime, clock: Clock) -> None:
    attend.attend(rt, ANA, send(rt))
    clock.advance(minutes=3)
    assert retention.tidy(rt)["leases"] == 1


def test_the_news_are_the_decisions_since_a_row_on_the_askers_sites(rt: Runtime) -> None:
    first, second = send(rt, 1), send(rt, 2)
    with rt.store.reading() as tx:
        seq = live.newest(tx)
    rule(rt, first, 1, Decision.SPAM)
    rule(rt, first, 2, Decision.UNDO, BOB)
    rule(rt, second, 1, Decision.APPROVE)
    with rt.store.reading() as tx:
        found = live.since(tx, seq, None)
        last, news = found.seq, found.decided
        assert [(each.comment_id, each.status, each.by) for each in news] == [
            (first, "spam", "Ana"),
            (first, "pending", "Bob"),
            (second, "approved", "Ana"),
        ]
        assert last == live.newest(tx)
        assert live.since(tx, last, None) == live.News(last, [], [])
        assert live.since(tx, seq, ["open"]).decided == []
