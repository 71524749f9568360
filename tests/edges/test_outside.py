"""Asking an address that an admin wrote down: where it may lead, and how long and how much it may take."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.service import PATIENCE

from moderation.edges import outside
from moderation.edges.outside import fetch
from moderation.errors import DeliveryError

HERE = (ipaddress.ip_network("127.0.0.0/8"),)


@contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that lets `talk` answer each connection; its address, and what it was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    sock, _ = server.accept()
                except OSError:
                    return
                with sock:
                    asked.append(sock.recv(4096))
                    try:
                        talk(sock)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/keys?a=1", asked
        server.shutdown(socket.SHUT_RDWR)


def saying(answer: bytes) -> Callable[[socket.socket], None]:
    return lambda sock: sock.sendall(answer)


def whole(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def why(url: str, inside: tuple[outside.Network, ...] = HERE, most: int = 100) -> str:
    with pytest.raises(DeliveryError) as refused:
        fetch(url, inside, most)
    return refused.value.why


def test_it_brings_what_is_there() -> None:
    with talking(saying(whole(b"{}"))) as (url, asked):
        assert fetch(url, HERE, 100) == b"{}"
    assert asked[0].startswith(b"GET /keys?a=1 HTTP/1.1\r\nHost: 127.0.0.1:")


def test_it_follows_no_redirect() -> None:
    with talking(saying(whole(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n"))) as (url, _):
        assert why(url) == "answer-302"


def test_it_reads_no_more_than_it_was_told() -> None:
    with talking(saying(whole(b"x" * 101))) as (url, _):
        assert why(url) == "too-long"


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
def test_what_is_no_answer_is_told(answer: bytes) -> None:
    with talking(saying(answer)) as (url, _):
        assert why(url) == "connection"


def test_who_answers_drop_by_drop_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "WHOLE", 0.5)

    def drip(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(200):
            sock.sendall(b"X-Drop: 1\r\n")
            time.sleep(0.05)

    with talking(drip) as (url, _):
        began = time.monotonic()
        assert why(url) == "connection"
        assert time.monotonic() - began < 7, "the drops go on for ten"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "10.0.0.1", "192.168.1.1", "172.16.5.4", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::7f00:1]", "[fe80::1]", "[fd00::1]",
        "[2002:7f00:1::]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "224.0.0.1", "255.255.255.255", "2130706433",
        "0x7f.1", "[ff02::1]",
    ],
)  # fmt: skip
def test_it_leads_into_no_network_of_ours(host: str) -> None:
    assert why(f"https://{host}/keys", ()) in ("address", "name")


@pytest.mark.parametrize(
    "url", ["https://8.8.8.8:99999/", "https://[::1/", "https://:443/", "https://a..b/", "nonsense"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    assert why(url) in ("address", "name")


def test_a_name_server_that_does_not_answer_takes_no_longer_than_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    over, began = threading.Event(), time.monotonic()

    def hang(*_: object, **__: object) -> list[object]:
        over.wait(20)
        raise socket.gaierror("no answer")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(outside, "WHOLE", 0.1)
    for _ in range(outside.MOST_LOOKING + 2):  # the last find no thread to look them up
        assert why("https://silent.example/") == "name"
    assert time.monotonic() - began < 10
    over.set()
    for _ in range(outside.MOST_LOOKING):  # and all are free again
        assert outside._looking.acquire(timeout=PATIENCE)
    outside._looking.release(outside.MOST_LOOKING)


def test_a_network_of_ours_that_is_named_may_be_asked_and_no_other() -> None:
    assert why("https://10.0.0.1/keys", HERE) == "address"
    assert why("http://127.0.0.1:1/keys", HERE) == "connection"


def test_nothing_goes_over_the_internet_without_tls() -> None:
    assert why("http://8.8.8.8/keys", HERE) == "not-https"
    assert why("gopher://127.0.0.1/keys", HERE) == "not-https"
