"""Comments that are much alike: counted for a card, found and decided together, and kept for a day; on SQLite and
PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa
from tests.actions.test_review import ANA, rule, send
from tests.conftest import Clock

from moderation.actions import bulk, privacy, retention
from moderation.actions.bulk import Wish
from moderation.commands import COMMAND_LINE
from moderation.edges import likeness, queries, queue
from moderation.edges.likeness import Alike
from moderation.edges.queue import Asked
from moderation.edges.schema import likenesses
from moderation.runtime import Runtime
from moderation.values import Decision, Sort, Status

TEXT = "You will never believe how much money my aunt makes from home with this simple trick, call {} today"
NAMES = ("Maria", "Peter", "Ingrid", "Walter", "Selma", "Igor")


def copies(rt: Runtime, count: int = 4, **over: object) -> list[str]:
    """Near copies by different authors."""
    return [
        send(rt, 100 + n, body=TEXT.format(NAMES[n]), email=f"copy{n}@mail.example.org", **over) for n in range(count)
    ]


def counts(rt: Runtime, ids: list[str], sites: list[str] | None = None) -> dict[str, Alike]:
    with rt.store.reading() as tx:
        texts = {each.id: each.body for each in queries.comments_of(tx, ids)}
        return likeness.counts(tx, texts, sites, rt.now())


def like(rt: Runtime, comment_id: str, sites: list[str] | None = None) -> list[str]:
    with rt.store.reading() as tx:
        found = queries.comment(tx, comment_id)
        assert found
        return likeness.like(tx, comment_id, found.body, sites)


def test_near_copies_are_counted_and_found_whatever_became_of_them(rt: Runtime) -> None:
    sent, other = copies(rt), send(rt, 1)
    rule(rt, sent[0], 1, Decision.SPAM)
    told = {sent[0]: Alike(3, 3)} | dict.fromkeys(sent[1:], Alike(2, 2))
    assert counts(rt, [*sent, other]) == told, "the first is not counted with the others"
    assert like(rt, sent[1]) == sorted(sent, reverse=True)
    assert like(rt, other) == [other]


def test_the_last_hour_and_the_last_day_are_told_apart(rt: Runtime, clock: Clock) -> None:
    old = copies(rt, 2)
    clock.advance(hours=2)
    new = send(rt, 110, body=TEXT.format("Olga"), email="olga@mail.example.org")
    assert counts(rt, [*old, new]) == {old[0]: Alike(1, 2), old[1]: Alike(1, 1), new: Alike(0, 1)}


def test_nobody_is_told_of_copies_on_sites_of_others(rt: Runtime) -> None:
    here, there = copies(rt, 2), copies(rt, 3, site="open")
    assert counts(rt, here, ["demo"])[here[0]] == Alike(1, 1)
    assert counts(rt, here)[here[0]] == Alike(3, 3)
    assert set(like(rt, here[0], ["demo"])) == set(here)
    assert set(like(rt, here[0])) == {*here, *there[1:]}, "each site counts its own"


def test_short_texts_are_alike_where_they_say_the_same(rt: Runtime) -> None:
    first = send(rt, 1, body="Buy cheap watches now!", email="a@mail.example.org")
    second = send(rt, 2, body="buy CHEAP watches, now 22", email="b@mail.example.org")
    thanks = [send(rt, 3 + n, body="Thank you!", author_name=f"Reader {n}") for n in range(2)]
    assert counts(rt, [first, second, *thanks]) == {first: Alike(1, 1)}
    assert like(rt, second) == [second, first]


def test_all_that_are_alike_are_decided_together_and_undone_as_a_whole(rt: Runtime) -> None:
    sent, other = copies(rt), send(rt, 1)
    asked = Asked(["demo"], status=None, sort=Sort.NEWEST, among=like(rt, sent[0]))
    with rt.store.reading() as tx:
        number, newest, seq = bulk.count(tx, asked)
        assert [item.id for item in queue.page(tx, asked, None, 3).items] == sorted(sent, reverse=True)[:3]
    assert number == 4
    job = bulk.start(rt, ANA, Wish(Decision.SPAM, asked=asked, newest=newest, seq=seq), "r")
    with rt.store.reading() as tx:
        spam = queue.page(tx, Asked(["demo"], status=Status.SPAM), None).items
        assert {item.id for item in spam} == set(sent)
        assert [item.id for item in queue.page(tx, Asked(["demo"]), None).items] == [other]
    assert bulk.undo(rt, ANA, job.id, "r").decided == 4


def test_they_are_kept_for_a_day_and_forgotten_with_the_author(rt: Runtime, clock: Clock) -> None:
    copies(rt, 3)
    privacy.erase(rt, COMMAND_LINE, "copy1@mail.example.org", "asked")
    with rt.store.reading() as tx:
        assert len(tx.execute(sa.select(likenesses.c.comment_id).distinct()).all()) == 1
    clock.advance(hours=25)
    assert retention.tidy(rt)["likenesses"] > 0
    with rt.store.reading() as tx:
        assert tx.execute(sa.select(likenesses)).all() == []


def test_an_ordinary_comment_costs_no_rows(rt: Runtime) -> None:
    send(rt, 1)
    copies(rt, 1)
    with rt.store.reading() as tx:
        assert tx.execute(sa.select(likenesses)).all() == []
