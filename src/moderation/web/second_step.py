"""The second step at the door: the page that asks for a code, setting one up, recovery codes, taking it off."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from moderation.actions import second_step as actions
from moderation.catalogue import _
from moderation.errors import Invalid, SignInRefused
from moderation.values import Right
from moderation.web import auth, cookies
from moderation.web.context import client_address, rt
from moderation.web.problems import detail, field_sentence

second_step = Blueprint("second_step", __name__)

REFUSED = (
    "This code is wrong, or was used before. After three wrong tries, each further one has to wait a little longer."
)
"""The same words for a wrong code, a used one, and a try that came too early."""


@second_step.get("/desk/code")
@auth.signed_in(Right.READ_QUEUE, "any")
def code_page() -> ResponseReturnValue:
    """The form that asks for a code."""
    return _code_form(None, 200)


@second_step.post("/desk/code")
@auth.signed_in(Right.READ_QUEUE, "any")
def give_code() -> ResponseReturnValue:
    """A code of the app, or a recovery code. The session goes on under a new secret."""
    code = request.form.get("code", "")[:60]
    try:
        secret, who = actions.confirm(rt(), auth.cookie(), code, client_address(), cookies.DEVICE.read())
    except SignInRefused as refused:
        if not refused.retry_after:
            return _code_form(_(REFUSED), 403)
        response = make_response(_code_form(detail(refused), 429))
        response.headers["Retry-After"] = str(refused.retry_after)
        return response
    return auth.with_session(redirect(auth.local_path(request.form.get("next")), 303), secret, who)


def _code_form(sentence: str | None, status: int) -> ResponseReturnValue:
    following = auth.local_path(request.values.get("next"))
    return render_template("desk/code.html", sentence=sentence, next=following), status


@second_step.get("/desk/me/second-step")
@auth.signed_in(Right.READ_QUEUE, "set-up")
def set_up_page() -> ResponseReturnValue:
    """The key to set up an app with, and the form that proves it. Nothing is changed by looking."""
    return _set_up_form(None, 200)


@second_step.post("/desk/me/second-step")
@auth.signed_in(Right.READ_QUEUE, "set-up")
def set_up() -> ResponseReturnValue:
    """Take the key into use; the answer shows the recovery codes, this once."""
    try:
        secret, codes = actions.set_up(rt(), auth.current(), request.form.get("code", "")[:20])
    except Invalid as invalid:
        return _set_up_form(field_sentence(invalid.problems[0]), 422)
    response = make_response(_codes(codes))
    return auth.with_session(response, secret, auth.current())


def _set_up_form(sentence: str | None, status: int) -> ResponseReturnValue:
    who = auth.current()
    told = {
        "offer": actions.offer(rt(), who),
        "has_one": actions.factor_of(rt(), who) is not None,
        "is_needed": actions.is_needed(rt(), who),
        "next": auth.local_path(request.values.get("next")),
        "sentence": sentence,
    }
    return render_template("desk/second_step.html", who=who, **told), status


@second_step.post("/desk/me/recovery-codes")
@auth.signed_in(Right.READ_QUEUE, "fresh")
def renew_codes() -> ResponseReturnValue:
    """New recovery codes, shown this once."""
    return _codes(actions.renew_codes(rt(), auth.current()))


@second_step.post("/desk/me/second-step/off")
@auth.signed_in(Right.READ_QUEUE, "fresh")
def take_off() -> ResponseReturnValue:
    """Go without, where the role may."""
    actions.take_off(rt(), auth.current())
    return redirect(url_for("me.page", told="second-step-off"), 303)


def _codes(codes: list[str]) -> str:
    following = auth.local_path(request.values.get("next"))
    return render_template("desk/recovery_codes.html", who=auth.current(), codes=codes, next=following)
