"""Every rate limit of a submission in one Redis round trip, and the breaker before a Redis that cannot be asked.

The script is `limits.lua`. What a limit is, what headers say about it, and the local limiter stand in `rates`; what
follows from an answer is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from redis.exceptions import InvalidResponse, RedisError, ResponseError

from moderation.edges import telemetry
from moderation.edges.redis_lines import Command, Lines
from moderation.errors import TooFast, Unavailable
from moderation.rates import (
    SEEN_SECONDS,
    Answer,
    Bucket,
    BucketAnswer,
    LocalLimiter,
    Question,
    answer_of,
    ratelimit_headers,
)

CHECK_SECONDS = 0.2  # a request may lose 0.3 s to Redis; the rest is for a busy machine's scheduler
FAILURES_TO_OPEN = 3
OPEN_SECONDS = 5.0
QUIET_SECONDS = 1.0  # without news for so long, `state` asks the server itself


@dataclass(frozen=True, slots=True)
class LimitsState:
    """For /readyz and the metrics. `reason` is the kind of the last failure ("" if none), never its text;
    `unavailable_for` is in seconds, 0 while available; `failures` counts failures since the last success."""

    available: bool
    unavailable_for: float
    reason: str
    failures: int
    failures_total: int
    wrongtype_total: int


class Limits:
    """Thread safe. Opens nothing before the first check, so make it where you like and use it after the fork.

    For one server or a cluster, where all keys of a site lie in one slot. `timeout` bounds a whole check, connecting
    included. `clock` gives seconds that never go back; it moves the breaker and the local limiter. `server_time`
    (microseconds) replaces the server's clock in tests. Raises ValueError when the URL makes no sense.
    """

    def __init__(
        self,
        url: str,
        *,
        workers: int,
        clock: Callable[[], float] = time.monotonic,
        timeout: float = CHECK_SECONDS,
        server_time: Callable[[], int] | None = None,
    ) -> None:
        self._lines = Lines(url, timeout, _script)
        self._local = LocalLimiter(workers)
        self._clock = clock
        self._timeout = timeout
        self._server_time = server_time
        self._lock = threading.Lock()
        self._opened: float | None = None  # when Redis became unavailable
        self._retry_at = 0.0
        self._heard = clock()
        self._probing = False
        self._reason = ""
        self._failures = self._failures_total = self._wrongtypes = 0

    def check(self, questions: Sequence[Question]) -> list[Answer]:
        """Ask and charge, in order; a later question sees what an earlier one used. Raises nothing for a lost Redis.

        A bucket is charged only if no bucket of its question refuses (see `Bucket` on soft ones), so a refused try
        costs nothing and extends no wait, penalties apart. An answer with source "local" comes from this process alone.
        """
        replies: list[list[int] | None] = [None] * len(questions)
        if questions and self._closed():
            try:
                replies = self._ask(questions)
            except (RedisError, OSError) as error:
                self._failed(error)
        return [
            answer_of(question, reply[1:], "redis") if reply is not None else self._answer_locally(question)
            for question, reply in zip(questions, replies, strict=True)
        ]

    def look(self, asked: Mapping[str, Sequence[Bucket]]) -> dict[str, list[BucketAnswer]]:
        """How buckets of each site stand; nothing is charged. One round trip, or two where a bucket is further from
        whole than one used up: as in the script, its wait begins when that is seen. Raises Unavailable."""
        keys = {site: Question(site, tuple(buckets)).keys() for site, buckets in asked.items() if buckets}
        time, *kept = self._answers([("TIME",), *(("MGET", *each) for each in keys.values())])
        now = self._server_time() if self._server_time else int(time[0]) * 1_000_000 + int(time[1])
        shortened: list[Command] = []
        standing: dict[str, list[BucketAnswer]] = {site: [] for site in asked}
        for (site, names), values in zip(keys.items(), kept, strict=True):
            for name, bucket, value in zip(names, asked[site], values, strict=True):
                whole_at, most = _whole_at(value), _most(bucket)
                if whole_at > now + most:
                    shortened.append(("SET", name, now + most, "PX", math.ceil(most / 1000), "XX"))
                standing[site].append(_standing(bucket, min(max(whole_at - now, 0), most)))
        if shortened:
            self._answers(shortened)
        return standing

    def clear(self, site: str, buckets: Sequence[Bucket]) -> int:
        """Make buckets of one site whole. How many had been used. Raises Unavailable."""
        if not buckets:
            return 0
        (count,) = self._answers([("DEL", *Question(site, tuple(buckets)).keys())])
        return int(count)

    def state(self) -> LimitsState:
        """What is known now. Without recent checks, or when a broken line may be tried again, it also starts a probe
        in the background, so that the next call knows more."""
        now = self._clock()
        with self._lock:
            due = now >= (self._retry_at if self._opened is not None else self._heard + QUIET_SECONDS)
        if due:
            self._probe()
        with self._lock:
            return LimitsState(
                available=self._opened is None,
                unavailable_for=0.0 if self._opened is None else now - self._opened,
                reason=self._reason,
                failures=self._failures,
                failures_total=self._failures_total,
                wrongtype_total=self._wrongtypes,
            )

    def close(self) -> None:
        """Close idle connections; a later check opens new ones."""
        self._lines.close()

    def _ask(self, questions: Sequence[Question]) -> list[list[int] | None]:
        """One pipeline; None for a question that Redis would not take. Raises RedisError, OSError."""
        now = self._server_time() if self._server_time else 0
        commands = [_command(question, now) for question in questions]
        replies = self._lines.trip(commands)
        for reply in replies:
            if not isinstance(reply, list):
                self._failed(reply if isinstance(reply, RedisError) else InvalidResponse())
                break
        else:
            self._succeeded(healed=sum(reply[0] for reply in replies if isinstance(reply, list)))
        return [reply if isinstance(reply, list) else None for reply in replies]

    def _answers(self, commands: Sequence[Command]) -> list[Any]:
        """For somebody who looks: also asked while the breaker is open. Raises Unavailable."""
        try:
            replies = self._lines.trip(commands)
        except (RedisError, OSError) as error:
            self._failed(error)
            raise Unavailable(math.ceil(OPEN_SECONDS), "limits") from error
        if any(isinstance(reply, ResponseError) for reply in replies):
            raise Unavailable(math.ceil(OPEN_SECONDS), "limits")
        return replies

    def _answer_locally(self, question: Question) -> Answer:
        telemetry.limits_fallbacks.inc()
        with self._lock:
            return self._local.ask(question, int(self._clock() * 1e6))

    def _closed(self) -> bool:
        """Whether Redis may be asked. When the breaker's time is over, a probe asks first: no request waits for it."""
        if self._opened is None:
            return True
        if self._clock() >= self._retry_at:
            self._probe()
        return False

    def _probe(self) -> None:
        with self._lock:
            if self._probing:
                return
            self._probing = True
        threading.Thread(target=self._run_probe, name="limits-probe", daemon=True).start()

    def _run_probe(self) -> None:
        try:
            # a write: a full or read-only server answers reads as if nothing were wrong
            replies = self._lines.trip([("SET", "limits:probe", 1, "PX", 1000)])
            if isinstance(replies[0], RedisError):
                self._failed(replies[0])
            else:
                self._succeeded(healed=0)
        except (RedisError, OSError) as error:
            self._failed(error)
        finally:
            self._probing = False

    def _failed(self, error: Exception) -> None:
        with self._lock:
            self._failures += 1
            self._failures_total += 1
            self._reason = _kind(error)
            self._heard = self._clock()
            if self._failures < FAILURES_TO_OPEN:
                return
            self._retry_at = self._heard + OPEN_SECONDS
            if self._opened is None:
                self._opened = self._heard
        self._lines.close()

    def _succeeded(self, healed: int) -> None:
        with self._lock:
            self._heard = self._clock()
            self._wrongtypes += healed
            self._failures = 0
            self._opened = None


