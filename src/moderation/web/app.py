"""The application: doors put together, errors turned into answers, the headers of every answer, one log line a request.

`create_app` opens nothing; the runtime is made by whoever serves, after fork.
"""

from __future__ import annotations

import hashlib
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import structlog
from flask import Flask, Response, current_app, g, redirect, render_template, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from moderation import __version__
from moderation.actions.submit import Intake
from moderation.edges import queries, telemetry
from moderation.errors import ModerationError, NotSignedIn, Unparsable, UnsupportedContent
from moderation.runtime import Runtime
from moderation.values import Status
from moderation.web import audit, auth, context, docs
from moderation.web.api import EXPOSED, api
from moderation.web.desk import desk
from moderation.web.pages import pages
from moderation.web.problems import problem, untyped
from moderation.web.threads import Threads

log = structlog.get_logger()

COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
}
API_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'; report-to csp"
)


def create_app(rt: Runtime) -> Flask:
    """The WSGI application over an open runtime."""
    app = Flask("moderation.web", static_folder="static", static_url_path="/static")
    app.config.update(MAX_CONTENT_LENGTH=64 * 1024, MAX_FORM_MEMORY_SIZE=64 * 1024, PROPAGATE_EXCEPTIONS=False)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.strict_slashes = False
    app.extensions.update(moderation=rt, intake=Intake(rt), threads=Threads(rt))
    for blueprint in (api, pages, auth.auth, desk, audit.audit, docs.docs):
        app.register_blueprint(blueprint)
    _add_probes(app, rt)
    app.before_request(_begin)
    app.url_defaults(_version_static)
    app.after_request(_finish)
    app.register_error_handler(ModerationError, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(ParseException, _refuse_framing)
    app.register_error_handler(Exception, _fail)
    secure = rt.env.public_url.startswith("https://")
    app.config["TRANSPORT"] = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"} if secure else {}
    return app


def _begin() -> None:
    g.started = time.perf_counter()
    g.request_id = context.rt().new_id()
    if request.mimetype.startswith("multipart/"):
        raise UnsupportedContent("content-type")  # parsing it has been a denial of service more than once


def _version_static(endpoint: str, values: dict[str, Any]) -> None:
    """Addresses of static files carry a digest of the file, so that browsers may keep them for good."""
    if endpoint == "static":
        values["v"] = _digest(values["filename"])


@lru_cache(maxsize=100)
def _digest(filename: str) -> str:
    file = Path(__file__).parent / "static" / filename
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _finish(response: Response) -> Response:
    """Headers of every answer, the metrics and the log line."""
    headers = response.headers
    headers.extend(COMMON)
    headers.extend(current_app.config["TRANSPORT"])
    headers["X-Request-ID"] = g.request_id
    if "Content-Security-Policy" not in headers:
        is_page = response.mimetype == "text/html"
        headers["Content-Security-Policy"] = PAGE_POLICY if is_page else API_POLICY
        if is_page:
            headers["Reporting-Endpoints"] = 'csp="/csp-report"'
    path = request.path
    if path.startswith("/static/") and "v" in request.args:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    elif path.startswith("/desk"):
        headers["Cache-Control"] = "no-store"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["X-Frame-Options"] = "DENY"
    if "Cross-Origin-Resource-Policy" not in headers:
        is_public = path.startswith(("/v1/", "/embed.js")) and "Authorization" not in request.headers
        headers["Cross-Origin-Resource-Policy"] = "cross-origin" if is_public else "same-origin"
    origin = g.get("cors_origin")
    if origin:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = EXPOSED
    if path.startswith("/v1/") and request.method in ("POST", "OPTIONS"):
        headers.add("Vary", "Origin")
    _tell(response.status_code)
    return response


def _tell(status: int) -> None:
    took = time.perf_counter() - g.started
    route = request.url_rule.rule if request.url_rule else "none"
    telemetry.requests_total.labels(route, f"{status // 100}xx").inc()
    telemetry.request_seconds.labels(route).observe(took)
    site = (request.view_args or {}).get("site_id")
    log.info(
        "request",
        request=g.request_id,
        method=request.method if len(request.method) < 10 else "other",
        route=route,
        site=site if site in context.rt().rules.sites else None,
        status=status,
        ms=round(took * 1000, 2),
    )


def _refuse(error: ModerationError) -> AnyResponse:
    """A known error: problem details, or for a moderator's page the way to the sign-in."""
    if isinstance(error, NotSignedIn) and request.method == "GET" and request.path.startswith("/desk"):
        return redirect(auth.sign_in_path(request.full_path), 303)
    status, body, headers = problem(error, g.request_id)
    if wants_page():
        return _page(status, body, headers)
    return Response(orjson.dumps(body), status, headers, "application/problem+json")


def _refuse_http(error: HTTPException) -> AnyResponse:
    """What Flask and Werkzeug refuse: unknown paths, wrong methods, bodies they cannot read."""
    status = error.code or 500
    if status < 400:
        return error.get_response()
    titles = {404: "Nothing here", 405: "This method is not allowed here", 413: "The body is too large"}
    title = titles.get(status, error.name)
    body = untyped(status, title, title + ".", g.get("request_id", ""))
    headers = {"Allow": ", ".join(sorted(getattr(error, "valid_methods", None) or []))} if status == 405 else {}
    if wants_page():
        return _page(status, body, headers)
    return Response(orjson.dumps(body), status, headers, "application/problem+json")


def _refuse_framing(_: Exception) -> AnyResponse:
    """gunicorn finds out about bad chunks only while a view reads the body."""
    return _refuse(Unparsable("framing"))


def _fail(error: Exception) -> AnyResponse:
    """A fault of ours: logged with its place, told without its text."""
    log.error("request-failed", request=g.get("request_id"), error=type(error).__name__, where=telemetry.places(error))
    told = "Nothing was changed. Please try again; if it stays, tell the site's owner the number below."
    body = untyped(500, "Something went wrong here", told, g.get("request_id", ""))
    return _page(500, body, {}) if wants_page() else Response(orjson.dumps(body), 500, {}, "application/problem+json")


def wants_page() -> bool:
    """Whether a person looks at the answer: a browser asks for HTML by name."""
    return not request.path.startswith("/v1/") and "text/html" in request.headers.get("Accept", "")


def _page(status: int, body: dict[str, Any], headers: dict[str, str]) -> Response:
    return Response(render_template("problem.html", problem=body), status, headers, "text/html")


def _add_probes(app: Flask, rt: Runtime) -> None:
    @app.post("/csp-report")
    def csp_report() -> Response:
        """A browser met something that the page's policy forbids. Counted; what it says is not kept."""
        telemetry.policy_reports_total.inc()
        return Response(b"", 204)

    @app.get("/livez")
    def livez() -> Response:
        """The process answers."""
        return _plain({"status": "ok", "version": __version__})

    @app.get("/readyz")
    def readyz() -> Response:
        """Comments can be taken in: 503 without the store, `degraded` without Redis or with a refused rules file."""
        state = readiness(rt)
        return _plain(state, 503 if state["status"] == "unavailable" else 200)

    @app.get("/metrics")
    def metrics() -> Response:
        """Prometheus' text format. The shipped nginx file keeps it inside."""
        telemetry.rules_ok.set(0 if rt.rules_problems else 1)
        telemetry.rules_loaded.set(rt.rules_loaded_at.timestamp())
        limits = rt.limits.state()
        telemetry.limits_ok.set(1 if limits.available else 0)
        telemetry.limits_fallbacks.set(limits.fallbacks_total)
        text = telemetry.exposition(lambda: _waiting(rt))
        return Response(
            text, 200, {"Cache-Control": "no-store"}, content_type="text/plain; version=0.0.4; charset=utf-8"
        )


def readiness(rt: Runtime) -> dict[str, str]:
    """Each part and the whole: `ok`, `degraded` or `unavailable`."""
    store = "ok" if _store_answers(rt) else "unavailable"
    limits = "ok" if rt.limits.state().available else "degraded"
    rules = "degraded" if rt.rules_problems else "ok"
    whole = "unavailable" if store != "ok" else "degraded" if "degraded" in (limits, rules) else "ok"
    return {"status": whole, "store": store, "limits": limits, "rules": rules, "revision": rt.rules.revision}


def _store_answers(rt: Runtime) -> bool:
    try:
        with rt.store.reading() as connection:
            queries.article(connection, "", "")
    except ModerationError:
        return False
    return True


def _waiting(rt: Runtime) -> dict[str, int]:
    try:
        with rt.store.reading() as connection:
            return {site: queries.tab_counts(connection, [site])[Status.PENDING] for site in rt.rules.sites}
    except ModerationError:
        return {}


def _plain(value: dict[str, str], status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, {"Cache-Control": "no-store"}, "application/json")
