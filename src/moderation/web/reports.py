"""Readers report a public comment: a page without JavaScript, and the same for the widget. Whatever comes of a report,
the answer is the same; nothing tells whether somebody else has reported, or what was decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from moderation.actions import reports as action
from moderation.catalogue import _
from moderation.edges import queries, telemetry
from moderation.errors import ModerationError, NotFound
from moderation.judge.ruleset import SiteRules
from moderation.web import strict, wire
from moderation.web.api import body_bytes, content_kind
from moderation.web.context import client_address, request_id, rt
from moderation.web.decisions import COMMENT_ID
from moderation.web.origins import check_origin, preflight
from moderation.web.problems import problem

reports = Blueprint("reports", __name__)

THANKS = "Thank you. A moderator will look at it."


@reports.get("/t/<site_id>/reports/<comment_id>")
def page(site_id: str, comment_id: str) -> Response:
    """The form; with `done`, the thanks, for whatever comment."""
    site = _site(site_id)
    if request.args.get("done"):
        return _shown(200, site, comment_id, done=True)
    if _public(site_id, comment_id) is None:
        raise NotFound("comment")
    return _shown(200, site, comment_id)


@reports.post("/v1/<site_id>/comments/<comment_id>/reports")
def post(site_id: str, comment_id: str) -> ResponseReturnValue:
    """Take in a report. JSON or a form; the form's answers are for people."""
    site = _site(site_id)
    kind = content_kind()
    typed: Mapping[str, str] = {}
    try:
        if kind == "form":
            typed = strict.parse_form(body_bytes())
        check_origin(site.settings)
        given = {name: text for name, text in typed.items() if text} | {"reason": typed.get("reason", "")}
        _take_in(site, comment_id, given if kind == "form" else strict.parse_json(body_bytes()))
    except ModerationError as error:
        telemetry.reports_total.labels("refused").inc()
        if kind == "json":
            raise
        return _refused(site, comment_id, typed, error)
    if kind == "form":
        return redirect(url_for("reports.page", site_id=site_id, comment_id=comment_id, done="1"), 303)
    return Response(orjson.dumps({"message": _(THANKS)}), 202, {"Cache-Control": "no-store"}, "application/json")


@reports.route("/v1/<site_id>/comments/<comment_id>/reports", methods=["OPTIONS"])
def preflight_report(site_id: str, comment_id: str) -> Response:
    """CORS preflight: an exact listed origin or nothing."""
    return preflight(_site(site_id).settings, "POST, OPTIONS", "content-type")


def _take_in(site: SiteRules, comment_id: str, value: Any) -> None:
    given = wire.report(value, site.settings)
    if not COMMENT_ID.match(comment_id):
        return  # as for any other that is not there
    wish = action.Wish(comment_id, given.reason, given.explanation or "", client_address(), given.email)
    telemetry.reports_total.labels(action.report(rt(), site, wish, request_id())).inc()


def _refused(site: SiteRules, comment_id: str, typed: Mapping[str, str], error: ModerationError) -> Response:
    """The form as it was filled in, and what is wrong."""
    status, body, headers = problem(error, request_id())
    problems = body.get("errors", [])
    wrong = {each["pointer"].removeprefix("/"): each["detail"] for each in problems}
    said = "" if problems else f"{body['title']}. {body['detail']}"
    response = _shown(status, site, comment_id, typed=typed, wrong=wrong, said=said)
    response.headers.extend(headers)
    return response


def _shown(
    status: int,
    site: SiteRules,
    comment_id: str,
    *,
    done: bool = False,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    said: str = "",
) -> Response:
    found = _public(site.id, comment_id)
    text = render_template(
        "reader/report.html",
        site_id=site.id,
        site=site.settings.name or site.id,
        comment_id=comment_id,
        comment=found[0] if found else None,
        html=Markup(found[0].html) if found else "",  # noqa: S704 - made and cleaned by text.markup
        back=_back(site.id, found[1].key, found[1].url, comment_id) if found else "",
        reasons=site.settings.reasons,
        longest=action.LONGEST,
        by_mail=action.answers_by_mail(rt()),
        done=_(THANKS) if done else "",
        typed=typed or {},
        wrong=wrong or {},
        said=said,
    )
    response = make_response(text, status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _back(site_id: str, key: str, url: str | None, comment_id: str) -> str:
    return f"{url or url_for('pages.thread', site_id=site_id, article=key)}#comment-{comment_id}"


def _public(site_id: str, comment_id: str) -> tuple[queries.PublicComment, Any] | None:
    if not COMMENT_ID.match(comment_id):
        return None
    with rt().store.reading() as tx:
        return queries.public_comment(tx, site_id, comment_id)


def _site(site_id: str) -> SiteRules:
    """Raises NotFound, also for a site whose readers cannot report."""
    site = rt().rules.sites.get(site_id)
    if site is None:
        raise NotFound("site")
    if not site.settings.reports:
        raise NotFound("page")
    return site
