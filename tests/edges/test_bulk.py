"""Statements that go to the driver without SQLAlchemy: their errors and their end are those of all others."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy import bindparam, insert, select

from moderation.edges.bulk import Bulk, Lookup
from moderation.edges.schema import journal_head
from moderation.edges.store import Store, run
from moderation.errors import StoreError

HEADS = Bulk(["id", "first", "anchor", "seq", "mac", "seal"], lambda _: insert(journal_head))
FOUND = Lookup(
    select(journal_head.c.id, journal_head.c.mac).where(journal_head.c.id.in_(bindparam("keys", expanding=True)))
)


def head(number: int, mac: bytes | None = b"\0mac") -> dict[str, object]:
    return {"id": number, "first": 1, "anchor": b"", "seq": 0, "mac": mac, "seal": b""}


def found(store: Store) -> list[list[object]]:
    with store.reading() as tx:
        return sorted(FOUND.run(tx, [2, 3]))


def test_rows_are_there_after_the_block_and_only_then(store: Store) -> None:
    with store.writing() as tx:
        assert HEADS.run(tx, [head(2), head(3)]) == 2
        assert found(store) == []
    assert found(store) == [[2, b"\0mac"], [3, b"\0mac"]]


def test_a_failing_block_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writing() as tx:
        1 // (HEADS.run(tx, [head(2)]) - 1)
    assert found(store) == []


def test_a_refused_row_is_an_error_of_the_store_without_its_values(store: Store) -> None:
    with pytest.raises(StoreError) as told, store.writing() as tx:
        HEADS.run(tx, [head(2), head(3, mac=None)])
    assert told.value.kind == "IntegrityError"
    assert not told.value.is_outage
    assert told.value.__cause__ is None
    assert found(store) == []


def test_a_lost_connection_is_an_outage_and_the_next_one_works(postgres_url: str) -> None:
    store = Store(postgres_url)
    with pytest.raises(StoreError) as told, store.writing() as tx:
        run(tx, "SELECT pg_terminate_backend(pg_backend_pid())", ())
    assert told.value.is_outage
    with store.writing() as tx:
        HEADS.run(tx, [head(3)])
    assert found(store) == [[3, b"\0mac"]]
    store.close()


def test_postgresql_keeps_their_plans_after_a_read_and_those_of_no_other_statement(postgres_url: str) -> None:
    store = Store(postgres_url)
    for _ in range(8):
        found(store)
        with store.reading() as tx:
            tx.execute(select(journal_head.c.seq)).all()
    with store.reading() as tx:
        kept = tx.execute(sa.text("SELECT statement FROM pg_prepared_statements")).scalars().all()
    store.close()
    assert [each for each in kept if "journal_head" in each and "IN" in each] == kept != []


def test_who_listens_to_the_engine_hears_of_them(store: Store) -> None:
    heard: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *given: heard.append(given[2]))
    assert found(store) == []
    assert any("journal_head" in statement for statement in heard)
