"""Pages on which readers ask for their data by e-mail address, and the page behind the link that a letter brings; where
no letters are sent, what can be done instead. They work without JavaScript. No answer, address of a page or log line
tells about whom was asked.
"""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from moderation import catalogue
from moderation.actions import privacy_form as action
from moderation.catalogue import _
from moderation.edges.privacy_links import Asked
from moderation.errors import ModerationError, NotFound
from moderation.judge.ruleset import SiteRules
from moderation.values import Wish
from moderation.web import fields, strict
from moderation.web.api import body_bytes, content_kind
from moderation.web.context import client_address, request_id, rt
from moderation.web.origins import check_origin
from moderation.web.problems import problem

privacy = Blueprint("privacy", __name__)

MINUTES = int(action.LASTS.total_seconds() // 60)


@privacy.get("/t/<site_id>/privacy")
def page(site_id: str) -> Response:
    """The form; without letters, the way to one's data in words."""
    return _form(_site(site_id), sent="sent" in request.args)


@privacy.post("/t/<site_id>/privacy")
def ask(site_id: str) -> ResponseReturnValue:
    """Take in what was asked for. The same answer for every address."""
    site = _site(site_id)
    if not action.is_offered(rt()):
        raise NotFound("page")
    check_origin(site.settings)
    content_kind()
    typed = strict.parse_form(body_bytes())
    email = fields.normal_email(typed.get("email", "").strip(" "))
    if email is None:
        return _form(site, status=422, typed=typed, wrong=_("This is not an email address."))
    try:
        action.ask(rt(), site, email, _wish(typed), client_address())
    except ModerationError as error:
        status, body, headers = problem(error, request_id())
        response = _form(site, status=status, typed=typed, sentence=body["title"])
        response.headers.extend(headers)
        return response
    return redirect(url_for("privacy.page", site_id=site_id, sent="1"), 303)


@privacy.get("/p/<secret>")
def link(secret: str) -> Response:
    """What pressing the button will do."""
    asked, kept = action.look(rt(), secret)
    return _answer(asked, secret=secret, kept=[(_name(site), sum(kinds.values())) for site, kinds in kept.items()])


@privacy.post("/p/<secret>")
def press(secret: str) -> Response:
    """Do it: the copy comes as a file."""
    done = action.do(rt(), secret)
    if done.copy is None:
        return _answer(done.asked, erased=done.erased, left=done.left)
    response = make_response(orjson.dumps(done.copy, option=orjson.OPT_INDENT_2))
    response.content_type = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="comments-{done.asked.site}.json"'
    return _private(response)


def _site(site_id: str) -> SiteRules:
    site = rt().rules.sites.get(site_id)
    if site is None:
        raise NotFound("page")
    return site


def _wish(typed: dict[str, str]) -> Wish:
    """A copy, unless deleting was chosen."""
    return Wish.ERASE if typed.get("wish") == Wish.ERASE.value else Wish.COPY


def _name(site_id: str) -> str:
    site = rt().rules.sites.get(site_id)
    return site.settings.name or site_id if site else site_id


def _form(
    site: SiteRules,
    status: int = 200,
    *,
    typed: dict[str, str] | None = None,
    wrong: str = "",
    sentence: str = "",
    sent: bool = False,
) -> Response:
    typed = typed or {}
    page = render_template(
        "reader/privacy.html",
        site=site.settings.name or site.id,
        site_id=site.id,
        email=typed.get("email", ""),
        erase=_wish(typed) is Wish.ERASE,
        wrong=wrong,
        sentence=sentence,
        by_letter=action.is_offered(rt()),
        contact=site.settings.contact,
        sent=sent,
        minutes=MINUTES,
    )
    return _private(make_response(page, status))


def _answer(asked: Asked, **shown: Any) -> Response:
    catalogue.speak(rt().rules.sites[asked.site].settings.language)  # its address names no site
    page = render_template(
        "reader/privacy_link.html",
        site=_name(asked.site),
        masked=action.masked(asked),
        is_copy=asked.wish is Wish.COPY,
        **shown,
    )
    return _private(make_response(page))


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
