"""Everything that the service writes while it runs is JSON without personal data, whatever becomes of its workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.canary import CANARY
from tests.service import Service, running_service, wait_until


def workers_of(service: Service) -> list[int]:
    told = [line["event"] for line in service.log_lines() if line["event"].startswith("Booting worker")]
    pids = [int(line.rpartition(" ")[2]) for line in told]
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def starting(service: Service, text: str) -> Callable[[], bool]:
    return lambda: any(line["event"].startswith(text) for line in service.log_lines())


def test_every_line_is_json_when_workers_are_killed_and_cannot_start(tmp_path: Path) -> None:
    with running_service(tmp_path / "state", workers=2) as service:
        wait_until(lambda: len(workers_of(service)) == 2)
        killed, aborted = workers_of(service)
        os.kill(killed, signal.SIGKILL)
        wait_until(starting(service, f"Worker (pid:{killed}) was sent SIGKILL! Perhaps out of memory?"))
        os.kill(aborted, signal.SIGABRT)  # what gunicorn sends to one that is silent for too long
        wait_until(starting(service, f"Worker exiting (pid: {aborted})"))
        wait_until(lambda: len(workers_of(service)) == 2)
        assert service.post().status_code == 202
        (service.state / "keys.json").write_text(f"not the keys of {CANARY}", "utf-8")
        os.kill(workers_of(service)[0], signal.SIGKILL)
        service.process.wait(timeout=40)
        lines = [json.loads(line) for line in service.log_text().splitlines()]
        (service.state / "keys.json").unlink()  # or the search at the end finds what this test has written
    (failed,) = [line for line in lines if line["event"] == "worker-failed"]
    assert failed["error"] == "KeysInvalid"
    assert not [
        line for line in lines if not {"event", "level", "timestamp"} <= line.keys() or CANARY in json.dumps(line)
    ]


PROGRAM = """
import logging, sys, threading, warnings
from moderation.edges.telemetry import configure_logging
configure_logging("INFO")
def fail():
    raise ValueError("a@example.org")
class Late:
    def __del__(self):
        fail()
thread = threading.Thread(target=fail)
thread.start()
thread.join()
Late()
warnings.warn("a@example.org", stacklevel=1)
logging.getLogger("library").warning("ended: %s by %s", 7, "SIGKILL")
logging.getLogger("library").warning("of %s", "a@example.org")
logging.getLogger("gunicorn.error").warning("Connection in use: %s", "('::', 8080)")
logging.getLogger("gunicorn.error").warning("Error handling request %s", "/?a@example.org")
fail()
"""


def test_what_nobody_caught_is_told_without_its_text() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == [
        "uncaught", "uncaught", "warning", "ended: 7 by SIGKILL", "of …",
        "Connection in use: ('::', 8080)", "Error handling request …", "uncaught",
    ]  # fmt: skip
    assert lines[0] | {"timestamp": ""} == {
        "event": "uncaught", "error": "ValueError", "where": lines[0]["where"], "level": "error", "timestamp": "",
    }  # fmt: skip
    assert lines[0]["where"][-1] == "<string>:6 fail"
    assert lines[2]["where"] == "<string>:14"
    assert "a@example.org" not in done.stderr + done.stdout
