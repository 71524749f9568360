"""kill -HUP under load: no request is dropped, and nothing that belongs to the first process goes with a worker."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import redis
from tests.faults.ledger import load
from tests.hour.reviewer import processes
from tests.service import running_service, wait_until

from moderation.edges import redis_server


@pytest.mark.timeout(300)
def test_a_reload_drops_no_request_and_takes_nothing_away(tmp_path: Path) -> None:
    with running_service(tmp_path / "state", workers=2) as service:
        client = redis.Redis.from_url(redis_server.socket_url(service.state))
        before = client.info("server")["process_id"]
        with load(service, threads=4, anew=True) as ledger:
            for _ in range(2):
                first, old = processes(service.state)
                goal = len(ledger.accepted) + 20
                wait_until(lambda least=goal: len(ledger.accepted) > least, 60)
                service.process.send_signal(signal.SIGHUP)
                wait_until(lambda gone=old: not set(gone) & set(processes(service.state)[1]), 60)
                assert first == service.process.pid
            goal = len(ledger.accepted) + 20
            wait_until(lambda: len(ledger.accepted) > goal, 60)
        print(f"reloaded twice: {len(ledger.accepted)} accepted, answers {dict(ledger.answers)}")
        ledger.check_against(service.state / "moderation.db")
        assert set(ledger.answers) == {"202"}
        assert client.info("server")["process_id"] == before
        assert service.get("/metrics").status_code == 200
