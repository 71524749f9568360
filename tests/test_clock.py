"""The clock that is set, and what of it is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from moderation.clock import BELIEVED_AFTER, JUMP, Clock

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
TEN_YEARS = 10 * 365 * 86_400.0


class Machine:
    """A machine that has run for a while, and whose clock people set."""

    def __init__(self) -> None:
        self.running = 5_000.0
        self.wrong_by = 0.0
        self.clock = Clock(self._set, lambda: self.running)

    def _set(self) -> float:
        return AT.timestamp() - 5_000 + self.running + self.wrong_by

    def passes(self, seconds: float) -> timedelta:
        """So much time, with a look at the clock every second; what it shows then, from the beginning."""
        for _ in range(int(seconds)):
            self.running += 1
            self.clock.now()
        return self.clock.now() - AT


def test_it_tells_the_time() -> None:
    machine = Machine()
    assert machine.clock.now() == AT
    assert machine.passes(90) == timedelta(seconds=90)
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_small_correction_is_followed() -> None:
    machine = Machine()
    machine.wrong_by = JUMP - 1
    assert machine.passes(1) == timedelta(seconds=JUMP)
    machine.wrong_by = 0
    assert machine.passes(1) == timedelta(seconds=2)


def test_a_jump_that_is_taken_back_was_never_there() -> None:
    for jump in (3600.0, -3600.0, TEN_YEARS):
        machine = Machine()
        machine.wrong_by = jump
        assert machine.passes(BELIEVED_AFTER - 10) == timedelta(seconds=BELIEVED_AFTER - 10)
        machine.wrong_by = 0
        assert machine.passes(10) == timedelta(seconds=BELIEVED_AFTER)
        machine.wrong_by = jump
        assert machine.passes(20) == timedelta(seconds=BELIEVED_AFTER + 20), "each jump waits from its own beginning"


def test_a_clock_that_stays_where_it_jumped_is_believed() -> None:
    machine = Machine()
    machine.wrong_by = -3600
    assert machine.passes(BELIEVED_AFTER + 2) == timedelta(seconds=BELIEVED_AFTER + 2 - 3600)
