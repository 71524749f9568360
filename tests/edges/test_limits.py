"""The limits against a real Redis: the arithmetic, the batch, healing; and the local limiter against a model."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from fractions import Fraction

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.crc import key_slot
from tests.conftest import PATIENCE
from tests.service import wait_until

from moderation.edges.limits import Limits
from moderation.rates import Answer, Bucket, LocalLimiter, Question, Window

pytest_plugins = ["tests.edges.redis_fixtures"]

MINUTE = Window("minute", 5, 60, 5)
HOUR = Window("hour", 60, 3600, 20)
SECOND = 1_000_000


def bucket(key: str, window: Window = MINUTE, scope: str = "address", weight: int = 1, soft: bool = False) -> Bucket:
    return Bucket(scope, key, window, visible=scope == "address", weight=weight, soft=soft)


def ask(*buckets: Bucket, seen: tuple[str, ...] = ()) -> Question:
    return Question("demo", buckets, seen)


class ServerTime:
    """Microseconds, moved by the test."""

    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND
        self._last = time.monotonic()

    def __call__(self) -> int:
        return self.now

    def passes(self, seconds: float) -> None:
        """So much time, and no less than has really passed: Redis forgets keys by its own clock, which must not be
        ahead of this one."""
        last, self._last = self._last, time.monotonic()
        self.now += int(max(seconds, self._last - last) * SECOND)


@pytest.fixture
def at() -> ServerTime:
    return ServerTime()


@pytest.fixture
def limits(redis_url: str, at: ServerTime) -> Limits:
    return Limits(redis_url, workers=1, server_time=at, timeout=PATIENCE)


def one(limits: Limits, question: Question) -> Answer:
    (answer,) = limits.check([question])
    assert answer.source == "redis", limits.state()
    return answer


# --- the arithmetic


def test_a_burst_is_allowed_and_then_one_at_a_time(limits: Limits, at: ServerTime) -> None:
    answers = [one(limits, ask(bucket("a"))) for _ in range(6)]
    assert [a.allowed for a in answers] == [True] * 5 + [False]
    assert [a.buckets[0].remaining for a in answers] == [4, 3, 2, 1, 0, 0]
    assert [a.buckets[0].reset_after for a in answers] == [12, 24, 36, 48, 60, 60]
    assert answers[-1].retry_after == answers[-1].buckets[0].retry_after == 12
    at.now += 12 * SECOND - 1
    assert not one(limits, ask(bucket("a"))).allowed
    at.now += 1
    assert one(limits, ask(bucket("a"))).allowed
    assert not one(limits, ask(bucket("a"))).allowed


def test_a_refused_try_extends_no_wait(limits: Limits, at: ServerTime) -> None:
    for _ in range(5):
        one(limits, ask(bucket("a")))
    for passed in range(12):
        for _ in range(20):
            assert one(limits, ask(bucket("a"))).retry_after == 12 - passed
        at.now += SECOND
    assert one(limits, ask(bucket("a"))).allowed


def test_all_are_charged_or_none(limits: Limits, redis_client: redis.Redis) -> None:
    tight = Window("tight", 1, 60, 1)
    assert one(limits, ask(bucket("a", tight))).allowed
    before = redis_client.keys()
    refused = one(limits, ask(bucket("a", tight), bucket("a", HOUR), bucket("p", scope="pair"), seen=("print",)))
    assert [b.allowed for b in refused.buckets] == [False, True, True]
    assert [b.remaining for b in refused.buckets] == [0, 20, 5]
    assert not refused.allowed
    assert redis_client.keys() == before, "a refusal creates no key of any other bucket"


def test_a_soft_bucket_reports_and_the_others_are_charged_all_the_same(limits: Limits) -> None:
    question = ask(bucket("a", HOUR), bucket("mail", Window("mail", 1, 60, 1), scope="email", soft=True))
    answers = [one(limits, question) for _ in range(3)]
    assert [a.allowed for a in answers] == [True, True, True]
    assert [a.buckets[1].allowed for a in answers] == [True, False, False]
    assert [a.buckets[0].remaining for a in answers] == [19, 18, 17]
    assert [a.retry_after for a in answers] == [0, 0, 0]
    assert answers[2].buckets[1].retry_after == 60


def test_a_weight_uses_so_many(limits: Limits) -> None:
    assert one(limits, ask(bucket("a", weight=3))).buckets[0].remaining == 2
    refused = one(limits, ask(bucket("a", weight=3)))
    assert (refused.allowed, refused.retry_after) == (False, 12)
    assert one(limits, ask(bucket("a", weight=2))).allowed


def test_a_fingerprint_is_counted_when_it_was_let_through(limits: Limits, redis_client: redis.Redis) -> None:
    question = ask(bucket("a"), seen=("x", "y"))
    assert [one(limits, question).seen for _ in range(7)] == [(n, n) for n in (0, 1, 2, 3, 4, 5, 5)]
    assert one(limits, ask(seen=("y", "z"))).seen == (5, 0)
    assert 3590 < redis_client.ttl("limits:{demo}:seen:x") <= 3600


def test_sites_scopes_and_windows_are_apart(limits: Limits) -> None:
    full = Window("full", 1, 60, 1)
    questions = [
        ask(bucket("a", full)),
        Question("other", (bucket("a", full),)),
        ask(bucket("a", full, scope="pair")),
        ask(bucket("a", replace(full, name="fuller"))),
    ]
    assert all(answer.allowed for answer in limits.check(questions))
    assert not any(answer.allowed for answer in limits.check(questions))


def test_a_question_without_limits_is_allowed(limits: Limits) -> None:
    assert one(limits, ask()) == Answer(True, (), (), "redis")
    assert limits.check([]) == []


def test_the_servers_clock_is_used(redis_url: str) -> None:
    limits = Limits(redis_url, workers=1, timeout=PATIENCE)
    quick = Window("quick", 20, 1, 2)
    began = time.monotonic()
    assert [one(limits, ask(bucket("a", quick))).allowed for _ in range(2)] == [True, True]
    wait_until(lambda: one(limits, ask(bucket("a", quick))).allowed)
    assert time.monotonic() - began >= 0.049


def test_a_clock_set_back_or_a_window_made_shorter_locks_nobody_out(limits: Limits, at: ServerTime) -> None:
    for _ in range(20):
        one(limits, ask(bucket("a", HOUR)))
    at.now -= 10 * 365 * 86400 * SECOND
    assert one(limits, ask(bucket("a", HOUR))).retry_after == 60
    shorter = replace(HOUR, limit=3600, burst=2)
    assert one(limits, ask(bucket("a", shorter))).retry_after == 1


CHANGED = {
    "rate": (Window("w", 2, 60, 2), Window("w", 100, 60, 2)),
    "burst": (Window("w", 60, 3600, 20), Window("w", 60, 3600, 2)),
    "period": (Window("w", 5, 86400, 5), Window("w", 5, 60, 5)),
}


@pytest.mark.parametrize(("before", "after"), CHANGED.values(), ids=CHANGED)
@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize("penalty", [0, 3])
@pytest.mark.parametrize("source", ["redis", "local", "look"])
def test_after_a_limit_was_changed_the_wait_that_was_told_is_enough(
    limits: Limits, at: ServerTime, source: str, before: Window, after: Window, soft: bool, penalty: int
) -> None:
    """Also where another limit refuses the comment, and where somebody only looked."""
    local = LocalLimiter(workers=1)

    def of(window: Window) -> Bucket:
        return Bucket("address", "a", window, visible=True, soft=soft, penalty=penalty)

    def send(*buckets: Bucket) -> Answer:
        return local.ask(ask(*buckets), at.now) if source == "local" else one(limits, ask(*buckets))

    full = bucket("full", Window("day", 1, 86400, 1))
    send(full)
    for _ in range(before.burst):
        send(of(before))
    told = send(of(after), full).buckets[0]
    if source == "look":
        (told,) = limits.look({"demo": [of(after)]})["demo"]
    assert not told.allowed
    at.now += round(told.retry_after * SECOND)
    assert send(of(after)).buckets[0].allowed


def test_who_looks_sets_the_wait_going(limits: Limits, at: ServerTime, redis_client: redis.Redis) -> None:
    tight, loose = Window("w", 2, 6000, 2), Window("w", 100, 6000, 2)
    for _ in range(2):
        one(limits, ask(bucket("a", tight)))
    (told,) = limits.look({"demo": [bucket("a", loose)]})["demo"]
    assert (told.allowed, told.retry_after, told.reset_after) == (False, 60, 120)
    at.now += 60 * SECOND
    assert one(limits, ask(bucket("a", loose))).allowed
    (key,) = redis_client.keys("limits:*:a")
    assert 0 < redis_client.pttl(key) <= 120_000, "and it is forgotten when it is whole"


def test_after_a_clock_was_set_back_the_wait_that_was_told_is_enough(limits: Limits, at: ServerTime) -> None:
    for _ in range(20):
        one(limits, ask(bucket("a", HOUR)))
    at.now -= 86400 * SECOND
    told = one(limits, ask(bucket("a", HOUR)))
    at.now += round(told.retry_after * SECOND)
    assert one(limits, ask(bucket("a", HOUR))).allowed


@pytest.mark.parametrize("source", ["redis", "local"])
def test_who_goes_on_while_refused_waits_longer_but_never_longer_than_the_penalty(
    limits: Limits, at: ServerTime, source: str
) -> None:
    local = LocalLimiter(workers=1)
    question = ask(Bucket("address", "a", MINUTE, visible=True, penalty=3), bucket("p", HOUR, "pair"))

    def send() -> Answer:
        return one(limits, question) if source == "redis" else local.ask(question, at.now)

    answers = [send() for _ in range(105)]
    assert [a.allowed for a in answers] == [True] * 5 + [False] * 100
    assert [a.retry_after for a in answers[5:9]] == [24, 36, 48, 48]
    assert {a.retry_after for a in answers[8:]} == {48}
    assert {a.buckets[0].remaining for a in answers[5:]} == {0}
    assert answers[-1].buckets[1].remaining == 15, "only what refused is charged for it"
    at.now += 48 * SECOND - 1
    assert send().retry_after == pytest.approx(12, abs=0.1), "and the wait that was told is enough"
    at.now += 48 * SECOND
    assert send().allowed


# --- what is kept


def test_every_key_ends_by_itself_and_is_small(limits: Limits, redis_client: redis.Redis) -> None:
    hashed = "0123456789abcdef012345"
    windows = (MINUTE, HOUR)
    one(limits, ask(*(bucket(hashed, w, s) for w in windows for s in ("address", "pair", "article")), seen=(hashed,)))
    keys = redis_client.keys()
    assert len(keys) == 7
    for key in keys:
        assert 0 < redis_client.pttl(key) <= 3_600_000
        assert (redis_client.memory_usage(key) or 0) <= 129
    for key in (k for k in keys if b"seen" not in k):
        assert redis_client.pttl(key) <= 60_000, "a bucket used once is forgotten when one use has come back"


def test_one_question_lies_in_one_cluster_slot(limits: Limits, redis_client: redis.Redis) -> None:
    one(limits, ask(bucket("a"), bucket("b", scope="article"), bucket("", scope="site"), seen=("x",)))
    assert len({key_slot(key) for key in redis_client.scan_iter() if isinstance(key, bytes)}) == 1


@pytest.mark.parametrize("count", [1, 16, 64])
def test_a_batch_is_one_round_trip(limits: Limits, redis_client: redis.Redis, count: int) -> None:
    questions = [ask(bucket(f"a{i}"), bucket(f"a{i}", HOUR), bucket("b", HOUR, "article")) for i in range(count)]
    limits.check(questions[:1])

    def writes() -> int:
        return int(redis_client.info("stats")["total_writes_processed"])

    def written() -> int:
        apart = writes()
        apart = writes() - apart  # what asking costs
        before = writes()
        limits.check(questions)
        return writes() - before - apart

    fewest = min(written() for _ in range(5))  # somebody else may be answered meanwhile
    assert 1 <= fewest <= 1 + count // 16, "the server answers the batch, not each question"


def test_a_batch_keeps_its_order_and_sees_its_own_charges(limits: Limits) -> None:
    answers = limits.check([ask(bucket("a")), ask(bucket("b")), *[ask(bucket("a"))] * 5, ask(bucket("b"))])
    assert [a.allowed for a in answers] == [True, True, True, True, True, True, False, True]
    assert [a.buckets[0].remaining for a in answers] == [4, 4, 3, 2, 1, 0, 0, 3]
    assert [a.buckets[0].bucket.key for a in answers] == ["a", "b", "a", "a", "a", "a", "a", "b"]


def test_sixteen_threads_get_exactly_the_burst(redis_url: str) -> None:
    limits = Limits(redis_url, workers=1, timeout=PATIENCE)
    question = ask(bucket("shared", Window("slow", 50, 86400, 50)))
    gate = threading.Barrier(16)
    allowed: list[bool] = []

    def work() -> None:
        gate.wait()
        allowed.extend(one(limits, question).allowed for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(allowed), sum(allowed)) == (320, 50)


# --- what others do to our keys


@pytest.mark.parametrize("wrong", ["list", "hash", "text", "huge", "negative", "float", "not a number"])
def test_a_key_that_is_not_ours_is_replaced_and_counted(limits: Limits, redis_client: redis.Redis, wrong: str) -> None:
    for name in ("limits:{demo}:address:minute:a", "limits:{demo}:seen:x"):
        if wrong == "list":
            redis_client.rpush(name, 1)
        elif wrong == "hash":
            redis_client.hset(name, "a", "1")
        else:
            values = {"text": "hello", "huge": "9" * 400, "negative": "-5", "float": "1e300", "not a number": "nan"}
            redis_client.set(name, values[wrong])
    answer = one(limits, ask(bucket("b"), bucket("a"), seen=("x",)))
    assert answer.buckets[0].allowed
    if wrong == "huge":
        assert answer.buckets[1].retry_after <= 60, "a bucket is never fuller than full"
        return
    assert answer.allowed
    assert answer.seen == (0,)
    assert limits.state().wrongtype_total == 2
    assert 0 < redis_client.pttl("limits:{demo}:address:minute:a") <= 12_000
    assert one(limits, ask(bucket("a"), seen=("x",))).seen == (1,)


def test_flushed_scripts_are_sent_again_and_the_order_kept(limits: Limits, redis_client: redis.Redis) -> None:
    limits.check([ask(bucket("a"))])
    redis_client.script_flush()
    answers = limits.check([ask(bucket("a"))] * 5)
    assert [a.buckets[0].remaining for a in answers] == [3, 2, 1, 0, 0]
    assert {a.source for a in answers} == {"redis"}
    assert limits.state().failures_total == 0


def test_flushed_keys_are_just_new(limits: Limits, redis_client: redis.Redis) -> None:
    for _ in range(5):
        one(limits, ask(bucket("a")))
    redis_client.flushall()
    assert one(limits, ask(bucket("a"))).buckets[0].remaining == 4


# --- the local limiter


class Model:
    """The same rule told in another way, in exact fractions: a level that each use raises by its weight, that time
    lowers by one every `interval`, and that never passes `burst`."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.level = Fraction(0)
        self.at = 0

    def ask(self, now: int, weight: int) -> tuple[bool, int, Fraction]:
        self.level = max(Fraction(0), self.level - Fraction(now - self.at, self.window.interval))
        self.at = now
        over = self.level + weight - self.window.burst
        if over <= 0:
            self.level += weight
        return over <= 0, int(self.window.burst - self.level), max(Fraction(0), over) * self.window.interval


