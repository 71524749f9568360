"""What is said to a request that is not HTTP: gunicorn's worker, with refusals like those of the application.

gunicorn by itself answers such a request with a page that quotes it, and logs the client's address and the hostile
bytes. Here it gets problem details (RFC 9457) that quote nothing, and one log line with the kind of the fault.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import orjson
import structlog
from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.http import errors as http
from gunicorn.workers.gthread import ThreadWorker

from moderation.edges import telemetry
from moderation.web.headers import API_POLICY, COMMON
from moderation.web.problems import untyped

log = structlog.get_logger()

REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (http.LimitRequestLine, 414, "URI Too Long"),
    (http.LimitRequestHeaders, 431, "Request Header Fields Too Large"),
    (http.UnsupportedTransferCoding, 501, "Not Implemented"),
    (http.ExpectationFailed, 417, "Expectation Failed"),
    (http.ForbiddenProxyRequest, 403, "Forbidden"),
    (http.InvalidResponseHeader, 500, "Internal Server Error"),
    (http.InvalidResponseHeaderName, 500, "Internal Server Error"),
    (http.ConfigurationProblem, 500, "Internal Server Error"),
    (http.ParseException, 400, "Bad Request"),
)
"""Parse errors, the narrower ones first. gunicorn counts headers of ours that cannot be sent among them: those, and
everything else, are our own fault."""


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threads. The connection is closed after a refusal: where the next request would begin is unknown."""

    def init_process(self) -> None:
        """Until the worker ends. gunicorn would print the text of an error, which may quote anything."""
        try:
            super().init_process()
        except Exception:
            log.exception("worker-failed")
            sys.exit(-1 if self.booted else Arbiter.WORKER_BOOT_ERROR)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        status, reason = next(
            ((status, reason) for kind, status, reason in REFUSALS if isinstance(exc, kind)),
            (500, "Internal Server Error"),
        )
        number = self.wsgi.extensions["moderation"].new_id()
        told: dict[str, Any] = {"error": type(exc).__name__} | (
            {"where": telemetry.places(exc)} if status == 500 else {}
        )
        telemetry.tell_request(number, "other", "none", None, status, **told)
        try:
            util.write_nonblock(client, answer(status, reason, number, self.wsgi.config["TRANSPORT"]))
        except OSError:
            log.debug("refusal-not-sent", request=number)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """The request has had its answer: bad chunks in what the view left unread only end the connection. A second
        answer would be taken for that of the next request. Nor is what comes of a body after its time a request."""
        try:
            if getattr(conn.parser.unreader, "gave_up", False):
                return False
            return bool(super()._keepalive_after(conn, keepalive))
        except http.ParseException:
            return False


def answer(status: int, reason: str, number: str, transport: dict[str, str]) -> bytes:
    """The whole answer, as bytes. `transport` are the headers that every answer has over https."""
    told = "This is not a request that can be read here." if status < 500 else "This cannot be done here."
    body = orjson.dumps(untyped(status, reason, told, number))
    headers = {
        "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        "Connection": "close",
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        **COMMON,
        **transport,
        "Content-Security-Policy": API_POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Request-ID": number,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode("ascii") + body
