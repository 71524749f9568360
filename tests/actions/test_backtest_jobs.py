"""A backtest from the desk: run in the background to its end, cancelled, cut short; on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa
from bench.backtest import fill
from tests.actions.test_review import ANA
from tests.conftest import Clock
from tests.service import wait_until

from moderation.actions import backtest_jobs as action
from moderation.actions import privacy, retention
from moderation.commands import COMMAND_LINE
from moderation.edges import backtest_jobs, backtest_process
from moderation.edges.backtest_jobs import Job
from moderation.edges.schema import Tx, backtests
from moderation.errors import Busy, Forbidden, NotFound, RulesInvalid
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Moderator, Role

ADA, BEN = (Moderator(number, name, RIGHTS[Role.ADMIN], None, "admin") for number, name in ((7, "Ada"), (8, "Ben")))
RULES = "[sites.desk]\nmode = 'post'\n"
DRAFT = RULES + '[[rules]]\nid = "all"\nwhen = \'comment.length > 0\'\nthen = "hold"\n'
MANY = 1000


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime]) -> Runtime:
    rt = make_runtime(RULES)
    rt.now = lambda: datetime.now(UTC)  # the backtest is a process of its own, with the clock of the machine
    return rt


@pytest.fixture
def filled(rt: Runtime) -> Runtime:
    fill(rt.env.database, MANY, rt.rules)
    return rt


def start(rt: Runtime, who: Moderator = ADA) -> Job:
    return action.start(rt, who, DRAFT, "mark", "30d")


def processes(rt: Runtime) -> list[int]:
    """Those that run a backtest for this runtime."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes().split(b"\0")
        except OSError:  # it has gone meanwhile
            continue
        if b"backtest" in words and os.fsencode(rt.env.state) in words:
            found.append(int(each.parent.name))
    return found


def test_it_runs_to_its_end_and_tells_how_far_it_is(filled: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest_process, "EVERY", 0.02)
    far: list[tuple[int, int]] = []
    advance = backtest_jobs.advance

    def told(tx: Tx, job: str, done: int, total: int, now: datetime) -> bool:
        far.append((done, total))
        return advance(tx, job, done, total, now)

    monkeypatch.setattr(backtest_jobs, "advance", told)
    job = start(filled)
    assert job.state == "waiting"
    assert action.work(filled)
    done = action.find(filled, ADA, job.id)
    assert (done.state, done.done, done.total) == ("done", MANY, MANY)
    assert done.report
    assert done.report["comments"] == MANY
    assert far == sorted(far)
    assert (0, MANY) in far
    assert far[-1] == (MANY, MANY)
    assert action.latest(filled, ADA) == done
    assert not action.work(filled)
    assert processes(filled) == []


def test_each_person_has_one_and_one_runs_at_a_time(make_runtime: Callable[..., Runtime]) -> None:
    rt, other = make_runtime(RULES), make_runtime(RULES)
    other.process = "another"
    first = start(rt)
    with pytest.raises(Busy):
        start(rt)
    second = start(rt, BEN)
    worker = Thread(target=action.work, args=[rt])
    worker.start()
    wait_until(lambda: action.find(rt, ADA, first.id).state != "waiting")
    assert not action.work(other)
    worker.join()
    assert action.find(rt, ADA, first.id).state == "done"
    assert action.find(rt, BEN, second.id).state == "waiting"
    again = start(rt)
    with pytest.raises(NotFound):
        action.find(rt, ADA, first.id)
    assert action.find(rt, ADA, again.id).is_open


def test_a_cancelled_one_ends_at_once(filled: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest_process, "EVERY", 0.05)
    job = start(filled)
    worker = Thread(target=action.work, args=[filled])
    worker.start()
    wait_until(lambda: processes(filled))
    assert action.cancel(filled, ADA, job.id).state == "cancelled"
    worker.join(30)
    assert not worker.is_alive()
    wait_until(lambda: not processes(filled))
    assert action.cancel(filled, ADA, job.id).state == "cancelled"
    waiting = start(filled)
    action.cancel(filled, ADA, waiting.id)
    assert not action.work(filled)


def test_a_killed_service_leaves_no_process_and_it_is_told_as_interrupted(filled: Runtime) -> None:
    job = start(filled)
    settings = {"MODERATION_DATABASE_URL": filled.env.database, "MODERATION_REDIS_URL": filled.env.redis_url or ""}
    words = [sys.executable, "-m", "moderation", "worker", "--state", str(filled.env.state)]
    worker = subprocess.Popen(words, env=os.environ | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: processes(filled))
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    wait_until(lambda: not processes(filled))
    assert action.find(filled, ADA, job.id).state == "running"
    filled.now = lambda: datetime.now(UTC) + backtest_jobs.SILENT + timedelta(seconds=1)
    assert not action.work(filled)
    assert action.find(filled, ADA, job.id).state == "interrupted"
    assert start(filled).is_open


def test_one_that_fails_says_so(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    job = start(rt)
    assert action.work(rt)
    assert action.find(rt, ADA, job.id).state == "failed"


def test_who_may_not_and_what_cannot_be(rt: Runtime) -> None:
    with pytest.raises(Forbidden):
        start(rt, ANA)
    with pytest.raises(RulesInvalid):
        action.start(rt, ADA, "sites = 1", "", "30d")
    job = start(rt)
    with pytest.raises(NotFound):
        action.find(rt, BEN, job.id)
    with pytest.raises(NotFound):
        action.cancel(rt, BEN, job.id)


def test_reports_are_forgotten_after_a_day_and_with_the_reader_they_quote(
    make_runtime: Callable[..., Runtime], clock: Clock
) -> None:
    rt = make_runtime(RULES)
    start(rt)
    with rt.store.writing() as tx:
        tx.execute(sa.update(backtests).values(state="done", finished_at=rt.now()))
    assert "backtests" not in retention.tidy(rt)
    clock.advance(hours=25)
    assert retention.tidy(rt)["backtests"] == 1
    start(rt)
    privacy.erase(rt, COMMAND_LINE, "nobody@example.org", "asked")
    assert action.latest(rt, ADA) is None
