"""From a hostile input to the requests that carry it: each place that a row names, as our service has it."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.canary import CANARY
from tests.doors.hostile.rows import Row
from tests.doors.hostile.sockets import request

HELD = "Held back until somebody approves it"
"""Begins every text of our own that is posted here; no public answer may hold it."""

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OURS = {"Sec-Fetch-Site": "same-origin"}
READ = "/v1/demo/comments?article=first-article"
POST = "/v1/demo/comments"
UNSAFE_IN_TARGET = re.compile(r"[^!-~]")

NAMES = {"text": "body", "article_id": "article", "parent_id": "parent", "website": "url"}
"""The corpus' names of fields, and ours."""
FIELDS = ("text", "author", "email", "url", "website", "article_id", "parent_id", "form_token", "subject")

SEPARATE = frozenset({"host", "connection", "expect", "upgrade", "content-length", "transfer-encoding"})
"""Headers that change how a connection is used: sent on one of their own."""


@dataclass(frozen=True, slots=True)
class Target:
    """What requests need to know of the running service: a token of a script, a moderator's session, an id that
    exists, and numbers that nobody has used."""

    token: str
    cookie: str
    new_comment: Callable[[], str]
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


@dataclass(frozen=True, slots=True)
class Trial:
    """One request. `raw` ones get a connection of their own."""

    row: Row
    place: str
    data: bytes
    raw: bool = False
    is_public: bool = True
    has_body: bool = True


def trials(row: Row, target: Target) -> Iterator[Trial | str]:
    """The requests that carry `row`; for a place that cannot, the name of the place."""
    for place in row.where:
        kind, _, rest = place.partition(":")
        made: list[Trial | str] = [*_PLACES[kind](row, place, rest, target)] if kind in _PLACES else []
        yield from made or [place]


def comment(target: Target, **over: object) -> dict[str, object]:
    """A good comment in flat names."""
    number = next(target.numbers)
    good = {"article": f"article-{number}", "author": "Ana", "email": CANARY, "body": f"{HELD}, number {number}."}
    return good | over


def post_json(body: bytes, **headers: str) -> bytes:
    return request("POST", POST, JSON | headers, body)


def _fields(row: Row, place: str, _: str, target: Target) -> Iterator[Trial]:
    """A field of a comment, in JSON and, for ours and one in four of a corpus, in a form."""
    value = comment(target, **{NAMES.get(place, place): row.text})
    yield Trial(row, place, post_json(json.dumps(value).encode()))
    if row.is_ours or row.id.endswith(("0", "4", "8", "c")):
        again = comment(target, **{NAMES.get(place, place): row.text})
        body = "&".join(f"{name}={quote(str(given), errors='surrogatepass')}" for name, given in again.items())
        yield Trial(row, place + " in a form", request("POST", POST, FORM | {"Accept": "text/html"}, body.encode()))


def _title(row: Row, place: str, _: str, target: Target) -> Iterator[Trial]:
    value = comment(target, article={"id": f"titled-{next(target.numbers)}", "title": row.text})
    yield Trial(row, place, post_json(json.dumps(value).encode()))


def _reason(row: Row, place: str, _: str, target: Target) -> Iterator[Trial]:
    rulings = [{"id": target.new_comment(), "version": 1, "decision": "reject", "reason": row.text}]
    headers = JSON | {"Authorization": f"Bearer {target.token}"}
    body = json.dumps(rulings).encode()
    yield Trial(row, place, request("POST", "/v1/demo/decisions", headers, body), is_public=False)


def _person(row: Row, place: str, _: str, target: Target) -> Iterator[Trial]:
    body = f"name={quote(row.text, errors='surrogatepass')}&password=wrong-{next(target.numbers)}"
    yield Trial(row, place, request("POST", "/desk/sign-in", FORM | OURS, body.encode()), is_public=False)


def _query(row: Row, place: str, name: str, target: Target) -> Iterator[Trial]:
    """In a named parameter; without a name, as the article of both public reads."""
    value = quote(row.text, safe="", errors="surrogatepass")
    bearer = {"Authorization": f"Bearer {target.token}"}
    if name == "next":
        yield Trial(row, place, request("GET", f"/desk/sign-in?next={value}", {}), is_public=False)
    elif name in ("", "article_id"):
        yield Trial(row, place, request("GET", f"/v1/demo/comments?article={value}", {}))
        yield Trial(row, place, request("GET", f"/v1/demo/counts?article={value}", {}))
    else:
        yield Trial(row, place, request("GET", f"{READ}&{name}={value}", {}))
    if name == "cursor":
        yield Trial(row, place, request("GET", f"/v1/demo/queue?cursor={value}", bearer), is_public=False)
        yield Trial(row, place, request("GET", f"/t/demo?article=first-article&cursor={value}", {}))


