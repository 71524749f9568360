"""What a browser is handed out when its reader has confirmed an e-mail address, to be sent with later comments: a
signed token for one site and one address, good for `LASTS`. It tells the address to nobody. Whoever sends another
address with it has proved nothing, and neither has who sends the address alone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from moderation.runtime import Runtime
from moderation.values import HOLDER

LASTS = timedelta(days=180)
LONGEST = 160
"""Characters of a token that are looked at. Ours have about 95."""


def give(rt: Runtime, site: str, email: str, author_id: bytes) -> str:
    """A token for who holds the address `email`, and is known as `author_id`."""
    until, author = f"{int((rt.now() + LASTS).timestamp()):x}", author_id.hex()
    return f"{HOLDER}{author}.{until}.{rt.vault.sign('links', 'holder', site, email.lower(), author, until)}"


def read(rt: Runtime, token: str | None, site: str, email: str | None) -> bytes | None:
    """As whom the sender is known. None for another site's token or another address, and when its time is over."""
    if not token or not email or not token.startswith(HOLDER):
        return None
    author, _, rest = token[len(HOLDER) : LONGEST].partition(".")
    until, _, signature = rest.partition(".")
    if not rt.vault.check(signature, "links", "holder", site, email.lower(), author, until):
        return None
    is_over = datetime.fromtimestamp(int(until, 16), UTC) <= rt.now()
    return None if is_over else bytes.fromhex(author)
