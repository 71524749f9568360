"""The way to the store: engines for SQLite and PostgreSQL, and transactions. Where the two differ, it is here or in the
types of `schema`."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from moderation.edges.schema import Tx
from moderation.errors import StoreError

LOCK_WAIT = 2
"""Seconds for which a writer waits for what somebody else holds. A comment has then waited for its batch already
(`actions.submit.WAIT`), and both together are less than the 5 s in which everybody is answered."""

LOG_PAGES = 1000
"""Pages that SQLite's log holds beside the database file before `Store.checkpoint` brings them there: fewer would mean
to write those of the indexes more often. A comment alone changes about 40, one of a batch about 10."""
LOG_MOST = 16_000
"""Pages from which a commit does so itself, as in a command that has nobody beside it. With 4,000 that took 40 to 80
ms, for which all who write had to wait."""

NEVER = 1 << 31
"""So often a statement must come before psycopg has it prepared by itself: a plan that is kept knows no values, and one
for a queue or a search must. Those that come with each batch know what they look for, and `run` has them prepared."""


def waiting(tx: Tx) -> list[dict[str, Any]]:
    """Rows of the journal that this transaction writes when it ends."""
    return cast("list[dict[str, Any]]", tx.info.setdefault("waiting", []))


@contextmanager
def together(tx: Tx) -> Iterator[None]:
    """Statements that nobody waits for one by one, and that tell nothing: PostgreSQL gets them in one go."""
    if tx.dialect.name != "postgresql":
        yield
        return
    dialect: Any = tx.dialect
    driver: Any = tx.connection.dbapi_connection
    try:
        with driver.pipeline() as pipeline:
            yield
            with tx.info["while_waiting"]():
                pipeline.sync()
    except dialect.loaded_dbapi.Error as error:
        raise _of_driver(error, dialect) from None


def run(tx: Tx, sql: str, values: tuple[Any, ...]) -> Any:
    """The driver's cursor for a statement that is the driver's own, text and values: what SQLAlchemy does around one
    takes longer than most of them. Who listens to the engine hears of this one as well. Raises DBAPIError."""
    if tx.engine.dispatch.before_cursor_execute:
        return tx.exec_driver_sql(sql, values)
    if not tx.in_transaction():
        tx.begin()
    dialect: Any = tx.dialect
    driver: Any = tx.connection.dbapi_connection
    try:
        if dialect.name == "postgresql":
            return driver.execute(sql, values, prepare=True)
        return driver.execute(sql, values)
    except dialect.loaded_dbapi.Error as error:
        raise _of_driver(error, dialect) from None


def _of_driver(error: Any, dialect: Any) -> BaseException:
    """As SQLAlchemy raises it, without the statement and its values."""
    found: BaseException = sa.exc.DBAPIError.instance("", (), error, dialect.loaded_dbapi.Error, dialect=dialect)
    return found


def _nothing_waits(tx: Tx) -> None:
    assert not waiting(tx), "a store without a chain cannot write the journal"


class Store:
    """An engine and the one way to write: `with store.writing() as tx`.

    SQLite: WAL, synchronous FULL (a commit is on disk when it returns), BEGIN IMMEDIATE, and a file lock between
    processes, which wakes the next writer at once where SQLite's busy handler sleeps. Whoever finds the database held
    by somebody else for `LOCK_WAIT` notes it there, and those who queued meanwhile do not wait for it once more each.
    PostgreSQL: synchronous commit as the server has it. Open a `Store` after fork. `before_commit` is called at the end
    of each transaction that writes, and `while_waiting` entered while one waits for its turn or for the disk.
    """

    def __init__(
        self,
        url: str,
        before_commit: Callable[[Tx], None] = _nothing_waits,
        while_waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.engine = make_engine(url)
        self._before_commit = before_commit
        self._while_waiting = while_waiting
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self.shard = 0 if self.is_sqlite else os.getpid() % 8
        self._lock_path = f"{self.engine.url.database}.lock" if self.is_sqlite else None

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """A connection to read with. Raises StoreError."""
        with _wrapped(), self.engine.connect() as connection:
            yield connection
            if not self.is_sqlite:
                connection.commit()  # nothing was written; but a rollback has psycopg forget what it has prepared

    @contextmanager
    def snapshot(self) -> Iterator[Tx]:
        """A connection whose reads all see one moment. Raises StoreError."""
        with _wrapped(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """One transaction: committed when the block ends, rolled back when it raises. Raises StoreError."""
        with _wrapped(), self._only_writer() as queue, self.engine.connect() as connection:
            if queue is not None:
                try:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                except sa.exc.OperationalError:
                    os.utime(queue, (time.monotonic(),) * 2)  # its time, not its content: a full disk takes it as well
                    raise
            waiting(connection).clear()
            connection.info["while_waiting"] = self._while_waiting
            try:
                yield connection
                self._before_commit(connection)
            except BaseException:
                connection.rollback()
                raise
            with self._while_waiting():
                connection.commit()

    @contextmanager
    def _only_writer(self) -> Iterator[int | None]:
        """SQLite: of all processes. The file in which they queue."""
        if self._lock_path is None:
            yield None
            return
        fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            came = time.monotonic()
            with self._while_waiting():
                fcntl.flock(fd, fcntl.LOCK_EX)
            if came < os.stat(fd).st_mtime <= time.monotonic():
                raise StoreError("Locked", is_outage=True)
            yield fd
        finally:
            os.close(fd)

    def settle(self) -> None:
        """SQLite: bring what was written into the database file and empty the log, in which deleted rows still stand
        until then. Does nothing while somebody reads; nothing on PostgreSQL."""
        if self.is_sqlite:
            with _wrapped(), self.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def checkpoint(self) -> bool:
        """SQLite: bring what was written into the database file once the log holds `LOG_PAGES` of it, most of it beside
        those who write. What they wrote meanwhile follows while they wait, so that the next one begins the log anew.
        Whether there was anything to do; never on PostgreSQL. Raises StoreError."""
        if not self.is_sqlite:
            return False
        with _wrapped(), self.engine.connect() as connection:
            # Tells how far the log is, and does nothing; an SQLite before 3.51 takes it for PASSIVE.
            _, pages, done = connection.exec_driver_sql("PRAGMA wal_checkpoint(NOOP)").one()
            if pages - done < LOG_PAGES:
                return False
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            with self._only_writer():
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            return True

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _wrapped() -> Iterator[None]:
    """Drivers' errors as StoreError: nothing above this floor knows a driver, and no statement's values travel on."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        raise StoreError(type(error).__name__, is_outage=True) from None
    except sa.exc.SQLAlchemyError as error:
        raise StoreError(type(error).__name__, is_outage=False) from None