def agree(window: Window, steps: list[tuple[int, int]]) -> None:
    local, model, now = LocalLimiter(workers=1), Model(window), 1_000
    for passed, weight in steps:
        now += passed
        got = local.ask(ask(bucket("a", window, weight=weight)), now).buckets[0]
        assert (got.allowed, got.remaining, Fraction(round(got.retry_after * SECOND))) == model.ask(now, weight)
        assert round(got.reset_after * SECOND) == model.level * window.interval


@settings(max_examples=200)
@given(
    st.builds(Window, st.just("w"), st.integers(1, 1000), st.sampled_from([1.0, 7.5, 60.0, 3600.0]), st.integers(2, 9)),
    st.lists(st.tuples(st.integers(0, 100 * SECOND), st.integers(1, 2)), max_size=60),
)
def test_the_local_limiter_follows_the_model(window: Window, steps: list[tuple[int, int]]) -> None:
    agree(window, steps)


def test_the_local_limiter_follows_the_model_over_a_long_time() -> None:
    chance = random.Random(7)
    agree(MINUTE, [(int(chance.expovariate(1 / (12 * SECOND))), chance.choice((1, 1, 1, 2, 5))) for _ in range(40_000)])


def test_redis_and_the_local_limiter_give_the_same_answers(limits: Limits, at: ServerTime) -> None:
    chance, local = random.Random(11), LocalLimiter(workers=1)
    windows = [MINUTE, HOUR, Window("odd", 7, 11, 3), Window("day", 300, 86400, 30)]
    counted = {True: 0, False: 0}

    def question() -> Question:
        buckets = {
            (window.name, scope, key): bucket(key, window, scope, chance.randint(1, 2), chance.random() < 0.2)
            for window in windows
            for scope in ("address", "article")
            if chance.random() < 0.4
            for key in chance.choice(("a", "b", "c", "d"))
        }
        return Question(chance.choice(("one", "two")), tuple(buckets.values()), tuple(chance.sample("xyz", 2)))

    for _ in range(600):
        at.passes(chance.expovariate(1 / 3))
        questions = [question() for _ in range(chance.randint(1, 16))]
        answers = limits.check(questions)
        expected = [local.ask(q, at.now) for q in questions]
        # Redis forgets fingerprints by its own clock, the local limiter by the test's: compare them apart
        assert [replace(a, seen=()) for a in answers] == [replace(a, seen=(), source="redis") for a in expected]
        for a in answers:
            counted[a.allowed] += 1
    assert min(counted.values()) > 500, counted


