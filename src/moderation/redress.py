"""What is left to who does not agree with a decision about a comment (DSA, articles 16, 17 and 21)."""

from __future__ import annotations

from moderation.catalogue import said_in
from moderation.settings import Site


def redress(site: Site) -> str:
    """The site's own words, or the usual ones in its language."""
    return site.redress or said_in(
        site.language,
        "If you do not agree, in the European Union you can turn to a certified body for out-of-court dispute "
        "settlement, or to a court.",
    )
