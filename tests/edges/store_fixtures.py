"""Fixtures for tests that need a real database: `database_url` names one with all tables and nothing in them, once on
SQLite and once on PostgreSQL; `empty_url` names one without tables, and `store` is an open `Store`. The tables are made
once a process and copied. One PostgreSQL serves all tests of a process.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.postgres import PostgresServer, running_postgres

from moderation.edges.migrate import migrate
from moderation.edges.store import Store

SETTINGS = {
    "fsync": "off",  # no test here cuts the power; killing processes loses nothing
    "max_connections": "200",
    "shared_buffers": "32MB",
}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_postgres(SETTINGS) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with all tables, to be copied."""
    name = postgres_server.make_database()
    migrate(postgres_server.url(name), tmp_path_factory.mktemp("migrated") / "lock")
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate(f"sqlite:///{folder}/test.db", folder / "lock")
    return folder / "test.db"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """A PostgreSQL database with all tables, dropped after the test."""
    with _database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture
def sqlite_url(sqlite_template: Path) -> Iterator[str]:
    """A SQLite database with all tables."""
    with _folder() as folder:
        shutil.copy(sqlite_template, folder / "test.db")
        yield f"sqlite:///{folder}/test.db"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with all tables, of each kind in turn."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database without tables, of each kind in turn. That of SQLite does not exist yet."""
    if request.param == "sqlite":
        with _folder() as folder:
            yield f"sqlite:///{folder}/test.db"
    else:
        with _database(request.getfixturevalue("postgres_server")) as url:
            yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store with all tables, empty."""
    opened = Store(database_url)
    yield opened
    opened.close()


@contextmanager
def _database(server: PostgresServer, template: str = "template1") -> Iterator[str]:
    name = server.make_database(template)
    yield server.url(name)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _folder() -> Iterator[Path]:
    """In memory where files can stand there: waiting for a busy disk takes longer than all else, and no test here cuts
    the power."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="test-", dir=memory if memory.is_dir() else None) as name:
        yield Path(name)
