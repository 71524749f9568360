"""The page behind the link of a letter: a button to confirm an e-mail address, and what comes of pressing it. It shows
no comment, and of the address no more than moderators see.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response, render_template, url_for

from moderation import catalogue
from moderation.actions import confirm as action
from moderation.values import HOLDER, Comment
from moderation.web import cookies
from moderation.web.context import request_id, rt

confirm = Blueprint("confirm", __name__)


@confirm.get("/v/<token>")
def page(token: str) -> Response:
    """What pressing the button will do. Changes nothing."""
    return _shown(action.look(rt(), token), token=token)


@confirm.post("/v/<token>")
def press(token: str) -> Response:
    """Confirm the address, and let this browser keep that."""
    found = action.confirm(rt(), token, request_id())
    comment = found.comment
    url = comment.article.url
    back = f"{url}#moderation-own={found.holder}" if url else _thread(comment)
    response = _shown(comment, back=back)
    cookies.author(comment.site).give(response, found.holder)
    return response


def kept(site_id: str) -> str | None:
    """What this browser was handed out for a site."""
    cookie = cookies.author(site_id).read()
    return cookie if cookie.startswith(HOLDER) else None


def _thread(comment: Comment) -> str:
    return url_for("pages.thread", site_id=comment.site, article=comment.article.key)


def _shown(comment: Comment, **shown: Any) -> Response:
    settings = rt().rules.sites[comment.site].settings
    catalogue.speak(settings.language)
    page = render_template(
        "reader/confirm.html", site=settings.name or comment.site, masked=comment.email_masked, **shown
    )
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
