"""The load generator: one thread, one epoll, requests that are ready as bytes. It reads of an answer only what it must
(status, length), so that on a small machine the server is what is measured. Answers carry a Content-Length.

`saturate` keeps every connection busy: for throughput. `arrive` follows a timetable made beforehand and counts from
the time a request was due: for latency, since a loop that waits for answers never sees the requests it did not send.
"""

from __future__ import annotations

import gc
import random
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PATIENCE = 20.0
"""Seconds without any answer after which the rest is given up and counted as errors."""


@dataclass(slots=True)
class Outcome:
    """What came of a load. `wrong`: answers with another status, by that status; "lost" where there was none.
    `latencies` in seconds; `spent` the generator's own processor time."""

    done: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    spent: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def errors(self) -> int:
        return self.wrong.total()

    @property
    def rate(self) -> float:
        return self.done / self.seconds


@dataclass(slots=True)
class _Connection:
    """`missing`: bytes of the answer still to come, None before its head is whole. `status` of the last answer."""

    socket: socket.socket
    due: float = 0.0
    head: bytes = b""
    missing: int | None = None
    status: str = ""


def saturate(port: int, requests: Iterator[bytes], seconds: float, *, expect: int, connections: int) -> Outcome:
    """As many requests as the server takes on `connections` for `seconds`."""
    end = 0.0

    def refill(line: _Connection, now: float) -> None:
        if now < end:
            _send(line, next(requests), now)

    with _Loop(port, connections, expect) as loop, _undisturbed(loop.outcome):
        end = time.perf_counter() + seconds
        for line in loop.lines.values():
            refill(line, time.perf_counter())
        while (now := time.perf_counter()) < end:
            loop.turn(end - now, refill)
        loop.outcome.seconds = seconds
    return loop.outcome


def arrive(
    port: int, requests: Iterator[bytes], seconds: float, rate: float, *, expect: int, connections: int, seed: int
) -> Outcome:
    """`rate` requests a second at times of chance (a Poisson process). Where no connection is free they queue here,
    and the wait counts."""
    timetable = _timetable(rate, seconds, random.Random(seed))
    free: deque[_Connection] = deque()

    def rest(line: _Connection, now: float) -> None:
        loop.outcome.latencies.append(now - line.due)
        free.append(line)

    with _Loop(port, connections, expect) as loop, _undisturbed(loop.outcome):
        free.extend(loop.lines.values())
        start = heard = time.perf_counter()
        while timetable or len(free) < connections:
            now = time.perf_counter()
            while timetable and free and start + timetable[0] <= now:
                _send(free.popleft(), next(requests), start + timetable.popleft())
            wait = start + timetable[0] - now if timetable and free else PATIENCE
            if loop.turn(wait, rest):
                heard = now
            elif now - heard > PATIENCE and len(free) < connections:
                loop.outcome.wrong["lost"] += connections - len(free) + len(timetable)
                break
        loop.outcome.seconds = time.perf_counter() - start
    return loop.outcome


def _timetable(rate: float, seconds: float, chance: random.Random) -> deque[float]:
    times: deque[float] = deque()
    at = chance.expovariate(rate)
    while at < seconds:
        times.append(at)
        at += chance.expovariate(rate)
    return times


@contextmanager
def _undisturbed(outcome: Outcome) -> Iterator[None]:
    """Without collecting garbage in between, and with the processor time told at the end."""
    gc.collect()
    gc.disable()
    before = time.process_time()
    try:
        yield
    finally:
        outcome.spent = time.process_time() - before
        gc.enable()


class _Loop:
    """The connections, and the reading of answers."""

    def __init__(self, port: int, connections: int, expect: int) -> None:
        self.outcome = Outcome()
        self.lines: dict[int, _Connection] = {}
        self._port = port
        self._connections = connections
        self._expect = str(expect)
        self._poll = select.epoll()

    def __enter__(self) -> _Loop:
        for _ in range(self._connections):
            self._open(_Connection(socket.socket()))
        return self

    def __exit__(self, *_: object) -> None:
        for line in self.lines.values():
            line.socket.close()
        self._poll.close()

    def turn(self, wait: float, on_done: Callable[[_Connection, float], None]) -> bool:
        """Wait for answers, at most so many seconds, and hand over the connections whose answer is whole. False when
        nothing came."""
        if not select.select([self._poll], [], [], max(0.0, wait))[0]:  # epoll itself waits in whole milliseconds
            return False
        for number, _ in self._poll.poll(0):
            line = self.lines[number]
            if self._read(line):
                if line.status == self._expect:
                    self.outcome.done += 1
                else:
                    self.outcome.wrong[line.status] += 1
                on_done(line, time.perf_counter())
        return True

    def _read(self, line: _Connection) -> bool:
        """Whether the answer is whole. A lost connection is an answer too: `lost`, and a new connection."""
        try:
            data = line.socket.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            del self.lines[line.socket.fileno()]
            line.socket.close()
            self._open(line)
            line.status = "lost"
            return True
        if line.missing is None:
            data = line.head + data
            at = data.find(b"\r\n\r\n")
            if at < 0:
                line.head = data
                return False
            line.status = data[9:12].decode("ascii", "replace")
            line.missing = _length(data[:at]) - (len(data) - at - 4)
        else:
            line.missing -= len(data)
        return line.missing <= 0

    def _open(self, line: _Connection) -> None:
        line.socket = socket.create_connection(("127.0.0.1", self._port))
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines[line.socket.fileno()] = line
        self._poll.register(line.socket.fileno(), select.EPOLLIN)


def _send(line: _Connection, request: bytes, due: float) -> None:
    line.due, line.head, line.missing = due, b"", None
    line.socket.sendall(request)


def _length(head: bytes) -> int:
    at = head.find(b"Content-Length: ")
    return int(head[at + 16 : (head + b"\r").find(b"\r", at)]) if at >= 0 else 0
