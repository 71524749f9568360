"""Answers in JSON that no cache may keep."""

from __future__ import annotations

import orjson
from flask import Response


def private(value: object, status: int = 200) -> Response:
    """`value` for the one who asked, and nobody after."""
    body = orjson.dumps(value, option=orjson.OPT_UTC_Z)
    return Response(body, status, {"Cache-Control": "no-store"}, "application/json")
