"""Deciding at the desk: what the buttons of a card do, and what is told of it afterwards.

Works as plain forms; the same address answers JSON to the page's own script. Writes through `actions.review`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions import review
from moderation.actions.review import Outcome
from moderation.catalogue import _
from moderation.edges import earlier, queries, reports, telemetry
from moderation.edges.schema import Tx
from moderation.errors import NotFound
from moderation.values import Comment, Decision, Moderator, Right, Ruling
from moderation.web import auth, sentences, wire
from moderation.web.answers import private
from moderation.web.cards import Card, card, moves
from moderation.web.context import request_id, rt
from moderation.web.reasons import decision_in, reason_in
from moderation.web.views import View, settings_of, sites_asked, view_in, zone_of

decisions = Blueprint("decisions", __name__, url_prefix="/desk")

COMMENT_ID = re.compile(r"[0-9a-z]{16}\Z")


@decisions.post("/decisions")
@auth.signed_in(Right.DECIDE)
def decide() -> AnyResponse:
    """Decide about one comment. A page goes back to where it was; a script is told what became of it."""
    who = auth.current()
    view = view_in(request.form, who)
    ruling = _ruling(request.form)
    outcome = review.decide(rt(), who, [ruling], request_id())[0]
    telemetry.decisions_total.labels(ruling.decision.value, outcome.result).inc()
    if "application/json" in request.headers.get("Accept", ""):
        return _told(view, who, ruling, outcome)
    version = ruling.version if outcome.result == "conflict" else outcome.version or 0
    return redirect(view.path(told=ruling.comment_id, result=f"{outcome.result}.{version}"), 303)


def _ruling(form: Mapping[str, str]) -> Ruling:
    """The form as the API's shape, so that one parser checks both."""
    version = form.get("version", "")
    given: dict[str, Any] = {
        "id": form.get("id", ""),
        "version": int(version) if version.isascii() and version.isdigit() and len(version) < 10 else version,
        "decision": decision_in(form),
        "reason": reason_in(form),
    }
    if not COMMENT_ID.match(given["id"]):
        raise NotFound("comment")
    return wire.rulings([given])[0]


def _told(view: View, who: Moderator, ruling: Ruling, outcome: Outcome) -> Response:
    """What the page's script needs to bring its card up to date."""
    sentence = _(sentences.UNTOLD[outcome.result]) if outcome.result in sentences.UNTOLD else ""
    answer: dict[str, Any] = {"result": outcome.result, "counts": counts_of(view, who)}
    if outcome.status is not None:
        with rt().store.reading() as tx:
            found = queries.comment(tx, outcome.comment_id)
            is_rewritten = earlier.is_rewritten(tx, outcome.comment_id, ruling.version)
        zone = zone_of(found.site if found else "")
        stands = (outcome.status, outcome.decided_by, outcome.decided_at, who.name, rt().now(), zone)
        if outcome.result == "decided":
            sentence = sentences.done(ruling.decision, outcome.status)
        elif outcome.result == "conflict":
            sentence = sentences.already(*stands, is_rewritten=is_rewritten)
        answer |= {
            "status": outcome.status,
            "version": outcome.version,
            "standing": sentences.standing(*stands),
            "moves": sorted(moves(found, who)) if found else [],
            "escalated": bool(found and found.escalation),
            "reports": found.reports if found else 0,
        }
    status = {"decided": 200, "not-found": 404}.get(outcome.result, 409)
    return private(answer | {"sentence": sentence}, status)


def notice(tx: Tx, who: Moderator, told: Comment | None, result: str) -> dict[str, Any] | None:
    """The line above the queue after a decision made without JavaScript: what happened, and how to take it back. The
    version in `result` is the one that was decided, after a conflict the one that was seen.

    It tells what is so now, whatever the address says; a card that was decided by somebody else is shown with it.
    """
    kind, _dot, version = result.partition(".")
    if told is None or not who.may(Right.READ_QUEUE, told.site):
        return {"sentence": _(sentences.UNTOLD[kind])} if kind in ("not-found", "nobody", "no-right") else None
    stands = (told.status, told.decided_by, told.decided_at, who.name, rt().now(), zone_of(told.site))
    if kind == "decided":
        return {
            "sentence": f"{sentences.standing(*stands)}:",
            "author": told.author_name,
            "excerpt": " ".join(told.body.split())[:80],
            "undo": version == str(told.version) and Decision.UNDO in moves(told, who),
            "id": told.id,
            "version": told.version,
        }
    if kind in ("conflict", "illegal", "escalated", "withheld"):
        sentence = _(sentences.UNTOLD[kind]) if kind in sentences.UNTOLD else ""
        if kind == "conflict":
            seen = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else told.version
            sentence = sentences.already(*stands, is_rewritten=earlier.is_rewritten(tx, told.id, seen))
        return {"sentence": sentence, "card": card_for(told, who)}
    return None


def card_for(comment: Comment, who: Moderator) -> Card:
    """The card as this person gets it."""
    return card(comment, settings_of(comment.site), who, rt().now())


def counts_of(view: View, who: Moderator) -> dict[str, int]:
    """How many stand in each tab, on the sites of the view."""
    with rt().store.reading() as tx:
        return counted(tx, sites_asked(view, who))


def counted(tx: Tx, sites: Sequence[str] | None) -> dict[str, int]:
    """How many stand in each tab on `sites`, and in all."""
    by_tab = {status.value: number for status, number in queries.tab_counts(tx, sites).items()}
    return by_tab | {"all": sum(by_tab.values()), "reported": reports.waiting(tx, sites)}
