"""What happens beside requests: a turn that fails, in whatever way, is not the last one."""

from __future__ import annotations

import threading

from structlog.testing import capture_logs

from moderation.errors import StoreError
from moderation.worker import Work


def test_a_turn_that_fails_is_logged_and_the_next_one_comes() -> None:
    failures = [RuntimeError("somebody@private.example"), StoreError("OperationalError", is_outage=True)]
    done = threading.Event()

    def step() -> bool:
        if failures:
            raise failures.pop(0)
        done.set()
        return False

    work = Work("odd", 0.01, step)
    with capture_logs() as lines:
        work.start()
        assert done.wait(20)
        work.stop()
    assert [line["error"] for line in lines] == ["RuntimeError", "OperationalError"]
    assert "private.example" not in repr(lines)
