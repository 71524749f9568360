"""Redis refused, silent, frozen, full, read-only, locked, loading, gone and back: no check waits more than 0.3 s, the
limits go on biting, the breaker opens, and all of it heals by itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from prometheus_client import REGISTRY
from tests.conftest import PATIENCE
from tests.service import wait_until
from tests.stopwatch import held_up
from tests.stopwatch import timed as measured

from moderation.edges.limits import FAILURES_TO_OPEN, OPEN_SECONDS, Limits
from moderation.edges.redis_server import EmbeddedRedis, find_binary, start
from moderation.rates import Answer, Bucket, Question, Window

pytest_plugins = ["tests.edges.redis_fixtures"]

BOUND = 0.3  # seconds; what a submission may lose to Redis
OPEN_BOUND = 0.05  # an open breaker costs microseconds


class Clock:
    """Seconds, moved by the test; the breaker's and the local limiter's."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def question(key: str = "a", limit: int = 6) -> Question:
    return Question("demo", (Bucket("address", key, Window("post", limit, 60, limit), visible=True),), ("print",))


def timed(limits: Limits, *questions: Question) -> tuple[list[Answer], float]:
    return measured(lambda: limits.check(questions))


def fallbacks() -> float:
    """What the metric says."""
    return REGISTRY.get_sample_value("moderation_limits_fallbacks_total") or 0.0


def prove_fallback(limits: Limits, clock: Clock, reason: str) -> None:
    """What holds from the first moment of a fault: the bound, local limits, the breaker, a probe that costs nothing."""
    before, failed = fallbacks(), limits.state().failures_total
    for number in range(FAILURES_TO_OPEN):
        assert limits.state().available
        (answer,), seconds = timed(limits, question("once"))
        assert seconds < BOUND
        assert (answer.source, answer.allowed) == ("local", number < 3), "two workers: three of the six for each"
    state = limits.state()
    assert (state.available, state.reason, state.failures) == (False, reason, FAILURES_TO_OPEN)
    assert fallbacks() - before == FAILURES_TO_OPEN

    answers, seconds = timed(limits, *[question("many")] * 16)
    assert seconds < OPEN_BOUND
    assert [a.allowed for a in answers] == [True] * 3 + [False] * 13
    assert answers[-1].retry_after == pytest.approx(20, abs=0.01)
    failed += FAILURES_TO_OPEN
    assert limits.state().failures_total == failed, "an open breaker asks nobody"

    clock.now += OPEN_SECONDS + 0.01
    (answer,), seconds = timed(limits, question("probe"))
    assert (answer.source, seconds < OPEN_BOUND) == ("local", True), "the probe runs beside the request"
    wait_until(lambda: limits.state().failures_total > failed, lambda: "no probe has failed")
    state = limits.state()
    assert (state.available, state.failures_total) == (False, failed + 1), "one probe, then closed again"
    assert state.unavailable_for == pytest.approx(OPEN_SECONDS + 0.01)


def prove_healing(limits: Limits, clock: Clock) -> None:
    clock.now += OPEN_SECONDS + 0.01
    limits.check([question("probe")])
    wait_until(lambda: limits.state().available, lambda: "it does not heal")
    wait_until(lambda: is_asked(limits, question("healed")))
    state = limits.state()
    assert (state.failures, state.unavailable_for) == (0, 0)


def is_asked(limits: Limits, asked: Question) -> bool:
    """Whether Redis answers, and lets it through: on a busy machine even a good one may need longer than it has."""
    (answer,) = limits.check([asked])
    return (answer.source, answer.allowed) == ("redis", True)


@dataclass
class Fault:
    """Breaks a server while the context is open and mends it after."""

    reason: str
    during: Callable[[EmbeddedRedis, redis.Redis], object]


@contextmanager
def frozen(server: EmbeddedRedis, client: redis.Redis) -> Iterator[None]:
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def fill(client: redis.Redis) -> None:
    for number in range(10_000):
        client.set(f"filling {number}", "x" * 1000)


@contextmanager
def full(server: EmbeddedRedis, client: redis.Redis) -> Iterator[None]:
    client.config_set("maxmemory", "1mb")
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        fill(client)
    yield
    client.config_set("maxmemory", "64mb")


@contextmanager
def read_only(server: EmbeddedRedis, client: redis.Redis) -> Iterator[None]:
    client.replicaof("127.0.0.1", "1")
    yield
    client.replicaof("NO", "ONE")


