"""An author's own comment by its receipt: a page without JavaScript, and the same for the widget. Shows how the comment
stands, takes it back, writes it anew or asks for a second look. Shows no text, not even to the author, since whoever
has the address has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from moderation import catalogue
from moderation.actions import own_comment
from moderation.actions.own_comment import State
from moderation.errors import Invalid, ModerationError, Outdated
from moderation.redress import redress
from moderation.settings import Site
from moderation.web import strict, wire
from moderation.web.answers import private
from moderation.web.api import body_bytes, comment_bytes, content_kind, json_body
from moderation.web.context import client_address, request_id, rt, settings_of
from moderation.web.origins import check_origin, preflight
from moderation.web.problems import problem
from moderation.web.stands import stands

own = Blueprint("own", __name__)

METHODS = "GET, PATCH, DELETE, POST, OPTIONS"


@own.get("/v1/<site_id>/receipts/<receipt>")
def get_own(site_id: str, receipt: str) -> Response:
    """How the comment stands."""
    check_origin(settings_of(site_id))
    return _private(_told(own_comment.look(rt(), receipt, site=site_id)))


@own.patch("/v1/<site_id>/receipts/<receipt>")
def patch_own(site_id: str, receipt: str) -> Response:
    """Write the comment anew. It is judged from the start, and waits."""
    check_origin(settings_of(site_id))
    stands = own_comment.look(rt(), receipt, site=site_id)
    settings = _settings(stands.site)
    change = wire.edit(json_body(settings), settings)
    return _private(_told(_edit(receipt, change)))


@own.delete("/v1/<site_id>/receipts/<receipt>")
def delete_own(site_id: str, receipt: str) -> Response:
    """Take the comment back."""
    check_origin(settings_of(site_id))
    own_comment.look(rt(), receipt, site=site_id)
    own_comment.withdraw(rt(), receipt, request_id())
    return Response(b"", 204, {"Cache-Control": "no-store"}, "application/json")


@own.post("/v1/<site_id>/receipts/<receipt>/appeal")
def post_appeal(site_id: str, receipt: str) -> Response:
    """Ask for a second look."""
    check_origin(settings_of(site_id))
    own_comment.look(rt(), receipt, site=site_id)
    return _private(_told(_appeal(receipt, json_body())))


@own.route("/v1/<site_id>/receipts/<receipt>", methods=["OPTIONS"])
@own.route("/v1/<site_id>/receipts/<receipt>/appeal", methods=["OPTIONS"])
def preflight_own(site_id: str, receipt: str) -> Response:
    """CORS preflight: an exact listed origin or nothing."""
    return preflight(settings_of(site_id), METHODS, "content-type")


def _private(value: dict[str, Any]) -> Response:
    response = private(value)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _told(state: State) -> dict[str, Any]:
    return {
        "id": state.id,
        "status": state.status,
        "message": stands(state),
        "version": state.version,
        "reason": state.reason,
        "edit_until": state.edit_until,
        "can_withdraw": True,  # whatever was decided
        "can_appeal": state.can_appeal,
        "redress": _redress(state),
    }


def _redress(state: State) -> str | None:
    """What is left to who does not agree with the second look either."""
    is_over = state.appealed and state.status == "rejected"
    return redress(rt().rules.sites[state.site].settings) if is_over else None


@own.get("/r/<receipt>")
def page(receipt: str) -> Response:
    """How the comment stands, with what may be done about it."""
    return _page(receipt, own_comment.look(rt(), receipt), done=request.args.get("done", ""))


@own.post("/r/<receipt>/edit")
def edit(receipt: str) -> ResponseReturnValue:
    """Write it anew, by a form."""
    state = own_comment.look(rt(), receipt)
    typed = strict.parse_form(comment_bytes(_settings(state.site), content_kind()))
    value = {"version": _version(typed), "body": typed.get("body", "")}
    try:
        _edit(receipt, wire.edit(value, _settings(state.site)))
    except ModerationError as error:
        return _page(receipt, state, typed=typed.get("body", ""), error=error)
    return redirect(url_for("own.page", receipt=receipt, done="edited"), 303)


@own.post("/r/<receipt>/appeal")
def appeal(receipt: str) -> ResponseReturnValue:
    """Ask for a second look, by a form."""
    state = own_comment.look(rt(), receipt)
    content_kind()
    typed = strict.parse_form(body_bytes())
    words = typed.get("words", "")
    try:
        _appeal(receipt, {"version": _version(typed), "words": words})
    except ModerationError as error:
        return _page(receipt, state, typed=words, error=error)
    return redirect(url_for("own.page", receipt=receipt, done="appealed"), 303)


def _version(typed: Mapping[str, str]) -> int:
    """0 for what is none."""
    version = typed.get("version", "")
    return int(version) if version.isdecimal() and len(version) < 10 else 0


@own.post("/r/<receipt>/withdraw")
def withdraw(receipt: str) -> ResponseReturnValue:
    """Take it back, by a form."""
    state = own_comment.look(rt(), receipt)
    own_comment.withdraw(rt(), receipt, request_id())
    return _shown(200, site=_settings(state.site).name or state.site, state=None, back=_back(state))


def _edit(receipt: str, change: wire.EditIn) -> State:
    return own_comment.edit(rt(), receipt, change.version, change.body, client_address(), request_id())


def _appeal(receipt: str, value: Any) -> State:
    asked = wire.appeal(value)
    return own_comment.appeal(rt(), receipt, asked.version, asked.words, client_address(), request_id())


def _page(
    receipt: str, state: State, *, done: str = "", typed: str = "", error: ModerationError | None = None
) -> Response:
    settings = _settings(state.site)
    status, sentence, wrong = 200, "", ""
    headers: dict[str, str] = {}
    if error is not None:
        status, body, headers = problem(error, request_id())
        sentence, wrong = body["title"], " ".join(each["detail"] for each in body.get("errors", []))
        if isinstance(error, (Outdated, Invalid)):
            state = own_comment.look(rt(), receipt)
    response = _shown(
        status,
        site=settings.name or state.site,
        state=state,
        receipt=receipt,
        stands=stands(state),
        redress=_redress(state),
        until=_time(state.edit_until, settings),
        back=_back(state),
        done=done,
        typed=typed,
        sentence=sentence,
        wrong=wrong,
        appeal_most=own_comment.APPEAL_MOST,
    )
    response.headers.extend(headers)
    return response


def _shown(status: int, **shown: Any) -> Response:
    response = make_response(render_template("reader/receipt.html", **shown), status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _back(state: State) -> str:
    return state.article.url or url_for("pages.thread", site_id=state.site, article=state.article.key)


def _time(at: datetime | None, settings: Site) -> str:
    return f"{at.astimezone(ZoneInfo(settings.timezone)):%H:%M}" if at else ""


def _settings(site_id: str) -> Site:
    settings: Site = rt().rules.sites[site_id].settings
    catalogue.speak(settings.language)  # a receipt's address does not name the site
    return settings