def make_engine(url: str) -> Engine:
    """An engine for `url`, `sqlite:///path` or `postgresql://…`. Opens no connection."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return sa.create_engine(
        parsed,
        pool_size=8,
        max_overflow=24,
        pool_timeout=5,
        pool_pre_ping=True,
        json_serializer=_json,
        json_deserializer=orjson.loads,
        connect_args={
            "connect_timeout": 3,
            "prepare_threshold": NEVER,
            "options": f"-c statement_timeout=5000 -c lock_timeout={LOCK_WAIT}s -c timezone=UTC",
        },
    )


def sqlite_file(url: str) -> Path | None:
    """The file of the store at `url`; None for one that is no file."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def store_name(url: str) -> str:
    """Which store it is, for a sentence: without a password."""
    return str(sqlite_file(url) or make_url(url).render_as_string(hide_password=True))


def _sqlite(url: sa.URL) -> Engine:
    Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        module=sqlite_module(),
        pool_size=8,
        max_overflow=32,
        connect_args={"timeout": LOCK_WAIT, "check_same_thread": False},
        json_serializer=_json,
        json_deserializer=orjson.loads,
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin where this file says so
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            f"wal_autocheckpoint={LOG_MOST}",
            "cache_size=-1000",  # KiB, for each of up to 40 connections: the system's cache holds the file anyway
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()

    return engine


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def sqlite_module() -> Any:
    """`pysqlite3` where its wheel is installed, for SQLite 3.51.3 or newer: older ones can corrupt a WAL database
    with two writers (sqlite.org, "WAL-reset bug"). Else the system's; `doctor` warns when that is older."""
    try:
        import pysqlite3
    except ImportError:
        import sqlite3

        return sqlite3
    return pysqlite3