@contextmanager
def locked(server: EmbeddedRedis, client: redis.Redis) -> Iterator[None]:
    client.config_set("requirepass", "secret")
    client.client_kill_filter(_type="normal", skipme=True)
    yield
    client.config_set("requirepass", "")


@contextmanager
def unable_to_save(server: EmbeddedRedis, client: redis.Redis) -> Iterator[None]:
    client.config_set("save", "3600 1")
    client.config_set("appendonly", "no")
    (Path(server.url.removeprefix("unix://")).parent / "dump.rdb").mkdir()  # so no snapshot can be put in its place
    client.bgsave()
    wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
    yield
    client.config_set("save", "")


FAULTS = [
    Fault("TimeoutError", frozen),
    Fault("OutOfMemoryError", full),
    Fault("ReadOnlyError", read_only),
    Fault("AuthenticationError", locked),
    Fault("MISCONF", unable_to_save),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.during.__name__)
def test_a_fault_of_a_running_server(own_redis: EmbeddedRedis, clock: Clock, fault: Fault) -> None:
    limits = Limits(own_redis.url, workers=2, clock=clock)
    client = redis.Redis.from_url(own_redis.url)
    wait_until(lambda: is_asked(limits, question()))
    with fault.during(own_redis, client):  # type: ignore[attr-defined]
        prove_fallback(limits, clock, fault.reason)
    prove_healing(limits, clock)
    client.close()


def test_a_server_that_is_gone_and_comes_back(tmp_path: Path, clock: Clock) -> None:
    first = start(tmp_path / "s")
    limits = Limits(first.url, workers=2, clock=clock, timeout=PATIENCE)  # one that is gone refuses at once
    assert [a.buckets[0].remaining for a in limits.check([question()] * 2)] == [5, 4]
    first.stop()
    prove_fallback(limits, clock, "ConnectionError")
    second = start(tmp_path / "s")
    prove_healing(limits, clock)
    assert limits.check([question()])[0].buckets[0].remaining == 3, "what was used before is still used"
    second.stop()


