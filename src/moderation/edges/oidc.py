"""Single sign-on by OpenID Connect: the code flow with PKCE (OpenID Connect Core 1.0, RFC 7636, RFC 9700). Asks the
provider, believes what it signed, and knows nothing of our people. Needs the extra `oidc`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from moderation.errors import SingleSignOnFailed

TIMEOUTS = (3.0, 10.0)
"""Seconds to connect, and between two bytes of an answer."""
MOST = 256 * 1024
"""Bytes of an answer."""
LEEWAY = 60
"""Seconds by which the provider's clock may be off."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures by a key pair only: with HS256 whoever reads the public key could sign, and `none` signs nothing."""
_HERE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Client:
    """How we are known at the provider. `returns` is the one address that it may send browsers back to."""

    issuer: str
    id: str
    secret: str = field(repr=False)
    returns: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one sign-in is bound to, from the way there to the way back: each fresh and not to be guessed."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at the provider. `email` only where the provider says that it has verified it."""

    subject: str
    email: str | None = field(repr=False)


def way(client: Client, attempt: Attempt) -> str:
    """Where to send the browser. Raises SingleSignOnFailed."""
    places = _places(client)
    with _session(client) as session:
        found, _ = session.create_authorization_url(
            places["authorization_endpoint"], state=attempt.state, nonce=attempt.nonce, code_verifier=attempt.verifier
        )
    return str(found)


def identity(client: Client, attempt: Attempt, code: str, now: datetime) -> Identity:
    """Who came back with this code. Raises SingleSignOnFailed."""
    from authlib.common.errors import AuthlibBaseError
    from requests import RequestException

    places = _places(client)
    try:
        with _session(client) as session:
            token = session.fetch_token(
                places["token_endpoint"], code=code, code_verifier=attempt.verifier, allow_redirects=False
            )
    except (AuthlibBaseError, RequestException, ValueError):
        raise SingleSignOnFailed("provider") from None
    signed = token.get("id_token")
    if not isinstance(signed, str):
        raise SingleSignOnFailed("id-token")
    claims = _claims(client, attempt, signed, _fetched(places["jwks_uri"]), now)
    is_verified = claims.get("email_verified") is True and isinstance(claims.get("email"), str)
    return Identity(claims["sub"], claims["email"].strip().lower() if is_verified else None)


def _claims(client: Client, attempt: Attempt, signed: str, keys: Any, now: datetime) -> Mapping[str, Any]:
    """What the provider signed, after the checks of OpenID Connect Core 3.1.3.7."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    must = {
        "iss": {"essential": True, "value": client.issuer},
        "aud": {"essential": True, "value": client.id},
        "nonce": {"essential": True, "value": attempt.nonce},
        **{name: {"essential": True} for name in ("sub", "exp", "iat")},
    }
    try:
        claims = jwt.decode(signed, KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(now=int(now.timestamp()), leeway=LEEWAY, **must).validate(claims)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError):
        raise SingleSignOnFailed("id-token") from None
    others = claims["aud"] != client.id and claims["aud"] != [client.id]
    if not isinstance(claims["sub"], str) or (("azp" in claims or others) and claims.get("azp") != client.id):
        raise SingleSignOnFailed("id-token")
    return claims


def _places(client: Client) -> Mapping[str, str]:
    """The provider's addresses, as it tells them. Asked anew each time: sign-ins are rare, and its keys change."""
    told = _fetched(client.issuer.rstrip("/") + "/.well-known/openid-configuration")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if told.get("issuer") != client.issuer or not all(isinstance(told.get(name), str) for name in names):
        raise SingleSignOnFailed("provider")
    places = {name: told[name] for name in names}
    if not all(is_safe(place) for place in places.values()):
        raise SingleSignOnFailed("provider")
    return places


def is_safe(address: str) -> bool:
    """Whether nobody on the way can read or change what is said there: https, or this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)


def _fetched(address: str) -> dict[str, Any]:
    """A JSON object. Follows no redirect, and reads no more than `MOST`."""
    try:
        import requests
    except ImportError:
        raise SingleSignOnFailed("not-installed") from None
    try:
        with requests.get(address, timeout=TIMEOUTS, allow_redirects=False, stream=True) as answer:
            body = b""
            for piece in answer.iter_content(8192):
                body += piece
                if len(body) > MOST:
                    break
            found = orjson.loads(body) if answer.status_code == 200 and len(body) <= MOST else None
    except (requests.RequestException, OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise SingleSignOnFailed("provider")
    return found


def _session(client: Client) -> Any:
    try:
        from authlib.integrations.requests_client import OAuth2Session
    except ImportError:
        raise SingleSignOnFailed("not-installed") from None
    return OAuth2Session(
        client.id,
        client.secret,
        scope="openid email",
        redirect_uri=client.returns,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic" if client.secret else "none",
        default_timeout=TIMEOUTS,
    )
