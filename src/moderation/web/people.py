"""The page of people, for those who manage them: invite, change role and sites, switch off, new link, lost phone."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from moderation.actions import accounts, single_sign_on
from moderation.catalogue import _
from moderation.errors import FieldProblem, Invalid
from moderation.values import RIGHTS, Moderator, Right, Role
from moderation.web import auth
from moderation.web.context import rt
from moderation.web.problems import field_sentence

people = Blueprint("people", __name__, url_prefix="/desk/people")

TOLD = {
    "saved": "Saved, and signed out everywhere.",
    "off": "Switched off, and signed out everywhere.",
    "on": "Switched on.",
    "linked": "From now on they sign in with this account as well.",
    "unlinked": "No account leads to them any more, and they are signed out everywhere.",
    "forget": "The second step is taken away, and they are signed out everywhere.",
}


@people.get("")
@auth.signed_in(Right.MANAGE_PEOPLE, "fresh")
def page() -> ResponseReturnValue:
    """Everybody whom one may change."""
    return _page(
        200,
        told=_(TOLD[done]) if (done := request.args.get("told", "")) in TOLD else None,
        about=request.args.get("about", "")[:80],
    )


@people.post("")
@auth.signed_in(Right.MANAGE_PEOPLE, "fresh")
def invite() -> ResponseReturnValue:
    """Add somebody; the answer shows the one-time link, this once."""
    form = request.form
    name = form.get("name", "")
    try:
        secret = accounts.create_person(rt(), auth.current(), name, _role(), sites_of_form(), None)
    except Invalid as invalid:
        return _page(422, sentence=field_sentence(invalid.problems[0]), name=name)
    return _with_link(name.strip(), secret or "")


@people.post("/change")
@auth.signed_in(Right.MANAGE_PEOPLE, "fresh")
def change() -> ResponseReturnValue:
    """What the pressed button says, to the person whose form it was."""
    who, name, do = auth.current(), request.form.get("name", ""), request.form.get("do", "")
    if do == "link":
        return _with_link(name, accounts.new_link(rt(), who, name)[0])
    try:
        if do == "saved":
            accounts.change_person(rt(), who, name, role=_role(), sites=sites_of_form())
        elif do in ("off", "on"):
            accounts.change_person(rt(), who, name, disabled=do == "off")
        elif do == "forget":
            accounts.forget_factor(rt(), who, name)
        elif do == "linked":
            single_sign_on.link(rt(), who, name, rt().env.oidc_match, request.form.get("account", ""))
        elif do == "unlinked":
            single_sign_on.unlink(rt(), who, name)
        else:
            raise Invalid([FieldProblem("/do", "choice")])
    except Invalid as invalid:
        return _page(422, sentence=field_sentence(invalid.problems[0]))
    return redirect(url_for("people.page", told=do, about=name), 303)


def _role() -> Role:
    """Raises Invalid."""
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        raise Invalid([FieldProblem("/role", "choice")]) from None


def sites_of_form() -> list[str] | None:
    """The ticked sites, None for "all sites". Raises Invalid where nothing is ticked."""
    ticked = request.form.getlist("sites")
    if "*" in ticked:
        return None
    if not ticked:
        raise Invalid([FieldProblem("/sites", "no-site")])
    return ticked


def sites_of(who: Moderator) -> list[tuple[str, str]]:
    """The sites that one may give to others: (id, name)."""
    known = rt().rules.sites.items()
    return [
        (site_id, site.settings.name or site_id) for site_id, site in known if who.may(Right.MANAGE_PEOPLE, site_id)
    ]


def _with_link(name: str, secret: str) -> ResponseReturnValue:
    link = f"{rt().env.public_url}{url_for('auth.set_password_page', token=secret)}"
    return _page(200, link=link, about=name)


def _page(status: int, **told: object) -> ResponseReturnValue:
    who = auth.current()
    shown = {
        "people": accounts.list_people(rt(), who),
        "with_factor": accounts.people_with_factor(rt()),
        "with_account": single_sign_on.accounts_known(rt()),
        "account": rt().env.oidc_match if rt().env.oidc_issuer and who.sites is None else "",
        "provider": rt().env.oidc_label,
        "roles": [role.value for role in Role if who.rights >= RIGHTS[role]],
        "sites": sites_of(who),
        "hours": int(accounts.LINK_LASTS.total_seconds()) // 3600,
    }
    return render_template("desk/people.html", who=who, **shown, **told), status
