"""The moderators' pages: the queue and what is decided on it. Reads go to `queries`, decisions to `actions.review`.

Works as plain forms; the same address answers JSON to the page's own script. Signing in is `web/auth`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions import review
from moderation.actions.review import Outcome
from moderation.edges import queries, telemetry
from moderation.errors import NotFound
from moderation.settings import Site
from moderation.values import Comment, Decision, Moderator, Right, Ruling, Status
from moderation.web import auth, sentences, wire
from moderation.web.cards import Card, card, moves
from moderation.web.context import request_id, rt
from moderation.web.marks import abbreviation

desk = Blueprint("desk", __name__, url_prefix="/desk")

TABS: tuple[tuple[str, str, Status | None], ...] = (
    ("pending", "Pending", Status.PENDING),
    ("approved", "Approved", Status.APPROVED),
    ("rejected", "Rejected", Status.REJECTED),
    ("spam", "Spam", Status.SPAM),
    ("all", "All", None),
)
EMPTY = {
    "pending": "All done. Nothing is waiting.",
    "approved": "Nothing is approved yet.",
    "rejected": "Nothing is rejected.",
    "spam": "No spam.",
    "all": "No comments yet.",
}
PAGE = 50


@dataclass(frozen=True, slots=True)
class View:
    """Which part of the queue is looked at: the tab, one site or all (empty), the page's cursor."""

    tab: str
    site: str
    cursor: str

    def path(self, **other: str) -> str:
        asked = {"status": self.tab, "site": self.site, "cursor": self.cursor} | other
        return "/desk/?" + urlencode({name: value for name, value in asked.items() if value})


@desk.get("/")
@auth.signed_in(Right.READ_QUEUE)
def queue() -> str:
    """The queue. `told` and `result` name what the last decision came to; the page says how it stands now."""
    who = auth.current()
    sites = _sites(who)
    view = _view(request.args.get("status"), request.args.get("site"), request.args.get("cursor"), sites)
    status = wire.status_of(view.tab)
    with rt().store.reading() as tx:
        page = queries.queue_page(tx, _asked(view, who), status, view.cursor or None, PAGE)
        counts = _counts(queries.tab_counts(tx, _asked(view, who)))
        told = queries.comment(tx, request.args["told"]) if _ID.match(request.args.get("told", "")) else None
    notice = _notice(who, told, request.args.get("result", ""))
    apart = notice.get("card") if notice else None
    return render_template(
        "desk/queue.html",
        who=who,
        state=_state(view, counts, len(sites) > 1),
        tabs=[
            {"id": tab, "label": label, "count": counts[tab], "href": view.path(status=tab, cursor="")}
            for tab, label, _ in TABS
        ],
        sites=[(site_id, site.name or site_id) for site_id, site in sites.items()],
        cards=[_card(item, who) for item in page.items if not apart or item.id != apart.comment.id],
        next=view.path(cursor=page.next) if page.next else None,
        notice=notice,
        problems=_problems(),
        limits_away=not rt().limits.state().available,
        abbreviation=abbreviation,
        counted=sentences.counted,
    )


@desk.get("/counts")
@auth.signed_in(Right.READ_QUEUE)
def counts() -> Response:
    """How many stand in each tab, for an open page."""
    who = auth.current()
    view = _view(None, request.args.get("site"), None, _sites(who))
    return _json({"counts": _count(view, who)})


@desk.post("/decisions")
@auth.signed_in(Right.DECIDE)
def decisions() -> AnyResponse:
    """Decide about one comment. A page goes back to where it was; a script is told what became of it."""
    who = auth.current()
    form = request.form
    view = _view(form.get("tab"), form.get("site"), form.get("cursor"), _sites(who))
    ruling = _ruling(form)
    outcome = review.decide(rt(), who, [ruling], request_id())[0]
    telemetry.decisions_total.labels(ruling.decision.value, outcome.result).inc()
    if "application/json" in request.headers.get("Accept", ""):
        return _told(view, who, ruling, outcome)
    return redirect(view.path(told=ruling.comment_id, result=f"{outcome.result}.{outcome.version or 0}"), 303)


def _ruling(form: Mapping[str, str]) -> Ruling:
    """The form as the API's shape, so that one parser checks both. A reason belongs to a rejection only."""
    version = form.get("version", "")
    given: dict[str, Any] = {
        "id": form.get("id", ""),
        "version": int(version) if version.isascii() and version.isdigit() and len(version) < 10 else version,
        "decision": form.get("decision", ""),
    }
    reason = form.get("reason", "")
    if given["decision"] == Decision.REJECT.value and _REASON.match(reason):
        given["reason"] = reason
    if not _ID.match(given["id"]):
        raise NotFound("comment")
    return wire.rulings([given])[0]


_ID = re.compile(r"[0-9a-z]{16}\Z")
_REASON = re.compile(r"[a-z][a-z0-9-]{0,39}\Z")


