"""Legal holds at the desk: a page for one comment, on which they are placed and lifted, each for a typed reason."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from moderation.actions import holds as actions
from moderation.actions import typed
from moderation.catalogue import _
from moderation.edges import held as store
from moderation.errors import Invalid, NotFound
from moderation.values import Right
from moderation.web import auth, sentences
from moderation.web.context import request_id, rt
from moderation.web.decisions import COMMENT_ID
from moderation.web.details import seen_by
from moderation.web.problems import field_sentence
from moderation.web.views import zone_of

holds = Blueprint("holds", __name__, url_prefix="/desk/holds")

TOLD = {
    "placed": "The hold is in force.",
    "lifted": "The hold is lifted. What its author wanted gone meanwhile is deleted.",
}


@holds.get("/<comment_id>")
@auth.signed_in(Right.HOLD)
def page(comment_id: str) -> ResponseReturnValue:
    """The holds on a comment, and the form for one more."""
    done = request.args.get("told", "")
    return _page(comment_id, 200, said=_(TOLD[done]) if done in TOLD else "")


@holds.post("/<comment_id>")
@auth.signed_in(Right.HOLD)
def place(comment_id: str) -> ResponseReturnValue:
    """Place one."""
    reason, whole = request.form.get("reason", ""), "author" in request.form
    try:
        _check(comment_id)
        actions.place(rt(), auth.current(), comment_id, whole_author=whole, reason=reason, request_id=request_id())
    except Invalid as invalid:
        return _page(comment_id, 422, sentence=field_sentence(invalid.problems[0]), reason=reason, whole=whole)
    return redirect(f"/desk/holds/{comment_id}?told=placed", 303)


@holds.post("/<comment_id>/lift")
@auth.signed_in(Right.HOLD)
def lift(comment_id: str) -> ResponseReturnValue:
    """Lift one. The comment may be gone with it."""
    hold_id, reason = request.form.get("hold", ""), request.form.get("reason", "")
    _check(comment_id)
    _check(hold_id)
    try:
        gone = actions.lift(rt(), auth.current(), hold_id, reason=reason, request_id=request_id())
    except Invalid as invalid:
        sentence = field_sentence(invalid.problems[0])
        return _page(comment_id, 422, sentence=sentence, reason=reason, lifting=hold_id)
    return redirect("/desk/" if gone else f"/desk/holds/{comment_id}?told=lifted", 303)


def _check(number: str) -> None:
    if not COMMENT_ID.match(number):
        raise NotFound("hold")


def _page(comment_id: str, status: int, **told: object) -> ResponseReturnValue:
    who, now = auth.current(), rt().now()
    with rt().store.reading() as tx:
        comment = seen_by(tx, who, comment_id)
        found = store.on(tx, comment_id)
    if not who.may(Right.HOLD, comment.site):
        raise NotFound("comment")
    since = {hold.id: sentences.clock(hold.at, now, zone_of(comment.site)) for hold in found}
    limits = {"least": typed.SHORTEST, "most": typed.LONGEST}
    page = render_template("desk/hold.html", who=who, comment=comment, holds=found, since=since, **limits, **told)
    return page, status
