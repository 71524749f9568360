"""The application: doors put together, errors turned into answers, the headers of every answer, one log line a request.

`create_app` opens nothing; the runtime is made by whoever serves, after fork.
"""

from __future__ import annotations

import hashlib
import time
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import orjson
import structlog
from flask import Flask, Response, current_app, g, redirect, render_template, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from moderation import __version__, catalogue
from moderation.actions.limits import blown_fuses
from moderation.actions.promise import clocks
from moderation.actions.submit import Intake
from moderation.catalogue import _
from moderation.edges import oldest, queries, telemetry
from moderation.errors import ModerationError, NotFound, NotSignedIn, SecondStepMissing, Unparsable, UnsupportedContent
from moderation.runtime import Runtime
from moderation.web import audit, auth, bulk, context, decisions, docs, live, own, searching
from moderation.web.again import form_again
from moderation.web.api import api
from moderation.web.backtests import backtests
from moderation.web.bans import bans
from moderation.web.bans_api import bans_api
from moderation.web.closing import closing
from moderation.web.confirm import confirm
from moderation.web.desk import desk
from moderation.web.desk_keys import desk_keys, key_for
from moderation.web.details import details
from moderation.web.front import STARTED, Front
from moderation.web.headers import API_POLICY, COMMON, EXPOSED, PAGE_POLICY, transport
from moderation.web.holds import holds
from moderation.web.me import me
from moderation.web.notes import notes
from moderation.web.numbers import numbers
from moderation.web.pages import pages
from moderation.web.people import people
from moderation.web.privacy import privacy
from moderation.web.problems import detail, problem, untyped
from moderation.web.redactions import redactions
from moderation.web.reports import reports
from moderation.web.reveal import reveal
from moderation.web.rules import rules
from moderation.web.second_step import second_step
from moderation.web.single_sign_on import single_sign_on
from moderation.web.threads import Threads
from moderation.web.tokens import tokens

log = structlog.get_logger()

BLUEPRINTS = (
    api,
    pages,
    own.own,
    privacy,
    reports,
    confirm,
    auth.auth,
    desk,
    decisions.decisions,
    details,
    notes,
    redactions,
    closing,
    bans,
    bans_api,
    searching.searching,
    live.live,
    bulk.bulk,
    audit.audit,
    numbers,
    rules,
    backtests,
    reveal,
    holds,
    me,
    desk_keys,
    second_step,
    single_sign_on,
    people,
    tokens,
    docs.docs,
)


STATIC = Path(__file__).parent / "static"
FOR_GOOD = "public, max-age=31536000, immutable"


