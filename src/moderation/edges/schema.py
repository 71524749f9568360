"""The tables, and engines for SQLite and PostgreSQL. Where the two differ, it is in this file.

Comment ids are 16 characters that sort by time, so a keyset on `id` is a keyset on age. No query lives here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine, make_url

from moderation.errors import StoreError
from moderation.values import Article


class Utc(sa.types.TypeDecorator[datetime]):
    """Aware UTC datetimes. SQLite keeps them as text without an offset, which sorts by time."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")

articles = Table(
    "articles",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("site", sa.String(40), nullable=False),
    Column("key", sa.String(500), nullable=False),
    Column("url", sa.String(2000)),
    Column("title", sa.String(300)),
    Column("closed", sa.Boolean, nullable=False, default=False),
    Column("created_at", Utc, nullable=False),
    Column("version", sa.Integer, nullable=False, default=0),  # grows with every change the public can see
    Column("approved", sa.Integer, nullable=False, default=0),  # kept, not counted
    UniqueConstraint("site", "key"),
)

comments = Table(
    "comments",
    metadata,
    Column("id", sa.String(16), primary_key=True),
    Column("site", sa.String(40), nullable=False),
    Column("article_id", Serial, ForeignKey("articles.id"), nullable=False),
    Column("parent_id", sa.String(16), ForeignKey("comments.id")),
    Column("root_id", sa.String(16), nullable=False),  # the first comment of its branch, itself for a first one
    Column("depth", sa.SmallInteger, nullable=False, default=0),
    Column("status", sa.String(10), nullable=False),
    Column("version", sa.Integer, nullable=False, default=1),
    Column("author_name", sa.String(200), nullable=False),
    Column("author_url", sa.String(2000)),
    Column("email_sealed", sa.Text),
    Column("email_index", sa.LargeBinary(17)),  # key id byte + 16 bytes
    Column("email_masked", sa.String(40)),
    Column("verified", sa.Boolean, nullable=False, default=False),
    Column("address_hash", sa.LargeBinary(16)),
    Column("address_prefix", sa.String(45)),
    Column("body", sa.Text, nullable=False),  # as sent
    Column("html", sa.Text, nullable=False),  # as shown, rendered once
    Column("masks", sa.JSON, nullable=False),
    Column("findings", sa.JSON, nullable=False),
    Column("verdict", sa.String(10), nullable=False),
    Column("revision", sa.String(16), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("decided_at", Utc),
    Column("decided_by", sa.String(80)),
    Column("reason", sa.String(200)),
    Index("ix_comments_queue", "site", "status", "id"),
    Index("ix_comments_thread", "article_id", "status", "root_id", "id"),
    Index("ix_comments_author", "site", "email_index", "id"),
    Index("ix_comments_parent", "parent_id"),
)

author_records = Table(
    "author_records",
    metadata,
    Column("site", sa.String(40), primary_key=True),
    Column("email_index", sa.LargeBinary(17), primary_key=True),
    Column("pending", sa.Integer, nullable=False, default=0),
    Column("approved", sa.Integer, nullable=False, default=0),
    Column("rejected", sa.Integer, nullable=False, default=0),
    Column("spam", sa.Integer, nullable=False, default=0),
    Column("first_seen", Utc, nullable=False),
)

counters = Table(  # comments by status; sharded by process so that no row is hot, and summed when read
    "counters",
    metadata,
    Column("site", sa.String(40), primary_key=True),
    Column("status", sa.String(10), primary_key=True),
    Column("shard", sa.SmallInteger, primary_key=True),
    Column("count", sa.BigInteger, nullable=False, default=0),
)

recent_texts = Table(  # what was said a moment ago, to refuse it the second time
    "recent_texts",
    metadata,
    Column("key", sa.LargeBinary(16), primary_key=True),
    Column("comment_id", sa.String(16), nullable=False),
    Column("until", Utc, nullable=False),
    Index("ix_recent_texts_until", "until"),
)

journal = Table(  # append-only
    "journal",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("at", Utc, nullable=False),
    Column("actor", sa.String(80), nullable=False),
    Column("role", sa.String(20), nullable=False),
    Column("action", sa.String(40), nullable=False),
    Column("site", sa.String(40)),
    Column("target", sa.String(80)),
    Column("before", sa.String(40)),
    Column("after", sa.String(40)),
    Column("reason", sa.String(200)),
    Column("request_id", sa.String(40)),
    Index("ix_journal_target", "target", "seq"),
    Index("ix_journal_at", "at"),
)

outbox = Table(  # letters to the outside, written in the transaction of what they tell
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("site", sa.String(40), nullable=False),
    Column("kind", sa.String(40), nullable=False),
    Column("comment_id", sa.String(16), nullable=False),
    Column("payload", sa.JSON, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("attempts", sa.Integer, nullable=False, default=0),
    Column("done_at", Utc),
    Index("ix_outbox_due", "done_at", "due_at"),
)

people = Table(
    "people",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("name", sa.String(80), nullable=False),
    Column("password", sa.String(200)),
    Column("role", sa.String(20), nullable=False),
    Column("sites", sa.JSON),  # a list of ids, or null for all
    Column("disabled", sa.Boolean, nullable=False, default=False),
    Column("failures", sa.Integer, nullable=False, default=0),
    Column("next_try_at", Utc),
    Column("created_at", Utc, nullable=False),
    UniqueConstraint("name"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token", sa.LargeBinary(32), primary_key=True),  # SHA-256 of the cookie's value
    Column("person_id", Serial, ForeignKey("people.id"), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Index("ix_sessions_person_id", "person_id"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", sa.String(12), primary_key=True),
    Column("secret", sa.LargeBinary(32), nullable=False),  # SHA-256 of the secret part
    Column("name", sa.String(80), nullable=False),
    Column("scopes", sa.JSON, nullable=False),
    Column("sites", sa.JSON),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc),
    Column("used_at", Utc),
)

links = Table(  # one-time links: set a first password
    "links",
    metadata,
    Column("token", sa.LargeBinary(32), primary_key=True),  # SHA-256 of the link's secret
    Column("purpose", sa.String(20), nullable=False),
    Column("person_id", Serial, ForeignKey("people.id")),
    Column("expires_at", Utc, nullable=False),
)

leases = Table(  # who does a job that only one process should do
    "leases",
    metadata,
    Column("name", sa.String(40), primary_key=True),
    Column("holder", sa.String(80), nullable=False),
    Column("until", Utc, nullable=False),
)

loaded_rules = Table(  # every revision of the rules that took effect
    "loaded_rules",
    metadata,
    Column("revision", sa.String(16), primary_key=True),
    Column("source", sa.Text, nullable=False),
    Column("loaded_at", Utc, nullable=False),
)


def article_of(row: Any) -> Article:
    """A row of `articles` as a value."""
    return Article(row.id, row.site, row.key, row.url, row.title, row.closed, row.created_at, row.version)


def upsert(dialect: str, table: Table) -> Any:
    """`INSERT … ON CONFLICT` has no common spelling in SQLAlchemy; both dialects' own take the same arguments."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


Tx = Connection
"""What the functions of the other edges take: a connection, inside a transaction where they write."""


class Store:
    """An engine and the one way to write: `with store.writing() as tx`.

    SQLite: WAL, synchronous FULL (a commit is on disk when it returns), BEGIN IMMEDIATE, and a file lock between
    processes, which wakes the next writer at once where SQLite's busy handler sleeps. PostgreSQL: synchronous
    commit as the server has it. Open a `Store` after fork.
    """

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self.shard = 0 if self.is_sqlite else os.getpid() % 8
        self._lock_path = f"{self.engine.url.database}.lock" if self.is_sqlite else None

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """A connection to read with. Raises StoreError."""
        with _wrapped(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """One transaction: committed when the block ends, rolled back when it raises. Raises StoreError."""
        if self._lock_path is None:
            with _wrapped(), self.engine.begin() as connection:
                yield connection
            return
        with _wrapped(), _file_lock(self._lock_path), self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

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


@contextmanager
def _file_lock(path: str) -> Iterator[None]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


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
        connect_args={"connect_timeout": 3, "options": "-c statement_timeout=5000 -c timezone=UTC"},
    )


def _sqlite(url: sa.URL) -> Engine:
    Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        module=sqlite_module(),
        pool_size=8,
        max_overflow=32,
        connect_args={"timeout": 5, "check_same_thread": False},
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
            "cache_size=-16000",
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
