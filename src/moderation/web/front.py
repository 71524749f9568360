"""What comes by the thousand, answered before Flask: a thread that was read a moment ago, and a submission in JSON that
is taken in. Flask routes, parses headers and keeps contexts for each request; here these cost more than the work.

Nothing is decided here. Whatever is not plainly one of the two, and every refusal, goes on to the application, which
answers it as if there were no front; what submitting has already come to goes along.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from moderation import logins, receipts
from moderation.actions.submit import Intake
from moderation.catalogue import said_in
from moderation.edges import telemetry
from moderation.errors import ModerationError
from moderation.runtime import Runtime
from moderation.values import Receipt
from moderation.web import wire
from moderation.web.context import forwarded_client
from moderation.web.headers import API_POLICY, CACHEABLE, COMMON, EXPOSED, transport
from moderation.web.threads import Threads

STARTED = "moderation.started"
"""Key in the WSGI environment: when the request came, by time.perf_counter."""

OUTCOME = "moderation.outcome"
"""Key in the WSGI environment: the receipt or the error that submitting the body has already come to."""

ROUTE = "/v1/<site_id>/comments"
_PATH = re.compile(r"/v1/([^/]+)/comments")
_JSON = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"})
_LINES = {200: "200 OK", 202: "202 ACCEPTED", 304: "304 NOT MODIFIED"}

AWAITING = "Your comment is awaiting moderation."
PUBLISHED = "Your comment is published."
Headers = list[tuple[str, str]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Front:
    """WSGI middleware around the application."""

    def __init__(self, application: Wsgi, rt: Runtime, intake: Intake, threads: Threads) -> None:
        self._application = application
        self._rt = rt
        self._intake = intake
        self._threads = threads
        constant = [*COMMON.items(), *transport(rt.env.public_url).items(), ("Content-Security-Policy", API_POLICY)]
        self._constant: Headers = [*constant, ("Cross-Origin-Resource-Policy", "cross-origin")]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = environ[STARTED] = time.perf_counter()
        method = environ["REQUEST_METHOD"]
        path = _PATH.fullmatch(environ["PATH_INFO"]) if method in ("GET", "POST") else None
        if path is None or "HTTP_AUTHORIZATION" in environ:
            return self._application(environ, start_response)
        request_id = self._rt.new_id()
        answer = self._read(environ) if method == "GET" else self._take_in(environ, path[1], request_id)
        if answer is None:
            return self._application(environ, start_response)
        status, headers, body = answer
        headers += self._constant
        headers.append(("X-Request-ID", request_id))
        start_response(_LINES[status], headers)
        telemetry.tell_request(request_id, method, ROUTE, path[1], status, time.perf_counter() - started)
        return (body,)

    def _read(self, environ: dict[str, Any]) -> tuple[int, Headers, bytes] | None:
        """What Flask answered to the same question a moment ago."""
        page = self._threads.ready((environ["PATH_INFO"], environ["QUERY_STRING"]))
        if page is None:
            return None
        headers = [*CACHEABLE.items(), ("ETag", page.etag)]
        if page.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            return 304, headers, b""
        headers += (("Content-Type", "application/json"), ("Content-Length", str(len(page.body))))
        return 200, headers, page.body

    def _take_in(self, environ: dict[str, Any], site_id: str, request_id: str) -> tuple[int, Headers, bytes] | None:
        """A submission that is stored and waits. None for any other end; the body can be read again then."""
        site = self._rt.rules.sites.get(site_id)
        length, own = environ.get("CONTENT_LENGTH", ""), self._rt.env.public_url
        origin = environ.get("HTTP_ORIGIN", own)
        if (
            site is None
            or environ.get("CONTENT_TYPE", "").lower() not in _JSON
            or "HTTP_CONTENT_ENCODING" in environ
            or "HTTP_TRANSFER_ENCODING" in environ
            or not (length.isdecimal() and int(length) <= wire.MOST_BYTES)
            or (origin != own and origin not in site.settings.origins)
        ):
            return None
        raw = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(raw)
        try:
            submission = wire.submission(
                wire.parse_json(raw),
                site_id=site_id,
                site=site.settings,
                address=self._address(environ),
                request_id=request_id,
                own_origin=own,
                key=environ.get("HTTP_IDEMPOTENCY_KEY"),
                login=lambda token: logins.read(self._rt, site_id, site.settings.login, token),
            )
        except ModerationError:
            return None
        try:
            receipt = self._intake.submit(submission)
        except Exception as error:  # noqa: BLE001 - raised again where errors become answers
            environ[OUTCOME] = error
            return None
        if receipt.published:
            environ[OUTCOME] = receipt
            return None
        telemetry.count_submission(site_id, "held")
        body = receipt_json(receipt, receipts.link(self._rt, receipt.comment_id), site.settings.language)
        headers = [
            *receipt.headers.items(),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Vary", "Origin"),
        ]
        if origin != own:
            headers += (("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", EXPOSED))
        return 202, headers, body

    def _address(self, environ: dict[str, Any]) -> str:
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        peer = environ.get("REMOTE_ADDR") or "::"
        return forwarded_client(peer, (forwarded,) if forwarded else (), self._rt.trusted_proxies)


def receipt_json(receipt: Receipt, link: str, language: str) -> bytes:
    """What the sender of JSON is told: the same whatever the rules thought, unless it is public already. `link` is the
    page on which its author sees how it stands."""
    status, message = ("approved", PUBLISHED) if receipt.published else ("pending", AWAITING)
    return orjson.dumps(
        {"id": receipt.comment_id, "status": status, "message": said_in(language, message), "receipt": link}
    )
