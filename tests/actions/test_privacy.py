"""A reader gets a copy of what is kept about them, and is forgotten; on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from tests.actions.test_review import ANA, rule, send
from tests.actions.test_submit import submission

from moderation.actions import privacy, review
from moderation.actions.submit import Intake
from moderation.commands import COMMAND_LINE
from moderation.edges import erasure, queries, search
from moderation.edges.schema import (
    author_records,
    comment_rules,
    comments,
    counters,
    idempotency_keys,
    journal,
    metadata,
    recent_texts,
    search_rows,
)
from moderation.runtime import Runtime
from moderation.values import Decision, Ruling, Status

EMAIL = "Reader@forgotten.example"
SECRET = "The words that only this reader wrote."
WHY = "a letter of 24 November"
WORDS = ("wrote", "rea der", "forgotten.example", "reader@")
"""Of the reader's text, name and address, in lower case."""


def written(rt: Runtime, number: int, **over: object) -> str:
    facts: dict[str, object] = {"email": EMAIL, "author_name": "Rea Der", "body": f"{SECRET} {number}"}
    return send(rt, number, **(facts | over))


def rows(rt: Runtime) -> list[sa.Row[tuple[object, ...]]]:
    with rt.store.reading() as connection:
        return list(connection.execute(sa.select(comments).order_by(comments.c.id)))


def tabs(rt: Runtime) -> dict[Status, int]:
    with rt.store.reading() as connection:
        return queries.tab_counts(connection, ["demo"])


def test_a_copy_holds_the_readers_comments_and_what_was_decided_never_by_whom(rt: Runtime) -> None:
    first = written(rt, 1)
    rule(rt, first, 1, Decision.REJECT, ANA)
    send(rt, 2, email="other@example.org")
    found = privacy.export(rt, COMMAND_LINE, "reader@forgotten.example", WHY)
    (one,) = found["comments"]
    assert (one["text"], one["name"], one["status"]) == (f"{SECRET} 1", "Rea Der", "rejected")
    assert [each["what"] for each in one["history"]] == ["received", "reject"]
    assert "Ana" not in json.dumps(found)
    with rt.store.reading() as connection:
        last = connection.execute(sa.select(journal).order_by(journal.c.seq.desc())).first()
    assert last is not None
    assert (last.action, last.after, last.reason, last.target) == ("privacy-export", "1 comment", WHY, None)


def test_looking_changes_nothing(rt: Runtime) -> None:
    written(rt, 1)
    before = rows(rt)
    assert privacy.look(rt, EMAIL) == {"demo": {"pending": 1}}
    assert privacy.look(rt, "nobody@example.org") == {}
    assert rows(rt) == before


def test_a_reader_is_forgotten_and_answers_to_them_stay(rt: Runtime) -> None:
    answered = written(rt, 1)
    rule(rt, answered, 1, Decision.APPROVE)
    kept = send(rt, 2, parent=answered, body="An answer of somebody else.", email="other@example.org")
    rule(rt, kept, 1, Decision.APPROVE)
    alone = written(rt, 3)
    own_answer = written(rt, 4, parent=kept)
    assert privacy.erase(rt, COMMAND_LINE, EMAIL, WHY) == 3
    left = {row.id: row for row in rows(rt)}
    assert set(left) == {answered, kept}
    assert alone not in left
    assert own_answer not in left
    emptied = left[answered]
    assert (emptied.author_name, emptied.body, emptied.status) == (erasure.NOBODY, erasure.REMOVED, "approved")
    assert not any((emptied.email_sealed, emptied.email_index, emptied.email_masked, emptied.address_hash))
    assert left[kept].body == "An answer of somebody else."
    assert tabs(rt)[Status.APPROVED] == 2
    assert tabs(rt)[Status.PENDING] == 0
    with rt.store.reading() as connection:
        records = connection.execute(sa.select(author_records.c.email_index)).scalars().all()
        assert set(records).isdisjoint(rt.vault.indexes(EMAIL.lower()))
        article = queries.article(connection, "demo", "first")
        assert article
        page = queries.thread(connection, article.id, None, 100)
    assert [each.author_name for each in page.comments] == [erasure.NOBODY, left[kept].author_name]


