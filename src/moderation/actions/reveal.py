"""Show a moderator the e-mail address of a comment's author: with the right to, for a typed reason, and on record."""

from __future__ import annotations

from dataclasses import dataclass, field

from moderation.actions import typed
from moderation.edges import journal, queries
from moderation.edges.vault import Unreadable
from moderation.errors import Forbidden, NotFound
from moderation.runtime import Runtime
from moderation.values import Moderator, Right


@dataclass(frozen=True, slots=True)
class Revealed:
    """The address in the clear; None where no key opens it any more. Its repr does not show it."""

    email: str | None = field(repr=False)


def reveal(rt: Runtime, who: Moderator, comment_id: str, reason: str, request_id: str) -> Revealed:
    """The row in the journal is on disk before the address leaves. Raises Forbidden, NotFound, Invalid."""
    if not who.may(Right.REVEAL_EMAIL):
        raise Forbidden(Right.REVEAL_EMAIL.value)
    reason = typed.checked(reason)
    with rt.store.writing() as tx:
        sealed = queries.sealed_email(tx, comment_id)
        if sealed is None or not who.may(Right.REVEAL_EMAIL, sealed.site):
            raise NotFound("email")
        told = {"site": sealed.site, "target": comment_id, "reason": reason, "request_id": request_id}
        journal.write(tx, [journal.Entry(rt.now(), who.name, who.role, "email-revealed", **told)])
    try:
        return Revealed(rt.vault.open(sealed.email, comment_id))
    except Unreadable:
        return Revealed(None)
