"""The letter that asks an author to confirm the e-mail address of their comment, and the link in it. The letter quotes
nothing that the sender of the comment has typed: else it would carry their words to anybody's mailbox.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from moderation.catalogue import said_in
from moderation.errors import NotFound
from moderation.runtime import Runtime

LASTS = timedelta(days=3)
LONGEST = 100
"""Characters of a link's token that are looked at. Ours have about 72."""


def give(rt: Runtime, comment_id: str) -> str:
    """A token for the address that came with this comment."""
    at = f"{int(rt.now().timestamp() * 1000):x}"
    return f"{comment_id}.{at}.{rt.vault.sign('links', 'confirm', comment_id, at)}"


def read(rt: Runtime, token: str) -> tuple[str, datetime]:
    """Which comment's address is meant, and since when. Raises NotFound for what is no token of ours, or too old."""
    comment_id, _, rest = token[:LONGEST].partition(".")
    at, _, signature = rest.partition(".")
    if not rt.vault.check(signature, "links", "confirm", comment_id, at):
        raise NotFound("confirmation")
    since = datetime.fromtimestamp(int(at, 16) / 1000, UTC)
    if rt.now() - since > LASTS:
        raise NotFound("confirmation")
    return comment_id, since


def letter(rt: Runtime, comment_id: str, name: str, language: str) -> tuple[str, str]:
    """Subject and text; `name` and `language` are the site's."""
    link = f"{rt.env.public_url}/v/{give(rt, comment_id)}"
    subject = said_in(language, "{name}: confirm your email address").format(name=name)
    parts = (
        said_in(language, "Somebody, probably you, has sent a comment to {name} with this email address."),
        said_in(language, "If it was you, you can confirm that the address is yours:"),
        link,
        said_in(
            language,
            "The link works once, within {days} days. Comments that you send with this address from the browser in "
            "which you confirm it then count as yours for certain.",
        ),
        said_in(
            language, "If it was not you, there is nothing to do. Nobody can speak for you by typing your address."
        ),
    )
    return subject, "\n\n".join(parts).format(name=name, days=LASTS.days) + "\n"
