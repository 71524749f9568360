"""Requests that the loop reads itself, as they come from clients that are slow, hasty or gone: written to the socket as
bytes, since no HTTP library would send them so."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.service import Service

from moderation.web.loop import Crowd, Worker


@contextmanager
def line_to(service: Service) -> Iterator[socket.socket]:
    host, _, port = service.base.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=15) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield line


def submission(service: Service, *headers: str, **over: object) -> bytes:
    body = json.dumps(service.comment(**over)).encode()
    lines = ["POST /v1/demo/comments HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def answers(line: socket.socket, count: int) -> list[tuple[int, bytes]]:
    """The next `count` answers on the connection: status and body."""
    found, file = [], line.makefile("rb")
    for _ in range(count):
        status, length = int(file.readline().split()[1]), 0
        while (header := file.readline().strip()) != b"":
            name, _, value = header.partition(b": ")
            length = int(value) if name.lower() == b"content-length" else length
        found.append((status, file.read(length)))
    return found


def test_one_after_the_other_on_one_connection(service: Service) -> None:
    with line_to(service) as line:
        for _ in range(20):
            line.sendall(submission(service))
            assert [status for status, _ in answers(line, 1)] == [202]


@pytest.mark.parametrize("at", [3, 40, -20])
def test_a_request_in_two_pieces(service: Service, at: int) -> None:
    with line_to(service) as line:
        for _ in range(2):
            whole = submission(service)
            line.sendall(whole[:at])
            assert service.get("/livez").status_code == 200
            line.sendall(whole[at:])
            assert answers(line, 1)[0][0] == 202


def test_requests_that_do_not_wait_for_answers_get_them_in_order(service: Service) -> None:
    names = [f"hasty-{secrets.token_hex(4)}" for _ in range(6)]
    wanted = [submission(service, article=name) for name in names]
    read = b"GET /v1/demo/comments?article=%b HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with line_to(service) as line:
        line.sendall(b"".join([*wanted[:3], read % names[0].encode()]))
        for piece in wanted[3:]:
            line.sendall(piece)
        line.sendall(read % names[5].encode())
        told = answers(line, 8)
    assert [status for status, _ in told] == [202, 202, 202, 200, 202, 202, 202, 200]
    assert json.loads(told[3][1])["article"]["key"] == names[0]
    assert json.loads(told[7][1])["article"]["key"] == names[5]


def test_who_asks_for_it_has_the_connection_closed_after_the_answer(service: Service) -> None:
    with line_to(service) as line:
        line.sendall(submission(service, "Connection: close"))
        assert answers(line, 1)[0][0] == 202
        assert line.recv(1) == b""


def test_what_has_no_place_in_the_loop_is_answered_all_the_same(service: Service) -> None:
    twice = submission(service)
    with line_to(service) as line:
        line.sendall(submission(service, "Expect: 100-continue"))
        assert line.recv(25).startswith(b"HTTP/1.1 100 Continue")
        assert answers(line, 1)[0][0] == 202
        for request, status in (
            (twice, 202),
            (twice, 409),  # known only after its batch
            (submission(service, "X-A: 1", "X-A: 2"), 202),
            (submission(service, body=""), 422),
            (
                submission(service)
                .replace(b"HTTP/1.1", b"HTTP/1.0", 1)
                .replace(b"Host", b"Connection: keep-alive\r\nHost", 1),
                202,
            ),
            (submission(service, "Bad Name: 1"), 400),  # after which gunicorn closes
        ):
            line.sendall(request)
            assert answers(line, 1)[0][0] == status
        assert line.recv(1) == b""


def test_who_sends_too_much_reads_why_and_then_the_end(service: Service) -> None:
    head = b"POST /v1/%b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    piece, pieces = b"x" * 50_000, 60
    for path in (b"demo/comments", b"demo/comments/0000000000000000/reports"):
        with line_to(service) as line:
            line.sendall(head % (path, len(piece) * pieces))
            for _ in range(pieces):  # long after the answer
                line.sendall(piece)
            assert answers(line, 1)[0][0] == 413
            assert line.recv(1) == b"", "and no reset"


def test_what_comes_after_the_last_request_takes_no_answer_away(service: Service) -> None:
    for _ in range(20):
        with line_to(service) as line:
            line.sendall(submission(service, "Connection: close"))
            line.sendall(b"x" * 100_000)
            assert answers(line, 1)[0][0] == 202
            assert line.recv(1) == b"", "and no reset"


def test_who_does_not_close_holds_nobody_up(service: Service) -> None:
    """gunicorn's own wait is two seconds each, one after the other."""
    asked = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    began = time.monotonic()
    with ExitStack() as stack:
        for _ in range(12):
            line = stack.enter_context(line_to(service))
            line.sendall(asked)
            assert answers(line, 1)[0][0] == 200
        assert service.post().status_code == 202
        assert time.monotonic() - began < 12
        line.settimeout(30)
        assert line.recv(1) == b""


def test_who_sends_on_for_ever_is_cut_off(service: Service) -> None:
    with line_to(service) as line:
        line.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert answers(line, 1)[0][0] == 200
        with pytest.raises(OSError, match=r"reset|pipe"):
            line.sendall(b"x" * 64_000_000)


def test_who_leaves_before_the_answer_disturbs_nobody(service: Service) -> None:
    for _ in range(10):
        with line_to(service) as line:
            line.sendall(submission(service))
    assert service.post().status_code == 202


def workers(service: Service) -> set[int]:
    master = service.process.pid
    return set(map(int, Path(f"/proc/{master}/task/{master}/children").read_text("ascii").split()))


def test_no_worker_ends_when_many_are_gone_with_their_answer(service: Service) -> None:
    """The end of a connection and what became of its request may come to the loop at once."""
    before = workers(service)

    def come_and_go(_: int) -> None:
        for _ in range(25):
            with line_to(service) as line:
                line.sendall(submission(service, "Connection: close"))
                assert answers(line, 1)[0][0] == 202

    with ThreadPoolExecutor(8) as many:
        list(many.map(come_and_go, range(8)))
    assert workers(service) == before
    assert "Exception in worker process" not in service.log_text()


def test_each_worker_of_a_crowd_has_a_place_and_after_a_reload_a_new_one() -> None:
    server = SimpleNamespace(WORKERS={})

    def fork(crowd: Crowd) -> Any:
        worker = SimpleNamespace(crowd=None, place=None)
        crowd.enter(server, cast(Worker, worker))
        server.WORKERS[len(server.WORKERS)] = worker
        return worker

    first, second = Crowd(2), Crowd(2)
    assert [fork(crowd).place for crowd in (first, first, second, second, second)] == [0, 1, 0, 1, None]
    second.tell(0, 3)
    second.tell(1, 2)
    second.tell(None, 1)
    assert [second.has_more_than_others(place, count) for place, count in ((0, 3), (1, 2), (None, 9))] == [
        True,
        False,
        False,
    ]


def test_many_connections_that_say_nothing_hold_no_thread(service: Service) -> None:
    """A thread each was held for five seconds."""
    lines = []
    try:
        for _ in range(100):
            host, _, port = service.base.removeprefix("http://").rpartition(":")
            lines.append(socket.create_connection((host, int(port)), timeout=15))
        assert service.post().status_code == 202
        assert service.get("/livez").elapsed.total_seconds() < 4
    finally:
        for line in lines:
            line.close()
