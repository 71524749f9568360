"""F12: the disk that the state folder is on runs full. A small tmpfs where we may mount one; elsewhere the service's
processes may write no byte further than they have (RLIMIT_FSIZE), which meets store, WAL and log alike."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests
from tests.faults.ground import PATIENCE, Ground
from tests.faults.ledger import load
from tests.hour.reviewer import processes
from tests.service import running_service, wait_until

SIZE = 48 * 2**20


def the_disk_is_full(ground: Ground) -> None:
    """503 in words and never 202 for what is not stored, reading goes on, and it heals without a restart."""
    folder = ground.folder / f"small-{time.monotonic_ns()}"
    with _small_disk(folder) as (fill, free), running_service(folder / "state", workers=2) as service:
        with load(service, threads=4) as ledger:
            wait_until(lambda: len(ledger.accepted) > 20, PATIENCE)
            fill(service.state)
            wait_until(lambda: ledger.answers["503"] > 5, PATIENCE, lambda: f"never 503: {ledger.answers}")
            reading = requests.get(f"{service.base}/v1/demo/comments?article=fault-1", timeout=20)
            assert reading.status_code == 200, f"reading is answered {reading.status_code}"
            refused = service.post()
            if refused.status_code != 202:
                assert refused.headers["Content-Type"] == "application/problem+json"
                assert refused.json()["detail"], "503 without words"
            free(service.state)
            goal = len(ledger.accepted) + 20
            wait_until(lambda: len(ledger.accepted) > goal, PATIENCE, lambda: f"it does not heal: {ledger.answers}")
        assert not ledger.silent_503, "503 without Retry-After"
        assert set(ledger.answers) <= {"202", "503"}, f"{ledger.answers}"
        ledger.check_against(f"sqlite:///{service.state / 'moderation.db'}")


Act = Callable[[Path], None]


@contextmanager
def _small_disk(folder: Path) -> Iterator[tuple[Act, Act]]:
    """How to fill the disk that `folder` is on, and how to free it."""
    folder.mkdir()
    if os.geteuid() != 0 or not _mounted(folder):
        yield _limit, _unlimit
        return
    ballast = folder / "ballast"

    def fill(_: Path) -> None:
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    try:
        yield fill, lambda _: ballast.unlink()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def _mounted(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _limit(state: Path) -> None:
    largest = max(path.stat().st_size for path in state.iterdir() if path.is_file())
    for pid in processes(state)[1]:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, hard))


def _unlimit(state: Path) -> None:
    for pid in processes(state)[1]:
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
