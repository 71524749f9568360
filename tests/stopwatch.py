"""How long something takes, apart from what a busy machine adds: the time for which a thread could have run and found
no processor free, which Linux tells of each thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def held_up() -> float:
    """Seconds for which this thread has waited for a processor since it began; 0 where nobody tells."""
    with suppress(OSError):
        return int(Path("/proc/thread-self/schedstat").read_text("ascii").split()[1]) / 1e9
    return 0.0


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What came of it, and how many seconds it took in this thread."""
    late, began = held_up(), time.monotonic()
    done = work()
    took = time.monotonic() - began
    return done, took - (held_up() - late)
