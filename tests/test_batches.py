"""Work shared by those who wait for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from moderation.batches import Batches, Overdue


def test_a_lone_item_is_worked_in_its_own_thread() -> None:
    threads = []

    def work(items: Sequence[int]) -> list[int | BaseException]:
        threads.append(threading.get_ident())
        return [item * 2 for item in items]

    assert Batches(work).ask(21, 1) == 42
    assert threads == [threading.get_ident()]


def test_a_first_burst_is_answered_whole_and_in_batches() -> None:
    sizes = []

    def work(items: Sequence[int]) -> list[int | BaseException]:
        sizes.append(len(items))
        threading.Event().wait(0.005)
        return [item + 1 for item in items]

    batches: Batches[int, int] = Batches(work, most=8)
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda number: batches.ask(number, 10), range(500)))
    assert answers == [number + 1 for number in range(500)]
    assert max(sizes) == 8
    assert sum(sizes) == 500


def test_one_bad_item_is_its_own_askers_answer() -> None:
    def work(items: Sequence[int]) -> list[int | BaseException]:
        return [ValueError(item) if item == 3 else item for item in items]

    batches: Batches[int, int] = Batches(work)
    assert batches.ask(2, 1) == 2
    with pytest.raises(ValueError, match="3"):
        batches.ask(3, 1)


def test_when_the_work_fails_everyone_hears_it_and_the_next_is_served() -> None:
    fail = threading.Event()
    fail.set()

    def work(items: Sequence[int]) -> list[int | BaseException]:
        if fail.is_set():
            raise RuntimeError
        return list(items)

    batches: Batches[int, int] = Batches(work)
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(batches.ask, number, 5) for number in range(100)]
        assert all(isinstance(each.exception(), RuntimeError) for each in asked)
    fail.clear()
    assert batches.ask(1, 1) == 1


def test_who_waits_too_long_is_told_and_the_work_goes_on_without_them() -> None:
    begun, go_on = threading.Event(), threading.Event()
    worked: list[int] = []

    def work(items: Sequence[int]) -> list[int | BaseException]:
        begun.set()
        go_on.wait(10)
        worked.extend(items)
        return list(items)

    batches: Batches[int, int] = Batches(work)
    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(batches.ask, 1, 10)
        begun.wait(10)
        with pytest.raises(Overdue):
            batches.ask(2, 0.01)
        patient = pool.submit(batches.ask, 3, 10)
        while not batches._waiting:
            threading.Event().wait(0.001)
        go_on.set()
        assert (leader.result(10), patient.result(10)) == (1, 3)
    assert worked == [1, 3]


def test_nobody_is_lost_when_waits_run_out_while_leaders_change() -> None:
    def work(items: Sequence[int]) -> list[int | BaseException]:
        threading.Event().wait(0.001)
        return list(items)

    batches: Batches[int, int] = Batches(work, most=2)

    def ask(number: int) -> int | None:
        try:
            return batches.ask(number, 0.004)
        except Overdue:
            return None

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(3000)))
    assert all(answer in (number, None) for number, answer in enumerate(answers))
    assert batches.ask(7, 1) == 7, "leadership was lost"


def test_who_does_not_wait_hears_of_it_and_whoever_asks_meanwhile_too() -> None:
    heard: list[int | BaseException] = []
    done = threading.Event()

    def hear(answer: int | BaseException) -> None:
        heard.append(answer)
        if len(heard) == 500:
            done.set()

    def work(items: Sequence[int]) -> list[int | BaseException]:
        threading.Event().wait(0.001)
        return [ValueError(item) if item % 50 == 0 else item for item in items]

    batches: Batches[int, int] = Batches(work, most=8)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(batches.ask, 1000 * number + 1, 10) for number in range(100)]
        for number in range(500):
            batches.leave(number, 10, hear)
            batches.begin()
        assert [each.result(10) for each in asked] == [1000 * number + 1 for number in range(100)]
    assert done.wait(10)
    assert sorted(each for each in heard if isinstance(each, int)) == [n for n in range(500) if n % 50]
    assert sum(isinstance(each, ValueError) for each in heard) == 10


def test_who_does_not_wait_is_told_as_well_when_their_time_is_over() -> None:
    go_on = threading.Event()
    heard: list[int | BaseException] = []

    def work(items: Sequence[int]) -> list[int | BaseException]:
        go_on.wait(10)
        return list(items)

    batches: Batches[int, int] = Batches(work)
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(batches.ask, 1, 10)
        while not batches._led or batches._waiting:
            threading.Event().wait(0.001)
        batches.leave(2, 0, heard.append)
        threading.Event().wait(0.001)
        batches.begin()
        assert [type(each) for each in heard] == [Overdue]
        go_on.set()
        assert leader.result(10) == 1


def test_one_who_cannot_hear_takes_nothing_from_the_others() -> None:
    heard: list[int | BaseException] = []
    done = threading.Event()

    def hear(answer: int | BaseException) -> None:
        heard.append(answer)
        done.set()

    def cannot(answer: int | BaseException) -> None:
        raise RuntimeError

    batches: Batches[int, int] = Batches(list)
    batches.leave(1, 10, cannot)
    batches.leave(2, 10, hear)
    batches.begin()
    assert done.wait(10)
    assert heard == [2]
