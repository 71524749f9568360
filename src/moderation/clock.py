"""The time of day, which is not believed at once when it jumps. A wrong clock would end sessions, refuse right codes,
and delete what is to be kept for years; mostly somebody sets it right again.

A jump is what the time since the machine's start does not show: a changed setting, never a night's sleep.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import structlog

JUMP = 60.0
"""Seconds by which the clock may be set without ado."""

BELIEVED_AFTER = 600.0
"""Seconds for which it has to stay where it jumped to."""

log = structlog.get_logger()


_RUNNING: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Nobody sets it. The first counts also while the machine sleeps; not all systems have it."""


class Clock:
    """What `set_by` tells, or after a jump what it told before and the time that has gone by since. Threads may share
    one, and a forked process goes on with it."""

    def __init__(self, set_by: Callable[[], float] = time.time, running: Callable[[], float] | None = None) -> None:
        self._set_by = set_by
        self._running = running or partial(time.clock_gettime, _RUNNING)
        self._ahead = set_by() - self._running()
        self._doubted: float | None = None  # since when

    def now(self) -> datetime:
        running = self._running()
        ahead = self._set_by() - running
        doubted = self._doubted
        if abs(ahead - self._ahead) <= JUMP:
            self._ahead, self._doubted = ahead, None
        elif doubted is None:
            self._doubted = running
            log.error("clock-jumped", seconds=round(ahead - self._ahead), believed_after=BELIEVED_AFTER)
        elif running - doubted >= BELIEVED_AFTER:
            log.warning("clock-believed", seconds=round(ahead - self._ahead))
            self._ahead, self._doubted = ahead, None
        return datetime.fromtimestamp(running + self._ahead, UTC)
