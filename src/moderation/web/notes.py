"""Notes about a comment: two forms of the part `notes`. They work as plain forms; the page's script sends them too."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from moderation.actions import notes as actions
from moderation.errors import Invalid, NotFound
from moderation.values import Right
from moderation.web import auth
from moderation.web.context import request_id, rt
from moderation.web.decisions import COMMENT_ID
from moderation.web.details import is_asked_by_script, shown, told
from moderation.web.problems import field_sentence

notes = Blueprint("notes", __name__, url_prefix="/desk/comments")


@notes.post("/<comment_id>/notes")
@auth.signed_in(Right.DECIDE)
def add(comment_id: str) -> ResponseReturnValue:
    """Write one down."""
    if not COMMENT_ID.match(comment_id):
        raise NotFound("comment")
    try:
        actions.add(rt(), auth.current(), comment_id, request.form.get("text", ""), request_id())
    except Invalid as invalid:
        if is_asked_by_script():
            raise
        return shown(comment_id, ["notes"], problems=[field_sentence(each) for each in invalid.problems]), 422
    return told("noted", comment_id, "notes")


@notes.post("/<comment_id>/notes/drop")
@auth.signed_in(Right.DECIDE)
def drop(comment_id: str) -> ResponseReturnValue:
    """Take one's own away."""
    number = request.form.get("note", "")
    if not (number.isascii() and number.isdigit() and len(number) < 16 and COMMENT_ID.match(comment_id)):
        raise NotFound("note")
    actions.drop(rt(), auth.current(), comment_id, int(number), request_id())
    return told("dropped", comment_id, "notes")
