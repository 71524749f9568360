"""Requests that are read without gunicorn's parser: as gunicorn reads them, or not at all."""

from __future__ import annotations

import random
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from moderation.web import plain

POST = (
    b"POST /v1/demo/comments HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux)\r\n"
    b'Accept: */*\r\nContent-Type: application/json\r\nX-Empty:\r\nContent-Length: 13\r\n\r\n{"body":"hi"}'
)
GET = b"GET /v1/demo/comments?article=a%20b&x=?y HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PIECES = (
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"", b"\x00", b"\xff", b"#", b"%2f", b"_", b"0", b"chunked", b"POST ",
    b"Host: a\r\n", b"Content-Length: 13\r\n", b"content-length: 013\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n", b"Connection: Keep-Alive\r\n", b"connection: upgrade\r\n", b"X-A: \xc3\xa4\r\n",
    b"X-A:  b \t\r\n", b" folded\r\n", b"X_A: b\r\n", b"Path-Info: /desk\r\n", b"HTTP/1.0\r\n", b"a" * 5000,
    b"X: y\r\n" * 60,
)  # fmt: skip


def by_gunicorn(data: bytes) -> tuple[dict[str, Any], bool]:
    """What gunicorn makes of it under the settings of `server`, in the words of `plain`."""
    cfg = Config()
    for name, value in {
        "limit_request_line": 4094, "limit_request_fields": 60, "limit_request_field_size": 4096,
        "header_map": "refuse", "secure_scheme_headers": {},
    }.items():  # fmt: skip
        cfg.set(name, value)
    parser = RequestParser(cfg, iter([data]), ("203.0.113.9", 1))
    request = next(parser)
    body = request.body.read()
    assert parser.unreader.take_buffered() == b"", "something came behind it"
    environ = {
        "REQUEST_METHOD": request.method, "PATH_INFO": request.path, "QUERY_STRING": request.query,
        "REMOTE_ADDR": "203.0.113.9", "wsgi.input": body,
    }  # fmt: skip
    for name, value in request.headers:
        key = name.replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        assert key not in environ
        environ[key] = value
    return environ, request.should_close()


def read(data: bytes) -> tuple[dict[str, Any], bool] | None:
    found = plain.read(data, "203.0.113.9")
    return found and (found[0] | {"wsgi.input": found[0]["wsgi.input"].getvalue()}, found[1])


@pytest.mark.parametrize("data", [POST, GET])
def test_what_clients_send_is_plain(data: bytes) -> None:
    assert read(data) == by_gunicorn(data)


def test_what_is_read_of_a_spoilt_request_is_what_gunicorn_reads() -> None:
    chance, plain_ones = random.Random(1), 0
    for _ in range(20_000):
        data = chance.choice((POST, GET))
        for _ in range(chance.choice((1, 1, 2, 3))):
            at = chance.randrange(len(data))
            data = data[:at] + chance.choice(PIECES) + data[at + chance.choice((0, 0, 1, 2)) :]
        if found := read(data):
            plain_ones += 1
            assert found == by_gunicorn(data), data
    assert plain_ones > 500


@pytest.mark.parametrize(
    "data",
    [
        POST[:-1],
        POST + b"G",
        POST.replace(b"13", b"+13"),
        POST.replace(b"HTTP/1.1", b"HTTP/1.0"),
        POST.replace(b"Accept", b"Host"),
        POST.replace(b"Accept", b"Transfer-Encoding"),
        POST.replace(b"Accept: */*", b"Expect: 100-continue"),
        POST.replace(b"Accept: */*", b"Connection: close, keep-alive"),
        POST.replace(b"Accept", b"X_Accept"),
        POST.replace(b"*/*", b"a\tb"),
        POST.replace(b"/demo/", b"/de%6do/"),
        POST.replace(b"\r\n", b"\n"),
        GET.replace(b"?y", b"#y"),
        GET.replace(b"GET", b"get"),
        GET.replace(b"/comments", b"/counts"),
    ],
)
def test_what_is_not_plain_is_left_to_gunicorn(data: bytes) -> None:
    assert read(data) is None
