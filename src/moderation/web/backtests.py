"""Backtests from the desk: how far the own one is, its end before its time, and its report to take along. They begin
with a draft (`rules`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, redirect
from flask.typing import ResponseReturnValue

from moderation.actions import backtest_jobs as action
from moderation.catalogue import _, counted, number_words
from moderation.edges.backtest_jobs import Job
from moderation.errors import NotFound
from moderation.values import Right
from moderation.web import auth, backtest_report
from moderation.web.answers import private
from moderation.web.context import rt

backtests = Blueprint("backtests", __name__, url_prefix="/desk/rules/backtests")

ENDS = {
    "failed": "The backtest ended with an error; the service's log tells which.",
    "cancelled": "The backtest was cancelled.",
    "interrupted": "The backtest was interrupted: the service was stopped meanwhile. Start it again.",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A backtest in words. `percent` is None before its length is known."""

    id: str
    sentence: str
    percent: int | None
    is_open: bool
    is_done: bool


@backtests.get("/<job_id>")
@auth.signed_in(Right.MANAGE_RULES)
def progress(job_id: str) -> Response:
    """How far it is, for an open page."""
    told = notice_of(action.find(rt(), auth.current(), job_id))
    return private({"sentence": told.sentence, "percent": told.percent, "open": told.is_open})


@backtests.post("/<job_id>/cancel")
@auth.signed_in(Right.MANAGE_RULES)
def cancel(job_id: str) -> ResponseReturnValue:
    """End it now."""
    return redirect(path_of(action.cancel(rt(), auth.current(), job_id)), 303)


@backtests.get("/<job_id>/report")
@auth.signed_in(Right.MANAGE_RULES)
def report(job_id: str) -> Response:
    """The report as a page of its own."""
    found = action.find(rt(), auth.current(), job_id).report
    if found is None:
        raise NotFound("report")
    headers = {"Content-Disposition": 'attachment; filename="backtest.html"'}
    return Response(backtest_report.as_page(found), 200, headers, content_type="text/html; charset=utf-8")


def path_of(job: Job) -> str:
    """The page of its draft."""
    return f"/desk/rules/draft?backtest={job.id}#backtest"


def notice_of(job: Job) -> Notice:
    """How it stands, in words."""
    percent = job.done * 100 // job.total if job.total else None
    return Notice(job.id, _sentence(job, rt().now()), percent, job.is_open, job.state == "done")


def report_of(job: Job) -> Any:
    """The report as a part of a page."""
    return backtest_report.as_html(job.report) if job.report else None


def _sentence(job: Job, now: datetime) -> str:
    if job.state in ENDS:
        return _(ENDS[job.state])
    if job.state == "waiting":
        return _("The backtest begins as soon as no other one is running.")
    if job.state == "done":
        return counted("{n} comment judged.", "{n} comments judged.", job.total)
    if not job.total or job.began_at is None:
        return _("The backtest is being prepared.")
    judged = counted("{{done}} of {n} comment judged", "{{done}} of {n} comments judged", job.total)
    return judged.format(done=number_words(job.done)) + _left(job, now - job.began_at) + "."


def _left(job: Job, taken: timedelta) -> str:
    if not job.done:
        return ""
    seconds = taken.total_seconds() * (job.total - job.done) / job.done
    if seconds < 90:
        return ", " + _("about {seconds} s left").format(seconds=max(round(seconds), 1))
    return ", " + counted("about {n} minute left", "about {n} minutes left", round(seconds / 60))
