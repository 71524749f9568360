"""Threads that take turns."""

from __future__ import annotations

import threading
import time

import pytest

from moderation import turns as module
from moderation.turns import PATIENCE, Turns


def test_nobody_else_works_during_a_turn_but_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 60)
    turns, told = Turns(), list[str]()
    waits, done = threading.Event(), threading.Event()

    def other() -> None:
        with turns.turn():
            told.append("other")
        done.set()

    with turns.turn():
        thread = threading.Thread(target=other)
        thread.start()
        told.append("first")
        with turns.waiting():
            waits.set()
            assert done.wait(60)
        told.append("again")
    thread.join()
    assert told == ["first", "other", "again"]


def test_who_waited_long_enough_goes_on_and_takes_nothing_from_anybody() -> None:
    turns, began, end = Turns(), threading.Event(), threading.Event()

    def long() -> None:
        with turns.turn():
            began.set()
            end.wait(60)

    thread = threading.Thread(target=long)
    thread.start()
    assert began.wait(60)
    for _ in range(3):
        since = time.monotonic()
        with turns.turn(), turns.waiting():
            assert time.monotonic() - since >= PATIENCE
    end.set()
    thread.join()
    with turns.turn():  # and it is free again, once
        assert not turns._lock.acquire(blocking=False)


def test_a_turn_ends_when_its_work_fails() -> None:
    turns = Turns()
    try:
        with turns.turn():
            raise ValueError
    except ValueError:
        assert turns._lock.acquire(blocking=False)
