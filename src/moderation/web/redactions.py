"""Taking words out of what the public sees of a comment, and putting them back: two forms of the part `redact`.

They work as plain forms, where the words are typed; the page's script sends the span that was selected instead.
"""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from moderation.actions import redact as actions
from moderation.actions.redact import Wish
from moderation.catalogue import _
from moderation.edges import earlier
from moderation.errors import Conflict, FieldProblem, Invalid, NotFound
from moderation.values import Right, Status
from moderation.web import auth, sentences
from moderation.web.answers import private
from moderation.web.context import request_id, rt
from moderation.web.decisions import COMMENT_ID
from moderation.web.details import is_asked_by_script, seen_by, shown, told
from moderation.web.problems import field_sentence
from moderation.web.views import zone_of

redactions = Blueprint("redactions", __name__, url_prefix="/desk/comments")

FIELDS = {"/words": "Words", "/reason": "Why"}


@redactions.post("/<comment_id>/redactions")
@auth.signed_in(Right.DECIDE)
def redact(comment_id: str) -> ResponseReturnValue:
    """Take a span, or each place where the words stand, out of what the public sees."""
    form = request.form
    span = (_number("start"), _number("end")) if form.get("start") else None
    wish = Wish(_id(comment_id), _number("version"), form.get("reason", ""), form.get("words", ""), span)
    try:
        actions.redact(rt(), auth.current(), wish, request_id())
    except Conflict as conflict:
        return _stale(conflict)
    except Invalid as invalid:
        if is_asked_by_script():
            raise
        said = [f"{_(FIELDS[each.pointer])}: {field_sentence(each)}" for each in invalid.problems]
        return shown(comment_id, ["redact"], problems=said), 422
    return told("redacted", comment_id, "redact")


@redactions.post("/<comment_id>/redactions/undo")
@auth.signed_in(Right.DECIDE)
def restore(comment_id: str) -> ResponseReturnValue:
    """Put one place back."""
    place = (_number("start"), _number("end"))
    try:
        actions.restore(rt(), auth.current(), _id(comment_id), _number("version"), place, request_id())
    except Conflict as conflict:
        return _stale(conflict)
    return told("restored", comment_id, "redact")


def _stale(conflict: Conflict) -> ResponseReturnValue:
    """What a click about an older version is told, as by a decision."""
    who = auth.current()
    with rt().store.reading() as tx:
        zone = zone_of(seen_by(tx, who, conflict.comment_id).site)
        is_rewritten = earlier.is_rewritten(tx, conflict.comment_id, _number("version"))
    stands = (Status(conflict.status), conflict.decided_by, conflict.decided_at, who.name, rt().now(), zone)
    sentence = sentences.already(*stands, is_rewritten=is_rewritten)
    if is_asked_by_script():
        return private({"sentence": sentence, "version": conflict.version}, 409)
    return shown(conflict.comment_id, ["redact"], problems=[sentence]), 409


def _id(given: str) -> str:
    if not COMMENT_ID.match(given):
        raise NotFound("comment")
    return given


def _number(name: str) -> int:
    """A number of the form. Raises Invalid."""
    given = request.form.get(name, "")
    if not (given.isascii() and given.isdigit() and len(given) < 10):
        raise Invalid([FieldProblem(f"/{name}", "choice")])
    return int(given)
