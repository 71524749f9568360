"""The receipt: a signed name for one comment, which only its author is given. Who shows it may look at how the comment
stands, take it back, and within the site's time write it anew. By itself it tells nothing.
"""

from __future__ import annotations

from moderation.errors import NotFound
from moderation.runtime import Runtime

LONGEST = 100
"""Characters of a receipt that are looked at. Ours have about 62."""


def give(rt: Runtime, comment_id: str) -> str:
    """The receipt of a comment: the same each time, while the key lives."""
    return f"{comment_id}.{rt.vault.sign('links', 'receipt', comment_id)}"


def link(rt: Runtime, comment_id: str) -> str:
    """The page that the receipt opens."""
    return f"{rt.env.public_url}/r/{give(rt, comment_id)}"


def comment_of(rt: Runtime, receipt: str) -> str:
    """The comment's id. Raises NotFound for what is no receipt of ours."""
    comment_id, _, signature = receipt[:LONGEST].partition(".")
    if not rt.vault.check(signature, "links", "receipt", comment_id):
        raise NotFound("receipt")
    return comment_id
