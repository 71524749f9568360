"""One thing handed over to the outside: tried, settled once it is done with, tried again after ever longer pauses, and
given up after too many. What it is and where it waits is its caller's: webhooks, letters by e-mail, external checks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import structlog
from prometheus_client import Counter

from moderation.edges.schema import Tx
from moderation.errors import DeliveryError
from moderation.runtime import Runtime

T = TypeVar("T")
Result = Literal["sent", "later", "given-up"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kind:
    """What things of one kind have in common: the log's word for a try that failed, the pauses after each of those, and
    a counter by `result`."""

    failed: str
    pauses: Sequence[timedelta]
    counter: Counter


def deliver(
    rt: Runtime,
    kind: Kind,
    attempts: int,
    hand_over: Callable[[], T],
    settle: Callable[[Tx, T | DeliveryError], None],
    put_off: Callable[[Tx, datetime], None],
    /,
    **told: str,
) -> Result:
    """Try once what was claimed, after `attempts` before. `hand_over` raises DeliveryError. `settle` writes down what
    came of it, `put_off` when it is due again; each in a transaction of its own. `told` goes to the log."""
    result: Result = "sent"
    try:
        end: T | DeliveryError = hand_over()
    except DeliveryError as error:
        log.warning(kind.failed, why=error.why, attempt=attempts + 1, **told)
        end, result = error, "given-up" if error.permanent or attempts >= len(kind.pauses) else "later"
    with rt.store.writing() as tx:
        if isinstance(end, DeliveryError) and result == "later":
            put_off(tx, rt.now() + _pause(rt, kind, attempts, end))
        else:
            settle(tx, end)
    kind.counter.labels(result).inc()
    return result


def _pause(rt: Runtime, kind: Kind, attempts: int, error: DeliveryError) -> timedelta:
    """Up to a tenth more, so that not all come back at once; and not before the other side wishes."""
    spread = 1 + int.from_bytes(rt.random(1)) / 2550
    return max(kind.pauses[attempts] * spread, timedelta(seconds=error.after))