def test_local_fingerprints_are_forgotten_after_an_hour() -> None:
    local = LocalLimiter(workers=1)
    assert [local.ask(ask(seen=("x",)), t * SECOND).seen for t in (1, 2, 3600, 3601, 3602)] == [
        (0,),
        (1,),
        (2,),
        (0,),
        (1,),
    ]


@pytest.mark.parametrize(("workers", "at_once"), [(1, 5), (2, 2), (4, 1), (16, 1)])
def test_each_worker_takes_its_share(workers: int, at_once: int) -> None:
    local = LocalLimiter(workers)
    answers = [local.ask(ask(bucket("a")), SECOND) for _ in range(6)]
    assert sum(a.allowed for a in answers) == at_once
    assert answers[-1].retry_after == 12 * workers
    for second in range(2, 3602):
        answers.append(local.ask(ask(bucket("a")), second * SECOND))
    assert sum(a.allowed for a in answers) <= at_once + 3600 / 12 / workers


def test_the_local_limiter_is_bounded_and_keeps_the_fullest_buckets() -> None:
    local = LocalLimiter(workers=1, capacity=1000)
    for _ in range(5):
        local.ask(ask(bucket("greedy", MINUTE)), SECOND)
    for stranger in range(20_000):
        local.ask(ask(bucket(f"s{stranger}")), SECOND)
        assert len(local) <= 1000
    assert not local.ask(ask(bucket("greedy")), SECOND).allowed
    for stranger in range(2000):
        local.ask(ask(bucket(f"t{stranger}")), 100 * SECOND)
    assert len(local) <= 1000
