"""A form of the desk that came with the token of another session: given back with all that was typed, one press away
from being sent again. Only for forms that a page of ours sent; the rest is refused before (`auth.signed_in`)."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, make_response, render_template, request

from moderation.errors import ModerationError, OriginRefused
from moderation.web import auth

SECRETS = frozenset({"password", "current", "code"})
"""Fields that no page gives back. A form with one of them is only refused."""

TYPED: Mapping[str, str] = {
    "words": "Words",
    "reason": "Reason",
    "name": "Name",
    "text": "Text",
    "on": "On",
}
"""Fields that people type into, and what stands beside them; the others are sent along unseen."""


def form_again(error: ModerationError, status: int) -> Response | None:
    """The page for it; None where the error is another one, or the form holds what is not given back."""
    is_stale = isinstance(error, OriginRefused) and error.code == "csrf-token"
    if not is_stale or SECRETS & request.form.keys():
        return None
    fields = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    page = render_template(
        "desk/again.html",
        who=auth.current(),
        action=request.path,
        typed=[(name, TYPED[name], value) for name, value in fields if name in TYPED and value],
        others=[(name, value) for name, value in fields if name not in TYPED],
    )
    return make_response(page, status)