def test_a_place_that_stays_is_found_by_nothing_that_its_author_wrote(rt: Runtime) -> None:
    answered = written(rt, 1, body="A damn secret about elderberries.", idempotency_key="once")
    rule(rt, answered, 1, Decision.APPROVE)
    send(rt, 2, parent=answered, body="An answer of somebody else.", email="other@example.org")
    with rt.store.reading() as connection:
        assert {answered} == {row.comment_id for row in connection.execute(sa.select(comment_rules)).all()} & {answered}
    privacy.erase(rt, COMMAND_LINE, EMAIL, WHY)
    (emptied,) = [row for row in rows(rt) if row.id == answered]
    assert (emptied.facts, emptied.gravity, emptied.findings) == (None, 0, [])
    with rt.store.reading() as connection:
        for table in (comment_rules, recent_texts, idempotency_keys):
            held = connection.execute(sa.select(table.c.comment_id)).scalars().all()
            assert answered not in held, table.name
        words = connection.execute(sa.select(search_rows.c.words).where(search_rows.c.comment_id == answered)).scalar()
    assert "elderberries" not in str(words)
    assert "removed" in str(words)


@pytest.fixture
def emptied(rt: Runtime) -> sa.Row[tuple[object, ...]]:
    """What is left of an erased comment that was answered, that rules had found and that came with a key."""
    answered = written(
        rt, 1, body=f"{SECRET} https://a.example https://b.example https://c.example", idempotency_key="one"
    )
    (before,) = rows(rt)
    assert (before.facts, before.gravity > 0) != (None, False)
    for table in (search_rows, comment_rules, recent_texts, idempotency_keys):
        assert traces(rt, table, answered) > 0, table.name
    review.decide(rt, ANA, [Ruling(answered, 1, Decision.APPROVE, reason="as it should be")], "r")
    send(rt, 2, parent=answered, body="An answer of somebody else.", email="other@example.org")
    privacy.erase(rt, COMMAND_LINE, EMAIL, WHY)
    return next(row for row in rows(rt) if row.id == answered)


def traces(rt: Runtime, table: sa.Table, comment_id: str) -> int:
    with rt.store.reading() as connection:
        found = sa.select(sa.func.count()).select_from(table).where(table.c.comment_id == comment_id)
        return connection.execute(found).scalar_one()


def test_a_comment_that_stays_as_a_place_keeps_neither_facts_nor_findings(emptied: sa.Row[tuple[object, ...]]) -> None:
    told = (emptied.facts, emptied.gravity, emptied.findings, emptied.masks, emptied.reason, emptied.author_url)
    assert told == (None, 0, [], [], None, None)


def test_a_search_at_the_desk_finds_nothing_of_a_reader_who_was_forgotten(
    rt: Runtime, emptied: sa.Row[tuple[object, ...]]
) -> None:
    assert found_at_the_desk(rt, "wrote") == []
    assert found_at_the_desk(rt, "Der") == []
    assert len(found_at_the_desk(rt, "somebody")) == 1


def found_at_the_desk(rt: Runtime, words: str) -> list[object]:
    with rt.store.reading() as connection:
        return [*search.held(connection, words, 1000)]


def test_no_row_of_any_table_holds_a_word_of_theirs(rt: Runtime, emptied: sa.Row[tuple[object, ...]]) -> None:
    with rt.store.reading() as connection:
        told = {each.name: repr(connection.execute(sa.select(each)).all()).lower() for each in metadata.sorted_tables}
    found = [name for name, text in told.items() for word in WORDS if word in text and name != "loaded_rules"]
    assert not found


