"""The rules on the desk: which are in force and how they do beside what people decide, a text to try, a draft to check,
to try on past comments (`backtests`) and to activate, and the revisions to roll back to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from itertools import zip_longest
from typing import Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from moderation.actions import backtest_jobs
from moderation.actions import rules as action
from moderation.catalogue import _, counted, number_words
from moderation.edges import revisions, rule_records
from moderation.edges.backtest_jobs import Job
from moderation.edges.revisions import Revision
from moderation.edges.rule_records import RuleRecord
from moderation.errors import Busy, ModerationError, NotFound, RulesChanged, RulesInvalid, RulesNotWritable
from moderation.settings import Example, ExampleAuthor, ExampleRequest, Rule
from moderation.values import Moderator, Right, Span, Status
from moderation.web import auth, backtests, sentences
from moderation.web.context import request_id, rt
from moderation.web.marks import pieces
from moderation.web.problems import detail

rules = Blueprint("rules", __name__, url_prefix="/desk/rules")

COMPARED = 10
"""Revisions whose lines are compared with those of the one before, the newest."""
DAYS = 30
"""How far back the desk looks at what rules did."""

MOST_BYTES = 4 * 1024 * 1024
"""A form with a draft: the rules file may have 1 MiB, and URL-encoding makes it longer."""

SINCE = ("1d", "7d", "30d", "90d")
P = ParamSpec("P")
R = TypeVar("R")


def _wide(view: Callable[P, R]) -> Callable[P, R]:
    """Let this address take a whole rules file. The guard inside reads nothing before it knows who asks."""

    @wraps(view)
    def wide(*args: P.args, **kwargs: P.kwargs) -> R:
        request.max_content_length = request.max_form_memory_size = MOST_BYTES
        return view(*args, **kwargs)

    return wide


@dataclass(frozen=True, slots=True)
class Line:
    """A rule with its record. `agreed` and `against` are what people decided, by what the rule wishes."""

    rule: Rule
    record: RuleRecord
    agreed: int
    against: int

    @property
    def precision(self) -> str:
        """Share of decisions that went as the rule wishes, so far."""
        decided = self.agreed + self.against
        return f"{self.agreed / decided:.0%}" if decided else "–"


@rules.get("")
@auth.signed_in(Right.MANAGE_RULES)
def page() -> str:
    """The rules in force and their record, a text to try, the latest revisions."""
    return _page(None, None)


@rules.post("/try")
@auth.signed_in(Right.MANAGE_RULES)
def try_text() -> str:
    """What would come of a text."""
    form = request.form
    example = Example(
        text=form.get("text", "").replace("\r\n", "\n")[:20000] or " ",
        site=form.get("site", ""),
        author=ExampleAuthor(approved=_number("approved"), rejected=_number("rejected")),
        request=ExampleRequest(reply="reply" in form),
    )
    began = time.perf_counter()
    said = action.try_text(rt(), auth.current(), example)
    took = (time.perf_counter() - began) * 1000
    return _page(example, {"said": said, "ms": f"{took:.2f}", "lines": _finding_lines(example, said)})


def _number(name: str) -> int:
    given = request.form.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0


def _finding_lines(example: Example, said: Any) -> list[dict[str, Any]]:
    ordered = sorted(said.verdict.findings, key=sentences.gravity)
    spans = [
        Span(span.start, span.end, sentences.finding(found))
        for found in ordered
        if found.field == "body" and found.effect.value != "pass"
        for span in found.spans
    ]
    lines = [{"found": found, "sentence": sentences.finding(found)} for found in ordered]
    return [{"marked": pieces(example.text, spans)}, *lines]


def _page(example: Example | None, tried: dict[str, Any] | None) -> str:
    who, now = auth.current(), rt().now()
    known = action.listed(rt(), who)
    with rt().store.reading() as tx:
        named, since = [rule.id for rule in known], now - timedelta(days=DAYS)
        counted, broken = rule_records.records(tx, named, since), rule_records.broken(tx, named, since)
        past = revisions.newest(tx) if who.sites is None else []
    return render_template(
        "desk/rules.html",
        who=who,
        lines=[_line(rule, counted.get(rule.id, RuleRecord())) for rule in known],
        broken=broken,
        revision=rt().rules.revision,
        loaded=sentences.ago(rt().rules_loaded_at, now),
        problems=faults(who),
        remarks=_remarks(known),
        past=[
            {"it": each, "ago": sentences.ago(each.loaded_at, now), "changed": _changed(before, each)}
            for each, before in zip_longest(past, past[1 : COMPARED + 1])
        ],
        sites={
            site_id: site.settings.name or site_id
            for site_id, site in rt().rules.sites.items()
            if who.may(Right.MANAGE_RULES, site_id)
        },
        example=example,
        tried=tried,
        backtest=_latest(),
        days=DAYS,
    )


def _changed(before: Revision | None, after: Revision) -> str:
    """`lines: 4 new, 1 gone`, beside the revision before."""
    if before is None:
        return ""
    more, less = action.changed(before.source, after.source)
    return _("lines: {more} new, {less} gone").format(more=number_words(more), less=number_words(less))


def _latest() -> backtests.Notice | None:
    job = backtest_jobs.latest(rt(), auth.current())
    return backtests.notice_of(job) if job else None


def _line(rule: Rule, record: RuleRecord) -> Line:
    wishes_approval = rule.then == "approve"
    agreed, against = (record.approved, record.refused) if wishes_approval else (record.refused, record.approved)
    return Line(rule, record, agreed, against)


def _remarks(known: Sequence[Rule]) -> list[str]:
    silent = action.without_language(known)
    return [sentences.no_language(silent)] if silent else []


def faults(who: Moderator) -> list[str]:
    """What is wrong with the rules file. It quotes the file, so people of some sites are told only that."""
    found = rt().rules_problems
    if found and who.sites is not None:
        return [_("Admins of all sites see what is wrong with the rules file.")]
    return _problems(found)


def _problems(found: RulesInvalid | None) -> list[str]:
    return [problem.sentence(found.name) for problem in found.problems] if found else []


@rules.get("/rule/<rule_id>")
@auth.signed_in(Right.MANAGE_RULES)
def one_rule(rule_id: str) -> str:
    """One rule, and the newest comments that people decided against it."""
    who, now = auth.current(), rt().now()
    rule = next((each for each in action.listed(rt(), who) if each.id == rule_id), None)
    if rule is None or who.sites is not None:
        raise NotFound("rule")
    since = now - timedelta(days=DAYS)
    against = (Status.REJECTED, Status.SPAM) if rule.then == "approve" else (Status.APPROVED,)
    with rt().store.reading() as tx:
        record = rule_records.records(tx, [rule.id], since).get(rule.id, RuleRecord())
        rows = rule_records.against(tx, rule.id, against, since)
    shown = [
        {
            "row": row,
            "excerpt": " ".join(row.body.split())[:240],
            "standing": sentences.standing(
                Status(row.status), row.decided_by, row.decided_at, who.name, now, _zone(row.site)
            ),
        }
        for row in rows
    ]
    return render_template("desk/rule.html", who=who, line=_line(rule, record), rows=shown, days=DAYS)


def _zone(site_id: str) -> ZoneInfo:
    site = rt().rules.sites.get(site_id)
    return ZoneInfo(site.settings.timezone if site else "UTC")


@rules.get("/draft")
@auth.signed_in(Right.MANAGE_RULES)
def draft_page() -> str:
    """The file as it is, to make a draft of, or the draft of a backtest."""
    action.allow(auth.current())
    if job_id := request.args.get("backtest"):
        job = backtest_jobs.find(rt(), auth.current(), job_id)
        return _draft(action.text_of(job.draft), job.mark, job.since, job=job)
    found = action.on_disk(rt())
    return _draft(found.text, found.mark, "30d", problems=_half_written(found))


@rules.post("/draft")
@_wide
@auth.signed_in(Right.MANAGE_RULES)
def draft() -> ResponseReturnValue:
    """Check the draft, try it on past comments, or activate it."""
    action.allow(auth.current())
    form = request.form
    text = form.get("text", "").replace("\r\n", "\n")
    mark, since = form.get("mark", "")[:32], form.get("since", "")
    since = since if since in SINCE else "30d"
    wanted = form.get("do", "check")
    try:
        if wanted == "activate":
            revision = action.activate(rt(), auth.current(), text, mark, request_id())
            return redirect(f"/desk/rules/revisions/{revision}", 303)
        if wanted == "backtest":
            return redirect(backtests.path_of(backtest_jobs.start(rt(), auth.current(), text, mark, since)), 303)
        loaded = action.check(rt(), text)
    except RulesInvalid as problems:
        return _draft(text, mark, since, problems=_problems(problems)), 422
    except (RulesChanged, RulesNotWritable, Busy) as error:
        return _draft(text, mark, since, problems=[_refusal(error)]), 409
    good = _("The draft is good: {rules}, {examples}.").format(
        rules=counted("{n} rule", "{n} rules", len(loaded.source.rules.rules)),
        examples=counted("{n} example", "{n} examples", len(loaded.rules.examples)),
    )
    return _draft(text, mark, since, good=good, problems=_remarks(loaded.source.rules.rules))


def _half_written(found: action.OnDisk) -> list[str]:
    if found.problems is None:
        return []
    told = _(
        "The rules file has problems, and the rules before it stay in force. Below is the file as it is, or where it "
        "cannot be read those rules. Activating a draft keeps it beside the new one."
    )
    return [told, *_problems(found.problems)]


def _refusal(error: ModerationError) -> str:
    if isinstance(error, RulesNotWritable):
        told = _(
            "{file} cannot be written from here ({why}). Nothing was changed. Put this text in its place where the "
            "file comes from; the service takes it up within two seconds."
        )
        return told.format(file=error.name, why=error.why)
    if isinstance(error, RulesChanged):
        return _(
            "Somebody changed the rules file while you wrote. Open the draft page again and repeat your change there."
        )
    return detail(error)


def _draft(text: str, mark: str, since: str, job: Job | None = None, **shown: Any) -> str:
    return render_template(
        "desk/rules_draft.html",
        who=auth.current(),
        text=text,
        mark=mark,
        since=since,
        sinces=SINCE,
        backtest=backtests.notice_of(job) if job else _latest(),
        report=backtests.report_of(job) if job else None,
        diff=action.difference(action.on_disk(rt()).text, text),
        **shown,
    )


@rules.get("/revisions/<revision>")
@auth.signed_in(Right.MANAGE_RULES)
def revision_page(revision: str) -> str:
    """One revision: when and by whom, what it changed, and the way back to it."""
    return _revision(revision, [])


@rules.post("/revisions/<revision>")
@auth.signed_in(Right.MANAGE_RULES)
def roll_back(revision: str) -> ResponseReturnValue:
    """Put this revision into force again."""
    try:
        now = action.roll_back(rt(), auth.current(), revision, request_id())
    except RulesInvalid as problems:
        return _revision(revision, _problems(problems)), 422
    except RulesNotWritable as error:
        return _revision(revision, [_refusal(error)]), 409
    return redirect(f"/desk/rules/revisions/{now}", 303)


def _revision(revision: str, problems: list[str]) -> str:
    who = auth.current()
    with rt().store.reading() as tx:
        found = revisions.find(tx, revision) if who.sites is None else None
        if found is None:
            raise NotFound("revision")
        before = revisions.before(tx, found.loaded_at)
    return render_template(
        "desk/rules_revision.html",
        who=who,
        it=found,
        before=before,
        diff=action.difference(before.source, found.source) if before else [],
        is_in_force=found.revision == rt().rules.revision,
        ago=sentences.ago(found.loaded_at, rt().now()),
        problems=problems,
    )
