"""Fixtures that several folders of tests share: a real Redis, real databases, a runtime over both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from moderation import catalogue
from moderation.edges import vault
from moderation.edges.limits import Limits
from moderation.environment import Environment
from moderation.runtime import Runtime
from tests import canary
from tests.service import RULES, STARTED

pytest_plugins = ["tests.edges.redis_fixtures", "tests.edges.store_fixtures", "tests.smtp"]


DAY = 86_400
LATE = 120
"""Seconds before midnight, UTC, in which no test begins: limits and keys of a day begin anew then, and the desk tells
of another day than it is. What happens at midnight is tried with clocks of the tests' own."""

# How long an example takes says how busy the machine is. The same ones each time, so that a run that was good stays
# good; `--hypothesis-profile search` looks for others.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("search", settings.get_profile("ours"), derandomize=False, print_blob=True)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile(config.getoption("--hypothesis-profile") or "ours")
    canary.search_all_answers()


def pytest_runtest_setup() -> None:
    """A page that a test before asked for in this process may have set another language."""
    if (left := DAY - time.time() % DAY) < LATE:
        time.sleep(left)
    catalogue.speak("en")


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """What a test measured: one line, printed at the end of the run, from whichever process ran it."""
    return lambda line: record_property("told", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    lines = [line for report in reports for name, line in getattr(report, "user_properties", ()) if name == "told"]
    if lines:
        terminalreporter.section("told by the tests")
        for line in dict.fromkeys(lines):  # setup, call and teardown of a test report the same
            terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """At the end of the run, whatever any service has left on the disk is searched for the canary."""
    yield
    for state in STARTED:
        canary.check_files(state)


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.time += timedelta(milliseconds=1)  # ids sort by time
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


PATIENCE = 5.0
"""Seconds for Redis, which other tests beside this one keep busy. How short they are is tested at the limits' own."""


@pytest.fixture
def make_runtime(tmp_path: Path, database_url: str, redis_url: str, clock: Clock) -> Iterator[Callable[..., Runtime]]:
    """Runtimes over a real database (once SQLite, once PostgreSQL) and a real Redis."""
    from moderation.edges.migrate import migrate

    opened: list[Runtime] = []

    def make(rules: str = RULES, **settings: Any) -> Runtime:
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        (state / "moderation.toml").write_text(rules.replace("{base}", "http://127.0.0.1:8080"), "utf-8")
        given: dict[str, Any] = {"workers": 1, "totp_required": "none"} | settings
        env = Environment(state=state, database_url=database_url, redis_url=redis_url, **given)
        vault.ensure_keys(env.keys_path)
        migrate(env.database, state / "migrate.lock")
        rt = Runtime(env, now=clock)
        rt.limits = Limits(redis_url, workers=1, timeout=PATIENCE)
        opened.append(rt)
        return rt

    yield make
    for rt in opened:
        rt.close()


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime()
