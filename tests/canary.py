"""E-mail addresses that must not be seen again, and the one search for them: plain, encoded in a usual way, or hashed.

`CANARY` is the address of everybody who comments in the tests: it may be nowhere. `BODY_CANARY` is typed into texts:
the store keeps it and moderators see it, but no answer for the public, log line or metric holds it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

CANARY = "canary.j7x2kq9v@post.canary-example.org"
BODY_CANARY = "canary.body.q9z4mw7t@said.canary-example.org"

OWN_FIELD = re.compile(rb'<input[^>]* name="email"[^>]*>')
"""Where a refused form gives back to its sender what was typed."""


def found(data: bytes, address: str = CANARY) -> str | None:
    """The name of the first form in which `address` is in `data`."""
    lower = data.lower()
    folded, exact = _forms(address)
    return next(
        (name for name, form in folded.items() if form in lower),
        next((name for name, form in exact.items() if form in data), None),
    )


def check_answer(response: requests.Response) -> None:
    """Fails for an answer that holds the canary, but for the form that its sender gets back."""
    told = response.content
    if response.status_code >= 400 and response.headers.get("Cache-Control") == "no-store":
        told = OWN_FIELD.sub(b"", told, count=1)
    form = found(told + repr(sorted(response.headers.items())).encode())
    assert form is None, f"an e-mail address ({form}) in the answer of {response.url}"


def check_files(folder: Path) -> None:
    """Fails when the canary is in any file below `folder`: database, log of the database, Redis' files, log lines."""
    seen = {path.name: form for path in _files(folder) if (form := found(_read(path)))}
    assert not seen, f"an e-mail address was found: {seen}"
    logs = [path for path in _files(folder) if path.suffix == ".log"]
    typed = {path.name: form for path in logs if (form := found(_read(path), BODY_CANARY))}
    assert not typed, f"an address typed into a text was logged: {typed}"


def search_all_answers() -> None:
    """From now on every answer that comes through `requests` is searched."""
    plain = requests.Session.send

    def send(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answer = plain(self, request, **options)
        check_answer(answer)
        return answer

    requests.Session.send = send  # type: ignore[method-assign]  # for sessions of all tests, whoever opens them


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # a running service replaces its files
        return b""


@cache
def _forms(address: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Forms that are looked for in lower case, and those whose case counts."""
    lower = address.lower()
    each = [ord(char) for char in lower]
    texts = {
        "plain": lower,
        "percent-encoded": quote(lower, safe=""),
        "percent-encoded twice": quote(quote(lower, safe=""), safe=""),
        "percent-encoded all over": "".join(f"%{code:02x}" for code in each),
        "quoted-printable": lower.replace("@", "=40"),
        "entity by name": lower.replace("@", "&commat;"),
        "entity in decimal": lower.replace("@", "&#64;"),
        "entity in hex": lower.replace("@", "&#x40;"),
        "entities in decimal": "".join(f"&#{code};" for code in each),
        "entities in hex": "".join(f"&#x{code:x};" for code in each),
        "JSON escape": lower.replace("@", "\\u0040"),
        "JSON escapes": "".join(f"\\u{code:04x}" for code in each),
        "string escape": lower.replace("@", "\\x40"),
        "hex": lower.encode().hex(),
        "the part before the @": lower.rpartition("@")[0],
    }
    folded = {name: text.encode() for name, text in texts.items()} | {"UTF-16": lower.encode("utf-16-le")}
    exact: dict[str, bytes] = {}
    for spelling in (address, lower, address.upper()):
        for shift in range(3):
            exact[f"base64 at {shift} of {spelling[:1]}"] = _base64(spelling.encode(), shift)
            exact[f"base64url at {shift} of {spelling[:1]}"] = _base64(spelling.encode(), shift).translate(_URL_SAFE)
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, lower.encode())
        folded[name + " in hex"] = digest.hexdigest().encode()
        exact[name] = digest.digest()
    return folded, exact


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _base64(raw: bytes, shift: int) -> bytes:
    """What is sure to be there when `raw` is encoded after `shift` other bytes, whatever these and the next are."""
    whole = base64.b64encode(b"\0" * shift + raw)
    first = -(-shift * 8 // 6)
    last = (shift + len(raw)) * 8 // 6
    return whole[first:last]
