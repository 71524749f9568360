"""Comments are found by their words from the moment they are stored until they go, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.actions.test_queue import LINKS, decide, report_all, shown
from tests.actions.test_review import send

from moderation.actions import articles
from moderation.edges import expiry, queries, queue
from moderation.edges.queue import Asked
from moderation.runtime import Runtime
from moderation.values import RIGHTS, ArticleRef, Decision, Moderator, Role, Sort, Status

BOSS = Moderator(9, "Boss", RIGHTS[Role.ADMIN], None, "admin")


@pytest.fixture(autouse=True, params=["in order", "by the index", "in order, then by the index", "on and on"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to look for words finds the same."""
    if request.param != "in order":
        monkeypatch.setattr(queue, "FEW", 2)
        monkeypatch.setattr(queue, "MANY", 0 if request.param == "by the index" else 2)
    if request.param == "on and on":
        monkeypatch.setattr(queue, "COMMON", 0)
        monkeypatch.setattr(queue, "LOOKED_AT", 2)


def found(rt: Runtime, words: str, status: Status | None = Status.PENDING, **over: object) -> list[str]:
    return shown(rt, replace(Asked(None, status, words=words), **over))  # type: ignore[arg-type]


def test_by_text_by_name_and_by_article(rt: Runtime) -> None:
    ferry = ArticleRef("ferry", title="The last ferry")
    one = send(rt, 1, body="Boats are DEAR to me.", author_name="Zoë", article=ferry)
    two = send(rt, 2, body="The ferry was late.")
    assert found(rt, "ferry") == [one, two]
    assert found(rt, "FÉRRY last") == [one]
    assert found(rt, "zoe") == [one]
    assert found(rt, "boats dear") == [one]
    assert found(rt, "fer") == [one, two], "the last word need not be whole"
    assert found(rt, "fer late") == []
    assert found(rt, "nothing") == []
    for odd in ("'", '"', "a'b", "AND", "NOT ferry OR", "ferry*", "(((", ":*", "\\", "-", "NEAR(", "words:ferry"):
        found(rt, odd)


def test_a_phrase_of_a_script_without_spaces_is_found(rt: Runtime) -> None:
    one = send(rt, 1, body="夜の港口に船がない")
    send(rt, 2, body="港の口")
    assert found(rt, "港口") == [one]


@pytest.mark.parametrize("sort", list(Sort))
def test_pages_of_what_is_found_show_each_once(rt: Runtime, sort: Sort) -> None:
    sent = [send(rt, number, body=f"ferry {number} {LINKS if number % 2 else ''}") for number in range(7)]
    report_all(rt)
    seen = found(rt, "ferry", sort=sort)
    assert sorted(seen) == sent
    if sort is not Sort.GRAVEST:
        assert seen == (sent[::-1] if sort in (Sort.NEWEST, Sort.REPORTED) else sent)


def test_a_word_that_is_rare_here_and_common_elsewhere_is_looked_for_a_stretch_at_a_time(
    rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, most in (("FEW", 2), ("MANY", 2), ("COMMON", 4), ("LOOKED_AT", 3)):
        monkeypatch.setattr(queue, name, most)
    for number in range(6):
        decide(rt, send(rt, number, body=f"ferry {number}"), Decision.APPROVE)
    sent = [send(rt, number, body="ferry" if number == 21 else f"other {number}") for number in range(10, 22)]
    asked = Asked(None, words="ferry")
    with rt.store.reading() as tx:
        first = queue.page(tx, asked, None)
        assert (first.items, first.goes_on) == ((), True)
        second = queue.page(tx, asked, first.next)
        assert (second.items, second.goes_on, second.next is None) == ((), True, False)
        assert [place.id for place in queue.places(tx, asked, 50)] == sent[-1:], "who decides about all misses none"
    assert found(rt, "ferry") == sent[-1:]


def test_words_narrow_together_with_filters(rt: Runtime) -> None:
    first = send(rt, 1, body=f"ferry {LINKS}")
    other = send(rt, 2, body="ferry", article=ArticleRef("second"))
    decide(rt, other, Decision.APPROVE)
    assert found(rt, "ferry") == [first]
    assert found(rt, "ferry", None) == [first, other]
    assert found(rt, "ferry", None, rule="links") == [first]
    assert found(rt, "ferry", None, sites=["open"]) == []
    with rt.store.reading() as tx:
        author = queue.author_of(tx, other)
    assert found(rt, "ferry", None, author=author) == [other]


def test_a_new_title_is_found_and_the_old_one_no_more(rt: Runtime) -> None:
    ids = [send(rt, number, article=ArticleRef("story", title="Harbour plans")) for number in range(3)]
    assert found(rt, "harbour plans") == ids
    articles.change(rt, BOSS, "demo", "story", closed=None, title="Bridges", url=None, request_id="r", tags=None)
    assert found(rt, "harbour") == []
    assert found(rt, "bridges") == ids


def test_what_is_deleted_is_found_no_more(rt: Runtime) -> None:
    comment = send(rt, body="zanzibar")
    decide(rt, comment, Decision.SPAM)
    with rt.store.writing() as tx:
        assert expiry.Comments([Status.SPAM], rt.now() + timedelta(days=1), rt.store.shard).drop(tx, [comment]) == 1
    with rt.store.reading() as tx:
        assert tx.execute(sa.text("SELECT count(*) FROM search_rows")).scalar() == 0
        if rt.store.is_sqlite:
            hits = tx.execute(sa.text("SELECT count(*) FROM search_words WHERE search_words MATCH 'zanzibar'"))
            assert hits.scalar() == 0
        assert queries.comment(tx, comment) is None


def test_an_address_is_found_by_its_index_and_by_nothing_else(rt: Runtime) -> None:
    send(rt, 1)
    newest = send(rt, 1, body="Again.")
    with rt.store.reading() as tx:
        assert queue.written_from(tx, rt.vault.indexes("reader1@example.org"), None) == newest
        assert queue.written_from(tx, rt.vault.indexes("reader1@example.org"), ["open"]) is None
        assert queue.written_from(tx, rt.vault.indexes("nobody@example.org"), None) is None
    assert found(rt, "reader1 example org") == []


def test_what_stands_in_quotation_marks_is_found_as_it_stands(rt: Runtime) -> None:
    phrase = send(rt, 1, body="They took the night boat, not the ferry.")
    apart = send(rt, 2, body="A boat by night is no night train to a boat house.")
    longer = send(rt, 3, body="Three night boats a week.")
    assert found(rt, '"night boat"') == [phrase]
    assert found(rt, "„Night Boat“ ferry") == [phrase]
    assert found(rt, 'ferry "night boat"') == [phrase]
    assert found(rt, "night boat") == [phrase, apart, longer]
    assert found(rt, 'night "boat') == [phrase, apart, longer]
    assert found(rt, '"boat night"') == []
