"""A service outside for tests: a real HTTP server on this machine that keeps what came and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

HERE = {"inside_networks": ["127.0.0.0/8"]}
"""Settings that let the service ask this machine."""


@dataclass
class Came:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: value for name, (value,) in parse_qs(self.body.decode(), strict_parsing=True).items()}


@dataclass
class Outside:
    """What came, and what is answered next. `meanwhile` is called before an answer goes out, `instead` in its place."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    came: list[Came] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None
    instead: Callable[[BaseHTTPRequestHandler], object] | None = None

    def everything(self) -> bytes:
        """All that was sent here."""
        return b"\n".join(each.path.encode() + repr(each.headers).encode() + each.body for each in self.came)


@pytest.fixture
def outside() -> Iterator[Outside]:
    it = Outside()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            it.came.append(Came(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if it.instead:
                it.instead(self)
                return
            it.meanwhile()
            self.send_response(it.status)
            for name, value in it.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(it.body)))
            self.end_headers()
            self.wfile.write(it.body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    it.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield it
    server.shutdown()
    server.server_close()
