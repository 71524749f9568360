"""Bans by the API: listed, made and lifted on one site."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from moderation.actions import bans as actions
from moderation.actions.bans import Wish
from moderation.edges import bans, queries
from moderation.edges.bans import Kept
from moderation.errors import NotFound
from moderation.values import Effect, Right, Whom
from moderation.web import auth, fields, wire
from moderation.web.answers import private
from moderation.web.api import json_body
from moderation.web.context import request_id, rt, settings_of
from moderation.web.decisions import COMMENT_ID
from moderation.web.reasons import reason_words

bans_api = Blueprint("bans_api", __name__)

PAGE = 100


@bans_api.get("/v1/<site_id>/bans")
@auth.bearer(Right.READ_QUEUE)
def get_bans(site_id: str) -> Response:
    """Those in force."""
    settings_of(site_id)
    cursor = request.args.get("cursor")
    before = queries.read_cursor(cursor, 1)[0] if cursor else None
    with rt().store.reading() as tx:
        found = bans.page(tx, [site_id], rt().now(), before, PAGE + 1)
    more = queries.cursor_of(found[PAGE - 1].ban.id) if len(found) > PAGE else None
    return private({"items": [_told(each) for each in found[:PAGE]], "next": more})


@bans_api.post("/v1/<site_id>/bans")
@auth.bearer(Right.BAN)
def post_ban(site_id: str) -> Response:
    """Make one, in place of a former one on the same sender."""
    reasons = settings_of(site_id).reasons
    given = wire.ban(json_body())
    wish = Wish(
        effect=Effect(given.effect),
        reason=reason_words(given.reason, reasons),
        until=fields.time_of(given.until) if given.until else None,
        whom=Whom(given.whom),
        comment_id=given.comment,
        email=given.email,
        network=given.network,
    )
    return private(_told(actions.make(rt(), auth.current(), site_id, wish, request_id())), 201)


@bans_api.delete("/v1/<site_id>/bans/<ban_id>")
@auth.bearer(Right.BAN)
def delete_ban(site_id: str, ban_id: str) -> Response:
    """Lift it."""
    settings_of(site_id)
    if not COMMENT_ID.match(ban_id):
        raise NotFound("ban")
    actions.lift(rt(), auth.current(), ban_id, request_id(), site=site_id)
    return Response(b"", 204, {"Cache-Control": "no-store"}, "application/json")


def _told(kept: Kept) -> dict[str, Any]:
    return {
        "id": kept.ban.id,
        "whom": kept.ban.whom,
        "shown": kept.shown,
        "effect": kept.ban.effect,
        "reason": kept.ban.reason,
        "comment": kept.comment_id,
        "by": kept.made_by,
        "at": kept.made_at,
        "until": kept.until,
    }
