"""The queue's filters and sorts over whole pages, on SQLite and PostgreSQL, and the indexes that serve them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from tests.actions.test_review import ANA, send
from tests.conftest import Clock

from moderation.actions import review
from moderation.edges import queries, queue
from moderation.edges.queue import Asked
from moderation.edges.schema import comments
from moderation.errors import Invalid
from moderation.runtime import Runtime
from moderation.values import ArticleRef, Decision, Ruling, Sort, Status

LINKS = "See http://a.example http://b.example and http://c.example"
SHOUT = "WHY DOES NOBODY EVER ASK THE PEOPLE WHO LIVE THERE, ALL THE YEAR ROUND"


def shown(rt: Runtime, asked: Asked, size: int = 2) -> list[str]:
    """All ids, over pages of `size`."""
    found: list[str] = []
    cursor = None
    with rt.store.reading() as tx:
        while True:
            page = queue.page(tx, asked, cursor, size)
            found += [item.id for item in page.items]
            cursor = page.next
            if cursor is None:
                return found


def article_id(rt: Runtime, key: str) -> int:
    with rt.store.reading() as tx:
        article = queries.article(tx, "demo", key)
        assert article
        return article.id


def decide(rt: Runtime, comment: str, decision: Decision, version: int = 1) -> None:
    assert review.decide(rt, ANA, [Ruling(comment, version, decision)], "r")[0].result == "decided"


def test_each_sort_shows_each_comment_once_over_pages(rt: Runtime) -> None:
    plain, links, shout, both = (
        send(rt, number, body=body)
        for number, body in enumerate(["Plain words here.", LINKS, SHOUT, f"{SHOUT} {LINKS}"])
    )
    assert shown(rt, Asked(None)) == [plain, links, shout, both]
    assert shown(rt, Asked(["demo"], sort=Sort.NEWEST)) == [both, shout, links, plain]
    by_gravity = shown(rt, Asked(None, sort=Sort.GRAVEST))
    assert by_gravity[0] == both
    assert by_gravity[-1] == plain
    assert sorted(by_gravity) == [plain, links, shout, both]


def test_article_by_article_the_oldest_first_over_pages(rt: Runtime) -> None:
    keys = ["first", "second", "first", "third", "second", "first"]
    sent = [send(rt, number, article=ArticleRef(key)) for number, key in enumerate(keys)]
    in_order = [sent[place] for key in ("first", "second", "third") for place in range(6) if keys[place] == key]
    for size in (1, 2, 5):
        assert shown(rt, Asked(["demo"], sort=Sort.ARTICLE), size) == in_order
    assert shown(rt, Asked(None, None, sort=Sort.ARTICLE)) == in_order
    assert shown(rt, Asked(None, words="thought", sort=Sort.ARTICLE)) == in_order
    assert shown(rt, Asked(None, rule="links", sort=Sort.ARTICLE)) == []


def test_filters_narrow_alone_and_together(rt: Runtime, clock: Clock) -> None:
    first = send(rt, 1, body=LINKS)
    other = send(rt, 2, body=f"{LINKS} again", article=ArticleRef("second"))
    clock.advance(hours=2)
    until = clock.time
    late = send(rt, 1, body="Later, by the same.")

    assert shown(rt, Asked(None, rule="links")) == [first, other]
    assert shown(rt, Asked(["demo"], article=article_id(rt, "first"))) == [first, late]
    assert shown(rt, Asked(None, rule="links", article=article_id(rt, "second"))) == [other]
    assert shown(rt, Asked(None, until=until)) == [first, other]
    assert shown(rt, Asked(None, since=until)) == [late]
    assert shown(rt, Asked(["shut"])) == []
    with rt.store.reading() as tx:
        author = queue.author_of(tx, late)
        assert queue.author_of(tx, "0" * 16) is None
    assert shown(rt, Asked(None, author=author)) == [first, late]
    assert shown(rt, Asked(None, author=author, rule="links")) == [first]
    assert shown(rt, Asked(["open"], author=author)) == []


def test_an_author_without_an_address_is_known_by_name(rt: Runtime) -> None:
    one, two, _ = (
        send(rt, number, site="open", email=None, author_name=name)
        for number, name in enumerate(["Ghost", "Ghost", "Other"])
    )
    with rt.store.reading() as tx:
        author = queue.author_of(tx, one)
    assert shown(rt, Asked(None, Status.APPROVED, author=author)) == [one, two]


def test_a_decision_moves_a_comment_under_its_rule_and_undo_moves_it_back(rt: Runtime) -> None:
    comment = send(rt, body=LINKS)
    decide(rt, comment, Decision.SPAM)
    assert shown(rt, Asked(None, rule="links")) == []
    assert shown(rt, Asked(None, Status.SPAM, rule="links")) == [comment]
    assert shown(rt, Asked(None, None, rule="links", sort=Sort.GRAVEST)) == [comment]
    decide(rt, comment, Decision.UNDO, 2)
    assert shown(rt, Asked(None, rule="links")) == [comment]


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("cursor", ["abc", "", "AAAA.BBBB", "Li4u", "eHh4eHh4eHh4eHh4eHh4eC54eHh4eHh4eHh4eHh4eHh4"])
def test_a_cursor_of_another_sort_is_refused(rt: Runtime, sort: Sort, cursor: str) -> None:
    send(rt)
    report_all(rt)
    with rt.store.reading() as tx:
        if not cursor:
            assert queue.page(tx, Asked(None, sort=sort), cursor).items
            return
        with pytest.raises(Invalid):
            queue.page(tx, Asked(None, sort=sort), cursor)


def report_all(rt: Runtime) -> None:
    """As if a reader had reported each: the order by reports has no others."""
    with rt.store.writing() as tx:
        tx.execute(sa.update(comments).values(reports=1))


def plan(rt: Runtime, asked: Asked) -> Sequence[str]:
    head = queue._head(asked, "demo", Status.PENDING, (25, "0" * 16), 51)
    text = str(head.compile(rt.store.engine, compile_kwargs={"literal_binds": True}))
    with rt.store.reading() as tx:
        return [str(row[-1]) for row in tx.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (Asked(None), "ix_comments_queue"),
        (Asked(None, sort=Sort.GRAVEST), "ix_comments_gravity"),
        (Asked(None, rule="links"), "ix_comment_rules_queue"),
        (Asked(None, rule="links", sort=Sort.GRAVEST), "ix_comment_rules_gravity"),
        (Asked(None, article=7), "ix_comments_article"),
        (Asked(None, sort=Sort.ARTICLE), "ix_comments_article"),
        (Asked(None, language="de"), "ix_comments_language"),
        (Asked(None, decided_by="Ana"), "ix_comments_decided_by"),
        (Asked(None, language="de", sort=Sort.GRAVEST), "ix_comments_language_gravity"),
        (Asked(None, author=queue.Author(b"x" * 17, "", "demo")), "ix_comments_author"),
    ],
)
def test_each_way_to_ask_has_its_index(make_runtime: Any, database_url: str, asked: Asked, index: str) -> None:
    rt = make_runtime()
    if not rt.store.is_sqlite:
        return  # PostgreSQL plans by statistics, which a fresh table has not
    for way in (asked, replace(asked, sort=Sort.NEWEST) if asked.sort is Sort.OLDEST else asked):
        steps = plan(rt, way)
        assert any(f"INDEX {index} " in step for step in steps), steps
        assert not any("TEMP B-TREE" in step for step in steps), steps