def too_fast(answer: Answer) -> TooFast:
    """What is told to who was not let through."""
    refused = [bucket for bucket in answer.buckets if not bucket.allowed and not bucket.bucket.soft]
    return TooFast(
        retry_after=max(bucket.retry_after for bucket in refused),
        policies=tuple(bucket.bucket.window.name for bucket in refused if bucket.bucket.visible),
        headers=ratelimit_headers(answer),
    )


def _whole_at(value: bytes | None) -> int:
    """As the script reads a bucket: a whole one, where there is none or it is not ours."""
    return int(value) if value and value.isdigit() else 0


def _most(bucket: Bucket) -> int:
    """Microseconds that a bucket can be from whole."""
    return bucket.window.tolerance + bucket.window.interval * bucket.penalty


def _standing(bucket: Bucket, ahead: int) -> BucketAnswer:
    """`ahead`: microseconds until it is whole."""
    interval, tolerance = bucket.window.interval, bucket.window.tolerance
    wait = max(0, ahead + interval * bucket.weight - tolerance)
    return BucketAnswer(bucket, wait == 0, max(0, tolerance - ahead) // interval, wait / 1e6, ahead / 1e6)


@cache
def _script() -> str:
    return (Path(__file__).parent / "limits.lua").read_text(encoding="utf-8")


@cache
def _script_name() -> str:
    """What EVALSHA knows the script by."""
    return hashlib.sha1(_script().encode(), usedforsecurity=False).hexdigest()


def _kind(error: Exception) -> str:
    """`TimeoutError`, `OutOfMemoryError`, …; for an answer that redis-py has no class for, the server's own code."""
    return str(error).partition(" ")[0] if type(error) is ResponseError else type(error).__name__


def _command(question: Question, now: int) -> Command:
    keys = question.keys()
    numbers: list[int] = []
    for bucket in question.buckets:
        window = bucket.window
        more = window.interval * bucket.penalty
        numbers += (window.interval, window.tolerance, bucket.weight, -1 - more if bucket.soft else more)
    return ("EVALSHA", _script_name(), len(keys), *keys, now, len(question.buckets), SEEN_SECONDS, *numbers)
