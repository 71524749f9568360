"""Who works in a process that has one interpreter for all its threads: one at a time, until that one waits or is done.

Two threads that both have much to do take the interpreter's lock from each other, each after 5 ms and at every call of
the system; neither gets on, and each switch costs. Those who take turns do not. A turn is only good manners: whoever
waited for it long enough goes on without.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 0.02
"""Seconds for which a turn is waited for: longer than most batches take."""


class Turns:
    """One for each process, made after fork. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mine = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """For those who have much to do, but wait for nobody meanwhile."""
        self._take()
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around a wait within a turn: others have theirs meanwhile. Does nothing where there is no turn."""
        had = self._give()
        try:
            yield
        finally:
            if had:
                self._take()

    def _take(self) -> None:
        self._mine.has = self._lock.acquire(timeout=PATIENCE)

    def _give(self) -> bool:
        had = getattr(self._mine, "has", False)
        self._mine.has = False
        if had:
            self._lock.release()
        return had
