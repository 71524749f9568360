"""Every rate limit of a submission in one Redis round trip, and the breaker before a Redis that cannot be asked.

The script is `limits.lua`. What a limit is, what headers say about it, and the local limiter stand in `rates`; what
follows from an answer is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from redis._parsers import _HiredisParser
from redis.connection import ConnectionPool
from redis.exceptions import InvalidResponse, NoScriptError, RedisError, ResponseError
from redis.utils import SENTINEL

from moderation.rates import SEEN_SECONDS, Answer, LocalLimiter, Question, answer_of

CHECK_SECONDS = 0.2  # a request may lose 0.3 s to Redis; the rest is for a busy machine's scheduler
FAILURES_TO_OPEN = 3
OPEN_SECONDS = 5.0
QUIET_SECONDS = 1.0  # without news for so long, `state` asks the server itself

Command = tuple[str | int, ...]
Reply = list[int] | bytes | ResponseError


@dataclass(frozen=True, slots=True)
class LimitsState:
    """For /readyz and the metrics. `reason` is the kind of the last failure ("" if none), never its text;
    `unavailable_for` is in seconds, 0 while available; `failures` counts failures since the last success."""

    available: bool
    unavailable_for: float
    reason: str
    failures: int
    failures_total: int
    fallbacks_total: int
    wrongtype_total: int


class Limits:
    """Thread safe. Opens nothing before the first check, so make it where you like and use it after the fork.

    Made for one server, or a proxy that looks like one. `timeout` bounds a whole check, connecting included. `clock`
    gives seconds that never go back; it moves the breaker and the local limiter. `server_time` (microseconds) replaces
    the server's clock in tests. Raises ValueError when the URL makes no sense.
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
        self._line = _Line(url, timeout)
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
        self._failures = self._failures_total = self._fallbacks = self._wrongtypes = 0

    def check(self, questions: Sequence[Question]) -> list[Answer]:
        """Ask and charge, in order; a later question sees what an earlier one used. Raises nothing for a lost Redis.

        A bucket is charged only if no bucket of its question refuses (see `Bucket` on soft ones), so a refused try
        costs nothing and extends no wait. An answer with source "local" comes from this process alone.
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
                fallbacks_total=self._fallbacks,
                wrongtype_total=self._wrongtypes,
            )

    def close(self) -> None:
        """Close idle connections; a later check opens new ones."""
        self._line.close()

    def _ask(self, questions: Sequence[Question]) -> list[list[int] | None]:
        """One pipeline; None for a question that Redis would not take. Raises RedisError, OSError."""
        now = self._server_time() if self._server_time else 0
        commands = [_command(question, now) for question in questions]
        replies = self._line.trip(commands)
        for reply in replies:
            if not isinstance(reply, list):
                self._failed(reply if isinstance(reply, RedisError) else InvalidResponse())
                break
        else:
            self._succeeded(healed=sum(reply[0] for reply in replies if isinstance(reply, list)))
        return [reply if isinstance(reply, list) else None for reply in replies]

    def _answer_locally(self, question: Question) -> Answer:
        with self._lock:
            self._fallbacks += 1
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
            replies = self._line.trip([("SET", "limits:probe", 1, "PX", 1000)])
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
        self._line.close()

    def _succeeded(self, healed: int) -> None:
        with self._lock:
            self._heard = self._clock()
            self._wrongtypes += healed
            self._failures = 0
            self._opened = None


class _Line:
    """Connections to one server, none of which can hold a caller longer than `timeout` seconds in total."""

    def __init__(self, url: str, timeout: float) -> None:
        pool = ConnectionPool.from_url(url)  # only to read the URL; whatever it says, these hold:
        self._make: Callable[..., _Connection] = pool.connection_class
        self._settings: dict[str, Any] = {
            **pool.connection_kwargs,
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "retry": None,  # together with the next two: not once (redis-py's default is ten times with pauses)
            "retry_on_error": [],
            "retry_on_timeout": False,
            "health_check_interval": 0,
            "protocol": 2,
            "decode_responses": False,
            "driver_info": None,  # saves two round trips a connection
            "parser_class": _DeadlineParser,
        }
        try:
            self._make(**self._settings)  # opens nothing yet
        except TypeError as error:
            raise ValueError("The Redis URL has an option after '?' that does not exist.") from error
        self._timeout = timeout
        self._idle: list[_Connection] = []

    def trip(self, commands: Sequence[Command]) -> list[Reply]:
        """Send all, then read all. Commands that the server's empty script cache refused are sent once more, in order.

        Raises RedisError or OSError when the line is lost or time is up; what was sent may have been done then.
        """
        deadline = time.monotonic() + self._timeout
        line = self._borrow(deadline)
        try:
            replies = _exchange(line, commands, deadline)
            again = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if again:
                _, *fresh = _exchange(line, [("SCRIPT", "LOAD", _script()[0]), *(commands[i] for i in again)], deadline)
                for i, reply in zip(again, fresh, strict=True):
                    replies[i] = reply
        except BaseException:
            line.disconnect()
            raise
        self._idle.append(line)
        return replies

    def close(self) -> None:
        while (line := self._take()) is not None:
            line.disconnect()

    def _borrow(self, deadline: float) -> _Connection:
        while (line := self._take()) is not None:
            try:
                if not line.can_read(0):
                    return line
            except (RedisError, OSError):
                line.disconnect()  # closed by the server, for instance because it was restarted
            else:
                line.disconnect()  # something unread: not ours to interpret
        return self._connect(deadline)

    def _take(self) -> _Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self, deadline: float) -> _Connection:
        """In a thread of its own: name resolution knows no timeout, and a handshake has several steps."""
        made: Future[_Connection] = Future()
        threading.Thread(target=self._dial, args=(made,), name="limits-dial", daemon=True).start()
        try:
            return made.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            if made.cancel():
                raise
            return made.result()

    def _dial(self, made: Future[_Connection]) -> None:
        line = self._make(**self._settings)
        try:
            line.connect()
            (reply,) = _exchange(line, [("PING",)], time.monotonic() + self._timeout)
            if reply != b"PONG":  # no password, for instance
                raise reply if isinstance(reply, RedisError) else InvalidResponse("this is no Redis")
        except (RedisError, OSError) as error:
            if made.set_running_or_notify_cancel():
                made.set_exception(error)
        else:
            if made.set_running_or_notify_cancel():
                made.set_result(line)
            else:
                line.disconnect()


class _DeadlineParser(_HiredisParser):
    """Counts its timeout from the start of the exchange; redis-py's starts anew with every piece that arrives."""

    deadline = 0.0  # by time.monotonic; 0: none, as while connecting

    def read_from_socket(self, timeout: object = SENTINEL, raise_on_timeout: bool = True) -> bool:
        if self.deadline:
            timeout = max(0.001, self.deadline - time.monotonic())
        return bool(super().read_from_socket(timeout, raise_on_timeout))  # type: ignore[no-untyped-call]


