"""A reason that a person must type before something grave is done. It stands in the journal."""

from __future__ import annotations

from moderation.errors import FieldProblem, Invalid

SHORTEST, LONGEST = 8, 200
"""Characters of a reason."""


def checked(reason: str) -> str:
    """One line that stands in the journal, so it holds no address itself. Raises Invalid."""
    reason = " ".join(reason.split())
    if len(reason) < SHORTEST:
        raise Invalid([FieldProblem("/reason", "too-short", {"least": SHORTEST, "length": len(reason)})])
    if len(reason) > LONGEST:
        raise Invalid([FieldProblem("/reason", "too-long", {"most": LONGEST, "length": len(reason)})])
    if "@" in reason or not reason.isprintable():
        raise Invalid([FieldProblem("/reason", "reveal-reason")])
    return reason