def test_a_refused_port(clock: Clock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refused
        prove_fallback(
            Limits(f"redis://127.0.0.1:{taken.getsockname()[1]}/0", workers=2, clock=clock), clock, "ConnectionError"
        )


@pytest.mark.parametrize(
    "query", ["", "?protocol=3", "?socket_timeout=60&socket_connect_timeout=60&retry_on_timeout=yes"]
)
def test_a_silent_server_whatever_the_url_asks_for(clock: Clock, query: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://:secret@127.0.0.1:{silent.getsockname()[1]}/3{query}"
        prove_fallback(Limits(url, workers=2, clock=clock), clock, "TimeoutError")


def test_a_server_that_dribbles(clock: Clock) -> None:
    """Each piece comes in time, the answer never does: the bound is on the whole, not on each read."""
    over = threading.Event()

    def dribble(line: socket.socket) -> None:
        with line:
            try:
                while not over.wait(0.05):
                    line.sendall(b"*" if over.is_set() else b"+")
            except OSError:
                return  # the client has given up, as it should

    def accept(server: socket.socket) -> None:
        while not over.is_set():
            try:
                line, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=dribble, args=(line,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        prove_fallback(
            Limits(f"redis://127.0.0.1:{server.getsockname()[1]}", workers=2, clock=clock), clock, "TimeoutError"
        )
        over.set()


def test_a_name_server_that_does_not_answer(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        over.wait(20)
        raise socket.gaierror("no answer")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    limits = Limits("redis://redis.example:6379", workers=2, clock=clock)
    for _ in range(FAILURES_TO_OPEN):
        _, seconds = timed(limits, question())
        assert seconds < BOUND
    assert not limits.state().available
    over.set()


def test_a_server_still_loading(tmp_path: Path, clock: Clock) -> None:
    server = start(tmp_path)
    client = redis.Redis.from_url(server.url)
    for number in range(4000):  # four seconds of loading
        client.set(f"key {number}", "x")
    server.stop()
    path = tmp_path / "slow.sock"
    place = ["--port", "0", "--unixsocket", str(path), "--dir", str(tmp_path / "redis"), "--appendonly", "yes"]
    delay = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"]
    slow = subprocess.Popen([find_binary(), *place, *delay], stdout=subprocess.DEVNULL)
    try:
        wait_until(path.exists)
        limits = Limits(f"unix://{path}", workers=2, clock=clock)
        for _ in range(FAILURES_TO_OPEN):
            (answer,), seconds = timed(limits, question())
            assert (answer.source, seconds < BOUND) == ("local", True)
        assert limits.state().reason in {"BusyLoadingError", "TimeoutError"}

        def healed() -> bool:
            clock.now += OPEN_SECONDS + 0.01
            return limits.state().available

        wait_until(healed)
        wait_until(lambda: is_asked(limits, question("healed")))
    finally:
        slow.kill()
        slow.wait()


def test_a_restart_costs_no_check(tmp_path: Path) -> None:
    first = start(tmp_path)
    limits = Limits(first.url, workers=1, timeout=PATIENCE)
    sources = [limits.check([question()])[0].source]
    os.kill(first.pid, signal.SIGKILL)
    first.stop()
    second = start(tmp_path)
    sources.append(limits.check([question()])[0].source)
    assert sources == ["redis", "redis"], "the old connection is seen to be closed before it is used"
    assert limits.state().failures_total == 0
    second.stop()


def test_one_failure_alone_does_not_open_the_breaker(own_redis: EmbeddedRedis, clock: Clock) -> None:
    limits = Limits(own_redis.url, workers=1, clock=clock, timeout=PATIENCE)
    client = redis.Redis.from_url(own_redis.url)
    for _ in range(3):
        for _ in range(FAILURES_TO_OPEN - 1):
            with read_only(own_redis, client):
                assert limits.check([question()])[0].source == "local"
        assert limits.check([question()])[0].source == "redis"
    assert limits.state().available


def test_a_full_server_still_answers_what_needs_no_memory(own_redis: EmbeddedRedis, clock: Clock) -> None:
    limits = Limits(own_redis.url, workers=1, clock=clock, timeout=PATIENCE)
    for _ in range(2):
        limits.check([question("a", limit=2)])
    with full(own_redis, redis.Redis.from_url(own_redis.url)):
        answers, _ = timed(limits, question("a", limit=2), question("b"), question("a", limit=2))
        assert [(a.source, a.allowed) for a in answers] == [("redis", False), ("local", True), ("redis", False)]


def test_state_alone_notices_that_redis_went_away_and_came_back(tmp_path: Path, clock: Clock) -> None:
    """/readyz must tell the truth on a quiet night too."""
    server = start(tmp_path)
    limits = Limits(server.url, workers=1, clock=clock)

    def look() -> bool:
        clock.now += 1.5
        return limits.state().available

    wait_until(look)
    server.stop()
    wait_until(lambda: not look(), lambda: "it is not noticed")
    server = start(tmp_path)
    wait_until(look, lambda: "it does not heal")
    server.stop()


def test_many_threads_are_all_answered_in_time_while_redis_is_frozen(own_redis: EmbeddedRedis) -> None:
    limits = Limits(own_redis.url, workers=1)
    slowest: list[float] = []
    late: list[float] = []
    gate = threading.Barrier(16)

    def work(number: int) -> None:
        gate.wait()
        for turn in range(10):
            slowest.append(timed(limits, question(f"{number} {turn}"))[1])
        late.append(held_up())

    with frozen(own_redis, redis.Redis.from_url(own_redis.url)):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(slowest) == 160
    busy = sum(late)  # who waits for the interpreter waits as long as whoever has it waits for a processor
    assert max(slowest) < BOUND + 0.1 + busy, "16 threads share two cores"
    assert sorted(slowest)[120] < OPEN_BOUND + busy


def test_nothing_is_opened_before_the_first_check(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        before = set(threading.enumerate())
        limits = Limits(f"redis://127.0.0.1:{server.getsockname()[1]}", workers=1, clock=clock)
        limits.state()
        assert set(threading.enumerate()) <= before
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    "url", ["", "localhost:6379", "http://localhost", "redis://localhost?colour=red", "redis://localhost?db=x"]
)
def test_a_wrong_url_is_said_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        Limits(url, workers=1)


def test_something_that_is_no_redis_is_a_fault_like_another(clock: Clock) -> None:
    def greet(server: socket.socket) -> None:
        for _ in range(FAILURES_TO_OPEN + 1):
            line, _ = server.accept()
            with line:
                line.recv(1000)
                line.sendall(b"+HELLO\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=greet, args=(server,))
        thread.start()
        prove_fallback(
            Limits(f"redis://127.0.0.1:{server.getsockname()[1]}", workers=2, clock=clock), clock, "InvalidResponse"
        )
        thread.join(10)
