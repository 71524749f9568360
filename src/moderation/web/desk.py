"""The moderators' pages: the queue, and the views of it that are kept. Reads go to `queue`; deciding is `decisions`.

Signing in is `web/auth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions import views as keeping
from moderation.actions.limits import blown_fuses
from moderation.actions.promise import clocks, most_pressing
from moderation.catalogue import _
from moderation.durations import in_words
from moderation.edges import around, earlier, escalations, likeness, live, notes, queries, reports, saved_views
from moderation.edges import queue as store
from moderation.edges.queries import QueuePage
from moderation.edges.queue import Asked
from moderation.edges.schema import Tx
from moderation.errors import NotFound
from moderation.values import Right, Status
from moderation.web import auth, desk_keys, sentences
from moderation.web.bulk import job_notice, legal_in
from moderation.web.closing import article_notice
from moderation.web.context import rt
from moderation.web.decisions import COMMENT_ID, card_for, counts_of, notice
from moderation.web.details import alike_words, note_lines, report_lines
from moderation.web.languages import by_name
from moderation.web.marks import abbreviation
from moderation.web.pages import DEMO
from moderation.web.rules import faults
from moderation.web.views import (
    AGES,
    SORTS,
    TABS,
    View,
    asked_by,
    chips,
    reasons_in,
    sites_of,
    tells_language,
    view_in,
    view_of,
)

desk = Blueprint("desk", __name__, url_prefix="/desk")

EMPTY = {
    "pending": "All done. Nothing is waiting.",
    "reported": "Nothing is reported.",
    "approved": "Nothing is approved yet.",
    "rejected": "Nothing is rejected.",
    "spam": "No spam.",
    "all": "No comments yet.",
    "none": "No comment has come yet.",
}
PAGE = 50
FOCUS = 5
"""Cards that are loaded at once in focus mode, where one is shown."""


@desk.get("/")
@auth.signed_in(Right.READ_QUEUE)
def queue() -> str:
    """The queue. `told` and `result` name what the last decision came to; the page says how it stands now."""
    who = auth.current()
    sites = sites_of(who)
    view = view_of(request.args, who)
    with rt().store.reading() as tx:
        asked = asked_by(view, tx, who, rt().now())
        held = live.held(tx, asked.sites, who.id, rt().now())
        page = _page(tx, view, asked, held)
        told = queries.comment(tx, request.args["told"]) if COMMENT_ID.match(request.args.get("told", "")) else None
        shown = chips(view, tx, asked)
        kept = saved_views.of_person(tx, who.id)
        clock = most_pressing(clocks(rt(), tx, [view.site] if view.site else list(sites)))
        raised = escalations.waiting(tx, asked.sites)
        seen = (*page.items, *([told] if told else []))
        beside = around.counts(tx, {item.id: item.parent_id for item in seen})
        written = notes.of_comments(tx, [item.id for item in seen])
        reported = reports.of_comments(tx, [item.id for item in seen if item.reports])
        edited = earlier.counts(tx, [item.id for item in seen])
        alike = likeness.counts(tx, {item.id: item.body for item in seen}, asked.sites, rt().now())
        article = article_notice(tx, who, request.args.get("of", ""))
        said = notice(tx, who, told, request.args.get("result", ""))
    counts = counts_of(view, who)
    apart = said.get("card") if said else None
    return render_template(
        "desk/queue.html",
        who=who,
        keys=desk_keys.keys(),
        state=_state(view, counts, len(sites) > 1, page.goes_on),
        tabs=[
            {"id": tab, "label": _(label), "count": counts[tab], "href": view.path(status=tab, cursor="")}
            for tab, label, _status in TABS
        ],
        sites=[(site_id, site.name or site_id) for site_id, site in sites.items()],
        cards=[card_for(item, who) for item in page.items if not apart or item.id != apart.comment.id],
        next=view.path(cursor=page.next) if page.next else None,
        notice=said,
        job=job_notice(who, request.args.get("job", "")),
        choices=[(each.value, _(words)) for each, words in sentences.DECISIONS.items() if each in legal_in(view)],
        sift=_sift(view),
        reasons=reasons_in(view, who),
        chips=shown,
        kept=kept,
        held=held,
        clock=clock,
        in_words=in_words,
        raised=raised,
        around=beside,
        edited=edited,
        alike=alike_words(alike),
        notes={item.id: note_lines(written, who, rt().now(), item) for item in seen},
        reported={item.id: report_lines(reported, rt().now(), item) for item in seen if item.reports},
        article=article,
        problems=faults(who),
        limits_away=not rt().limits.state().available,
        blown=[sites[site].name or site for site in blown_fuses(rt(), sites)],
        abbreviation=abbreviation,
    )


def _page(tx: Tx, view: View, asked: Asked, held: Mapping[str, str]) -> QueuePage:
    """A page of the list. In focus mode: the next few that nobody else has on the screen."""
    if view.mode != "focus":
        return store.page(tx, asked, view.cursor or None, PAGE)
    cursor: str | None = view.cursor or None
    while True:
        page = store.page(tx, asked, cursor, FOCUS)
        free = tuple(item for item in page.items if item.id not in held)
        if free or page.next is None or page.goes_on:
            return QueuePage(free, page.next, page.goes_on)
        cursor = page.next


@desk.post("/views")
@auth.signed_in(Right.READ_QUEUE)
def save_view() -> AnyResponse:
    """Keep what the page shows under a name."""
    who = auth.current()
    view = view_in(request.form, who)
    keeping.save(rt(), who, request.form.get("name", ""), view.query(cursor=""))
    return redirect(view.path(), 303)


@desk.post("/views/drop")
@auth.signed_in(Right.READ_QUEUE)
def drop_view() -> AnyResponse:
    """Let a kept view go."""
    who = auth.current()
    number = request.form.get("kept", "")
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        raise NotFound("view")
    keeping.drop(rt(), who, int(number))
    return redirect(view_in(request.form, who).path(), 303)


def _sift(view: View) -> dict[str, Any]:
    """The choices of the filter form."""
    rules = dict(sorted(((rule, _(words)) for rule, words in sentences.RULES.items()), key=lambda item: item[1]))
    if view.rule and view.rule not in rules:
        rules[view.rule] = sentences.rule(view.rule)
    default = View(status=view.status).order.value
    return {
        "rules": rules,
        "languages": by_name() if view.language or tells_language() else [],
        "ages": {age: _(words) for age, (words, _since) in AGES.items()},
        "sorts": {("" if sort == default else sort): _(words) for sort, words in SORTS.items()},
        "kept": {
            "article": view.article,
            "author": view.author,
            "like": view.like,
            "q": view.q,
            "escalated": view.escalated,
        },
    }


def _state(view: View, counts: dict[str, int], many_sites: bool, goes_on: bool) -> dict[str, Any]:
    """What the templates need of the view."""
    is_fresh = counts["all"] == 0 and not view.is_filtered
    return {
        "view": view,
        "tab": view.status,
        "title": view.title,
        "token": auth.csrf_token(),
        "waiting": counts[Status.PENDING.value],
        "many_sites": many_sites and not view.site,
        "here": view.path(),
        "first": view.path(cursor=""),
        "again": view.path(cursor="" if view.status == "pending" else view.cursor),
        "empty": _("Nothing among those looked through so far.")
        if goes_on
        else _("Nothing here matches.")
        if view.is_filtered
        else _(EMPTY["none" if is_fresh else view.status]),
        "demo": url_for("pages.demo", site_id=DEMO) if is_fresh and DEMO in rt().rules.sites else "",
        "goes_on": goes_on,
        "other_mode": view.path(mode="" if view.mode else "focus", cursor=""),
        "cleared": View(status=view.status, mode=view.mode).path(),
    }
