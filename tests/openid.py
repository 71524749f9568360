"""An OpenID provider for tests, over real HTTP, with real signatures: discovery, authorisation, token and keys. What it
says and how it signs can be changed, as an attacker or a broken provider would.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT = "comments"
SECRET = "the provider's secret for us 5"


@cache
def made_key() -> RSAKey:
    """Made once a run: it takes a while."""
    return RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)


@dataclass
class Provider:
    """`account` is who signs in there. `change` may alter the claims before they are signed, `sign` how they are."""

    issuer: str
    now: Callable[[], float]
    account: dict[str, Any] = field(default_factory=lambda: {"sub": "248289761001"})
    key: RSAKey = field(default_factory=made_key)
    change: Callable[[dict[str, Any]], None] = lambda claims: None
    sign: Callable[[dict[str, Any]], str] | None = None
    discovery: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    returns: str = ""

    def told(self) -> dict[str, Any]:
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{name}" for name in names}} | self.discovery

    def authorize(self, asked: dict[str, str]) -> str:
        """Somebody signs in: where the browser is sent back to."""
        self.asked.append(asked)
        assert asked["redirect_uri"] == self.returns, "only the address that was registered, to the letter"
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, authorization: str, form: dict[str, str]) -> dict[str, Any] | None:
        """What a code is worth, once: None where anything about it is not as it was."""
        asked = self.codes.pop(form.get("code", ""), None)
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or authorization != f"Basic {expected}"
            or form.get("redirect_uri") != self.returns
            or (asked.get("code_challenge_method"), asked.get("code_challenge")) != ("S256", challenge)
        ):
            return None
        now = int(self.now())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= self.account
        self.change(claims)
        signed = self.sign(claims) if self.sign else jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": signed}


@contextmanager
def providing(now: Callable[[], float], returns: str) -> Iterator[Provider]:
    """A provider on a free port of this machine until the block ends."""

    class Talk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/.well-known/openid-configuration":
                self._answer(200, provider.told())
            elif parts.path == "/jwks_uri":
                self._answer(200, dict(KeySet([provider.key]).as_dict(private=False)))
            elif parts.path == "/authorization_endpoint":
                asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self._answer(302, {}, provider.authorize(asked))
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            found = provider.token(self.headers.get("Authorization", ""), form)
            self._answer(200 if found else 400, found or {"error": "invalid_grant"})

        def _answer(self, status: int, value: dict[str, Any], location: str = "") -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Talk) as server:
        provider = Provider(f"http://127.0.0.1:{server.server_address[1]}", now, returns=returns)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield provider
        finally:
            server.shutdown()
