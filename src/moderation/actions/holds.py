"""Legal holds: placed with a reason, looked at, lifted; each on record. What they do is `edges/holds`."""

from __future__ import annotations

from moderation.actions import typed
from moderation.edges import held, holds, journal, queries
from moderation.edges.schema import Tx
from moderation.errors import Forbidden, NotFound
from moderation.runtime import Runtime
from moderation.values import Hold, Moderator, Right


def place(rt: Runtime, who: Moderator, comment_id: str, *, whole_author: bool, reason: str, request_id: str) -> Hold:
    """Keep a comment, or all by its author. Raises Forbidden, NotFound, Invalid."""
    reason, now = typed.checked(reason), rt.now()
    with rt.store.writing() as tx:
        stands = queries.standing(tx, comment_id, lock=True)
        if stands is None or not who.may(Right.READ_QUEUE, stands.site):
            raise NotFound("comment")
        _check(who, stands.site)
        hold = Hold(rt.new_id(), stands.site, comment_id, whole_author, reason, who.name, now, 0, False)
        kept = holds.place(tx, hold)
        _write_down(rt, who, "hold-placed", hold, f"{kept} comments", reason, request_id, tx)
        placed = held.find(tx, hold.id)
    assert placed is not None
    return placed


def lift(rt: Runtime, who: Moderator, hold_id: str, *, reason: str, request_id: str) -> int:
    """End a hold. How many comments were deleted with it, since their authors had asked for that. Raises Forbidden,
    NotFound, Invalid."""
    reason = typed.checked(reason)
    with rt.store.writing() as tx:
        hold = held.find(tx, hold_id)
        if hold is None or not who.may(Right.READ_QUEUE, hold.site):
            raise NotFound("hold")
        _check(who, hold.site)
        gone = holds.lift(tx, hold_id, rt.now(), rt.store.shard)
        _write_down(rt, who, "hold-lifted", hold, f"{gone} erased", reason, request_id, tx)
    if gone:
        rt.store.settle()
    return gone


def _check(who: Moderator, site: str) -> None:
    if not who.may(Right.HOLD, site):
        raise Forbidden(Right.HOLD.value)


def _write_down(
    rt: Runtime, who: Moderator, action: str, hold: Hold, after: str, reason: str, request_id: str, tx: Tx
) -> None:
    told = {"site": hold.site, "target": hold.comment_id, "after": after, "reason": reason, "request_id": request_id}
    journal.write(tx, [journal.Entry(rt.now(), who.name, who.role, action, **told)])
