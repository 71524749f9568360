"""How a comment stands, in the words that its author is told."""

from __future__ import annotations

from moderation.actions.own_comment import State
from moderation.catalogue import _

STANDS = {
    "pending": "Your comment is awaiting moderation.",
    "approved": "Your comment is published.",
    "rejected": "Your comment was not published.",
}
AGAIN = {
    "pending": "A moderator will look at your comment once more. Come back to this page for the answer.",
    "approved": "A moderator has looked at your comment once more: it is published.",
    "rejected": "A moderator has looked at your comment once more: it stays unpublished.",
}
"""After its author has asked for a second look."""


def stands(state: State) -> str:
    """In the language that is spoken."""
    return _((AGAIN if state.appealed else STANDS)[state.status])
