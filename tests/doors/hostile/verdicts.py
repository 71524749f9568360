"""What is right about an answer to a hostile input, whatever it was, and what its row asks for on top."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.canary import OWN_FIELD, found
from tests.doors.hostile.sockets import Answer
from tests.doors.hostile.trials import HELD, Trial

SLOW = 2.0
"""Seconds within which every answer comes."""

INSIDES = re.compile(rb'Traceback \(most|File "/|sqlite3?\.\w+Error|sqlalchemy|psycopg|redis\.exceptions|\bpydantic')
"""Words of our insides that no stranger gets to read. Looked for in JSON; a page shows what was typed again."""

BIG = 60_000
"""A longer request may find the connection closed before it is through."""

FIELD_STATUSES = frozenset({202, 303, 400, 403, 409, 413, 422})


def faults(trial: Trial, answer: Answer) -> Iterator[str]:
    """Everything that is wrong with `answer`, in words."""
    status, expect = answer.status, trial.row.expect
    if not status:
        if not (trial.raw or len(trial.data) > BIG):
            yield "no answer"
        return
    if status >= 500 and status != 501:
        yield f"status {status}"
    if trial.row.statuses and status not in trial.row.statuses and "in a form" not in trial.place:
        yield f"status {status}, not one of {sorted(trial.row.statuses)}"
    if status == 429 and trial.place != "username":
        yield "a rate limit hides the answer"
    if found(_without_own_field(answer)):
        yield "the e-mail address is in the answer"
    if trial.is_public and trial.data.startswith(b"GET ") and HELD.encode() in answer.body:
        yield "a comment that nobody approved is in the answer"
    kind = answer.header("Content-Type") or ""
    if kind.startswith(("application/json", "application/problem+json")) and INSIDES.search(answer.body):
        yield "our insides are in the answer"
    if answer.header("X-Content-Type-Options") != "nosniff" or not answer.header("X-Request-ID"):
        yield "a header of every answer is missing"
    if status >= 400 and not kind.startswith(("application/problem+json", "text/html")) and answer.body:
        yield f"an error of the kind {kind}"
    if kind.startswith("text/html") and _is_markup(trial.row.text) and trial.row.raw in answer.body:
        yield "markup comes back as markup"
    yield from _asked_for(expect, trial, answer)


def _asked_for(expect: str, trial: Trial, answer: Answer) -> Iterator[str]:
    status = answer.status
    kind = trial.place.partition(":")[0]
    if expect == "reject" and not 400 <= status < 500:
        yield f"taken with {status}"
    if expect in ("accept_or_422", "accept") and not _fits(expect, trial, status):
        yield f"status {status} where {expect} is asked for"
    if expect == "4xx_or_close" and not (400 <= status < 500 or status == 501):
        yield f"status {status} for what is no HTTP"
    if trial.raw and answer.count > 1 + (later := _most_answers(after_first(trial.data))):
        yield f"{answer.count} answers where {1 + later} requests came"
    if expect in ("ignored", "ignored_unless_trusted_proxy") and status not in (200, 400):
        yield f"a header that counts for nothing led to {status}"
    if expect == "unauthenticated" and status not in (401, 400, 431):
        yield f"status {status} without a right"
    if expect in ("csrf_reject", "csrf_rules") and 200 <= status < 400:
        yield f"a forged request got {status}"
    if expect == "cors_denied_unless_listed" and answer.header("Access-Control-Allow-Origin"):
        yield "an origin that is not listed may read the answer"
    if expect == "no_reflect" and len(trial.row.text) > 3 and trial.row.raw in answer.whole:
        yield "the value is in the answer"
    location = answer.header("Location")
    if location is not None and not _is_local(location) and kind != "url":
        yield f"sent elsewhere: {location[:60]}"
    if expect == "no_offsite_redirect" and kind == "query" and not _leads_to_desk(answer.body):
        yield "the sign-in would lead elsewhere"
    if expect == "ignored_or_reject" and status == 202:
        told = json.loads(answer.body)
        if told["status"] != "pending" or set(told) != {"id", "status", "message"}:
            yield "an extra field changed what became of the comment"


def after_first(data: bytes) -> bytes:
    """What the framing rules leave for a second request (RFC 9112, section 6.3): nothing where they are broken."""
    head, _, rest = data.partition(b"\r\n\r\n")
    fields = [(name.lower(), value.strip(b" \t")) for name, _, value in map(_colon, head.split(b"\r\n")[1:])]
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = b",".join(value for name, value in fields if name == b"transfer-encoding").lower()
    if codings:
        return b"" if lengths or codings.split(b",")[-1].strip() != b"chunked" else _after_chunks(rest)
    if len(lengths) > 1 or any(not value.isdigit() for value in lengths):
        return b""
    return rest[int(lengths[0]) :] if lengths else rest


def _most_answers(rest: bytes) -> int:
    """One for each request line, and one refusal for what is none."""
    return max(rest.count(b" HTTP/1"), 1) if rest else 0


def _colon(line: bytes) -> tuple[bytes, bytes, bytes]:
    return line.partition(b":")


def _after_chunks(body: bytes) -> bytes:
    while True:
        size, _, body = body.partition(b"\r\n")
        if not re.fullmatch(rb"[0-9a-fA-F]+(;[^\r\n]*)?", size):
            return b""
        length = int(size.partition(b";")[0], 16)
        if not length:
            return body.partition(b"\r\n")[2] if body.startswith(b"\r\n") else b""
        if body[length : length + 2] != b"\r\n":
            return b""
        body = body[length + 2 :]


def _fits(expect: str, trial: Trial, status: int) -> bool:
    taken = {202, 303, 409}  # the same text again is a duplicate
    return status in taken or (expect == "accept_or_422" and status in (413, 422))


def _without_own_field(answer: Answer) -> bytes:
    """The answer without what a refused form gives back to its sender in the very field it was typed into."""
    if answer.status >= 400 and answer.header("Cache-Control") == "no-store":
        return OWN_FIELD.sub(b"", answer.whole, count=1)
    return answer.whole


def _is_markup(text: str) -> bool:
    return re.search(r"<[a-zA-Z!/?]", text) is not None


def _is_local(location: str) -> bool:
    parts = urlsplit(location)
    return not parts.scheme and not parts.netloc and location.startswith("/") and "\\" not in location


def _leads_to_desk(page: bytes) -> bool:
    match = re.search(rb'name="next"[^>]*value="([^"]*)"', page)
    return match is None or match[1].startswith(b"/desk")
