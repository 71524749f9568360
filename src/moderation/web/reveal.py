"""The page that shows an author's e-mail address: a form that asks why, then the address, never kept by the browser."""

from __future__ import annotations

import re

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from moderation.actions import reveal as actions
from moderation.actions import typed
from moderation.edges import queries
from moderation.errors import Invalid, NotFound
from moderation.values import Comment, Right
from moderation.web import auth
from moderation.web.context import request_id, rt
from moderation.web.problems import field_sentence

reveal = Blueprint("reveal", __name__, url_prefix="/desk/email")
_ID = re.compile(r"[0-9a-z]{16}\Z")


@reveal.get("/<comment_id>")
@auth.signed_in(Right.REVEAL_EMAIL)
def ask(comment_id: str) -> ResponseReturnValue:
    """The form. Shows no more than the card does."""
    return _page(_comment(comment_id), 200)


@reveal.post("/<comment_id>")
@auth.signed_in(Right.REVEAL_EMAIL)
def show(comment_id: str) -> ResponseReturnValue:
    """The address, once the reason is on record."""
    comment, reason = _comment(comment_id), request.form.get("reason", "")
    try:
        revealed = actions.reveal(rt(), auth.current(), comment.id, reason, request_id())
    except Invalid as invalid:
        return _page(comment, 422, reason=reason, sentence=field_sentence(invalid.problems[0]))
    return _page(comment, 200, reason=reason, revealed=revealed)


def _comment(comment_id: str) -> Comment:
    """Raises NotFound, also for a comment of another's site and for one without an address."""
    with rt().store.reading() as tx:
        found = queries.comment(tx, comment_id) if _ID.match(comment_id) else None
    if found is None or not auth.current().may(Right.REVEAL_EMAIL, found.site) or not found.email_masked:
        raise NotFound("email")
    return found


def _page(comment: Comment, status: int, **told: object) -> ResponseReturnValue:
    limits = {"least": typed.SHORTEST, "most": typed.LONGEST}
    return render_template("desk/email.html", who=auth.current(), comment=comment, **limits, **told), status
