"""The form token: what a form of ours says of itself. It goes with the form, comes back with the comment, and tells
when it was handed out, for which site and article, and that it was by us. It holds nothing about the reader.

It also serves as the form's Idempotency-Key (`actions.submit`): sending the same form twice stores it once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from moderation.runtime import Runtime

LONGEST = 120
"""Characters of a token that are looked at. Ours have about 80."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a token was found to be: `none`, `good` or `forged`, and when a good one was handed out."""

    found: str
    given_at: datetime | None = None


NO_FORM = Form("none")
FORGED = Form("forged")


def give(rt: Runtime, site: str, article: str) -> str:
    """A token for a form that is handed out now. `article` is the key that its comments will come to."""
    at, chance = f"{int(rt.now().timestamp() * 1000):x}", rt.random(9).hex()
    return f"{at}.{chance}.{rt.vault.sign('session-csrf', 'form', site, article, at, chance)}"


def read(rt: Runtime, token: str | None, site: str, article: str) -> Form:
    """What to think of the token that came with a comment to `article`. Times are to the millisecond."""
    if not token:
        return NO_FORM
    at, _, rest = token[:LONGEST].partition(".")
    chance, _, signature = rest.partition(".")
    if not rt.vault.check(signature, "session-csrf", "form", site, article, at, chance):
        return FORGED
    return Form("good", datetime.fromtimestamp(int(at, 16) / 1000, UTC))
