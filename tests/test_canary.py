"""The search for addresses that must not be seen: it finds each form, wherever it stands, and it can fail a run."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.canary import BODY_CANARY, CANARY, check_files, found
from tests.service import running_service

RAW = CANARY.encode()
FORMS = {
    "plain": RAW,
    "upper case": RAW.upper(),
    "mixed case": CANARY.title().encode(),
    "percent-encoded": quote(CANARY).encode(),
    "percent-encoded in lower case": quote(CANARY).lower().encode(),
    "percent-encoded twice": quote(quote(CANARY)).encode(),
    "percent-encoded all over": "".join(f"%{byte:02X}" for byte in RAW).encode(),
    "entity in decimal": CANARY.replace("@", "&#64;").encode(),
    "entity in hex": CANARY.replace("@", "&#X40;").encode(),
    "entity by name": CANARY.replace("@", "&commat;").encode(),
    "entities": "".join(f"&#{byte};" for byte in RAW).encode(),
    "JSON escape": CANARY.replace("@", "\\u0040").encode(),
    "JSON escapes": "".join(f"\\u{byte:04X}" for byte in RAW).encode(),
    "inside JSON inside JSON": json.dumps(json.dumps({"to": CANARY})).encode(),
    "a Python string": CANARY.replace("@", "\\x40").encode(),
    "quoted-printable": CANARY.replace("@", "=40").encode(),
    "base64": base64.b64encode(RAW),
    "base64 after one byte": base64.b64encode(b"<" + RAW + b">"),
    "base64 after two bytes": base64.b64encode(b"to" + RAW + b"!!"),
    "base64 in a long text": base64.b64encode(b'{"event":"comment","to":"' + RAW + b'","more":1}'),
    "base64 of upper case": base64.urlsafe_b64encode(b"x" + RAW.upper()),
    "hex": RAW.hex().encode(),
    "hex in upper case": RAW.hex().upper().encode(),
    "UTF-16": CANARY.encode("utf-16"),
    "MD5": hashlib.md5(RAW, usedforsecurity=False).hexdigest().encode(),
    "SHA-1": hashlib.sha1(RAW, usedforsecurity=False).hexdigest().upper().encode(),
    "SHA-256": hashlib.sha256(RAW).digest(),
    "its local part": b"who: canary.j7x2kq9v, where: elsewhere",
}
HARMLESS = [
    b"c\xe2\x80\xa2\xe2\x80\xa2@p\xe2\x80\xa2.org",
    b"canary@post.canary-example.org",
    BODY_CANARY.encode(),
    base64.b64encode(BODY_CANARY.encode()),
    html.escape("canary.j7x2 <kq9v@post.canary-example.org>").encode(),
    b"",
]


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("around", [b"", b"\0\xff", b'{"a":"', b"a" * 70_001])
def test_each_form_is_found_wherever_it_stands(form: str, around: bytes) -> None:
    assert found(around + FORMS[form] + around[::-1])


@pytest.mark.parametrize("data", HARMLESS)
def test_what_is_another_address_or_masked_is_not_taken_for_it(data: bytes) -> None:
    assert found(data) is None


@pytest.fixture
def teller() -> Iterator[tuple[str, list[tuple[int, dict[str, str], bytes]]]]:
    """A server that answers what it is told to."""
    answers: list[tuple[int, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers.pop()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"<p>" + FORMS["entity in decimal"]),
        (500, {"X-Debug": FORMS["base64 after one byte"].decode()}, b""),
        (303, {"Location": "/x?e=" + quote(CANARY)}, b""),
        (422, {"Cache-Control": "no-store"}, b"No: " + RAW + b'<input name="email" value="">'),
        (200, {"Cache-Control": "no-store"}, b'<input name="email" value="' + RAW + b'">'),
    ],
)  # fmt: skip
def test_an_answer_with_the_address_fails_the_test_that_asked(
    teller: tuple[str, list[tuple[int, dict[str, str], bytes]]], answer: tuple[int, dict[str, str], bytes]
) -> None:
    address, answers = teller
    answers.append(answer)
    with pytest.raises(AssertionError, match="an e-mail address"):
        requests.get(address, timeout=5, allow_redirects=False)


def test_a_refused_form_may_give_its_sender_the_address_back(
    teller: tuple[str, list[tuple[int, dict[str, str], bytes]]],
) -> None:
    address, answers = teller
    form = b'<form><input id="email" name="email" type="email" value="' + RAW + b'"></form>'
    answers.append((422, {"Cache-Control": "no-store"}, form))
    assert requests.get(address, timeout=5).status_code == 422


@pytest.mark.parametrize("name", ["moderation.db-wal", "redis/dump.rdb", "stderr.log"])
@pytest.mark.parametrize("form", ["plain", "percent-encoded", "base64 after two bytes", "SHA-256"])
def test_a_file_with_the_address_fails_the_run(tmp_path: Path, name: str, form: str) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "kept.db").write_bytes(b"c***@p***")
    check_files(tmp_path)
    (tmp_path / name).write_bytes(b"\0" * 5000 + FORMS[form] + b"\0" * 5000)
    with pytest.raises(AssertionError, match="an e-mail address was found"):
        check_files(tmp_path)


def test_an_address_typed_into_a_text_may_be_stored_but_not_logged(tmp_path: Path) -> None:
    (tmp_path / "moderation.db").write_text(BODY_CANARY, "utf-8")
    check_files(tmp_path)
    (tmp_path / "stderr.log").write_text(json.dumps({"event": "x", "body": BODY_CANARY}), "utf-8")
    with pytest.raises(AssertionError, match="was logged"):
        check_files(tmp_path)


def test_a_service_that_leaves_the_address_behind_fails_when_it_stops(tmp_path: Path) -> None:
    left = tmp_path / "state" / "left.txt"

    def serve() -> None:
        with running_service(left.parent) as service:
            assert service.post().status_code == 202
            left.write_bytes(FORMS["JSON escape"])

    with pytest.raises(AssertionError, match="an e-mail address was found"):
        serve()
    left.unlink()  # everything that was started is searched again at the end of the run
