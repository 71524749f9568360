"""Requests that are not HTTP: what is answered, and what is written down of them."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest
from tests.service import CANARY, Service, wait_until

NOT_HTTP = {
    b"GET / HTTP/1.1\r\nHost: x\r\nA B: %s\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n": 400,
    b"GET /%s HTTP/7\r\nHost: x\r\n\r\n": 400,
    b"GET %s\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\nX_Forwarded_For: %s\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: x\r\nA: %s\x00\r\n\r\n": 400,
    b"GET /" + b"a" * 5000 + b"%s HTTP/1.1\r\nHost: x\r\n\r\n": 414,
    b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 5000 + b"%s\r\n\r\n": 431,
    b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: %s\r\n\r\n": 501,
    b"GET / HTTP/1.1\r\nHost: x\r\nExpect: %s\r\n\r\n": 417,
}


@pytest.mark.parametrize("request_line", list(NOT_HTTP), ids=lambda value: value[:40].decode("latin-1"))
def test_what_is_not_http_is_refused_without_quoting_it(service: Service, request_line: bytes) -> None:
    told = sent_raw(urlsplit(service.base).port or 0, request_line.replace(b"%s", CANARY.encode()))
    head, _, body = told.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % NOT_HTTP[request_line])
    assert b"Content-Type: application/problem+json\r\n" in head
    assert b"X-Content-Type-Options: nosniff\r\n" in head
    problem = json.loads(body)
    assert set(problem) == {"type", "title", "status", "detail", "instance"}
    assert CANARY.encode() not in told
    number = problem["instance"].rpartition(":")[2]
    wait_until(lambda: number in service.log_text())
    lines = [line for line in service.log_lines() if line.get("request") == number]
    assert len(lines) == 1
    assert lines[0]["status"] == problem["status"]
    assert CANARY not in service.log_text()
    assert "127.0.0.1" not in json.dumps(lines)


BROKEN_CHUNKS = [
    b"-5\r\nhello\r\n",
    b"zz\r\nhello\r\n",
    b"5\r\nhelloX0\r\n\r\n",
    b"5;\x00=1\r\nhello\r\n",
    b"0\r\nA B: c\r\n\r\n",
]


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("path", ["/v1/demo/comments", "/desk/sign-in", "/csp-report", "/v1/nowhere/comments"])
@pytest.mark.parametrize("body", BROKEN_CHUNKS)
def test_broken_chunks_get_one_answer_that_is_no_fault_of_ours(
    service: Service, path: str, kind: str, body: bytes
) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nContent-Type: {kind}\r\n"
    told = sent_raw(urlsplit(service.base).port or 0, head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert told.count(b"HTTP/1.1 ") == 1
    assert int(told.split(b" ", 2)[1]) < 500
    if path == "/v1/demo/comments":
        assert told.startswith(b"HTTP/1.1 400 ")


def sent_raw(port: int, data: bytes) -> bytes:
    """Everything that comes back for `data` until the service closes the connection."""
    told = b""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        connection.sendall(data)
        while piece := connection.recv(65536):
            told += piece
    return told
