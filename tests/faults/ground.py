"""Where faults strike: a service of two workers on SQLite or PostgreSQL, with everything that belongs to it at hand."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import redis
import requests
from tests.faults.ledger import Ledger
from tests.hour.reviewer import PROXY, processes
from tests.postgres import PostgresServer, running_postgres
from tests.service import Service, running_service, start, wait_until

from moderation.edges import redis_server

SETTINGS = {"MODERATION_TRUSTED_PROXIES": f"{PROXY}/32"}
POSTGRES = {"max_connections": "100", "shared_buffers": "32MB"}


@dataclass
class Ground:
    """`database` is the store's URL, `server` the PostgreSQL where there is one. `ledger` is that of the load.
    `is_long`: faults last as long as the table says, not as short as they can. `took` are seconds, by what took them;
    `counts` is what else was done."""

    service: Service
    rng: Random
    folder: Path
    database: str
    server: PostgresServer | None
    ledger: Ledger
    is_long: bool = False
    took: dict[str, list[float]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.took.setdefault(what, []).append(time.monotonic() - begun)

    @property
    def store(self) -> str:
        return "PostgreSQL" if self.server else "SQLite"

    def workers(self) -> list[int]:
        return processes(self.service.state)[1]

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(redis_server.socket_url(self.service.state), socket_timeout=5)

    def redis_pid(self) -> int:
        """0 where there is none."""
        with suppress(redis.RedisError):
            return int(self.redis().info("server")["process_id"])
        return 0

    def kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def kill_service(self) -> None:
        self.service.process.kill()
        self.service.process.wait()

    def start_service(self) -> None:
        """Start it again in the same folder, and wait until it takes comments."""
        env = {name: value for name, value in self.service.env.items() if name.startswith("MODERATION_")}
        port = urlsplit(self.service.base).port or 0
        with self.timed("ready"):
            self.service.process = start(self.service.state, port, workers=2, env=env).process
            self.service.wait_ready()

    def accepted(self, more: int = 5) -> None:
        """Wait until `more` further comments have been accepted."""
        goal = len(self.ledger.accepted) + more
        wait_until(lambda: len(self.ledger.accepted) >= goal, lambda: f"not taken in: {self.ledger.answers}")

    def seen(self, status: str) -> None:
        """Wait until the load has met another answer of this status."""
        before = self.ledger.answers[status]
        wait_until(lambda: self.ledger.answers[status] > before, lambda: f"never {status}")

    def ready(self, **parts: str) -> None:
        """Wait until `/readyz` says so."""
        wait_until(lambda: parts.items() <= self._readiness().items(), lambda: f"/readyz: {self._readiness()}")

    def _readiness(self) -> dict[str, str]:
        try:
            told: dict[str, str] = requests.get(f"{self.service.base}/readyz", timeout=10).json()
            return told
        except (requests.RequestException, ValueError):
            return {}

    def read_before(self) -> None:
        """Read the article often enough that every worker remembers it (for 60 s)."""
        for _ in range(30):
            self.reads()

    def reads(self) -> None:
        """An article that was read before can still be read."""
        answer = requests.get(f"{self.service.base}/v1/demo/comments?article=fault-1", timeout=20)
        assert answer.status_code == 200, f"reading is answered {answer.status_code}"

    def pause(self, shortest: float, longest: float) -> None:
        """A random time, in seconds: how long a fault lasts, which no answer tells."""
        time.sleep(self.rng.uniform(shortest, longest))


@contextmanager
def standing(folder: Path, store: str, seed: int, rules: str, server: PostgresServer | None = None) -> Iterator[Ground]:
    """A ground with `store` (`sqlite` or `postgresql`) in `folder`; `server` is used where it is given."""
    if store == "postgresql" and server is None:
        with running_postgres(POSTGRES) as fresh, standing(folder, store, seed, rules, fresh) as ground:
            yield ground
        return
    url = server.url(server.make_database()) if store == "postgresql" and server else ""
    env = SETTINGS | ({"MODERATION_DATABASE_URL": url} if url else {})
    with running_service(folder / "state", rules=rules, workers=2, env=env) as service:
        database = url or f"sqlite:///{service.state / 'moderation.db'}"
        ground = Ground(service, Random(seed), folder, database, server if url else None, Ledger())
        service.get("/v1/demo/comments?article=fault-1")
        yield ground
