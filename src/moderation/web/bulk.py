"""Deciding about many comments: the selection on a page, or all that match its filters after a look at their number.

Works as plain forms. What it comes to is told on the queue's page, and a script may ask how far it is.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions import bulk as action
from moderation.actions.bulk import MOST, Wish
from moderation.catalogue import _, counted, number_words
from moderation.edges import bulk_jobs
from moderation.edges.bulk_jobs import Item, Job
from moderation.errors import FieldProblem, Invalid, NotFound
from moderation.values import STATUS_AFTER, Decision, Moderator, Right, moves
from moderation.web import auth, sentences
from moderation.web.answers import private
from moderation.web.context import request_id, rt
from moderation.web.decisions import COMMENT_ID
from moderation.web.reasons import decision_in, reason_in
from moderation.web.views import View, asked_by, chips, reasons_in, view_in, view_of

bulk = Blueprint("bulk", __name__, url_prefix="/desk")

MOST_PICKED = 200


@bulk.get("/bulk")
@auth.signed_in(Right.DECIDE)
def confirm() -> str:
    """How many match the filters, and what may be done with all of them."""
    who = auth.current()
    view = view_of(request.args, who)
    with rt().store.reading() as tx:
        asked = asked_by(view, tx, who, rt().now())
        number, newest, seq = action.count(tx, asked)
        shown = chips(view, tx, asked)
    legal = legal_in(view)
    return render_template(
        "desk/bulk.html",
        who=who,
        view=view,
        number=number,
        most=MOST if number == MOST else 0,
        newest=newest,
        seq=seq,
        chips=shown,
        choices=[(each.value, _(words)) for each, words in sentences.DECISIONS.items() if each in legal],
        reasons=reasons_in(view, who),
        token=auth.csrf_token(),
    )


@bulk.post("/bulk")
@auth.signed_in(Right.DECIDE)
def start() -> AnyResponse:
    """Decide about what is selected, or about all that match and were there when they were counted."""
    who = auth.current()
    view = view_in(request.form, who)
    wish = Wish(_decision(), reason_in(request.form))
    if "newest" in request.form:
        with rt().store.reading() as tx:
            asked = asked_by(view, tx, who, rt().now())
        wish = Wish(wish.decision, wish.reason, asked=asked, newest=request.form["newest"], seq=_seq())
    else:
        wish = Wish(wish.decision, wish.reason, picked=_picked(request.form.getlist("pick")))
    job = action.start(rt(), who, wish, request_id())
    return redirect(view.path(job=job.id), 303)


@bulk.get("/bulk/<job_id>")
@auth.signed_in(Right.DECIDE)
def progress(job_id: str) -> Response:
    """How far a job is, for an open page."""
    told = job_notice(auth.current(), job_id)
    if told is None:
        raise NotFound("job")
    return private(told)


@bulk.post("/bulk/undo")
@auth.signed_in(Right.DECIDE)
def undo() -> AnyResponse:
    """Take a job back as a whole."""
    who = auth.current()
    job = action.undo(rt(), who, request.form.get("job", ""), request_id())
    return redirect(view_in(request.form, who).path(job=job.id), 303)


def job_notice(who: Moderator, job_id: str) -> dict[str, Any] | None:
    """A job of this person's in words. None where there is none of that id."""
    if not COMMENT_ID.match(job_id):
        return None
    with rt().store.reading() as tx:
        job = bulk_jobs.get(tx, job_id)
        undone = bulk_jobs.was_undone(tx, job_id)
    if job is None or job.person_id != who.id:
        return None
    finished = job.finished_at is not None
    undoable = finished and not job.undoes and not undone and job.decided > 0
    return {"id": job.id, "sentence": _sentence(job), "finished": finished, "undoable": undoable}


def legal_in(view: View) -> frozenset[Decision]:
    """What may be decided about what the tab holds."""
    return moves(view.wanted, view.is_of_reported) if view.wanted else frozenset(STATUS_AFTER)


def _sentence(job: Job) -> str:
    done = _("undone") if job.decision is Decision.UNDO else _(sentences.DONE[STATUS_AFTER[job.decision]])
    if job.finished_at is None:
        looked = counted("{{seen}} of {n} comment looked at", "{{seen}} of {n} comments looked at", job.total)
        wished = _("this is being done: {done}.").format(done=done)
        return f"{looked.format(seen=number_words(job.done))}; {wished}"
    left = job.total - job.decided
    told = f"{counted('{n} comment', '{n} comments', job.decided)} {done}."
    stayed = counted(
        "{n} stayed as it is: somebody had decided, its author had written it anew, or it could not be done.",
        "{n} stayed as they are: somebody had decided, their authors had written them anew, or it could not be done.",
        left,
    )
    return f"{told} {stayed}" if left else told


def _decision() -> Decision:
    try:
        return Decision(decision_in(request.form))
    except ValueError:
        raise Invalid([FieldProblem("/decision", "choice")]) from None


def _seq() -> int:
    """The row of the record at which the page counted."""
    given = request.form.get("seq", "")
    if not (given.isascii() and given.isdigit() and len(given) < 16):
        raise Invalid([FieldProblem("/seq", "choice")])
    return int(given)


def _picked(given: list[str]) -> list[Item]:
    """The ticked boxes: `id:version` each."""
    if len(given) > MOST_PICKED:
        raise Invalid([FieldProblem("/pick", "too-many", {"most": MOST_PICKED})])
    found = []
    for each in given:
        comment_id, _, version = each.partition(":")
        if not COMMENT_ID.match(comment_id) or not (version.isascii() and version.isdigit() and len(version) < 10):
            raise Invalid([FieldProblem("/pick", "choice")])
        found.append(Item(comment_id, int(version)))
    return found
