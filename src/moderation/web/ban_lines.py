"""Bans in words, and the choices of the forms that make them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from moderation.catalogue import _
from moderation.edges import bans
from moderation.edges.bans import Kept
from moderation.edges.schema import Tx
from moderation.values import Comment, Effect, Moderator, Right, Whom
from moderation.web import sentences
from moderation.web.context import rt
from moderation.web.views import settings_of, zone_of

ENDS: Mapping[str, tuple[str, timedelta | None]] = {
    "day": ("for a day", timedelta(days=1)),
    "week": ("for a week", timedelta(days=7)),
    "month": ("for 30 days", timedelta(days=30)),
    "year": ("for a year", timedelta(days=365)),
    "lifted": ("until it is lifted", None),
}
"""When a ban ends."""
WHOM: Mapping[Whom, str] = {Whom.AUTHOR: "author", Whom.ADDRESS: "address", Whom.NETWORK: "network"}
EFFECTS: Mapping[Effect, str] = {Effect.REJECT: "Banned", Effect.HOLD: "Pre-moderated"}


def ban_lines(found: list[Kept], who: Moderator, now: datetime) -> list[dict[str, Any]]:
    """Each ban as the pages show it, with whether its reader may lift it."""
    return [
        {
            "id": each.ban.id,
            "effect": each.ban.effect.value,
            "standing": _(EFFECTS[each.ban.effect]),
            "whom": _(WHOM[each.ban.whom]),
            "shown": _shown(each),
            "site": settings_of(each.site).name or each.site,
            "comment": each.comment_id,
            "reason": each.ban.reason,
            "by": _("you") if each.made_by == who.name else each.made_by,
            "since": sentences.clock(each.made_at, now, zone_of(each.site)),
            "until": sentences.clock(each.until, now, zone_of(each.site)) if each.until else "",
            "mine": who.may(Right.BAN, each.site),
        }
        for each in found
    ]


def _shown(kept: Kept) -> str:
    """Whom it is on: an address that is masked, one address in a network, a network."""
    if kept.ban.whom is Whom.ADDRESS:
        return _("one in {prefix}").format(prefix=kept.shown)
    return kept.shown or _("who proved who they are")


def ban_part(tx: Tx, who: Moderator, comment: Comment, now: datetime) -> dict[str, Any]:
    """The bans on a comment's sender, and whom another could be on."""
    named = [found.data["ban"] for found in comment.findings if found.rule == "author.ban" and "ban" in found.data]
    sender = bans.sender_of(tx, comment.id)
    prefix = sender.address_prefix if sender else None
    proved = sender is not None and sender.author_id is not None
    author = _("who proved who they are") if proved else comment.email_masked
    email = comment.email_masked if proved else None
    one = _("their address, one in {prefix}").format(prefix=prefix) if prefix else ""
    choices = [
        (Whom.AUTHOR.value, _("the author, {author}").format(author=author) if author else ""),
        (Whom.ADDRESS.value, one),
        (Whom.NETWORK.value, _("their whole network, {prefix}").format(prefix=prefix) if prefix else ""),
    ]
    also = [
        (Whom.EMAIL.value, _("their e-mail address, {email}, whoever gives it").format(email=email) if email else ""),
        (Whom.ADDRESS.value, one),
    ]
    return {
        "bans": ban_lines(bans.about(tx, rt().vault, comment.id, named, now), who, now),
        "may": who.may(Right.BAN, comment.site),
        "whom": [choice for choice in choices if choice[1]],
        "also": [choice for choice in also if choice[1]] if proved else [],
        "ends": [(end, _(words)) for end, (words, _time) in ENDS.items()],
        "reasons": [(reason.code, reason.words) for reason in settings_of(comment.site).reasons],
    }
