"""The two servers side by side: the service as its README starts it, and the bare application under the same gunicorn
settings. Each stand knows its processes, and what they have cost so far.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import requests
from tests.postgres import PostgresServer, running_postgres
from tests.service import Service, free_port, start, wait_until

from bench import comments

WORKERS = 2
THREADS = 32
THREAD_SIZE = 100

POSTGRES = {"max_connections": "200", "shared_buffers": "128MB"}  # all else, fsync above all, as PostgreSQL comes
DURABILITY = {
    "sqlite": "SQLite, WAL, synchronous FULL",
    "postgresql": "PostgreSQL, fsync on, synchronous_commit on",
}

RULES = """
[defaults.limits]  # all are asked and charged; none refuses
address = ["1000000/minute", "60000000/hour"]
network = ["1000000/minute", "60000000/hour"]
email = ["1000000/minute", "60000000/hour"]
pair = ["1000000/minute", "60000000/hour"]
article = ["1000000/minute"]
site = ["1000000/minute"]
fuse = []
burst = 1000

[sites.desk]
name = "Every comment waits for a moderator, as by default"

[sites.open]
name = "Comments are public at once, to fill a thread"
mode = "post"
"""


@dataclass(frozen=True, slots=True)
class Stand:
    """One of the servers. `others` are the processes that it needs besides its workers: Redis, PostgreSQL."""

    name: str
    port: int
    workers: tuple[int, ...]
    others: tuple[int, ...] = ()

    def spent(self) -> tuple[float, float]:
        """Processor seconds so far: of the workers, and of everything."""
        workers = sum(map(_seconds, self.workers))
        return workers, workers + processor_seconds(self.others)


@dataclass(frozen=True, slots=True)
class Pair:
    """Service and bare application. `etag` is that of the thread that both answer."""

    service: Stand
    bare: Stand
    etag: str
    size: int


@contextmanager
def running(store: str, folder: Path) -> Iterator[Pair]:
    """Both servers, warm, the service on `store` with a thread of `THREAD_SIZE` comments. Stopped at the end."""
    with running_postgres(POSTGRES) if store == "postgresql" else nullcontext() as postgres:
        state = folder / store
        state.mkdir(mode=0o700)
        service = _service(state, postgres)
        bare = None
        try:
            service.wait_ready()
            thread = _fill_thread(service)
            file = folder / f"{store}.json"
            file.write_bytes(thread.content)
            port = free_port()
            bare = _bare(port, file)
            wait_until(lambda: _listens(port), lambda: "the bare application did not start")
            pair = Pair(
                _stand("moderation", int(service.base.rpartition(":")[2]), service.process.pid, postgres),
                _stand("bare Flask", port, bare.pid, None),
                thread.headers["ETag"],
                len(thread.content),
            )
            yield pair
        finally:
            service.stop()
            if bare is not None:
                bare.send_signal(signal.SIGTERM)
                bare.wait(timeout=40)


def _service(state: Path, postgres: PostgresServer | None) -> Service:
    (state / "moderation.toml").write_text(RULES, "utf-8")
    env = {"MODERATION_TRUSTED_PROXIES": "127.0.0.1"}  # the generator forwards like nginx, for a thousand readers
    if postgres:
        env["MODERATION_DATABASE_URL"] = postgres.url(postgres.make_database())
    return start(state, free_port(), workers=WORKERS, threads=THREADS, env=env)


def _bare(port: int, file: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "bench.bare", str(port), str(WORKERS), str(THREADS), str(file)]
    env = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(file.parent), "MODERATION_STATE": str(file.parent)}
    return subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _fill_thread(service: Service) -> requests.Response:
    """The public answer of an article with `THREAD_SIZE` comments."""
    chance = random.Random(1)
    for number in range(THREAD_SIZE):
        comment = comments.comment(chance) | {"article": comments.THREAD}
        comment["body"] = comment["body"].replace("???", f"number {number}")
        answer = service.session.post(f"{service.base}/v1/open/comments", json=comment, timeout=15)
        assert answer.status_code == 201, answer.text
    thread = service.get(f"/v1/open/comments?article={comments.THREAD}")
    assert len(thread.json()["comments"]) == THREAD_SIZE, thread.text
    return thread


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _stand(name: str, port: int, master: int, postgres: PostgresServer | None) -> Stand:
    """Its processes: gunicorn's workers run the master's program, Redis another one."""
    wait_until(lambda: len(_workers(master)) == WORKERS, lambda: f"{name}: not all workers came up")
    workers = _workers(master)
    redis = [pid for pid in _below(master) if pid not in workers]
    return Stand(name, port, tuple(workers), (*redis, *([postgres.process()] if postgres else [])))


def _workers(master: int) -> list[int]:
    program = os.readlink(f"/proc/{master}/exe")
    return [pid for pid in _children().get(master, []) if os.readlink(f"/proc/{pid}/exe") == program]


def _below(root: int) -> list[int]:
    """All descendants of a process."""
    children = _children()
    found = list(children.get(root, []))
    for pid in found:
        found += children.get(pid, [])
    return found


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            found.setdefault(int(_fields(path)[1]), []).append(int(path.parent.name))
    return found


def processor_seconds(roots: Iterable[int]) -> float:
    """Processor time so far of these processes and all below them."""
    return sum(map(_seconds, {pid for root in roots for pid in (root, *_below(root))}))


def _seconds(pid: int) -> float:
    """Processor time of one process, user and system."""
    try:
        fields = _fields(Path(f"/proc/{pid}/stat"))
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _fields(stat: Path) -> list[str]:
    """What follows the name in /proc/PID/stat, which may hold blanks and brackets itself: state, parent, ..."""
    return stat.read_text("utf-8", "replace").rpartition(")")[2].split()
