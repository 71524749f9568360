"""Bans at the desk: made from a comment's card, or by typing whom they are on; listed, and lifted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from moderation.actions import bans as actions
from moderation.actions.bans import Wish
from moderation.catalogue import _
from moderation.edges import bans as store
from moderation.edges.bans import Asked
from moderation.errors import FieldProblem, Forbidden, Invalid, NotFound
from moderation.rates import named_network
from moderation.settings import Reason
from moderation.values import Effect, Moderator, Right, Whom
from moderation.web import auth, fields
from moderation.web.ban_lines import EFFECTS, ENDS, ban_lines
from moderation.web.context import request_id, rt
from moderation.web.decisions import COMMENT_ID
from moderation.web.details import is_asked_by_script, seen_by, shown, told
from moderation.web.problems import field_sentence
from moderation.web.reasons import reason_words
from moderation.web.views import settings_of, sites_of

bans = Blueprint("bans", __name__, url_prefix="/desk")

PAGE = 50
TOLD = {"made": "Made.", "lifted": "Lifted. What was rejected meanwhile stays so."}
FIELDS = {"/whom": "On", "/reason": "Why", "/email": "On", "/network": "On", "/until": "How long", "/effect": "What"}


@bans.post("/comments/<comment_id>/ban")
@auth.signed_in(Right.BAN)
def from_card(comment_id: str) -> ResponseReturnValue:
    """On the sender of this comment."""
    who = auth.current()
    with rt().store.reading() as tx:
        site = seen_by(tx, who, comment_id).site
    try:
        whom, *also = _whom()
        wish = Wish(_effect(), _reason(settings_of(site).reasons), _until(), whom, tuple(also), comment_id)
        actions.make(rt(), who, None, wish, request_id())
    except Invalid as invalid:
        if is_asked_by_script():
            raise
        wrong = {each.pointer[1:]: field_sentence(each) for each in invalid.problems}
        return shown(comment_id, ["ban"], problems=_said(invalid), wrong=wrong), 422
    return told("banned" if wish.effect is Effect.REJECT else "pre-moderated", comment_id, "ban")


@bans.get("/bans")
@auth.signed_in(Right.READ_QUEUE)
def page() -> ResponseReturnValue:
    """Those in force."""
    return _page(200, said=_(TOLD[done]) if (done := request.args.get("told", "")) in TOLD else "")


@bans.post("/bans/find")
@auth.signed_in(Right.READ_QUEUE)
def find() -> ResponseReturnValue:
    """Those with these words; of an e-mail address or a network those on it, told at once: no address of a page, which
    logs and histories keep, ever holds one. To look for an e-mail address is for who may ban it."""
    typed = request.form.get("q", "").strip()[:254]
    asked = {name: request.form.get(name, "") for name in ("where", "effect")}
    email, network = fields.normal_email(typed) if "@" in typed else None, named_network(typed)
    if "@" in typed and not auth.current().may(Right.BAN):
        raise Forbidden(Right.BAN.value)
    if "@" in typed and email is None:
        return _page(422, problems=[f"{_('Find')}: {field_sentence(FieldProblem('/q', 'email'))}"])
    if not email and not network:
        return redirect(_path({"q": typed, **asked}), 303)
    keys = store.sought(rt().vault, email=email, network=network)
    effect = _chosen(asked["effect"])
    shown = network or _("the e-mail address that you typed")
    return _page(200, asked=Asked(effect, keys=keys), where=asked["where"], sought=shown)


@bans.post("/bans")
@auth.signed_in(Right.BAN)
def by_hand() -> ResponseReturnValue:
    """On whom is typed: an e-mail address or a network."""
    try:
        typed = request.form.get("on", "").strip()
        email = fields.normal_email(typed) if "@" in typed else None
        if "@" in typed and email is None:
            raise Invalid([FieldProblem("/email", "email")])
        wish = Wish(_effect(), _reason([]), _until(), email=email, network=None if email else typed)
        actions.make(rt(), auth.current(), request.form.get("site", ""), wish, request_id())
    except Invalid as invalid:
        return _page(422, problems=_said(invalid))
    return redirect("/desk/bans?told=made", 303)


@bans.post("/bans/lift")
@auth.signed_in(Right.BAN)
def lift() -> ResponseReturnValue:
    """End one now. `comment` names the card that asked for it."""
    ban_id, comment_id = request.form.get("ban", ""), request.form.get("comment", "")
    if not COMMENT_ID.match(ban_id):
        raise NotFound("ban")
    actions.lift(rt(), auth.current(), ban_id, request_id())
    if COMMENT_ID.match(comment_id):
        return told("lifted", comment_id, "ban")
    return redirect("/desk/bans?told=lifted", 303)


def _chosen(effect: str) -> Effect | None:
    return Effect(effect) if effect in EFFECTS else None


def _page(
    status: int, *, asked: Asked | None = None, where: str | None = None, sought: str = "", **said: object
) -> ResponseReturnValue:
    who, now = auth.current(), rt().now()
    before = request.args.get("before", "")
    given = {name: request.args.get(name, "")[:200] for name in ("q", "where", "effect")}
    given["where"] = given["where"] if where is None else where
    sites = None if who.sites is None else sorted(who.sites)
    if given["where"] in sites_of(who):
        sites = [given["where"]]
    if asked is None:
        asked = Asked(_chosen(given["effect"]), given["q"] if given["q"].isprintable() else "")
    given["effect"] = asked.effect.value if asked.effect else ""
    with rt().store.reading() as tx:
        found = store.page(tx, sites, now, before if COMMENT_ID.match(before) else None, PAGE + 1, asked)
    last = found[PAGE - 1].ban.id if len(found) > PAGE and asked.keys is None else None  # no address names whom
    return render_template(
        "desk/bans.html",
        who=who,
        bans=ban_lines(found[:PAGE], who, now),
        next=_path(given | {"before": last}) if last else None,
        first=_path(given),
        is_first=not before,
        given=given,
        sought=sought,
        all_sites=[(site_id, site.name or site_id) for site_id, site in sites_of(who).items()],
        effects=[(effect.value, _(words)) for effect, words in EFFECTS.items()],
        ends=[(end, _(words)) for end, (words, _time) in ENDS.items()],
        sites=_sites(who),
        many_sites=len(sites_of(who)) > 1,
        typed={name: value for name, value in request.form.items() if "@" not in value},
        longest=actions.LONGEST,
        **said,
    ), status


def _path(asked: Mapping[str, str]) -> str:
    query = urlencode({name: text for name, text in asked.items() if text})
    return f"/desk/bans?{query}" if query else "/desk/bans"


def _sites(who: Moderator) -> list[tuple[str, str]]:
    """Those on which this person may ban."""
    return [(site_id, site.name or site_id) for site_id, site in sites_of(who).items() if who.may(Right.BAN, site_id)]


def _said(invalid: Invalid) -> list[str]:
    return [f"{_(FIELDS[each.pointer])}: {field_sentence(each)}" for each in invalid.problems]


def _effect() -> Effect:
    given = request.form.get("effect", "")
    if given not in (Effect.REJECT.value, Effect.HOLD.value):
        raise Invalid([FieldProblem("/effect", "choice")])
    return Effect(given)


def _whom() -> list[Whom]:
    try:
        return [Whom(request.form.get("whom", "")), *map(Whom, request.form.getlist("also"))]
    except ValueError:
        raise Invalid([FieldProblem("/whom", "choice")]) from None


def _until() -> datetime | None:
    end = request.form.get("end", "")
    if end not in ENDS:
        raise Invalid([FieldProblem("/until", "choice")])
    lasts = ENDS[end][1]
    return rt().now() + lasts if lasts else None


def _reason(reasons: list[Reason]) -> str:
    """One of the site's, words of one's own, or both."""
    given = (request.form.get("reason", ""), request.form.get("words", "").strip())
    return reason_words(": ".join(part for part in given if part), reasons)
