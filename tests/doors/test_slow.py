"""A client that sends its request drop by drop holds a thread for a while, and not for good."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.service import Service

from moderation.web.slow import PATIENCE, RATE, Unreader

Pair = tuple[socket.socket, socket.socket]


class Clock:
    """Seconds, moved by the test."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_comes_in_time_is_read(pair: Pair) -> None:
    clock = Clock()
    unreader = Unreader(pair[0], clock=clock)
    for piece in (b"POST", b" / "):
        pair[1].sendall(piece)
        clock.now += PATIENCE * 0.4
        assert unreader.chunk() == piece
    pair[1].close()
    assert unreader.chunk() == b""
    assert not unreader.gave_up, "it was the client that ended it"


def test_drops_end_with_the_time_and_nothing_that_comes_later_is_read(pair: Pair) -> None:
    clock = Clock()
    unreader = Unreader(pair[0], clock=clock)
    drops = 0
    while not unreader.gave_up:
        pair[1].sendall(b"x")
        clock.now += 1
        drops += len(unreader.chunk())
    assert drops == PATIENCE, "what a drop adds to the time is nothing"
    unreader.begin()
    assert unreader.chunk() == b""
    assert pair[0].recv(10) == b"x", "it lies there unread"


def test_who_sends_much_gets_the_time_for_it(pair: Pair) -> None:
    clock = Clock()
    unreader = Unreader(pair[0], clock=clock)
    read = 0
    for _ in range(60):
        pair[1].sendall(b"x" * RATE)
        clock.now += 1
        wanted = RATE
        while wanted:
            wanted -= (got := len(unreader.chunk(wanted)))
            read += got
    assert read == 60 * RATE


def test_each_request_has_its_own_time(pair: Pair) -> None:
    clock = Clock()
    unreader = Unreader(pair[0], clock=clock)
    for _ in range(5):
        clock.now += PATIENCE * 3
        unreader.begin()
        pair[1].sendall(b"x")
        assert unreader.chunk() == b"x"


def test_who_sends_nothing_is_not_waited_for_and_the_socket_is_as_before(pair: Pair) -> None:
    unreader = Unreader(pair[0], patience=0.05)
    assert unreader.chunk() == b""
    assert unreader.gave_up
    assert pair[0].gettimeout() is None


def test_a_shorter_time_of_the_sockets_own_counts(pair: Pair) -> None:
    pair[0].settimeout(0.01)
    unreader = Unreader(pair[0])
    with pytest.raises(TimeoutError):
        unreader.chunk()
    assert (unreader.gave_up, pair[0].gettimeout()) == (False, 0.01)


def test_more_slow_clients_than_threads_stop_nobody_for_good(service: Service) -> None:
    """Each gets an answer and the end of its connection, and a body's late rest is never read as a request."""
    address = ("127.0.0.1", int(service.base.rpartition(":")[2]))
    head = (
        b"POST /v1/demo/comments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000\r\n\r\n{"
    )
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(address, 60)) for _ in range(80)]
        for line in lines:
            line.sendall(head)
        lines[0].sendall(b"GET /livez HTTP/1.1\r\n")
        assert service.session.get(f"{service.base}/livez", timeout=60).status_code == 200
        for line in lines:
            told = b"".join(iter(lambda line=line: line.recv(65536), b""))  # type: ignore[misc]
            assert told.startswith(b"HTTP/1.1 400 ")
            assert told.count(b"HTTP/1.1 ") == 1
