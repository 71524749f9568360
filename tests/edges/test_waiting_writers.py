"""Writers that find the store held by somebody else: none waits for long, however many wait."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.service import PATIENCE, wait_until

from moderation.edges import migrate
from moderation.edges.store import LOCK_WAIT, Store, make_engine
from moderation.errors import StoreError

WRITERS = 6


def test_all_writers_of_a_locked_store_give_up_together(database_url: str) -> None:
    """Each has a store of its own, as processes have. One after the other they would wait six times as long; a busy
    machine adds a little."""
    engine = make_engine(database_url)
    lock = "BEGIN EXCLUSIVE" if engine.dialect.name == "sqlite" else "LOCK TABLE leases IN EXCLUSIVE MODE"
    begin = threading.Barrier(WRITERS)

    def write(_: int) -> float:
        store = Store(database_url)
        try:
            begin.wait(PATIENCE)
            began = time.monotonic()
            with pytest.raises(StoreError) as told, store.writing() as tx:
                tx.execute(sa.text("DELETE FROM leases"))
            assert told.value.is_outage
            return time.monotonic() - began
        finally:
            store.close()

    with engine.connect() as other, ThreadPoolExecutor(WRITERS) as pool:
        other.execute(sa.text(lock))
        waited = list(pool.map(write, range(WRITERS)))
        other.rollback()
    engine.dispose()
    assert LOCK_WAIT * 0.9 < max(waited) < LOCK_WAIT * 4, f"{sorted(waited)}"
    store = Store(database_url)
    with store.writing() as tx:
        tx.execute(sa.text("DELETE FROM leases"))
    store.close()


def test_a_starting_process_waits_for_another_ones_migration(postgres_url: str, tmp_path: Path) -> None:
    """Longer than a request may wait for a lock."""
    engine = make_engine(postgres_url)
    with engine.connect() as other, ThreadPoolExecutor(1) as pool:
        other.execute(sa.text("SELECT pg_advisory_lock(7203846)"))
        other.commit()
        starting = pool.submit(migrate.migrate, postgres_url, tmp_path / "lock")
        waits = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        wait_until(lambda: other.execute(waits).scalar() == 1)
        with pytest.raises(TimeoutError):
            starting.result(LOCK_WAIT + 1)
        other.execute(sa.text("SELECT pg_advisory_unlock(7203846)"))
        other.commit()
        starting.result(PATIENCE)
    engine.dispose()
