"""F12: a disk runs full: the store's, the log's and Redis's in turn. A small tmpfs where we may mount one; elsewhere
its processes may write no byte further than they have (RLIMIT_FSIZE), which meets store, WAL and log alike."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests
from tests.faults.ground import Ground
from tests.faults.ledger import Ledger, load
from tests.hour.reviewer import processes
from tests.service import Service, running_service, wait_until

SIZE = 48 * 2**20
DISKS = ("the store's", "the log's", "Redis's")


def the_disk_is_full(ground: Ground) -> None:
    """Nothing is answered 202 that is not stored, reading goes on, and all heals without a restart. Only the store's
    disk makes 503 in words; without the log or Redis's file comments are taken in all the same."""
    folder, state = (ground.folder / f"{name}-{time.monotonic_ns()}" for name in ("small", "state"))
    with _small_disk(folder) as disk:
        of = DISKS[ground.counts.total() % len(DISKS)] if disk else DISKS[0]
        fill, free = disk or (_limit, _unlimit)
        state.mkdir(mode=0o700)
        env = {"MODERATION_DATABASE_URL": f"sqlite:///{folder / 'moderation.db'}"} if of == DISKS[0] and disk else {}
        database = env.get("MODERATION_DATABASE_URL", f"sqlite:///{state / 'moderation.db'}")
        if of == DISKS[1]:
            (state / "stderr.log").symlink_to(folder / "stderr.log")
        if of == DISKS[2]:
            (folder / "redis").mkdir()
            (state / "redis").symlink_to(folder / "redis")
        with running_service(state, workers=2, env=env) as service:
            with load(service, threads=4) as ledger:
                wait_until(lambda: len(ledger.accepted) > 20)
                fill(state)
                _bears(service, ledger, of)
                reading = requests.get(f"{service.base}/v1/demo/comments?article=fault-1", timeout=20)
                assert reading.status_code == 200, f"reading is answered {reading.status_code}"
                free(state)
                goal = len(ledger.accepted)
                with ground.timed("202 again"):
                    wait_until(lambda: len(ledger.accepted) > goal, lambda: f"never well: {ledger.answers}")
                wait_until(lambda: len(ledger.accepted) > goal + 20)
                with ground.timed("well again"):
                    wait_until(lambda: service.get("/readyz").json()["status"] == "ok")
            assert not ledger.silent_503, "503 without Retry-After"
            may_be = {"202", "503"} if of == DISKS[0] else {"202"}
            assert set(ledger.answers) <= may_be, f"{of} disk: {dict(ledger.answers)}"
            ledger.check_against(database)
    ground.counts[f"runs on {of} disk"] += 1


def _bears(service: Service, ledger: Ledger, of: str) -> None:
    """What must be seen while the disk is full."""
    if of == DISKS[0]:
        wait_until(lambda: ledger.answers["503"] > 5, lambda: f"never 503: {ledger.answers}")
        refused = service.post()
        if refused.status_code != 202:
            assert refused.headers["Content-Type"] == "application/problem+json"
            assert refused.json()["detail"], "503 without words"
        return
    if of == DISKS[2]:
        degraded = {"limits": "degraded"}.items()
        wait_until(lambda: degraded <= service.get("/readyz").json().items(), lambda: "Redis has room")
    goal = len(ledger.accepted) + 100
    wait_until(lambda: len(ledger.accepted) > goal, lambda: f"not taken in: {ledger.answers}")


Act = Callable[[Path], None]


@contextmanager
def _small_disk(folder: Path) -> Iterator[tuple[Act, Act] | None]:
    """How to fill the disk that `folder` is on, and how to free it. None where there is none of its own."""
    folder.mkdir()
    if os.geteuid() != 0 or not _mounted(folder):
        yield None
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
