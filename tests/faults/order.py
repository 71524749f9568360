"""ORDER: what a 202 says is on disk before its bytes leave. `strace` watches the service, and PostgreSQL where there is
one; the order is read from what the kernel was asked to do.
"""

from __future__ import annotations

import heapq
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from tests.faults.ground import POSTGRES, Ground
from tests.hour.reviewer import processes
from tests.postgres import PostgresServer, running_postgres
from tests.service import PATIENCE, Service, running_service, wait_until

CALLS = "trace=pwrite64,fsync,fdatasync,sendto"
FEW = 10
FRAME_HEAD = 24
"""Bytes before each page in SQLite's WAL; bytes 4 to 7 of them are not zero where a transaction ends with that page
(sqlite.org/fileformat2.html, section 4.1)."""

LINE = re.compile(
    rb"(?P<pid>\d+) +(?P<at>[\d.]+) (?:(?P<call>\w+)\((?P<told>.*?)|<\.\.\. (?P<again>\w+) resumed>(?P<rest>.*?))"
    rb"(?:(?P<cut> <unfinished \.\.\.>)|\) += (?P<result>-?\d+).*? <(?P<took>[\d.]+)>)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Step:
    """A call begins, or has come back (`is_end`); `at` in seconds. `told` is what strace shows of its arguments."""

    at: float
    pid: bytes
    call: bytes
    told: bytes
    is_end: bool


def a_202_comes_after_the_disk(ground: Ground) -> None:
    """Ten comments one after the other; on SQLite ten more, four at a time, which share a transaction and its sync."""
    folder = ground.folder / secrets.token_hex(4)
    folder.mkdir()
    disk: type[Sqlite | Postgresql] = Sqlite
    if ground.server:
        disk = Postgresql
        with _watched_server(folder) as (url, server_trace):
            ids, trace = _send(folder / "state", folder / "trace", {"MODERATION_DATABASE_URL": url}, at_once=1)
        steps = [*heapq.merge(_steps(trace), _steps(server_trace), key=lambda step: step.at)]
    else:
        ids, trace = _send(folder / "state", folder / "trace", {}, at_once=4)
        steps = [*_steps(trace)]
    early = _early(steps, ids, disk(ids))
    assert not early, f"{len(early)} of {len(ids)} were answered 202 before they were on disk"
    blind = _early([step for step in steps if not _is_sync(step)], ids, disk(ids))
    assert set(blind) == set(ids), "the check does not notice when nothing is synced"
    ground.counts["of as many 202 after their sync"] += len(ids)
    shutil.rmtree(folder)


def _send(state: Path, trace: Path, env: dict[str, str], at_once: int) -> tuple[list[str], Path]:
    """The ids of the comments taken in, and the trace."""
    with running_service(state, workers=2, env=env, under=_strace(trace)) as service:
        ids = [_sent(service) for _ in range(FEW)]
        if at_once > 1:
            with ThreadPoolExecutor(at_once) as pool:
                ids += pool.map(lambda _: _sent(service), range(FEW))
        os.kill(processes(service.state)[0], signal.SIGTERM)  # strace itself takes no signal, and ends with it
        service.process.wait(PATIENCE)
    return ids, trace


def _sent(service: Service) -> str:
    answer = service.post()
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _strace(trace: Path, **user: object) -> list[str]:
    """The words before a command that is to be watched. Raises AssertionError where that cannot be done here."""
    assert shutil.which("strace"), "strace is missing: install strace (apt), or type ./run test, which does"
    probe = subprocess.run(
        ["strace", "-f", "-o", os.devnull, "true"], capture_output=True, text=True, check=False, **user  # type: ignore[call-overload]
    )  # fmt: skip
    assert probe.returncode == 0, (
        "One process may not look at another here (ptrace), which this check needs. In a container allow it "
        "(docker run --cap-add SYS_PTRACE); on a machine set kernel.yama.ptrace_scope to 1 or 0. "
        f"strace says: {probe.stderr.strip()[-300:]}"
    )
    words = "strace -f --seccomp-bpf -qq -y -ttt -T -s 1000000 -e signal=none -e"
    return [*words.split(), CALLS, "-o", str(trace)]


@contextmanager
def _watched_server(folder: Path) -> Iterator[tuple[str, Path]]:
    """The URL of an empty database on a PostgreSQL of its own, and the trace."""
    trace = folder / "server-trace"
    with running_postgres(POSTGRES) as server:
        database = server.url(server.make_database())
        server.stop()
        there = server.folder / "trace"
        words = [*_strace(there, **server.user), str(server.binaries / "postgres"), "-D", str(server.folder / "data")]
        with (
            (server.folder / "log").open("ab") as log,
            subprocess.Popen(
                [*words, *shlex.split(server.options)], stdout=log, stderr=log, cwd="/", **server.user
            ) as process,
        ):
            wait_until(lambda: _takes_connections(server))
            yield database, trace
            server.stop()
            process.wait(PATIENCE)
        shutil.copy(there, trace)


def _takes_connections(server: PostgresServer) -> bool:
    try:
        server.run("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _steps(trace: Path) -> Iterator[Step]:
    """In the order in which strace met them. A call begins after strace was told, and goes on after strace has seen
    its end: what stands earlier in the file did happen earlier."""
    waiting: dict[bytes, tuple[bytes, bytes]] = {}
    with trace.open("rb") as file:
        for line in file:
            found = LINE.match(line)
            if found is None:
                continue  # a process ended
            pid, at = found["pid"], float(found["at"])
            if found["call"]:
                yield Step(at, pid, found["call"], found["told"], False)
                waiting[pid] = found["call"], found["told"]
            if not found["cut"]:
                call, told = waiting.pop(pid)
                ends = at + float(found["took"]) if found["call"] else at
                yield Step(ends, pid, call, told if int(found["result"]) >= 0 else b"", True)


def _is_sync(step: Step) -> bool:
    return step.call in (b"fsync", b"fdatasync")


class Sqlite:
    """What is in the WAL and on the disk. Only one writer at a time writes there."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._wanted = re.compile("|".join(ids).encode())
        self._written: set[bytes] = set()
        self._committed: set[bytes] = set()
        self._syncs: dict[bytes, set[bytes]] = {}
        self._on_disk: set[bytes] = set()
        self._is_last = False

    def meet(self, step: Step) -> None:
        if b"-wal>" not in step.told:
            return
        if _is_sync(step):
            if step.is_end:
                self._on_disk |= self._syncs.pop(step.pid)
            else:
                self._syncs[step.pid] = set(self._committed)
        elif step.is_end and _length(step.told) == FRAME_HEAD:
            self._is_last = any(_bytes(step.told)[4:8])
        elif step.is_end:
            self._written.update(self._wanted.findall(step.told))
            if self._is_last:
                self._committed |= self._written
                self._written.clear()
                self._is_last = False

    def safe(self) -> set[bytes]:
        """The ids whose transaction's last page was written before a sync began that has come back."""
        return set(self._on_disk)


class Postgresql:
    """The same of comments that are sent one after the other."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._wanted = re.compile("|".join(ids).encode())
        self._writers: dict[bytes, set[bytes]] = {}
        self._loose: dict[int, bytes] = {}
        self._syncs: dict[bytes, int] = {}
        self._count = 0

    def meet(self, step: Step) -> None:
        if b"/pg_wal/" not in step.told:
            return
        if _is_sync(step):
            if step.is_end:
                reached = self._syncs.pop(step.pid)
                self._loose = {number: pid for number, pid in self._loose.items() if number > reached}
            else:
                self._syncs[step.pid] = self._count
        elif step.is_end:
            self._count += 1
            self._loose[self._count] = step.pid
            for each in self._wanted.findall(step.told):
                self._writers.setdefault(each, set()).add(step.pid)

    def safe(self) -> set[bytes]:
        """The ids that are in the WAL, and whose writers have written nothing there that is not synced."""
        loose = set(self._loose.values())
        return {each for each, pids in self._writers.items() if not pids & loose}


def _early(steps: Iterable[Step], ids: Sequence[str], disk: Sqlite | Postgresql) -> list[str]:
    """Those of `ids` that were not safe when the first bytes of their 202 were sent (or that none was sent for). The
    id follows in the same call, or in a later one of the same thread to the same socket."""
    wanted = re.compile("|".join(ids).encode())
    heads: dict[tuple[bytes, bytes], set[bytes]] = {}
    good: set[bytes] = set()
    for step in steps:
        if step.call != b"sendto":
            disk.meet(step)
        elif not step.is_end:
            to = step.pid, step.told.partition(b">")[0]
            if b'"HTTP/1.1 202' in step.told:
                heads[to] = disk.safe()
            if to in heads and (found := wanted.findall(step.told)):
                good |= heads.pop(to).intersection(found)
    return [each for each in ids if each.encode() not in good]


def _length(told: bytes) -> int:
    """The third argument of `pwrite64`."""
    return int(told.rsplit(b", ", 2)[1])


def _bytes(told: bytes) -> bytes:
    """The second argument, which strace writes as C does."""
    quoted = told[told.index(b'"') + 1 : told.rindex(b'"')]
    return quoted.decode("unicode_escape").encode("latin-1")
