"""Hostile inputs of every category over HTTP: our own, and those of a corpus where MODERATION_CORPORA names its folder.

No fault of ours, no hang, no leak, what the input asks for, one log line a request, and an ordinary comment after each
category. How they are stored is told in `hostile/rows.py`, where they are sent in `hostile/trials.py`, and what is
right in `hostile/verdicts.py`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
import requests
from tests.doors.hostile import rows
from tests.doors.hostile.runs import send_all
from tests.doors.hostile.trials import Target
from tests.service import PASSWORD, Service, running_service, wait_until

MOST_GROWTH = 50 * 1024
"""Kilobytes by which a worker may grow over all of it: what it keeps is bounded."""

IN_FILES = {"config_toml", "regex_rule"}
"""Categories of the rules file, which no request carries (`test_hostile_rules.py`)."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("hostile") / "state", workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def target(service: Service) -> Target:
    service.person("Mira")
    browser = requests.Session()
    form = {"name": "Mira", "password": PASSWORD}
    headers = {"Sec-Fetch-Site": "same-origin"}
    browser.post(f"{service.base}/desk/sign-in", form, headers=headers, allow_redirects=False, timeout=10)
    return Target(
        service.token("queue:read", "decisions:write", "articles:write")["Authorization"].partition(" ")[2],
        f"{service.cookie}={browser.cookies[service.cookie]}",
        lambda: str(service.post().json()["id"]),
    )


@pytest.fixture(scope="module")
def worker(service: Service, target: Target) -> tuple[int, int]:
    """The worker's process id, and its size once it has met a few comments."""
    for _ in range(20):
        assert service.post().status_code == 202
    (pid,) = _workers(service)
    return pid, _kilobytes(pid)


def test_there_are_four_hundred_of_our_own_and_some_of_every_category() -> None:
    counts = {category: len(rows.own(category)) for category in rows.categories()}
    assert sum(counts.values()) >= 400
    assert min(counts.values()) >= 12
    assert len(counts) == 34
    assert set(rows.corpus_categories()) <= set(counts)


@pytest.mark.parametrize("category", [each for each in rows.categories() if each not in IN_FILES])
def test_nothing_breaks_leaks_or_hangs(
    service: Service, target: Target, worker: tuple[int, int], category: str, tell: Callable[[str], None]
) -> None:
    logged = _requests_logged(service)
    run = send_all([*rows.own(category), *rows.corpus(category)], target, _port(service))
    tell(f"{category}: {run.summary()}")
    assert not run.faults, f"{len(run.faults)} faults:\n" + "\n".join(run.faults[:40])
    assert run.inputs >= len(rows.own(category))
    assert run.requests >= len(rows.own(category))
    assert service.post().status_code == 202
    assert _workers(service) == {worker[0]}
    answered = sum(count for status, count in run.statuses.items() if status)
    wait_until(lambda: _requests_logged(service) - logged >= answered)


def test_the_worker_has_not_grown_over_all_of_it(service: Service, worker: tuple[int, int]) -> None:
    pid, size = worker
    assert _kilobytes(pid) - size < MOST_GROWTH


def _port(service: Service) -> int:
    return int(service.base.rpartition(":")[2])


def _workers(service: Service) -> set[int]:
    """The children of the master that are no Redis."""
    told = _ps("-o", "pid=,args=", "--ppid", str(service.process.pid))
    return {int(line.split()[0]) for line in told.splitlines() if "moderation" in line.split(None, 1)[1]}


def _kilobytes(pid: int) -> int:
    return int(_ps("-o", "rss=", "-p", str(pid)))


def _ps(*words: str) -> str:
    return subprocess.run(["ps", *words], capture_output=True, text=True, check=True).stdout


def _requests_logged(service: Service) -> int:
    return sum(line["event"] == "request" for line in service.log_lines())
