"""What is asked often is answered through an index, on SQLite and PostgreSQL: the very statements are caught and
explained. PostgreSQL plans by statistics, which a small table has not, so it is told to avoid reading whole tables: it
still does where no index fits."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from tests.edges.test_vault import FIXED

from moderation.edges import (
    bans,
    comments,
    escalations,
    expiry,
    external_checks,
    live,
    oldest,
    queries,
    queue,
    reports,
    schema,
)
from moderation.edges.bulk import Bulk, Lookup
from moderation.edges.queries import cursor_of
from moderation.edges.queue import Asked
from moderation.edges.schema import Tx, outbox
from moderation.edges.store import Store, together
from moderation.errors import StoreError
from moderation.values import Sort, Status

ID = "0123456789abcdef"
AT = datetime(2026, 11, 25, 12, 0, 0, 5, tzinfo=UTC)

ASKED: list[tuple[str, Callable[[Tx], object], str]] = [
    ("a thread", lambda tx: queries.thread(tx, 7, None, 100), "ix_comments_thread"),
    ("its next page", lambda tx: queries.thread(tx, 7, cursor_of(ID, ID), 100), "ix_comments_thread"),
    ("newest first", lambda tx: queries.thread(tx, 7, None, 100, newest_first=True), "ix_comments_thread"),
    ("the queue", lambda tx: queue.page(tx, Asked(["demo"]), None), "ix_comments_queue"),
    ("its next page", lambda tx: queue.page(tx, Asked(["demo"]), cursor_of(ID)), "ix_comments_queue"),
    ("the gravest", lambda tx: queue.page(tx, Asked(["demo"], sort=Sort.GRAVEST), None), "ix_comments_gravity"),
    ("the most reported", lambda tx: queue.page(tx, Asked(["demo"], Status.APPROVED, sort=Sort.REPORTED), None),
     "ix_comments_reports"),
    ("their next page", lambda tx: queue.page(tx, Asked(["demo"], sort=Sort.REPORTED), cursor_of(f"{3:016d}", ID)),
     "ix_comments_reports"),
    ("how many are reported", lambda tx: reports.waiting(tx, ["demo"]), "ix_comments_reports"),
    ("reports to forget", lambda tx: expiry.Reporters(AT).find(tx), "ix_reports_remembered"),
    ("settled reports to delete", lambda tx: expiry.Reports(AT).find(tx), "ix_reports_settled"),
    ("an article", lambda tx: queries.article(tx, "demo", "a"), "articles"),
    ("articles of a batch", lambda tx: comments.find_articles(tx, "demo", ["a", "b"]), "articles"),
    ("articles of a batch, and whether there are bans", lambda tx: comments.find_articles_to_fill(tx, "demo", ["a"]),
     "ix_bans_site"),
    ("bans of a batch", lambda tx: bans.in_force(tx, [b"x" * 17, b"y" * 16], AT), "bans"),
    ("bans about a comment", lambda tx: bans.about(tx, FIXED, ID, [ID], AT), "comments"),
    ("bans that have ended", lambda tx: expiry.ended_bans(AT).find(tx), "ix_bans_until"),
    ("records of a batch", lambda tx: queries.records(tx, "demo", [b"x" * 17, b"y" * 17]), "author_records"),
    ("parents of a batch", lambda tx: queries.parents(tx, [ID, ID[::-1]]), "comments"),
    ("where a comment stands", lambda tx: queries.standing(tx, ID), "comments"),
    ("what was done to it", lambda tx: queries.before_last_decision(tx, ID), "ix_journal_target"),
    ("addresses to forget", lambda tx: expiry.Addresses(AT).find(tx), "ix_comments_addressed"),
    ("sites with something to ask outside", lambda tx: external_checks.sites(tx), "ix_external_checks_due"),
    ("what of it is due", lambda tx: external_checks.due(tx, "demo", AT, 50), "ix_external_checks_due"),
    ("old texts", lambda tx: expiry.texts(AT).find(tx), "ix_recent_texts_until"),
    ("old keys", lambda tx: expiry.kept_keys(AT).find(tx), "ix_idempotency_keys_until"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ask", "index"), ASKED, ids=[f"{name}-{number}" for number, (name, *_) in enumerate(ASKED)]
)
def test_no_table_is_read_whole(store: Store, name: str, ask: Callable[[Tx], object], index: str) -> None:
    steps = explained(store, ask)
    tables = "|".join(schema.metadata.tables)
    whole = [
        step for step in steps if re.search(rf"\bSCAN (?:{tables})\b(?! USING (?:COVERING )?INDEX)|Seq Scan", step)
    ]
    assert not whole, (name, whole)
    assert any(index in step for step in steps), (name, steps)


def test_the_oldest_row_of_each_class_is_the_first_of_an_index(store: Store) -> None:
    """By number the first row of a table is SCAN to SQLite: it stops there, and sorts nothing."""
    steps = explained(store, oldest.rows)
    whole = r"TEMP B-TREE|Seq Scan on (?!backtests|sessions)|SCAN comments(?! USING)"
    assert not [step for step in steps if re.search(whole, step)], steps
    for index in (
        "comments_queue", "comments_addressed", "comments_parent", "reports_settled", "idempotency_keys_until",
        "recent_texts_until", "bulk_jobs_finished_at",
    ):  # fmt: skip
        assert any(f"ix_{index}" in step for step in steps), steps


def test_sites_with_something_to_ask_outside_are_found_without_going_through_what_waits(store: Store) -> None:
    steps = explained(store, external_checks.sites)
    looks = [at for at, step in enumerate(steps) if re.search(r"\bexternal_checks\b", step)]
    assert len(looks) >= 2, steps
    if store.is_sqlite:
        assert all(steps[at].startswith("SEARCH") for at in looks), steps
    else:
        assert all("Limit" in steps[at - 1] for at in looks), steps


def test_old_comments_are_looked_for_by_index_on_every_site(store: Store) -> None:
    with store.writing() as tx:
        counted = {"site": "demo", "status": "spam", "shard": 0, "count": 1}
        tx.execute(sa.insert(schema.counters), counted)
    steps = explained(store, lambda tx: expiry.Comments([Status.REJECTED, Status.SPAM], AT, 0).find(tx))
    read = [step for step in steps if re.search(r"SCAN comments\b|Seq Scan on comments", step)]
    assert not read, read
    assert sum("ix_comments_queue" in step for step in steps) == 2, steps
    assert sum("ix_comments_parent" in step for step in steps) >= 2, steps


@pytest.mark.parametrize(
    "ask",
    [lambda tx: escalations.waiting(tx, ["demo"]), lambda tx: live.held(tx, ["demo"], 1, AT)],
    ids=["escalated", "on a screen"],
)
def test_the_few_of_a_small_table_are_not_looked_for_among_all_comments(
    sqlite_url: str, ask: Callable[[Tx], object]
) -> None:
    """PostgreSQL sees by its statistics which table is small; SQLite has none."""
    store = Store(sqlite_url)
    steps = explained(store, ask)
    store.close()
    assert not [step for step in steps if re.search(r"SCAN comments|ix_comments_", step)], steps


def explained(store: Store, ask: Callable[[Tx], object]) -> list[str]:
    """The plans of every statement that `ask` runs, a line each."""
    caught: list[tuple[str, Any]] = []

    def catch(connection: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        caught.append((statement, parameters))

    sa.event.listen(store.engine, "before_cursor_execute", catch)
    with store.reading() as tx:
        ask(tx)
    sa.event.remove(store.engine, "before_cursor_execute", catch)
    with store.reading() as tx:
        if not store.is_sqlite:
            tx.exec_driver_sql("SET enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN" if store.is_sqlite else "EXPLAIN"
        return [
            str(row[-1]) for sql, parameters in caught for row in tx.exec_driver_sql(f"{explain} {sql}", parameters)
        ]


def test_rows_written_in_bulk_read_as_those_written_one_by_one(store: Store) -> None:
    row = {
        "site": "demo", "kind": "comment.received", "comment_id": ID, "payload": {"id": ID, "ü": [1, None]},
        "created_at": AT, "due_at": AT.replace(microsecond=0), "attempts": 0,
    }  # fmt: skip
    bulk = Bulk(list(row), lambda _: sa.insert(outbox))
    with store.writing() as tx:
        tx.execute(sa.insert(outbox), [row])
        assert bulk.run(tx, [row, row]) == 2
        assert bulk.run(tx, []) == 0
    with store.reading() as tx:
        first, *rest = [list(found)[1:] for found in tx.execute(sa.select(outbox).order_by(outbox.c.id))]
        plain = [tuple(found) for found in tx.exec_driver_sql("SELECT created_at, due_at, payload FROM outbox")]
    assert rest == [first, first]
    assert plain == [plain[0]] * 3, "times are text in SQLite, and sort only when they are written alike"


def test_bytes_written_in_bulk_are_what_was_given(store: Store) -> None:
    keys = {bytes(range(at, at + 16)) for at in range(0, 256, 16)} | {b"\\x00" * 4}
    with store.writing() as tx:
        bulk = Bulk(["key", "comment_id", "until"], lambda _: sa.insert(schema.recent_texts))
        assert bulk.run(tx, [{"key": key, "comment_id": ID, "until": AT} for key in keys]) == len(keys)
        assert {row.key for row in tx.execute(sa.select(schema.recent_texts.c.key))} == keys


@pytest.mark.parametrize("many", [0, 1, 2, 5, 64, 65, 150])
def test_rows_looked_up_by_many_keys_read_as_those_looked_up_by_sqlalchemy(store: Store, many: int) -> None:
    rows = [
        {
            "site": "demo", "key": f"k{number}", "url": None, "title": "T", "closed": bool(number % 2),
            "created_at": AT.replace(microsecond=number), "version": 0, "approved": 0,
            "tags": ["ü"] * (number % 3) or None,
        }
        for number in range(160)
    ]  # fmt: skip
    keys = [row["key"] for row in rows[:many]]
    query = sa.select(schema.articles).where(
        schema.articles.c.site == sa.bindparam("site"), schema.articles.c.key.in_(sa.bindparam("keys", expanding=True))
    )
    with store.writing() as tx:
        tx.execute(sa.insert(schema.articles), rows)
    with store.reading() as tx:
        found = Lookup(query).run(tx, keys, site="demo")
        plain = [list(row) for row in tx.execute(query, {"site": "demo", "keys": keys})]
        assert Lookup(query).run(tx, keys, site="other") == []
    assert sorted(found) == sorted(plain)
    assert len(found) == many


TEXTS = Bulk(["key", "comment_id", "until"], lambda _: sa.insert(schema.recent_texts))


def write_together(store: Store, keys: list[bytes | None], between: Callable[[], object] = list) -> None:
    with store.writing() as tx, together(tx):
        for number, key in enumerate(keys):
            if number == len(keys) // 2:
                between()
            TEXTS.run(tx, [{"key": key, "comment_id": ID, "until": AT}])


@pytest.mark.parametrize("keys", [[None, b"a", b"b"], [b"a", b"b", None], [b"a", b"b", b"a"]])
def test_a_bad_row_among_statements_that_go_together_undoes_them(store: Store, keys: list[bytes | None]) -> None:
    with pytest.raises(StoreError) as told:
        write_together(store, keys)
    assert not told.value.is_outage, "those of the batch are tried one by one"
    write_together(store, [b"b", b"c"])
    with store.reading() as tx:
        assert set(tx.execute(sa.select(schema.recent_texts.c.key)).scalars()) == {b"b", b"c"}


def test_a_connection_lost_among_statements_that_go_together_is_an_outage(postgres_url: str) -> None:
    store = Store(postgres_url)

    def end_others() -> None:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        with store.reading() as tx:
            tx.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")

    with pytest.raises(StoreError) as told:
        write_together(store, [b"a", b"b"], end_others)
    assert told.value.is_outage
    write_together(store, [b"b"])
    store.close()
