"""Fixtures that several folders of tests share: a real Redis, real databases, a runtime over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from moderation.edges import vault
from moderation.runtime import Runtime
from moderation.settings import Environment
from tests.service import RULES

pytest_plugins = ["tests.edges.redis_fixtures", "tests.edges.store_fixtures"]


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


@pytest.fixture
def make_runtime(tmp_path: Path, database_url: str, redis_url: str, clock: Clock) -> Iterator[Callable[..., Runtime]]:
    """Runtimes over a real database (once SQLite, once PostgreSQL) and a real Redis."""
    from moderation.edges.migrate import migrate

    opened: list[Runtime] = []

    def make(rules: str = RULES) -> Runtime:
        state = tmp_path / "state"
        state.mkdir(exist_ok=True)
        (state / "moderation.toml").write_text(rules.replace("{base}", "http://127.0.0.1:8080"), "utf-8")
        env = Environment(state=state, database_url=database_url, redis_url=redis_url, workers=1)
        vault.ensure_keys(env.keys_path)
        migrate(env.database, state / "migrate.lock")
        rt = Runtime(env, now=clock)
        opened.append(rt)
        return rt

    yield make
    for rt in opened:
        rt.close()


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime()
