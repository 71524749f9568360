"""A moderator has a card on the screen: others see it, and are not handed the same one. It ends by itself."""

from __future__ import annotations

from datetime import timedelta

from moderation.edges import live, queries
from moderation.errors import NotFound
from moderation.runtime import Runtime
from moderation.values import Moderator, Right

LASTS = timedelta(minutes=2)
"""How long a lease holds. An open page renews it twice in that time."""


def attend(rt: Runtime, who: Moderator, comment_id: str, leaving: str | None = None) -> str | None:
    """Take or renew the lease of one card and let go of the one that was left. None where it is theirs now, else the
    name of who has it. Raises NotFound."""
    now = rt.now()
    with rt.store.writing() as tx:
        seen = queries.standing(tx, comment_id)
        if seen is None or not who.may(Right.DECIDE, seen.site):
            raise NotFound("comment")
        if leaving:
            live.let_go(tx, leaving, who.id)
        return live.take(tx, comment_id, who.id, who.name, now, now + LASTS)
