"""Real faults under load: workers killed, the whole service killed, Redis killed, frozen and filled.

Every run tells what it saw. The ledger is the client's; the store is looked at afterwards.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from tests.faults.ledger import Ledger, load
from tests.service import Service, running_service, start, wait_until

from moderation.edges import redis_server

RNG = random.Random(20261124)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path / "state", workers=2) as running:
        yield running


def workers_of(service: Service) -> list[int]:
    """The worker processes: children of the service that are not the embedded Redis."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(service.process.pid)], capture_output=True, text=True, check=False
    ).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "valkey" not in line and "redis-server" not in line]


def redis_of(service: Service) -> redis.Redis:
    return redis.Redis.from_url(redis_server.socket_url(service.state))


def redis_pid(service: Service) -> int:
    return int(redis_of(service).info("server")["process_id"])


def accepted(ledger: Ledger, more: int) -> None:
    """Wait until `more` further comments have been accepted."""
    goal = len(ledger.accepted) + more
    wait_until(lambda: len(ledger.accepted) >= goal, lambda: f"not accepted: {ledger.answers}")


def told(what: str, ledger: Ledger) -> str:
    slowest = max(ledger.seconds) * 1000
    return f"{what}: {len(ledger.accepted)} accepted, answers {dict(ledger.answers)}, slowest {slowest:.0f} ms"


def test_killed_workers_lose_and_double_nothing(service: Service, tell: Callable[[str], None]) -> None:
    with load(service) as ledger:
        for _ in range(6):
            accepted(ledger, 40)
            os.kill(RNG.choice(workers_of(service)), signal.SIGKILL)
            wait_until(lambda: len(workers_of(service)) == 2)
        accepted(ledger, 40)
    tell(told("6 workers killed", ledger))
    ledger.check_against(service.state / "moderation.db")
    assert set(ledger.answers) <= {"202", "none"}
    assert ledger.answers["none"] <= 6 * 32, "only requests under way may go unanswered"


def test_a_killed_service_finds_everything_again(tmp_path: Path, tell: Callable[[str], None]) -> None:
    state = tmp_path / "state"
    with running_service(state, workers=2) as service:
        with load(service) as ledger:
            for _ in range(2):
                accepted(ledger, 60)
                service.process.kill()
                service.process.wait()
                again = start(state, urlsplit(service.base).port or 0, workers=2)
                service.process = again.process
                service.wait_ready()
            accepted(ledger, 60)
        tell(told("service killed twice", ledger))
        ledger.check_against(state / "moderation.db")


def test_killed_redis_is_started_again_and_nothing_is_refused(service: Service, tell: Callable[[str], None]) -> None:
    with load(service) as ledger:
        accepted(ledger, 40)
        gone = redis_pid(service)
        os.kill(gone, signal.SIGKILL)
        wait_until(lambda: service.get("/readyz").json()["limits"] == "degraded" or _is_new(service, gone))
        accepted(ledger, 40)
        wait_until(lambda: _is_new(service, gone))
        wait_until(lambda: service.get("/readyz").json()["status"] == "ok")
        accepted(ledger, 40)
    tell(told("Redis killed", ledger))
    ledger.check_against(service.state / "moderation.db")
    assert set(ledger.answers) == {"202"}


def _is_new(service: Service, gone: int) -> bool:
    try:
        return redis_pid(service) != gone
    except redis.RedisError:
        return False


def test_a_frozen_redis_holds_comments_and_delays_none_for_long(
    service: Service, tell: Callable[[str], None], script_of: dict[str, str]
) -> None:
    pid = redis_pid(service)
    with load(service, threads=4) as ledger:
        accepted(ledger, 20)
        os.kill(pid, signal.SIGSTOP)
        try:
            ledger.seconds.clear()
            accepted(ledger, 100)
            waited = sorted(ledger.seconds)
            assert service.get("/readyz").json()["limits"] == "degraded"
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: service.get("/readyz").json()["status"] == "ok")
        accepted(ledger, 20)
    tell(told("Redis frozen", ledger))
    ledger.check_against(service.state / "moderation.db")
    assert set(ledger.answers) == {"202"}
    assert waited[len(waited) // 2] < 1.5, f"half of them waited {waited[len(waited) // 2]:.2f} s"  # 0.3 s for Redis
    assert waited[-1] < 5, f"a request waited {waited[-1]:.2f} s"  # once, on a loaded machine
    codes = (found["code"] for item in service.queue(script_of) for found in item["explanation"]["findings"])
    assert "limits-unavailable" in codes


@pytest.fixture
def script_of(service: Service) -> dict[str, str]:
    return service.token("queue:read")


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_redis_that_takes_no_writes_holds_comments(service: Service, fault: str, tell: Callable[[str], None]) -> None:
    client = redis_of(service)
    with load(service, threads=4) as ledger:
        accepted(ledger, 20)
        if fault == "full":
            client.config_set("maxmemory", "1mb")
        else:
            client.replicaof("127.0.0.1", 1)
        wait_until(lambda: service.get("/readyz").json()["limits"] == "degraded")
        accepted(ledger, 40)
        if fault == "full":
            client.config_set("maxmemory", "64mb")
        else:
            client.replicaof("NO", "ONE")
        wait_until(lambda: service.get("/readyz").json()["status"] == "ok")
        accepted(ledger, 20)
    tell(told(f"Redis {fault}", ledger))
    ledger.check_against(service.state / "moderation.db")
    assert set(ledger.answers) == {"202"}


def test_a_locked_store_answers_503_and_heals(service: Service, tell: Callable[[str], None]) -> None:
    import sqlite3

    with load(service, threads=4) as ledger:
        accepted(ledger, 20)
        blocker = sqlite3.connect(service.state / "moderation.db", isolation_level=None)
        blocker.execute("BEGIN EXCLUSIVE")
        wait_until(lambda: ledger.answers["503"] > 0)
        assert service.get("/v1/demo/comments?article=fault-1").status_code == 200, "reading goes on"
        blocker.execute("ROLLBACK")
        blocker.close()
        accepted(ledger, 20)
    tell(told("store locked", ledger))
    ledger.check_against(service.state / "moderation.db")
    assert set(ledger.answers) == {"202", "503"}


def test_a_gentle_stop_finishes_what_runs(service: Service, tell: Callable[[str], None]) -> None:
    with load(service) as ledger:
        accepted(ledger, 60)
        service.stop()
    tell(told("stopped", ledger))
    ledger.check_against(service.state / "moderation.db")
    assert set(ledger.answers) <= {"202", "none"}
    assert service.process.returncode == 0


def test_a_first_burst_at_a_fresh_service_is_answered_at_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with running_service(tmp_path / "state", workers=2) as service, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: service.post(), range(64)))
        assert {answer.status_code for answer in answers} == {202}
        assert max(answer.elapsed.total_seconds() for answer in answers) < 4