def create_app(rt: Runtime) -> Flask:
    """The WSGI application over an open runtime."""
    app = Flask("moderation.web", static_folder="static", static_url_path="/static")
    app.config.update(MAX_CONTENT_LENGTH=64 * 1024, MAX_FORM_MEMORY_SIZE=64 * 1024, PROPAGATE_EXCEPTIONS=False)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # its redirects would carry whatever host the request named
    intake, threads = Intake(rt), Threads(rt)
    front = Front(app.wsgi_app, rt, intake, threads)
    app.extensions.update(moderation=rt, intake=intake, threads=threads, front=front)
    app.wsgi_app = front  # type: ignore[method-assign]  # as Flask's manual has it
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    _add_probes(app, rt)
    app.before_request(_begin)
    app.url_defaults(_version_static)
    app.add_url_rule("/static/desk/at/<version>/<name>", "module", _module)
    app.add_template_global(modules)
    _add_catalogue(app)
    app.after_request(_finish)
    app.register_error_handler(ModerationError, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(ParseException, _refuse_framing)
    app.register_error_handler(Exception, _fail)
    app.config["TRANSPORT"] = transport(rt.env.public_url)
    return app


def _begin() -> None:
    g.started = request.environ[STARTED]
    g.request_id = context.rt().new_id()
    catalogue.speak(_language())
    if request.mimetype.startswith("multipart/"):
        raise UnsupportedContent("content-type")  # parsing it has been a denial of service more than once


def _language() -> str:
    """The site's, for its readers; else the first of the browser's that there is."""
    site = context.rt().rules.sites.get((request.view_args or {}).get("site_id", ""))
    if site is not None and request.blueprint in ("api", "pages", "own", "reports", "privacy"):
        return str(site.settings.language)
    return catalogue.best(list(request.accept_languages.values()))


def _version_static(endpoint: str, values: dict[str, Any]) -> None:
    """Addresses of static files carry a digest of the file, so that browsers may keep them for good."""
    if endpoint == "static":
        values["v"] = _digest(values["filename"])


def _module(version: str, name: str) -> Response:
    """A script of the desk. What it imports stands beside it, so under the same version: a worker that starts with
    other scripts while a page loads cannot mix them, and a browser asks for none of them again."""
    if not name.endswith(".js"):
        raise NotFound("page")
    response = current_app.send_static_file(f"desk/{name}")
    response.headers["Cache-Control"] = FOR_GOOD if version == modules() else "no-store"
    return response


@cache
def modules() -> str:
    """The version of the desk's scripts, one for all of them."""
    files = sorted((STATIC / "desk").glob("*.js"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]


@lru_cache(maxsize=100)
def _digest(filename: str) -> str:
    return hashlib.sha256((STATIC / filename).read_bytes()).hexdigest()[:12]


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
    if request.endpoint == "static" and response.status_code < 400 and "v" in request.args:
        is_this = request.args["v"] == _digest(request.view_args["filename"]) if request.view_args else False
        headers["Cache-Control"] = FOR_GOOD if is_this else "no-store"
    elif path.startswith("/desk"):
        headers["Cache-Control"] = "no-store"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["X-Frame-Options"] = "DENY"
    elif response.status_code >= 400 and "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-store"  # an error is of this moment, and its number of this request
    if "Cross-Origin-Resource-Policy" not in headers:
        is_public = path.startswith(("/v1/", "/embed.js")) and "Authorization" not in request.headers
        headers["Cross-Origin-Resource-Policy"] = "cross-origin" if is_public else "same-origin"
    origin = g.get("cors_origin")
    if origin:
        headers["Access-Control-Allow-Origin"] = origin
    if origin and origin != "*":
        headers["Access-Control-Expose-Headers"] = EXPOSED
    if path.startswith("/v1/") and request.method in ("POST", "OPTIONS"):
        headers.add("Vary", "Origin")
    _tell(response.status_code)
    return response


def _tell(status: int) -> None:
    site = (request.view_args or {}).get("site_id")
    telemetry.tell_request(
        g.request_id,
        request.method if len(request.method) < 10 else "other",
        request.url_rule.rule if request.url_rule else "none",
        site if site in context.rt().rules.sites else None,
        status,
        time.perf_counter() - g.started,
    )


def _refuse(error: ModerationError) -> AnyResponse:
    """A known error: problem details, or for a moderator's page the way to the sign-in."""
    is_missing = isinstance(error, (NotSignedIn, SecondStepMissing))
    if is_missing and request.method == "GET" and request.path.startswith("/desk"):
        return redirect(auth.sign_in_path(request.full_path, getattr(error, "what", None)), 303)
    status, body, headers = problem(error, g.request_id)
    if wants_page():
        return form_again(error, status) or _page(status, body, headers)
    return Response(orjson.dumps(body), status, headers, "application/problem+json")


TITLES = {404: "Nothing here", 405: "This method is not allowed here", 413: "The body is too large"}


def _refuse_http(error: HTTPException) -> AnyResponse:
    """What Flask and Werkzeug refuse: unknown paths, wrong methods, bodies they cannot read."""
    status = error.code or 500
    if status < 400:
        return error.get_response()
    title = _(TITLES.get(status, error.name))
    body = untyped(status, title, detail(NotFound("page")) if status == 404 else title + ".", g.get("request_id", ""))
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
    told = _("Nothing was changed. Please try again; if it stays, tell the site's owner the number below.")
    body = untyped(500, _("Something went wrong here"), told, g.get("request_id", ""))
    return _page(500, body, {}) if wants_page() else Response(orjson.dumps(body), 500, {}, "application/problem+json")


def wants_page() -> bool:
    """Whether a person looks at the answer: a browser asks for HTML by name."""
    return not request.path.startswith("/v1/") and "text/html" in request.headers.get("Accept", "")


def _page(status: int, body: dict[str, Any], headers: dict[str, str]) -> Response:
    return Response(render_template("problem.html", problem=body, back=_back()), status, headers, "text/html")


def _back() -> tuple[str, str]:
    """Where an error page leads: the page of ours that led to it, else the desk or the front page."""
    before = request.referrer or ""
    if before.startswith(context.rt().env.public_url + "/") and before != request.url:
        return before, _("Back to the page before")
    return ("/desk/", _("To the desk")) if request.path.startswith("/desk") else ("/", _("To the front page"))


def _add_catalogue(app: Flask) -> None:
    """Templates say their sentences through the catalogue, as the code does."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.install_gettext_callables(catalogue._, catalogue.plural)  # type: ignore[attr-defined]
    for say in (catalogue.spoken, catalogue.counted, catalogue.number_words, catalogue.words_of, key_for):
        app.jinja_env.globals[say.__name__] = say


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
        telemetry.limits_ok.set(1 if rt.limits.state().available else 0)
        text = telemetry.exposition(lambda: _waiting(rt), lambda: _ages(rt))
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


def _waiting(rt: Runtime) -> list[telemetry.SiteWaits]:
    try:
        with rt.store.reading() as connection:
            found = clocks(rt, connection, list(rt.rules.sites))
    except ModerationError:
        return []
    blown = blown_fuses(rt, rt.rules.sites)
    return [
        telemetry.SiteWaits(
            clock.site,
            clock.waiting,
            clock.age.total_seconds() if clock.age is not None else 0,
            clock.promise.total_seconds() if clock.promise is not None else None,
            clock.site in blown,
        )
        for clock in found
    ]


def _ages(rt: Runtime) -> dict[str, float]:
    try:
        with rt.store.reading() as connection:
            found = oldest.rows(connection)
    except ModerationError:
        return {}
    now = rt.now()
    return {name: max(0.0, (now - since).total_seconds()) for name, since in found.items()}


def _plain(value: dict[str, str], status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, {"Cache-Control": "no-store"}, "application/json")