def _told(view: View, who: Moderator, ruling: Ruling, outcome: Outcome) -> Response:
    """What the page's script needs to bring its card up to date."""
    sentence = sentences.UNTOLD.get(outcome.result, "")
    answer: dict[str, Any] = {"result": outcome.result, "counts": _count(view, who)}
    if outcome.status is not None:
        with rt().store.reading() as tx:
            found = queries.comment(tx, outcome.comment_id)
        zone = _zone(found.site if found else "")
        stands = (outcome.status, outcome.decided_by, outcome.decided_at, who.name, rt().now(), zone)
        if outcome.result == "decided":
            sentence = sentences.done(ruling.decision, outcome.status)
        elif outcome.result == "conflict":
            sentence = sentences.already(*stands)
        answer |= {
            "status": outcome.status,
            "version": outcome.version,
            "standing": sentences.standing(*stands),
            "moves": sorted(moves(outcome.status, outcome.decided_by)),
        }
    status = {"decided": 200, "not-found": 404}.get(outcome.result, 409)
    return _json(answer | {"sentence": sentence}, status)


def _notice(who: Moderator, told: Comment | None, result: str) -> dict[str, Any] | None:
    """The line above the queue after a decision made without JavaScript: what happened, and how to take it back.

    It tells what is so now, whatever the address says; a card that was decided by somebody else is shown with it.
    """
    kind, _, version = result.partition(".")
    if told is None or not who.may(Right.READ_QUEUE, told.site):
        return {"sentence": sentences.UNTOLD["not-found"]} if kind == "not-found" else None
    stands = (told.status, told.decided_by, told.decided_at, who.name, rt().now(), _zone(told.site))
    if kind == "decided":
        return {
            "sentence": f"{sentences.standing(*stands)}:",
            "author": told.author_name,
            "excerpt": " ".join(told.body.split())[:80],
            "undo": version == str(told.version) and told.decided_by is not None and who.may(Right.DECIDE, told.site),
            "id": told.id,
            "version": told.version,
        }
    if kind in ("conflict", "illegal"):
        sentence = sentences.already(*stands) if kind == "conflict" else sentences.UNTOLD["illegal"]
        return {"sentence": sentence, "card": _card(told, who)}
    return None


def _view(tab: str | None, site: str | None, cursor: str | None, sites: dict[str, Site]) -> View:
    """What is asked for. An unknown tab or an empty one is Pending; raises NotFound for a site that is not theirs."""
    if site and site not in sites:
        raise NotFound("site")
    known = {name for name, _, _ in TABS}
    return View(tab if tab in known else "pending", site or "", cursor or "")


def _sites(who: Moderator) -> dict[str, Site]:
    """The sites this person may look at, in the order of the rules file."""
    return {site_id: site.settings for site_id, site in rt().rules.sites.items() if who.may(Right.READ_QUEUE, site_id)}


def _asked(view: View, who: Moderator) -> list[str] | None:
    if view.site:
        return [view.site]
    return None if who.sites is None else sorted(who.sites)


def _settings(site_id: str) -> Site:
    """The site's settings. A site that has left the rules file still has comments, and gets the defaults."""
    site = rt().rules.sites.get(site_id)
    return site.settings if site else Site(name=site_id)


def _zone(site_id: str) -> ZoneInfo:
    return ZoneInfo(_settings(site_id).timezone)


def _card(comment: Comment, who: Moderator) -> Card:
    shown = card(comment, _settings(comment.site), who.name, rt().now())
    return shown if who.may(Right.DECIDE, comment.site) else replace(shown, moves=frozenset())


def _count(view: View, who: Moderator) -> dict[str, int]:
    with rt().store.reading() as tx:
        return _counts(queries.tab_counts(tx, _asked(view, who)))


def _counts(counted: dict[Status, int]) -> dict[str, int]:
    by_tab = {status.value: number for status, number in counted.items()}
    return by_tab | {"all": sum(by_tab.values())}


def _problems() -> list[str]:
    found = rt().rules_problems
    return [problem.sentence(found.name) for problem in found.problems] if found else []


def _state(view: View, counts: dict[str, int], many_sites: bool) -> dict[str, Any]:
    """What the templates need of the view."""
    title = next(label for tab, label, _ in TABS if tab == view.tab)
    return {
        "tab": view.tab,
        "site": view.site,
        "cursor": view.cursor,
        "title": title,
        "token": auth.csrf_token(),
        "waiting": counts[Status.PENDING.value],
        "many_sites": many_sites and not view.site,
        "here": view.path(),
        "first": view.path(cursor=""),
        "again": view.path(cursor="" if view.tab == "pending" else view.cursor),
        "empty": EMPTY[view.tab],
    }


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, {"Cache-Control": "no-store"}, "application/json")
