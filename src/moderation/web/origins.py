"""Which pages may send something to the API: the service's own, and those of a site's listed origins (CORS)."""

from __future__ import annotations

from flask import Response, g, request

from moderation.errors import OriginRefused
from moderation.settings import Site
from moderation.web.context import rt


def origins_of(settings: Site) -> tuple[str, ...]:
    """Where the site's articles may stand: on its listed origins, and on our own, as the demo's does."""
    return (*settings.origins, rt().env.public_url)


def check_origin(settings: Site) -> None:
    """A page of a listed origin may read the answer. Raises OriginRefused for a page of neither ours nor a listed
    origin; what no browser sent names none."""
    origin = request.headers.get("Origin")
    if origin is None or _is_own(origin):
        return
    if origin not in settings.origins:
        raise OriginRefused("origin-unlisted")
    g.cors_origin = origin


def preflight(settings: Site, methods: str, headers: str) -> Response:
    """The answer to a CORS preflight. Raises OriginRefused where no listed origin asks."""
    if "Origin" not in request.headers:
        raise OriginRefused("origin-unlisted")
    check_origin(settings)
    allow = {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": headers,
        "Access-Control-Max-Age": "600",
    }
    return Response(b"", 204, allow, "text/plain")


def _is_own(origin: str) -> bool:
    """By the address we are told to have, or as the browser says: a first try may come by another of our names, such as
    `localhost`, and no page of another site can say so."""
    return origin == rt().env.public_url or request.headers.get("Sec-Fetch-Site") == "same-origin"