def test_no_file_of_redis_holds_a_word_of_theirs(
    rt: Runtime, emptied: sa.Row[tuple[object, ...]], redis_client: redis.Redis
) -> None:
    assert redis_client.dbsize() > 0
    redis_client.save()
    folder = Path(str(redis_client.config_get("dir")["dir"]))
    files = {path.name: path.read_bytes().lower() for path in folder.rglob("*") if path.is_file()}
    assert any(name.endswith(".rdb") for name in files)
    assert not [name for name, data in files.items() for word in WORDS if word.encode() in data]


def test_an_address_typed_as_a_reason_does_not_reach_the_record(rt: Runtime) -> None:
    written(rt, 1)
    privacy.erase(rt, COMMAND_LINE, EMAIL, f"{EMAIL} asked for it")
    with rt.store.reading() as connection:
        reasons = connection.execute(sa.select(journal.c.reason)).scalars().all()
    assert "[e-mail hidden] asked for it" in reasons


def test_an_answer_to_oneself_goes_with_what_it_answers(rt: Runtime) -> None:
    first = written(rt, 1)
    rule(rt, first, 1, Decision.APPROVE)
    written(rt, 2, parent=first)
    assert privacy.erase(rt, COMMAND_LINE, EMAIL, WHY) == 2
    assert rows(rt) == []


def test_more_comments_than_one_transaction_takes_are_all_forgotten(
    rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "MOST", 2)
    for number in range(5):
        written(rt, number)
    assert privacy.erase(rt, COMMAND_LINE, EMAIL, WHY) == 5
    assert rows(rt) == []
    with rt.store.reading() as connection:
        assert connection.execute(sa.select(sa.func.sum(counters.c.count))).scalar() == 0


def test_an_older_copy_that_was_put_back_is_erased_again(rt: Runtime) -> None:
    written(rt, 1)
    privacy.erase(rt, COMMAND_LINE, EMAIL, WHY)
    written(rt, 2)  # as a restored copy would hold it
    send(rt, 3, email="other@example.org")
    assert privacy.erase_again(rt, COMMAND_LINE) == 1
    assert len(rows(rt)) == 1
    ledger = rt.env.state / privacy.LEDGER
    assert ledger.stat().st_mode & 0o077 == 0
    assert "forgotten" not in ledger.read_text("utf-8").lower()


def test_after_it_no_file_of_the_store_holds_a_word_of_theirs(
    make_runtime: Callable[..., Runtime], tmp_path: Path
) -> None:
    rt = make_runtime()
    for number in range(20):
        answered = written(rt, number, body=f"{SECRET} Elderberries, {number}")
    rule(rt, answered, 1, Decision.APPROVE)
    send(rt, 20, parent=answered, body="An answer of somebody else.", email="other@example.org")
    privacy.erase(rt, COMMAND_LINE, EMAIL, WHY)
    rt.store.close()
    words = [word.encode() for word in (SECRET, "Rea Der", "forgotten", "lderberries")]
    files = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = [name for name, data in files.items() for word in words if word in data]

    answered = written(rt, 0)
    rule(rt, answered, 1, Decision.APPROVE)
    send(rt, 1, parent=answered, body="An answer of somebody else.", email="other@example.org")
    for number in range(2, 20):
        written(rt, number)
    privacy.erase(rt, COMMAND_LINE, EMAIL, WHY)
    rt.store.close()
    files = {path.name: path.read_bytes().lower() for path in tmp_path.rglob("*") if path.is_file()}
    found = [name for name, data in files.items() for word in WORDS if word.encode() in data]
    assert not found


def test_a_reader_who_comes_back_starts_anew(rt: Runtime) -> None:
    rule(rt, written(rt, 1), 1, Decision.SPAM)
    privacy.erase(rt, COMMAND_LINE, EMAIL, WHY)
    Intake(rt).submit(submission(9, email=EMAIL))
    with rt.store.reading() as connection:
        (record,) = queries.records(connection, "demo", rt.vault.indexes(EMAIL.lower())).values()
    assert (record.pending, record.spam) == (1, 0)
