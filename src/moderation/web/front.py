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
from contextlib import AbstractContextManager
from typing import Any

import orjson

from moderation import logins, receipts
from moderation.actions.submit import Intake
from moderation.catalogue import said_in
from moderation.edges import telemetry
from moderation.errors import ModerationError
from moderation.runtime import Runtime
from moderation.values import Receipt, Submission
from moderation.web import strict, wire
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
LINES = {200: "200 OK", 202: "202 ACCEPTED", 304: "304 NOT MODIFIED"}

AWAITING = "Your comment is awaiting moderation."
PUBLISHED = "Your comment is published."
Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]
Hear = Callable[[Answer | None], None]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Body(io.BytesIO):
    """The body of a request that was read whole. It keeps when the request came, and what it has come to, for whoever
    reads it again."""

    started = 0.0
    outcome: Receipt | BaseException | None = None


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
        came = environ["wsgi.input"]
        if isinstance(came, Body):  # from `take`, which could not answer it
            environ[STARTED] = came.started
            if came.outcome is not None:
                environ[OUTCOME] = came.outcome
            return self._application(environ, start_response)
        started = environ[STARTED] = time.perf_counter()
        site_id = _site_of(environ)
        if site_id is None:
            return self._application(environ, start_response)
        request_id = self._rt.new_id()
        answer = None
        if environ["REQUEST_METHOD"] == "GET":
            answer = self._read(environ)
        elif submission := self._read_submission(environ, site_id, request_id):
            try:
                outcome: Receipt | BaseException = self._intake.submit(submission)
            except Exception as error:  # noqa: BLE001 - raised again where errors become answers
                outcome = error
            environ[OUTCOME] = outcome
            answer = self._tell(environ, site_id, outcome)
        if answer is None:
            return self._application(environ, start_response)
        status, headers, body = self._whole(environ, answer, site_id, request_id, started)
        start_response(LINES[status], headers)
        return (body,)

    def take(self, environ: dict[str, Any], hear: Hear) -> bool:
        """As a call, but nobody waits: for a request whose body is there as a whole, as `Body`. False where it is for
        the application. Else `hear` gets the answer: at once, or after `begin` in another thread; None where it is for
        the application after all, which then finds with the body what submitting it has come to."""
        body: Body = environ["wsgi.input"]
        body.started = time.perf_counter()
        site_id = _site_of(environ)
        if site_id is None:
            return False
        request_id = self._rt.new_id()
        if environ["REQUEST_METHOD"] == "GET":
            page = self._read(environ)
            if page is not None:
                hear(self._whole(environ, page, site_id, request_id, body.started))
            return page is not None
        submission = self._read_submission(environ, site_id, request_id)
        if submission is None:
            return False

        def told(outcome: Receipt | BaseException) -> None:
            body.outcome = outcome
            try:
                answer = self._tell(environ, site_id, outcome)
                whole = answer and self._whole(environ, answer, site_id, request_id, body.started)
            except Exception as error:  # noqa: BLE001 - the application raises and answers it
                body.outcome, whole = error, None
            hear(whole)

        try:
            self._intake.leave(submission, told)
        except ModerationError as error:
            body.outcome = error
            return False
        return True

    def turn(self) -> AbstractContextManager[None]:
        """See `Turns.turn`."""
        return self._rt.turns.turn()

    def begin(self) -> None:
        """See `Batches.begin`."""
        self._intake.begin()

    def _whole(self, environ: dict[str, Any], answer: Answer, site_id: str, request_id: str, started: float) -> Answer:
        """With the headers of every answer; and told in the log."""
        status, headers, _ = answer
        headers += self._constant
        headers.append(("X-Request-ID", request_id))
        seconds = time.perf_counter() - started
        telemetry.tell_request(request_id, environ["REQUEST_METHOD"], ROUTE, site_id, status, seconds)
        return answer

    def _read(self, environ: dict[str, Any]) -> Answer | None:
        """What Flask answered to the same question a moment ago."""
        page = self._threads.ready((environ["PATH_INFO"], environ["QUERY_STRING"]))
        if page is None:
            return None
        headers = [*CACHEABLE.items(), ("ETag", page.etag)]
        if page.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            return 304, headers, b""
        headers += (("Content-Type", "application/json"), ("Content-Length", str(len(page.body))))
        return 200, headers, page.body

    def _read_submission(self, environ: dict[str, Any], site_id: str, request_id: str) -> Submission | None:
        """A submission that can be taken in. None for anything else; the body can be read again then."""
        site = self._rt.rules.sites.get(site_id)
        length, own = environ.get("CONTENT_LENGTH", ""), self._rt.env.public_url
        origin = environ.get("HTTP_ORIGIN", own)
        if (
            site is None
            or environ.get("CONTENT_TYPE", "").lower() not in _JSON
            or "HTTP_CONTENT_ENCODING" in environ
            or "HTTP_TRANSFER_ENCODING" in environ
            or not (length.isdecimal() and int(length) <= wire.most_bytes(site.settings))
            or (origin != own and origin not in site.settings.origins)
        ):
            return None
        came = environ["wsgi.input"]
        if isinstance(came, Body):
            raw = came.getvalue()
        else:
            raw = came.read(int(length))
            environ["wsgi.input"] = io.BytesIO(raw)
        try:
            return wire.submission(
                strict.parse_json(raw),
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

    def _tell(self, environ: dict[str, Any], site_id: str, outcome: Receipt | BaseException) -> Answer | None:
        """The answer to a submission that is stored and waits. None for any other outcome."""
        site = self._rt.rules.sites.get(site_id)
        if site is None or not isinstance(outcome, Receipt) or outcome.published:
            return None
        telemetry.count_submission(site_id, "held")
        body = receipt_json(outcome, receipts.link(self._rt, outcome.comment_id), site.settings.language)
        headers = [
            *outcome.headers.items(),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Vary", "Origin"),
        ]
        own = self._rt.env.public_url
        if (origin := environ.get("HTTP_ORIGIN", own)) != own:
            headers += (("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", EXPOSED))
        return 202, headers, body

    def _address(self, environ: dict[str, Any]) -> str:
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        peer = environ.get("REMOTE_ADDR") or "::"
        return forwarded_client(peer, (forwarded,) if forwarded else (), self._rt.trusted_proxies)


def _site_of(environ: dict[str, Any]) -> str | None:
    """The site whose comments are read or written. None for any other request, and for those of people and tokens."""
    if environ["REQUEST_METHOD"] not in ("GET", "POST") or "HTTP_AUTHORIZATION" in environ:
        return None
    path = _PATH.fullmatch(environ["PATH_INFO"])
    return path[1] if path else None


def receipt_json(receipt: Receipt, link: str, language: str) -> bytes:
    """What the sender of JSON is told: the same whatever the rules thought, unless it is public already. `link` is the
    page on which its author sees how it stands."""
    status, message = ("approved", PUBLISHED) if receipt.published else ("pending", AWAITING)
    return orjson.dumps(
        {"id": receipt.comment_id, "status": status, "message": said_in(language, message), "receipt": link}
    )
