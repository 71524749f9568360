"""The journal as a chain, on SQLite and PostgreSQL with real triggers: what is done to it behind the service's back is
found, and named by its first row."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.conftest import Clock

from moderation.actions import accounts, audit, retention
from moderation.edges import chain, journal, migrate
from moderation.edges.chain import Broken, Report
from moderation.edges.schema import journal as rows
from moderation.edges.schema import journal_head as head
from moderation.edges.vault import Keys, Vault, load_keys
from moderation.runtime import Runtime
from moderation.values import Role

KEEP_A_YEAR = '[retention]\njournal_days = 365\n[sites.demo]\nname = "Demo"\n'


def write(rt: Runtime, count: int, **over: Any) -> None:
    """`count` rows, two in a transaction."""
    for start in range(0, count, 2):
        with rt.store.writing() as tx:
            for number in range(start, min(start + 2, count)):
                fields = {"actor": f"Person {number}", "role": "admin", "action": "sign-in", "site": "demo"} | over
                journal.write(tx, [journal.Entry(rt.now(), **fields)])


def verify(rt: Runtime) -> Report:
    with rt.store.snapshot() as tx:
        return chain.verify(tx, rt.vault)


def first_broken(rt: Runtime) -> int | None:
    broken = verify(rt).broken
    return broken.seq if broken else None


def tamper(rt: Runtime, *statements: Any) -> None:
    """As somebody who owns the database would: without triggers."""
    with rt.store.engine.connect() as connection:
        if rt.store.is_sqlite:
            triggers = connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars()
            for name in triggers.all():
                connection.execute(sa.text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(sa.text("DROP FUNCTION IF EXISTS journal_is_append_only CASCADE"))
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def kept(rt: Runtime) -> list[sa.Row[Any]]:
    with rt.store.reading() as tx:
        return list(tx.execute(sa.select(rows).order_by(rows.c.seq)))


def test_what_is_written_is_a_chain_without_a_gap(rt: Runtime) -> None:
    write(rt, 25)
    report = verify(rt)
    assert (report.first, report.last, report.broken, report.older) == (1, 25, None, 0)
    assert [row.seq for row in kept(rt)] == list(range(1, 26))
    assert len({row.mac for row in kept(rt)}) == 25


def test_a_chain_longer_than_one_read_is_walked_to_its_end(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "CHUNK", 7)
    write(rt, 21)
    assert verify(rt).last == 21
    tamper(rt, sa.delete(rows).where(rows.c.seq == 15))
    assert verify(rt).broken == Broken(15, "missing")


def test_the_last_rows_are_looked_at_alone(rt: Runtime) -> None:
    write(rt, 30)

    def last(most: int) -> Report:
        with rt.store.snapshot() as tx:
            return chain.verify(tx, rt.vault, most)

    assert (last(10).first, last(10).last, last(10).broken) == (21, 30, None)
    assert last(30).first == last(99).first == 1
    tamper(rt, sa.update(rows).where(rows.c.seq == 15).values(actor="Nobody"))
    assert last(10).broken is None
    assert last(20).broken == Broken(15, "changed")
    tamper(rt, sa.update(rows).where(rows.c.seq == 30).values(actor="Nobody"))
    assert last(10).broken == Broken(30, "changed")
    tamper(rt, sa.delete(rows).where(rows.c.seq > 10))
    assert last(10).broken == Broken(11, "missing")


@pytest.mark.parametrize("column", [column.name for column in rows.columns if column.name not in ("seq", "at", "mac")])
def test_a_changed_cell_is_found(rt: Runtime, column: str) -> None:
    write(rt, 9)
    for value in ("other", None) if column in ("site", "target") else ("other",):
        tamper(rt, sa.update(rows).where(rows.c.seq == 6).values({column: value}))
        expected = None if value is None and column == "target" else Broken(6, "changed")
        assert verify(rt).broken == expected


def test_a_changed_time_or_number_is_found(rt: Runtime) -> None:
    write(rt, 9)
    at = kept(rt)[3].at
    tamper(rt, sa.update(rows).where(rows.c.seq == 4).values(at=at + timedelta(microseconds=1)))
    assert verify(rt).broken == Broken(4, "changed")
    tamper(rt, sa.update(rows).where(rows.c.seq == 4).values(at=at))
    assert verify(rt).broken is None, "what is put back is as it was"
    tamper(rt, sa.update(rows).where(rows.c.seq == 9).values(seq=10))
    assert verify(rt).broken == Broken(10, "added")


@pytest.mark.parametrize(
    ("gone", "named"), [({1}, 1), ({5}, 5), ({9}, 9), ({8, 9}, 8), ({1, 2, 3}, 1), ({3, 7}, 3), (set(range(1, 10)), 1)]
)
def test_rows_that_were_cut_out_are_found(rt: Runtime, gone: set[int], named: int) -> None:
    write(rt, 9)
    tamper(rt, sa.delete(rows).where(rows.c.seq.in_(gone)))
    assert verify(rt).broken == Broken(named, "missing")
    write(rt, 1)
    assert first_broken(rt) == named, "what is written later hides nothing"


def test_two_rows_that_changed_places_are_found(rt: Runtime) -> None:
    write(rt, 9)
    moves = [(3, 100), (6, 3), (100, 6)]
    tamper(rt, *(sa.update(rows).where(rows.c.seq == old).values(seq=new) for old, new in moves))
    assert verify(rt).broken == Broken(3, "changed")


def test_a_row_that_was_put_in_is_found(rt: Runtime) -> None:
    write(rt, 4)
    last = kept(rt)[-1]._asdict()
    tamper(rt, sa.insert(rows).values(last | {"seq": 5}))
    assert verify(rt).broken == Broken(5, "added")
    write(rt, 1)
    assert first_broken(rt) == 5
    tamper(rt, sa.delete(rows).where(rows.c.seq >= 5), sa.insert(rows).values(last | {"seq": 0, "mac": None}))
    assert verify(rt).broken == Broken(0, "added")


def test_a_shortened_chain_is_found_even_when_its_head_is_put_back(rt: Runtime) -> None:
    write(rt, 9)
    sixth = kept(rt)[5]
    forged = {"seq": 6, "mac": sixth.mac}
    tamper(rt, sa.delete(rows).where(rows.c.seq > 6), sa.update(head).values(forged))
    assert verify(rt).broken == Broken(7, "missing")
    write(rt, 3)
    assert first_broken(rt) == 7, "the next rows do not make it good"


@pytest.mark.parametrize("blank", [{"seal": b""}, {"seal": b"", "mac": b""}, {"first": 5}, {"anchor": b"x" * 33}])
def test_a_head_that_was_tampered_with_is_found_also_after_more_rows(rt: Runtime, blank: dict[str, Any]) -> None:
    write(rt, 6)
    tamper(rt, sa.update(head).values(blank))
    assert verify(rt).broken
    write(rt, 2)
    assert verify(rt).broken


def test_a_missing_head_is_found_and_the_service_goes_on(rt: Runtime) -> None:
    write(rt, 6)
    tamper(rt, sa.delete(head))
    assert verify(rt).broken == Broken(1, "added")
    write(rt, 2)
    assert [row.seq for row in kept(rt)] == list(range(1, 9))
    assert first_broken(rt) == 7


def test_every_byte_of_a_link_counts(rt: Runtime) -> None:
    write(rt, 5)
    mac = kept(rt)[2].mac
    for place in range(len(mac)):
        flipped = mac[:place] + bytes([mac[place] ^ 1]) + mac[place + 1 :]
        tamper(rt, sa.update(rows).where(rows.c.seq == 3).values(mac=flipped))
        assert verify(rt).broken == Broken(3, "changed")


def test_the_database_itself_refuses_to_change_or_delete_a_row(rt: Runtime) -> None:
    write(rt, 3)
    statements: list[sa.Executable] = [sa.update(rows).values(reason="x"), sa.delete(rows), sa.delete(head)]
    if not rt.store.is_sqlite:
        statements += [sa.text("TRUNCATE journal"), sa.text("TRUNCATE journal_head")]
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), rt.store.engine.begin() as connection:
            connection.execute(statement)
    assert verify(rt).last == 3


def test_a_transaction_that_fails_leaves_no_row_and_no_gap(rt: Runtime) -> None:
    write(rt, 2)
    for _ in range(3):
        with contextlib.suppress(ZeroDivisionError), rt.store.writing() as tx:
            journal.write(tx, [journal.Entry(rt.now(), "Ana", "admin", "sign-in")])
            raise ZeroDivisionError
    write(rt, 2)
    assert (verify(rt).last, verify(rt).broken) == (4, None)


def test_many_writers_in_two_processes_worth_of_runtimes_make_one_chain(
    rt: Runtime, make_runtime: Callable[..., Runtime]
) -> None:
    both = [rt, make_runtime()]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: write(both[number % 2], 10, actor=f"Writer {number}"), range(16)))
    report = verify(rt)
    assert (report.last, report.broken) == (160, None)


def test_rows_of_a_former_key_stay_good_while_it_may_still_open(rt: Runtime) -> None:
    write(rt, 3)
    keys = load_keys(rt.env.keys_path)
    old = keys.active("audit")
    others = tuple(key for key in keys.all if key is not old)
    new = replace(old, id=200, secret=bytes(range(7, 39)))
    rt.vault = Vault(Keys((*others, replace(old, state="decrypt"), new)))
    write(rt, 3)
    assert (verify(rt).last, verify(rt).broken) == (6, None)
    rt.vault = Vault(Keys((*others, new)))
    assert verify(rt).broken == Broken(1, "changed")


def test_rows_from_before_there_was_a_chain_are_counted_apart(rt: Runtime) -> None:
    write(rt, 3)
    tamper(
        rt,
        sa.update(rows).values(mac=None),
        sa.update(head).values(first=4, seq=3, anchor=b"", mac=b"", seal=b""),
    )
    write(rt, 2)
    report = verify(rt)
    assert (report.first, report.last, report.older, report.broken) == (4, 5, 3, None)


def test_retention_takes_old_rows_and_the_chain_begins_after_them(
    make_runtime: Callable[..., Runtime], clock: Clock
) -> None:
    rt = make_runtime(KEEP_A_YEAR)
    write(rt, 7)
    clock.advance(days=300)
    write(rt, 2)
    clock.advance(days=66)
    assert retention.tidy(rt)["journal"] == 7
    report = verify(rt)
    assert (report.first, report.last, report.broken) == (8, 10, None)
    assert kept(rt)[-1].action == "journal-shortened"
    tamper(rt, sa.delete(rows).where(rows.c.seq == 8))
    assert verify(rt).broken == Broken(8, "missing")


def test_retention_leaves_a_row_whose_time_was_forged(make_runtime: Callable[..., Runtime], clock: Clock) -> None:
    rt = make_runtime(KEEP_A_YEAR)
    write(rt, 4)
    tamper(rt, sa.update(rows).where(rows.c.seq <= 2).values(at=clock() - timedelta(days=900)))
    assert "journal" not in retention.tidy(rt)
    assert verify(rt).broken == Broken(1, "changed")


def test_a_store_of_an_older_schema_is_brought_to_a_chain(tmp_path: Any, empty_url: str) -> None:
    from alembic import command
    from alembic.config import Config

    engine = sa.create_engine(empty_url.replace("postgresql://", "postgresql+psycopg://"))
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        statement = "INSERT INTO journal (at, actor, role, action) VALUES ('2026-11-24 10:00:00', 'Ana', 'admin', 'x')"
        connection.execute(sa.text(statement))
        connection.commit()
    engine.dispose()
    migrate.migrate(empty_url, tmp_path / "lock")
    with sa.create_engine(empty_url.replace("postgresql://", "postgresql+psycopg://")).connect() as connection:
        assert connection.execute(sa.text("SELECT first, seq FROM journal_head")).one() == (2, 1)


def test_an_older_copy_that_was_put_back_is_found_by_what_the_log_kept(rt: Runtime) -> None:
    write(rt, 4)
    before, end = kept(rt), audit.checkpoint(rt)
    with rt.store.reading() as tx:
        former = tx.execute(sa.select(head)).one()._asdict()
    write(rt, 4)
    later = audit.checkpoint(rt)
    assert later[0] == 8
    assert audit.verify(rt, end).broken is None
    assert audit.verify(rt, later).broken is None
    assert audit.verify(rt, (8, "00")).broken == Broken(8, "changed")
    tamper(rt, sa.delete(rows).where(rows.c.seq > len(before)), sa.update(head).values(former))
    assert audit.verify(rt).broken is None, "nothing inside the database can tell"
    assert audit.verify(rt, later).broken == Broken(5, "missing")


def test_an_empty_journal_beside_people_is_not_a_fresh_one(rt: Runtime) -> None:
    assert audit.verify(rt).broken is None
    accounts.create_person(rt, accounts.SERVICE, "Ana", Role.ADMIN, None, None)
    assert audit.verify(rt).broken is None
    tamper(rt, sa.delete(rows), sa.update(head).values(first=1, seq=0, anchor=b"", mac=b"", seal=b""))
    assert audit.verify(rt).broken == Broken(1, "missing")
