"""Measures what each stage of a submission costs, in one thread of one process, without HTTP.

    .venv/bin/python -m bench.stages --batch 16

Prints microseconds of processor time a comment, the median over the batches: what the kernel and other threads take
while the stage waits is not in it.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
from tests.postgres import running_postgres

from bench import comments
from bench.stands import DURABILITY, POSTGRES, RULES
from moderation.actions import submit
from moderation.actions.intake import decide as deciding
from moderation.actions.intake import prepare as preparing
from moderation.actions.intake import record as recording
from moderation.edges import comments as stored
from moderation.edges import journal, redis_server, search, vault
from moderation.edges.migrate import migrate
from moderation.environment import Environment
from moderation.judge import pipeline
from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules
from moderation.runtime import Runtime
from moderation.values import Finding, Login, Submission
from moderation.web import strict, wire

STAGES = ((submit, "gather"), (deciding, "judge_reading"), (deciding, "render"), (submit, "record"))
INSIDE = (
    *((stored, name) for name in ("make_articles", "said_before", "store")),
    *((search, name) for name in ("words_of", "add")),
    *((journal, name) for name in ("write", "post")),
    (preparing, "seen_keys"), (preparing, "buckets"), (recording, "remember"), (recording, "_new"),
)  # fmt: skip


class Watch:
    """Adds up the processor time of functions by name."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = defaultdict(int)

    def around(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            began = time.thread_time_ns()
            try:
                return work(*given, **named)
            finally:
                self.spent[name] += time.thread_time_ns() - began

        return timed


@click.command()
@click.option("--batch", type=click.IntRange(1, 64), default=16, show_default=True)
@click.option("--batches", type=click.IntRange(5), default=60, show_default=True)
@click.option("--store", type=click.Choice(list(DURABILITY)), default="sqlite", show_default=True)
@click.option("--checks", is_flag=True, help="Also each check of the judge.")
def main(batch: int, batches: int, store: str, checks: bool) -> None:
    """Print the figures as Markdown."""
    watch = Watch()
    with ExitStack() as stack:
        rt = stack.enter_context(_runtime(store))
        for place, name in STAGES:
            stack.enter_context(patch.object(place, name, watch.around(name, getattr(place, name))))
        for place, name in INSIDE:
            if hasattr(place, name):
                stack.enter_context(patch.object(place, name, watch.around(f"· {name}", getattr(place, name))))
        if checks:
            stack.enter_context(patch.object(pipeline, "CHECKS", _timed_checks(watch)))
        rt.limits.check = watch.around("limits", rt.limits.check)  # type: ignore[method-assign]
        taken_in = comments.submissions("desk", random.Random(1))
        rounds: list[dict[str, float]] = []
        for _ in range(batches + 5):
            watch.spent.clear()
            _whole(rt, watch, [next(taken_in) for _ in range(batch)])
            rounds.append({name: spent / batch / 1000 for name, spent in watch.spent.items()})
    print(f"| {DURABILITY[store]}, batches of {batch} | µs a comment |\n| --- | --- |")
    for name in rounds[-1]:
        print(f"| {name} | {statistics.median(each.get(name, 0.0) for each in rounds[5:]):,.1f} |")


def _timed_checks(watch: Watch) -> tuple[pipeline.Check, ...]:
    def timed(check: pipeline.Check) -> pipeline.Check:
        around = watch.around(f"· · {check.__name__}", check)

        def named(reading: Reading, site: SiteRules) -> Finding:
            found: Finding = around(reading, site)
            return found

        return named

    return tuple(map(timed, pipeline.CHECKS))


def _whole(rt: Runtime, watch: Watch, raws: Sequence[bytes]) -> None:
    watch.around("parse", lambda: None)()
    began = time.thread_time_ns()
    parsed = watch.around("parse", lambda: [_parse(rt, raw) for raw in raws])()
    prepare = watch.around("prepare", preparing.prepare)
    works = [prepare(rt, rt.rules, submission) for submission in parsed]
    answers = submit._work(rt, works)
    watch.spent["all"] = time.thread_time_ns() - began
    assert not [each for each in answers if isinstance(each, BaseException)], answers


def _parse(rt: Runtime, raw: bytes) -> Submission:
    head, _, body = raw.partition(b"\r\n\r\n")
    address = head.rpartition(b"X-Forwarded-For: ")[2].decode()
    return wire.submission(
        strict.parse_json(body), site_id="desk", site=rt.rules.sites["desk"].settings, address=address,
        request_id=rt.new_id(), own_origin=rt.env.public_url, key=None, login=_no_login,
    )  # fmt: skip


def _no_login(_: str) -> Login:
    raise AssertionError


@contextmanager
def _runtime(store: str) -> Iterator[Runtime]:
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        redis = redis_server.start(state / "redis")
        stack.callback(redis.stop)
        (state / "moderation.toml").write_text(RULES, "utf-8")
        settings: dict[str, Any] = {"state": state, "redis_url": redis.url}
        if store == "postgresql":
            postgres = stack.enter_context(running_postgres(POSTGRES))
            settings["database_url"] = postgres.url(postgres.make_database())
        env = Environment(**settings)
        vault.ensure_keys(env.keys_path)
        migrate(env.database, state / "migrate.lock")
        rt = Runtime(env)
        stack.callback(rt.close)
        yield rt


if __name__ == "__main__":
    main()
