"""A moderator keeps a view of the queue under a name, or lets it go. It is their own affair: no row in the journal."""

from __future__ import annotations

from moderation.edges import saved_views
from moderation.errors import FieldProblem, Invalid, NotFound
from moderation.runtime import Runtime
from moderation.values import Moderator

MOST = 30
LONGEST = 40


def save(rt: Runtime, who: Moderator, name: str, query: str) -> None:
    """Keep `query` as `name`, in place of a former view of that name. Raises Invalid."""
    name = " ".join(name.split())
    if not name:
        raise Invalid([FieldProblem("/name", "required")])
    if len(name) > LONGEST or not name.isprintable():
        raise Invalid([FieldProblem("/name", "too-long", {"most": LONGEST, "length": len(name)})])
    with rt.store.writing() as tx:
        kept = {view.name for view in saved_views.of_person(tx, who.id)}
        if name not in kept and len(kept) >= MOST:
            raise Invalid([FieldProblem("/name", "too-many", {"most": MOST})])
        saved_views.save(tx, who.id, name, query)


def drop(rt: Runtime, who: Moderator, view_id: int) -> None:
    """Raises NotFound for a view that is not theirs."""
    with rt.store.writing() as tx:
        if not saved_views.drop(tx, who.id, view_id):
            raise NotFound("view")
