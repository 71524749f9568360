"""One's own page: password, sessions, second step."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from moderation import passwords
from moderation.actions import accounts, second_step
from moderation.catalogue import _
from moderation.errors import FieldProblem, Invalid
from moderation.values import Right
from moderation.web import auth, sentences
from moderation.web.context import rt
from moderation.web.problems import field_sentence

me = Blueprint("me", __name__, url_prefix="/desk/me")

TOLD = {
    "password": "Your password is changed. You are signed out everywhere else.",
    "sessions": "Signed out there.",
    "second-step-off": "The second step is off.",
}


@me.get("")
@auth.signed_in(Right.READ_QUEUE)
def page() -> ResponseReturnValue:
    """How things stand."""
    return _page(200, told=_(TOLD[done]) if (done := request.args.get("told", "")) in TOLD else None)


@me.post("/password")
@auth.signed_in(Right.READ_QUEUE)
def change_password() -> ResponseReturnValue:
    """Change it; the session goes on under a new secret, the others end."""
    form = request.form
    try:
        if form.get("again") != form.get("password"):
            raise Invalid([FieldProblem("/again", "other-password")])
        given = (form.get("current", ""), form.get("password", ""))
        secret, who = accounts.change_password(rt(), auth.current(), *given)
    except Invalid as invalid:
        return _page(422, sentence=field_sentence(invalid.problems[0]), wrong=invalid.problems[0].pointer.strip("/"))
    return auth.with_session(redirect(url_for("me.page", told="password"), 303), secret, who)


@me.post("/sessions")
@auth.signed_in(Right.READ_QUEUE)
def end_sessions() -> ResponseReturnValue:
    """End one of one's sessions, or all of them with this one."""
    which = request.form.get("session", "")
    if which == "all":
        accounts.end_sessions(rt(), auth.current())
        return redirect(url_for("auth.sign_in_page"), 303)
    accounts.end_session(rt(), auth.current(), which)
    return redirect(url_for("me.page", told="sessions"), 303)


def _page(status: int, **told: object) -> ResponseReturnValue:
    who, now = auth.current(), rt().now()
    shown = {
        "factor": second_step.factor_of(rt(), who),
        "is_needed": second_step.is_needed(rt(), who),
        "sessions": accounts.list_sessions(rt(), who),
        "minimum": passwords.SHORTEST,
        "ago": lambda at: sentences.ago(at, now),
    }
    return render_template("desk/me_page.html", who=who, **shown, **told), status
