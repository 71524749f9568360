"""The limits against others' work and against a plain model: the library `limits`, exact fractions over many steps, and
what a key costs.

The ordinary run is short. `MODERATION_LIMIT_STEPS=1000000` makes the long one, whose lines stand in
`docs/evidence/limits.txt`.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace

import pytest
import redis
from limits import RateLimitItemPerSecond
from limits.storage import memory
from limits.strategies import MovingWindowRateLimiter
from tests.conftest import PATIENCE
from tests.edges.test_limits import SECOND, ServerTime
from tests.service import wait_until

from moderation.edges.limits import Limits
from moderation.rates import Answer, Bucket, LocalLimiter, Question, Window

STEPS = int(os.environ.get("MODERATION_LIMIT_STEPS", "20000"))
BATCH = 16
PENALTIES = {"a": 0, "b": 0, "c": 0, "d": 1, "e": 4, "f": 5}
"""By key: what a site says holds for each of its buckets at all times."""
WINDOWS = (
    Window("minute", 5, 60, 5), Window("hour", 60, 3600, 20), Window("odd", 7, 11, 3), Window("day", 300, 86400, 30),
)  # fmt: skip


# --- beside the library `limits`


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock of the library, in seconds."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(memory, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.mark.parametrize("burst", [1, 2, 5, 20])
def test_the_library_limits_brackets_the_script(redis_url: str, moving: SimpleNamespace, burst: int) -> None:
    """`limits` has no GCRA, so its moving window cannot always agree. It must in this, whatever comes when: let `b` be
    the burst and `T` the time in which a bucket used up is whole again.

    - Where fewer than `b` were let through in the last `T`, with this one at most `b`, the script lets it through:
      what flows out in `T` is `b`, so no more is left than came since.
    - The script never lets more than `2b` through in any `T`: one bucket full, and what flows out of it meanwhile.
    - With a burst of one both are the same rule, and agree about every single comment.
    """
    seconds = 3600
    at = ServerTime()
    ours = Limits(redis_url, workers=1, server_time=at, timeout=PATIENCE)
    window = Window("window", burst, seconds, burst)
    most = burst if burst == 1 else 2 * burst
    theirs, item = MovingWindowRateLimiter(memory.MemoryStorage()), RateLimitItemPerSecond(most, seconds)
    chance, told = random.Random(burst), Counter[bool]()
    began, wait = at.now, 0.0
    for _ in range(max(2000, STEPS // 40)):
        interval = window.interval // 4 if chance.random() < 0.9 else window.tolerance
        passed = round(wait * SECOND) + chance.choice((-1, 1)) if wait and chance.random() < 0.3 else 0
        at.now += passed if passed > 0 else 1 + int(chance.expovariate(1 / interval))
        moving.now = 1000 + (at.now - began) / SECOND
        weight = chance.choice((1, 1, min(2, burst)))
        used = most - theirs.get_window_stats(item).remaining
        (answer,) = ours.check([Question("demo", (Bucket("address", "a", window, True, weight),))])
        assert answer.source == "redis"
        if used + weight <= burst:
            assert answer.allowed, "the moving window of the burst would have let it through"
        if answer.allowed or burst == 1:
            assert theirs.hit(item, cost=weight) == answer.allowed, "twice the burst within the time"
        told[answer.allowed] += 1
        wait = answer.retry_after
    assert min(told.values()) > 200, told


# --- beside a model


@dataclass
class Level:
    """How full a bucket is, in uses, at a time in microseconds."""

    uses: Fraction = Fraction(0)
    at: int = 0


class Model:
    """The rule in other words and without rounding: every use fills a bucket by its weight, time empties it by one use
    an interval; what does not fit any more is refused, and then no bucket of that comment is filled, but those that
    refused, up to their penalty beyond the brim. A soft one that overflows refuses nothing, and is filled like that."""

    def __init__(self) -> None:
        self._levels: dict[str, Level] = {}
        self._seen: Counter[str] = Counter()

    def ask(self, question: Question, now: int) -> tuple[bool, list[tuple[int, int, int]], list[int]]:
        """Allowed; microseconds to wait, uses left and microseconds until empty of each; counts of the fingerprints."""
        keys = question.keys()
        levels = [self._levels.setdefault(key, Level()) for key in keys[: len(question.buckets)]]
        both = list(zip(question.buckets, levels, strict=True))
        for bucket, level in both:
            level.uses = max(Fraction(0), level.uses - Fraction(now - level.at, bucket.window.interval))
            level.uses = min(level.uses, Fraction(bucket.window.burst + bucket.penalty))
            level.at = now
        over = [level.uses + bucket.weight - bucket.window.burst for bucket, level in both]
        allowed = all(too_much <= 0 or bucket.soft for too_much, (bucket, _) in zip(over, both, strict=True))
        numbers = []
        for too_much, (bucket, level) in zip(over, both, strict=True):
            before = level.uses
            if allowed and too_much <= 0:
                level.uses += bucket.weight
            elif too_much > 0 and bucket.penalty and bucket.soft == allowed:
                level.uses = min(level.uses + bucket.weight, Fraction(bucket.window.burst + bucket.penalty))
                too_much += level.uses - before
            numbers.append(
                (
                    int(max(Fraction(0), too_much) * bucket.window.interval),
                    max(0, math.floor(bucket.window.burst - level.uses)),
                    int(level.uses * bucket.window.interval),
                )
            )
        fingerprints = keys[len(question.buckets) :]
        seen = [self._seen[each] for each in fingerprints]
        if allowed:
            self._seen.update(fingerprints)
        return allowed, numbers, seen


def numbers(answer: Answer) -> tuple[bool, list[tuple[int, int, int]]]:
    return answer.allowed, [
        (round(each.retry_after * SECOND), each.remaining, round(each.reset_after * SECOND)) for each in answer.buckets
    ]


def some_question(chance: random.Random) -> Question:
    buckets = tuple(
        some_bucket(chance, scope, window)
        for window in WINDOWS
        for scope in ("address", "article")
        if chance.random() < 0.3
    )
    return Question(chance.choice(("one", "two")), buckets, tuple(chance.sample("xyz", chance.randint(0, 2))))


def some_bucket(chance: random.Random, scope: str, window: Window) -> Bucket:
    key = chance.choice("abcdef")
    soft = key == "f" or (key == "a" and chance.random() < 0.8)
    return Bucket(scope, key, window, True, chance.choice((1, 1, 1, 2, 3)), soft, PENALTIES[key])


@pytest.mark.timeout(3600)
def test_the_script_and_the_local_limiter_follow_a_model(redis_url: str, tell: Callable[[str], None]) -> None:
    at, chance, began = ServerTime(), random.Random(20261128), time.monotonic()
    script = Limits(redis_url, workers=1, server_time=at, timeout=PATIENCE)
    local, model = LocalLimiter(workers=1), Model()
    allowed, asked = 0, 0
    for _ in range(0, STEPS, BATCH):
        at.passes(chance.expovariate(1 / 8))
        questions = [some_question(chance) for _ in range(BATCH)]
        for question, answer in zip(questions, script.check(questions), strict=True):
            assert answer.source == "redis", script.state()
            is_allowed, expected, seen = model.ask(question, at.now)
            assert (numbers(answer), list(answer.seen)) == ((is_allowed, expected), seen)
            assert numbers(local.ask(question, at.now)) == (is_allowed, expected)
            allowed += is_allowed
            asked += len(question.buckets)
    assert STEPS // 10 < allowed < STEPS - STEPS // 10
    took = time.monotonic() - began
    tell(
        f"limits: {STEPS} comments, {asked} buckets: script, local limiter and model differ in 0; "
        f"{STEPS - allowed} refused; {took:.0f} s"
    )


# --- what a key costs


@pytest.mark.parametrize("site", ["news", "s" * 40])
def test_a_key_costs_little(redis_url: str, redis_client: redis.Redis, tell: Callable[[str], None], site: str) -> None:
    """By how much the memory of Redis grows, its tables included: for an ordinary name of a site and the longest."""
    count = max(20_000, STEPS // 5)
    limits, window = Limits(redis_url, workers=1, timeout=PATIENCE), Window("address-1", 60, 86_400, 60)
    wait_until(lambda: redis_client.info("memory")["lazyfree_pending_objects"] == 0)  # of the test before
    before = _used(redis_client)
    for start in range(0, count, BATCH):
        keys = [f"{number:032x}" for number in range(start, start + BATCH)]
        limits.check([Question(site, (Bucket("address", key, window, True),)) for key in keys])
    grown = (_used(redis_client) - before) / count
    assert redis_client.dbsize() == count
    tell(f"limits: {count} buckets of a site with {len(site)} letters in its name: {grown:.0f} bytes each")
    assert grown < 180 + len(site)


def _used(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])
