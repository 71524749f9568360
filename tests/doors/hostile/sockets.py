"""A small HTTP client that sends what no library would: bytes as they are, over a kept connection or a raw one."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

PATIENCE = 10.0
"""Seconds after which a request counts as hanging."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""Said before the answer where a request asks for it (RFC 9110, section 10.1.1)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` is 0 where the service closed the connection without a word; `count` is how many
    answers came; `seconds` is how long it took."""

    status: int
    head: bytes
    body: bytes
    seconds: float
    count: int = 1

    @property
    def whole(self) -> bytes:
        return self.head + b"\r\n\r\n" + self.body

    def header(self, name: str) -> str | None:
        start = name.lower().encode() + b":"
        for line in self.head.split(b"\r\n")[1:]:
            if line.lower().startswith(start):
                return line[len(start) :].strip().decode("latin-1")
        return None


class Line:
    """A connection that is kept between requests, from an address of its own. Not for several threads."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._address = ".".join(map(str, (127, *secrets.token_bytes(3))))
        self._socket: socket.socket | None = None

    def ask(self, data: bytes, *, has_body: bool = True) -> Answer:
        """Send one request, read one answer. A connection that the service closed meanwhile is opened anew."""
        if self._socket is not None:
            answer = self._try(data, has_body)
            if answer.status:
                return answer
        self.close()
        own = (self._address, 0)
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE, source_address=own)
        return self._try(data, has_body)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _try(self, data: bytes, has_body: bool) -> Answer:
        assert self._socket is not None
        begun = time.monotonic()
        with suppress(OSError):  # it may have answered, and closed, before it read everything
            self._socket.sendall(data)
        try:
            head, rest = _until(self._socket, b"\r\n\r\n")
            length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
            wanted = int(length.partition(b":")[2]) if has_body else 0
            while len(rest) < wanted and (piece := self._socket.recv(65536)):
                rest += piece
        except ConnectionError:
            head, rest = b"", b""
        if not head or b"\r\nconnection: close" in head.lower():
            self.close()
        return Answer(_status(head), head, rest, time.monotonic() - begun)


def ask_raw(port: int, data: bytes) -> Answer:
    """Send bytes on a connection of their own, say that no more will come, and read to the end."""
    begun = time.monotonic()
    told = b""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    with connection, suppress(ConnectionError):  # what came before the reset counts
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            told += piece
    told = told.removeprefix(CONTINUE)
    head, _, body = told.partition(b"\r\n\r\n")
    return Answer(_status(head), head, body, time.monotonic() - begun, told.count(b"HTTP/1.1 "))


def request(method: str, target: str, headers: Mapping[str, str | bytes], body: bytes = b"") -> bytes:
    """The bytes of a request. `target` is sent as it is."""
    lines = [f"{method} {target} HTTP/1.1".encode()]
    if not any(name.lower() == "host" for name in headers):
        lines.append(b"Host: comments.example")
    if body or method == "POST":
        lines.append(b"Content-Length: %d" % len(body))
    lines += [
        name.encode() + b": " + (value if isinstance(value, bytes) else value.encode("latin-1"))
        for name, value in headers.items()
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _until(connection: socket.socket, mark: bytes) -> tuple[bytes, bytes]:
    told = b""
    while mark not in told:
        piece = connection.recv(65536)
        if not piece:
            return b"", b""
        told += piece
    head, _, rest = told.partition(mark)
    return head, rest


def _status(head: bytes) -> int:
    words = head.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
