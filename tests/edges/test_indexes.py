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
from moderation.edges.bulk import Bulk
from moderation.edges.queries import cursor_of
from moderation.edges.queue import Asked
from moderation.edges.schema import Store, Tx, outbox
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
    assert not [step for step in steps if re.search(r"TEMP B-TREE|Seq Scan|SCAN comments(?! USING)", step)], steps
    for index in ("queue", "addressed", "parent"):
        assert any(f"ix_comments_{index}" in step for step in steps), steps


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
    if store.is_sqlite:
        assert plain == [plain[0]] * 3, "times are text there, and sort only when they are written alike"
