"""RELOAD: kill -HUP again and again under load, through nginx as shipped. Nobody is refused, and Redis stays."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import redis
from tests.faults.ledger import Ledger, load
from tests.hour.reviewer import processes
from tests.service import Service, running_service, wait_until
from tests.test_proxy import nginx_before

from moderation.edges import redis_server

TIMES = 20


def told(folder: Path, times: int = TIMES) -> tuple[str, bool]:
    """The line of the table, and whether no request was dropped."""
    place = folder / "reload"
    (place / "nginx").mkdir(parents=True)
    with (
        running_service(place / "state", workers=2) as service,
        nginx_before(int(service.base.rpartition(":")[2]), place / "nginx") as port,
    ):
        client = redis.Redis.from_url(redis_server.socket_url(service.state))
        before = client.info("server")["process_id"]
        with load(replace(service, base=f"http://127.0.0.1:{port}"), threads=4, anew=True) as ledger:
            for _ in range(times):
                _accepts(ledger)
                _reload(service)
            _accepts(ledger)
        ledger.check_against(service.state / "moderation.db")
        assert client.info("server")["process_id"] == before, "Redis went with a worker"
        assert service.get("/metrics").status_code == 200
    dropped = sum(number for answer, number in ledger.answers.items() if answer != "202")
    name = "kill -HUP under load, through nginx"
    line = f"{'RELOAD':<6} {name:<44} {'SQLite':<10} {times:>5} {dropped:>6} {min(1.0, 3 / times):>8.2%}"
    return f"{line}  {len(ledger.accepted)} accepted, answers {dict(ledger.answers)}", not dropped


def _accepts(ledger: Ledger, more: int = 20) -> None:
    goal = len(ledger.accepted) + more
    wait_until(lambda: len(ledger.accepted) > goal)


def _reload(service: Service) -> None:
    """New workers in the place of all old ones, under the same first process."""
    first, old = processes(service.state)
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not set(old) & set(processes(service.state)[1]))
    assert first == service.process.pid
