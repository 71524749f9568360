"""Work shared by those who wait for it: whoever asks first does the work for all who asked meanwhile.

There is no thread to die and nothing to supervise. A lone request does its own work at once; under load, whatever
has gathered while one batch was under way becomes the next, led by the first who waits in it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


class Overdue(Exception):
    """The wait was longer than allowed. The work had not begun for this item and never will."""


class _Entry(Generic[In, Out]):
    __slots__ = ("answer", "called", "item", "taken")

    def __init__(self, item: In) -> None:
        self.item = item
        self.answer: Out | BaseException | None = None
        self.taken = False
        self.called = threading.Lock()  # released when there is an answer, or when it is this one's turn to lead
        self.called.acquire()


class Batches(Generic[In, Out]):
    """`work` gets the items of a batch and answers one result or exception for each, in order. If `work` itself
    raises, everyone in the batch gets that exception. Thread safe."""

    def __init__(self, work: Callable[[Sequence[In]], Sequence[Out | BaseException]], *, most: int = 64) -> None:
        self._work = work
        self._most = most
        self._mutex = threading.Lock()
        self._waiting: deque[_Entry[In, Out]] = deque()
        self._led = False

    def ask(self, item: In, timeout: float) -> Out:
        """The result for `item`. Raises what `work` answered for it, or Overdue when no batch took it in time."""
        entry: _Entry[In, Out] = _Entry(item)
        with self._mutex:
            self._waiting.append(entry)
            leads, self._led = not self._led, True
        if not leads:
            self._wait(entry, timeout)
        if entry.answer is None:
            self._lead()
        if isinstance(entry.answer, BaseException):
            raise entry.answer
        assert entry.answer is not None
        return entry.answer

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
        try:
            answers: Sequence[Out | BaseException] = self._work([entry.item for entry in batch])
        except BaseException as error:  # noqa: BLE001 - handed to everyone who waits, none is left waiting
            answers = [error] * len(batch)
        with self._mutex:
            if self._waiting:
                self._waiting[0].called.release()  # under the mutex, so that it cannot time out in between
            else:
                self._led = False
        for entry, answer in zip(batch, answers, strict=True):
            entry.answer = answer
            entry.called.release()
