"""What open pages of the desk are told without a reload: counts, what others decide, note and take out, who has which
card.

As a stream of events where there is room for one, else by asking now and then: both say the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson
from flask import Blueprint, Response, request

from moderation.actions import attend
from moderation.edges import live as store
from moderation.errors import NotFound, StoreError, Unavailable
from moderation.runtime import Runtime
from moderation.values import Moderator, Right
from moderation.web import auth
from moderation.web.answers import private
from moderation.web.context import rt
from moderation.web.decisions import COMMENT_ID, counted
from moderation.web.views import View, sites_asked, view_of

live = Blueprint("live", __name__, url_prefix="/desk")

STREAMS = 8
"""Streams a process carries at once: each takes a thread. Who comes later asks now and then instead."""
LASTS = 20.0
"""Seconds until a stream ends and the browser comes again: no worker waits longer for one when it stops."""
LOOKS_EVERY = 1.0
SPEAKS_EVERY = 5.0
"""Seconds after which a silent stream sends an empty line, which is how it learns that nobody listens any more."""

_room = threading.BoundedSemaphore(STREAMS)


@live.get("/live")
@auth.signed_in(Right.READ_QUEUE)
def look() -> Response:
    """The news since row `since` of the record. Without it: how things stand now."""
    who = auth.current()
    return private(_news(rt(), who, view_of(request.args, who), _since(request.args.get("since"))))


@live.get("/events")
@auth.signed_in(Right.READ_QUEUE)
def events() -> Response:
    """The same as a stream. Raises Unavailable where there is no room for one more."""
    who = auth.current()
    view = view_of(request.args, who)
    since = _since(request.headers.get("Last-Event-ID") or request.args.get("since"))
    if not _room.acquire(blocking=False):
        raise Unavailable(30, "streams")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = Response(_stream(rt(), who, view, since), 200, headers, "text/event-stream")
    stream.call_on_close(_room.release)
    return stream


def _stream(runtime: Runtime, who: Moderator, view: View, since: int | None) -> Iterator[bytes]:
    ends = time.monotonic() + LASTS
    spoke = 0.0
    told: dict[str, Any] = {}
    while time.monotonic() < ends:
        try:
            news = _news(runtime, who, view, since)
        except StoreError:
            return  # the page asks again, and is told there
        since = news["seq"]
        if news["decided"] or news["changed"] or news | {"seq": 0} != told | {"seq": 0}:
            told, spoke = news | {"decided": [], "changed": []}, time.monotonic()
            yield b"id: %d\ndata: %s\n\n" % (since, orjson.dumps(news))
        elif time.monotonic() - spoke > SPEAKS_EVERY:
            spoke = time.monotonic()
            yield b":\n\n"
        time.sleep(LOOKS_EVERY)


def _news(runtime: Runtime, who: Moderator, view: View, since: int | None) -> dict[str, Any]:
    sites = sites_asked(view, who)
    with runtime.store.reading() as tx:
        news = store.News(store.newest(tx), [], []) if since is None else store.since(tx, since, sites)
        return {
            "seq": news.seq,
            "counts": counted(tx, sites),
            "decided": [
                {"id": each.comment_id, "status": each.status, "by": each.by, "reports": each.reports}
                for each in news.decided
            ],
            "changed": [{"id": each.comment_id, "what": each.what, "by": each.by} for each in news.changed],
            "held": store.held(tx, sites, who.id, runtime.now()),
        }


def _since(given: str | None) -> int | None:
    return int(given) if given and given.isascii() and given.isdigit() and len(given) < 16 else None


@live.post("/leases")
@auth.signed_in(Right.DECIDE)
def lease() -> Response:
    """A card is on this person's screen: theirs for two minutes, unless somebody else has it."""
    comment_id, leaving = request.form.get("id", ""), request.form.get("leaving", "")
    if not COMMENT_ID.match(comment_id):
        raise NotFound("comment")
    holder = attend.attend(rt(), auth.current(), comment_id, leaving if COMMENT_ID.match(leaving) else None)
    return private({"held_by": holder})
