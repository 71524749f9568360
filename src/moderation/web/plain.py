"""Reading requests that are plain beyond doubt, as nearly all are that come by the thousand: a path under `/v1`, each
header once and in visible ASCII, the body there as a whole. gunicorn's parser takes ten times as long, since it must
bear with everything else; what is not plain is left to it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from moderation.web.front import Body

_HEAD = re.compile(
    rb"(GET|POST) (/v1/[A-Za-z0-9._~-]{1,60}/comments)(?:\?([!\"$-~]{0,3900}))? HTTP/1\.1\r\n"
    rb"((?:[A-Za-z0-9-]{1,60}:[ -~]{0,4000}\r\n){1,50})\r\n"
)
"""Within all limits that gunicorn is given (`server`), and stricter than it in what a header may hold."""
_ELSEWHERE = frozenset({"HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_UPGRADE", "HTTP_SCRIPT_NAME", "HTTP_PATH_INFO"})
"""Requests with one of these are not plain."""
_CLOSES = {"keep-alive": False, "close": True}


def read(data: bytes, peer: str) -> tuple[dict[str, Any], bool] | None:
    """What `Front` looks at of a WSGI environment, and whether the connection is to be closed after the answer. None
    where the request is not plain, has not come as a whole, or not alone."""
    head = _HEAD.match(data)
    if head is None:
        return None
    method, path, query, lines = head.groups()
    body = data[head.end() :]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method.decode(),
        "PATH_INFO": path.decode(),
        "QUERY_STRING": query.decode() if query else "",
        "REMOTE_ADDR": peer,
        "wsgi.input": Body(body),
    }
    for line in lines.decode().split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        key = _key(name)
        if key in environ or key in _ELSEWHERE:
            return None
        environ[key] = value.strip(" ")
    closes = _CLOSES.get(environ.get("HTTP_CONNECTION", "keep-alive").lower())
    if closes is None or environ.get("CONTENT_LENGTH", "0") != str(len(body)):
        return None
    return environ, closes


@lru_cache(maxsize=500)
def _key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
