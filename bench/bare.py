"""What everything is measured against: a Flask application that does nothing but its HTTP. It runs under the service's
own gunicorn settings: `python -m bench.bare PORT WORKERS THREADS FILE`, where FILE holds the answer to reads.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from moderation.environment import Environment
from moderation.web.server import Server


class Bare(Server):
    """The service's server around another application."""

    def load(self) -> Any:
        return application(Path(sys.argv[4]).read_bytes())


def application(thread: bytes) -> Flask:
    """Submissions are parsed and answered 202; reads get `thread`, or 304 without a look when they are conditional."""
    app = Flask("bench.bare")

    @app.post("/v1/<site_id>/comments")
    def post_comment(site_id: str) -> Response:
        request.get_json()
        return Response(b'{"id":"0123456789abcdef","status":"pending"}', 202, content_type="application/json")

    @app.get("/v1/<site_id>/comments")
    def get_thread(site_id: str) -> Response:
        if "If-None-Match" in request.headers:
            return Response(b"", 304)
        return Response(thread, content_type="application/json")

    return app


if __name__ == "__main__":
    port, workers, threads = map(int, sys.argv[1:4])
    Bare(Environment(port=port, workers=workers, threads=threads), ready=lambda: None).run()