def _raw_query(row: Row, place: str, _: str, target: Target) -> Iterator[Trial]:
    query = UNSAFE_IN_TARGET.sub(lambda found: quote(found[0], errors="surrogatepass"), row.text)
    yield Trial(row, place, request("GET", f"{READ}&{query}", {}))
    yield Trial(row, place, request("GET", f"/t/demo?article=first-article&{query}", {"Accept": "text/html"}))


def _path(row: Row, place: str, name: str, _: Target) -> Iterator[Trial]:
    """A path as it is; what is none takes the place of the site's id, or of an id under the comments."""
    path = UNSAFE_IN_TARGET.sub(lambda found: quote(found[0], errors="surrogatepass"), row.text)
    if name:
        path = f"{POST}/{path}"
    elif not path.startswith("/"):
        path = f"/v1/{path}/comments?article=first-article"
    yield Trial(row, place, request("GET", path, {}))


def _header(row: Row, place: str, name: str, target: Target) -> Iterator[Trial]:
    """A header of the request it matters to. Nothing for a value that HTTP cannot carry."""
    text = row.text
    if any(char in text for char in "\r\n\0") or any(ord(char) > 255 for char in text):
        return
    value = text.encode("latin-1")
    method, path, headers, body = _carrier(name, target)
    headers = {given: kept for given, kept in headers.items() if given.lower() != name.lower()}
    data = request(method, path, headers | {name: value}, body)
    yield Trial(row, place, data, raw=name.lower() in SEPARATE, is_public=not path.startswith("/desk"))


def _carrier(name: str, target: Target) -> tuple[str, str, dict[str, str | bytes], bytes]:
    """Method, target, headers and body of a request whose header `name` is looked at."""
    session: dict[str, str | bytes] = {"Cookie": target.cookie}
    decision = b"id=0000000000000000&version=1&decision=approve"
    match name.lower():
        case "origin" | "content-type" | "idempotency-key" | "expect" | "content-encoding" | "user-agent" | "referer":
            return "POST", POST, {**JSON}, json.dumps(comment(target)).encode()
        case "sec-fetch-site" | "x-csrf-token":
            return "POST", "/desk/decisions", {**FORM, **OURS, **session}, decision
        case "authorization" | "cookie":
            return "GET", "/v1/demo/queue", {}, b""
        case _:
            return "GET", READ, {}, b""


def _body(row: Row, place: str, _: str, target: Target) -> Iterator[Trial]:
    """The whole body. The corpus calls a comment's text `text`."""
    body = row.raw
    if row.encoding:
        packed = _packed(body, row.encoding)
        if packed is None:
            return
        yield Trial(row, place, post_json(packed, **{"Content-Encoding": row.encoding}))
    else:
        yield Trial(row, place, post_json(body.replace(b'{"text":', b'{"body":', 1)))


def _packed(body: bytes, encoding: str) -> bytes | None:
    """`body` packed; for codings that no library here writes, the bytes as they are: nobody may look at them anyway."""
    if encoding in ("gzip", "x-gzip"):
        return gzip.compress(body, 6)
    return zlib.compress(body) if encoding == "deflate" else body[:1000]


def _merged(row: Row, place: str, _: str, target: Target) -> Iterator[Trial]:
    """Fields written over a good comment, as text: what the JSON library would refuse to write is wanted here."""
    match = re.match(r'\{"([^"\\]+)":', row.text)
    name = match[1] if match else ""
    rest = row.text[len(match[0]) :] if match else row.text[1:]
    ours = NAMES.get(name, name)
    good = comment(target)
    good.pop(ours, None)
    opening = json.dumps(good)[:-1] + ", "
    yield Trial(
        row, place, post_json((opening + (f'"{ours}":' if match else "") + rest).encode("utf-8", "surrogatepass"))
    )


def _form(row: Row, place: str, _: str, target: Target) -> Iterator[Trial]:
    yield Trial(row, place, request("POST", POST, FORM, row.raw.replace(b"text=", b"body=", 1)))
    yield Trial(row, place, request("POST", "/desk/sign-in", FORM | OURS, row.raw), is_public=False)


def _multipart(row: Row, place: str, boundary: str, target: Target) -> Iterator[Trial]:
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    yield Trial(row, place, request("POST", POST, kind, row.raw))
    yield Trial(row, place, request("POST", "/desk/sign-in", kind | OURS, row.raw), is_public=False)


def _bytes(row: Row, place: str, _: str, target: Target) -> Iterator[Trial]:
    yield Trial(row, place, row.raw.replace(b" /api/v1/comments", b" " + POST.encode(), 1), raw=True)


_PLACES: dict[str, Callable[[Row, str, str, Target], Iterator[Trial]]] = {
    **dict.fromkeys(FIELDS, _fields),
    "article_title": _title,
    "reason": _reason,
    "username": _person,
    "query": _query,
    "query_raw": _raw_query,
    "path": _path,
    "header": _header,
    "body_raw": _body,
    "body_json": _merged,
    "body_form": _form,
    "body_multipart": _multipart,
    "raw": _bytes,
}
