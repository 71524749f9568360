"""What a token of the publisher's own login says about who writes: a JWT (RFC 7519), read after RFC 8725. One algorithm
for each site, one issuer, one audience; it must say since when and until when it holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeGuard

from joserfc import jws, jwt
from joserfc.errors import JoseError

from moderation.errors import FieldProblem, Invalid, Unavailable
from moderation.runtime import Runtime
from moderation.settings import Login as Settings
from moderation.values import Login

LONGEST = 4000
"""Characters of a token."""
LONGEST_NAME = 200
"""Characters of the name by which the login knows somebody."""
_BROKEN = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


def read(rt: Runtime, site: str, settings: Settings, token: str) -> Login:
    """Raises Invalid, and Unavailable while there are no keys to check it by."""
    if not settings.issuer:
        raise _bad("token-not-taken")
    claims = _signed(rt, site, settings, token)
    _check_times(claims, settings, rt.now().timestamp())
    audience = claims.get("aud")
    is_meant = (settings.audience or site) in (audience if isinstance(audience, list) else [audience])
    subject = claims.get("sub")
    if claims.get("iss") != settings.issuer or not is_meant or not _is_name(subject):
        raise _bad("token-claims")
    email = _text(claims, "email") if claims.get("email_verified") is not False else None
    return Login(str(subject), _text(claims, "name"), email)


def _signed(rt: Runtime, site: str, settings: Settings, token: str) -> Mapping[str, Any]:
    """The claims, if a key of the publisher's has signed them with the site's algorithm."""
    try:
        header = jws.extract_compact(token[: LONGEST + 1].encode()).headers()
        kid, is_ours = header.get("kid"), header.get("alg") == settings.algorithm
    except _BROKEN:
        raise _bad("token-unknown") from None
    if len(token) > LONGEST or not is_ours or not isinstance(kid, (str, type(None))):
        raise _bad("token-unknown")
    keys = rt.login_keys.of(site, settings.keys, settings.algorithm, kid)
    if keys is None:
        raise Unavailable(5, "login-keys")
    for key in keys:
        try:
            return jwt.decode(token, key, algorithms=[settings.algorithm]).claims
        except _BROKEN:
            continue
    raise _bad("token-unknown")


def _check_times(claims: Mapping[str, Any], settings: Settings, now: float) -> None:
    leeway, longest = settings.leeway_seconds, timedelta(hours=settings.most_hours).total_seconds()
    since, until, not_before = (claims.get(name) for name in ("iat", "exp", "nbf"))
    if not (_is_time(since) and _is_time(until) and (not_before is None or _is_time(not_before))):
        raise _bad("token-claims")
    if now >= until + leeway or now - since > longest + leeway:
        raise _bad("token-expired")
    if since > now + leeway or (not_before is not None and not_before > now + leeway):
        raise _bad("token-early")


def _is_time(value: object) -> TypeGuard[float]:
    """Seconds since 1970, as numbers that can be compared with others."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim that is text. Half a character (a lone surrogate) is none: nothing here could keep it."""
    value = claims.get(name)
    is_text = isinstance(value, str) and value.strip() and not _SURROGATE.search(value)
    return str(value) if is_text else None


_SURROGATE = re.compile("[\ud800-\udfff]")


def _bad(code: str) -> Invalid:
    return Invalid([FieldProblem("/author/token", code)])
