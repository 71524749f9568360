"""The page of API tokens, for those who manage people: make one and see it once, see what there are, end one."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from moderation.actions import accounts
from moderation.catalogue import _
from moderation.errors import FieldProblem, Invalid
from moderation.roles_page import WORDS
from moderation.values import SCOPES, Right
from moderation.web import auth, sentences
from moderation.web.context import rt
from moderation.web.people import sites_of, sites_of_form
from moderation.web.problems import field_sentence

tokens = Blueprint("tokens", __name__, url_prefix="/desk/tokens")

LONGEST = 3650
"""Days that a token may last."""


@tokens.get("")
@auth.signed_in(Right.MANAGE_PEOPLE, "fresh")
def page() -> ResponseReturnValue:
    """The tokens that one may end."""
    return _page(200, told=_("The token has stopped working.") if request.args.get("told") == "ended" else None)


@tokens.post("")
@auth.signed_in(Right.MANAGE_PEOPLE, "fresh")
def create() -> ResponseReturnValue:
    """Make one; the answer shows it, this once."""
    name = request.form.get("name", "")
    try:
        expires_at = rt().now() + timedelta(days=_days())
        token = accounts.create_token(rt(), auth.current(), name, _scopes(), sites_of_form(), expires_at)
    except Invalid as invalid:
        return _page(422, sentence=field_sentence(invalid.problems[0]), name=name)
    return _page(200, token=token, about=name.strip())


@tokens.post("/end")
@auth.signed_in(Right.MANAGE_PEOPLE, "fresh")
def end() -> ResponseReturnValue:
    """It stops working at once."""
    accounts.end_token(rt(), auth.current(), request.form.get("token", "")[:20])
    return redirect(url_for("tokens.page", told="ended"), 303)


def _days() -> int:
    """Raises Invalid."""
    given = request.form.get("days", "")
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:6]) <= LONGEST):
        raise Invalid([FieldProblem("/days", "range")])
    return int(given)


def _scopes() -> list[Right]:
    """Raises Invalid."""
    ticked = request.form.getlist("scopes")
    if not ticked:
        raise Invalid([FieldProblem("/scopes", "no-scope")])
    known = {scope.value: scope for scope in SCOPES}
    if not known.keys() >= set(ticked):
        raise Invalid([FieldProblem("/scopes", "choice")])
    return [known[scope] for scope in ticked]


def _page(status: int, **told: object) -> ResponseReturnValue:
    who, now = auth.current(), rt().now()
    shown = {
        "tokens": accounts.list_tokens(rt(), who),
        "scopes": [(scope.value, _(WORDS[scope])) for scope in SCOPES],
        "sites": sites_of(who),
        "longest": LONGEST,
        "now": now,
        "ago": lambda at: sentences.ago(at, now),
    }
    return render_template("desk/tokens.html", who=who, **shown, **told), status
