"""SQLite's log goes to the database file beside those who write, and begins anew."""

from __future__ import annotations

import sqlalchemy as sa
from tests.service import wait_until

from moderation.edges.store import LOG_PAGES, Store, sqlite_module
from moderation.worker import Work

PAGE = 4096
KNOWS_NOOP = sqlite_module().sqlite_version_info >= (3, 51)
"""An older one brings all there when it is asked how far the log is."""
COUNT = sa.text("SELECT count(*) FROM filling")


def grow(store: Store, pages: int) -> None:
    """About so many pages more in the log."""
    with store.writing() as tx:
        tx.execute(sa.text("CREATE TABLE IF NOT EXISTS filling (content BLOB)"))
        tx.execute(sa.text("INSERT INTO filling VALUES (zeroblob(:size))"), {"size": pages * PAGE})


def log(store: Store) -> tuple[int, int]:
    """Pages in the log, and how many of them are in the database file as well."""
    with store.reading() as tx:
        _, pages, done = tx.exec_driver_sql("PRAGMA wal_checkpoint(NOOP)").one()
    return pages, done


def left(store: Store) -> int:
    """Pages that only the log has."""
    pages, done = log(store)
    return pages - done


def test_a_log_with_little_in_it_is_left_as_it_is(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    grow(store, LOG_PAGES // 2)
    assert not store.checkpoint()
    pages, done = log(store)
    assert pages >= LOG_PAGES // 2
    assert done == (0 if KNOWS_NOOP else pages)
    store.close()


def test_a_long_log_is_emptied_and_begun_anew(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    grow(store, LOG_PAGES)
    store.checkpoint()
    pages, done = log(store)
    assert pages == done >= LOG_PAGES
    grow(store, 1)
    assert log(store)[0] < LOG_PAGES // 10
    assert not store.checkpoint()
    store.close()


def test_a_reader_keeps_what_it_sees(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    grow(store, 1)
    with store.snapshot() as reader:
        assert reader.execute(COUNT).scalar() == 1
        grow(store, LOG_PAGES)
        store.checkpoint()
        assert reader.execute(COUNT).scalar() == 1
    store.checkpoint()
    pages, done = log(store)
    assert pages == done
    with store.reading() as tx:
        assert tx.execute(COUNT).scalar() == 2
    store.close()


def test_the_log_stays_short_while_many_write(sqlite_url: str) -> None:
    """Ten times as much is written as it may hold, by two that check as two workers do."""
    stores = [Store(sqlite_url) for _ in range(2)]
    beside = [Work("checkpoints", 0.001, store.checkpoint) for store in stores]
    for work in beside:
        work.start()
    for number in range(100):
        grow(stores[number % 2], LOG_PAGES // 10)
        wait_until(lambda: left(stores[0]) < LOG_PAGES)
    for work in beside:
        work.stop()
    assert log(stores[0])[0] < 4 * LOG_PAGES
    with stores[0].reading() as tx:
        assert tx.execute(COUNT).scalar() == 100
    for store in stores:
        store.close()


def test_postgresql_has_no_log_of_ours(postgres_url: str) -> None:
    store = Store(postgres_url)
    assert not store.checkpoint()
    store.close()
