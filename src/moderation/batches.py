"""Work shared by those who wait for it: whoever asks first does the work for all who asked meanwhile.

A lone request does its own work at once; under load, whatever has gathered while one batch was under way becomes the
next, led by the first who waits in it. Those who cannot wait leave an item and hear of it later; only for their sake
there is a thread, which leads when nobody else does. It is started when it is first needed, and anew should it end.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeVar

import structlog

GATHER_SHARE = 0.25
"""Of the time that a batch took, so much at most is spent on waiting for the next to grow."""
GATHER_MOST = 0.01
"""Seconds, however long it took."""
GATHER_STEP = 0.0005
"""Seconds between two looks."""

In = TypeVar("In")
Out = TypeVar("Out")

log = structlog.get_logger()


class Overdue(Exception):
    """The wait was longer than allowed. The work had not begun for this item and never will."""


class _Entry(Generic[In, Out]):
    """Of one who waits: `called` is released when there is an answer, or when it is this one's turn to lead."""

    __slots__ = ("answer", "called", "item", "taken")

    def __init__(self, item: In) -> None:
        self.item = item
        self.answer: Out | BaseException | None = None
        self.taken = False
        self.called = threading.Lock()
        self.called.acquire()

    def hear(self, answer: Out | BaseException) -> None:
        self.answer = answer
        self.called.release()


class _Left(Generic[In, Out]):
    """Of one who does not wait. `until` is by time.monotonic."""

    __slots__ = ("_hear", "item", "taken", "until")

    def __init__(self, item: In, until: float, hear: Callable[[Out | BaseException], None]) -> None:
        self.item = item
        self.until = until
        self.taken = False
        self._hear = hear

    def hear(self, answer: Out | BaseException) -> None:
        try:
            self._hear(answer)
        except Exception:
            log.exception("answer-not-heard")


class Batches(Generic[In, Out]):
    """`work` gets the items of a batch and answers one result or exception for each, in order. If `work` itself
    raises, everyone in the batch gets that exception. `around` is entered for each batch, until all have heard. Thread
    safe."""

    def __init__(
        self,
        work: Callable[[Sequence[In]], Sequence[Out | BaseException]],
        *,
        most: int = 64,
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._work = work
        self._around = around
        self._most = most
        self._mutex = threading.Lock()
        self._waiting: deque[_Entry[In, Out] | _Left[In, Out]] = deque()
        self._led = False
        self._last = 0  # how many were in the last batch
        self._wanted = threading.Event()
        self._leader: threading.Thread | None = None

    def ask(self, item: In, timeout: float) -> Out:
        """The result for `item`. Raises what `work` answered for it, or Overdue when no batch took it in time."""
        entry: _Entry[In, Out] = _Entry(item)
        with self._mutex:
            self._waiting.append(entry)
            leads, self._led = not self._led, True
        if not leads:
            self._wait(entry, timeout)
        while entry.answer is None:
            self._lead()
            if entry.answer is None:  # so many were left before it came that its batch is a later one
                self._wait(entry, timeout)
        if isinstance(entry.answer, BaseException):
            raise entry.answer
        return entry.answer

    def leave(self, item: In, timeout: float, hear: Callable[[Out | BaseException], None]) -> None:
        """`hear` gets what `ask` would return or raise: from another thread, after `begin`, which must follow."""
        left: _Left[In, Out] = _Left(item, time.monotonic() + timeout, hear)
        with self._mutex:
            self._waiting.append(left)

    def begin(self) -> None:
        """See that the items which were left so far are worked on, and tell whose time is over. To be called after
        some were left, and about once a second: it costs next to nothing."""
        if not self._waiting:
            return
        if not self._led:
            self._want_leader()
        now = time.monotonic()
        with self._mutex:
            over = [each for each in self._waiting if isinstance(each, _Left) and each.until < now]
            for each in over:
                self._waiting.remove(each)
        for each in over:
            each.hear(Overdue())

    def _want_leader(self) -> None:
        if self._leader is None or not self._leader.is_alive():
            self._leader = threading.Thread(target=self._lead_for_others, name="batches", daemon=True)
            self._leader.start()
        self._wanted.set()

    def _lead_for_others(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            while self._take_lead():
                began = time.monotonic()
                self._lead()
                self._gather(time.monotonic() - began)

    def _gather(self, took: float) -> None:
        """Let those who were just answered come again, and join those who wait already: under load a larger batch
        costs each of them less. `took` is what the last one took, in seconds."""
        until = time.monotonic() + min(took * GATHER_SHARE, GATHER_MOST)
        wanted = self._last + len(self._waiting)
        while self._last > 1 and len(self._waiting) < min(wanted, self._most) and time.monotonic() < until:
            time.sleep(GATHER_STEP)

    def _take_lead(self) -> bool:
        with self._mutex:
            if self._led or not self._waiting:
                return False
            self._led = True
            return True

    def _wait(self, entry: _Entry[In, Out], timeout: float) -> None:
        if entry.called.acquire(timeout=timeout):
            return
        with self._mutex:
            if not entry.taken and entry in self._waiting and not entry.called.acquire(blocking=False):
                self._waiting.remove(entry)
                raise Overdue
        if not entry.taken:
            return  # called to lead at the last moment
        entry.called.acquire()  # its batch is under way: the answer is a matter of moments, and must be heard

    def _lead(self) -> None:
        with self._mutex:
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            for entry in batch:
                entry.taken = True
        self._last = len(batch)
        with self._around():
            try:
                answers: Sequence[Out | BaseException] = self._work([entry.item for entry in batch])
            except BaseException as error:  # noqa: BLE001 - handed to everyone who waits, none is left waiting
                answers = [error] * len(batch)
            self._hand_on()
            for entry, answer in zip(batch, answers, strict=True):
                entry.hear(answer)

    def _hand_on(self) -> None:
        """The lead goes to the next who waits; where that is one who does not, to the thread that is there for them."""
        with self._mutex:
            following = self._waiting[0] if self._waiting else None
            if isinstance(following, _Entry):
                following.called.release()  # under the mutex, so that it cannot time out in between
                return
            self._led = False
        if following is not None and threading.current_thread() is not self._leader:
            self._want_leader()
