"""Random bytes are never given out twice: not by another call, thread or process."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from moderation import chance


@pytest.mark.parametrize("length", [1, 4, 12, 16, 17, 32, 2000])
def test_as_many_bytes_come_as_were_asked_for(length: int) -> None:
    assert len(chance.some(length)) == length


def test_no_bytes_come_twice_from_many_threads() -> None:
    with ThreadPoolExecutor(16) as pool:
        given = list(pool.map(lambda _: chance.some(12), range(20_000)))
    assert len(set(given)) == len(given)


def test_a_forked_process_gets_other_bytes_than_its_parent() -> None:
    chance.some(4)  # now there is a stock that the child could inherit
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, chance.some(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 16) != chance.some(16)
    os.close(reading)
    os.close(writing)