class _Connection(Protocol):
    """What is used of redis-py's connections, which are untyped."""

    _parser: _DeadlineParser

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...
    def can_read(self, timeout: float) -> bool: ...
    def pack_commands(self, commands: Sequence[Command]) -> list[bytes]: ...
    def send_packed_command(self, command: list[bytes], check_health: bool) -> None: ...
    def read_response(self, *, disconnect_on_error: bool) -> Any: ...


def _exchange(line: _Connection, commands: Sequence[Command], deadline: float) -> list[Reply]:
    line._parser.deadline = deadline
    line.send_packed_command([b"".join(line.pack_commands(commands))], check_health=False)
    replies: list[Reply] = []
    for _ in commands:
        try:
            replies.append(line.read_response(disconnect_on_error=False))
        except ResponseError as error:
            replies.append(error)
    return replies


@cache
def _script() -> tuple[str, str]:
    """The script and the name that EVALSHA knows it by."""
    source = (Path(__file__).parent / "limits.lua").read_text(encoding="utf-8")
    return source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


def _kind(error: Exception) -> str:
    """`TimeoutError`, `OutOfMemoryError`, …; for an answer that redis-py has no class for, the server's own code."""
    return str(error).partition(" ")[0] if type(error) is ResponseError else type(error).__name__


def _command(question: Question, now: int) -> Command:
    keys = question.keys()
    numbers: list[int] = []
    for bucket in question.buckets:
        numbers += (bucket.window.interval, bucket.window.tolerance, bucket.weight, int(bucket.soft))
    return ("EVALSHA", _script()[1], len(keys), *keys, now, len(question.buckets), SEEN_SECONDS, *numbers)
