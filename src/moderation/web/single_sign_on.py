"""The way to an OpenID provider and back. What an attempt is bound to travels in a signed cookie of the browser that
began it; nothing is stored before somebody is signed in.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import cast

import orjson
from flask import Blueprint, make_response, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from moderation.actions import single_sign_on as action
from moderation.edges.oidc import Attempt
from moderation.errors import SignInRefused, SingleSignOnFailed
from moderation.web import auth, cookies
from moderation.web.context import client_address, rt
from moderation.web.problems import detail

single_sign_on = Blueprint("single_sign_on", __name__, url_prefix="/desk/sso")


@single_sign_on.get("")
def begin() -> ResponseReturnValue:
    """To the provider. A link and no form: a page's policy lets no form lead to another origin."""
    try:
        attempt, there = action.begin(rt(), client_address())
    except (SingleSignOnFailed, SignInRefused) as failed:
        return _again(failed)
    response = redirect(there, 303)
    cookies.ATTEMPT.give(response, _sealed(attempt, auth.local_path(request.args.get("next"))))
    return response


@single_sign_on.get("/return")
def finish() -> ResponseReturnValue:
    """From the provider. The attempt is over, however it ends."""
    try:
        attempt, following = _opened(cookies.ATTEMPT.read())
        if not hmac.compare_digest(request.args.get("state", "").encode(), attempt.state.encode()):
            raise SingleSignOnFailed("state")
        code = request.args.get("code", "")
        if not 1 <= len(code) <= 2000:
            raise SingleSignOnFailed("refused")
        secret, who = action.finish(rt(), attempt, code, client_address(), cookies.SESSION.read())
    except (SingleSignOnFailed, SignInRefused) as failed:
        return _over(make_response(_again(failed)))
    return _over(auth.with_session(redirect(following, 303), secret, who))


def _again(failed: SingleSignOnFailed | SignInRefused) -> ResponseReturnValue:
    return auth.sign_in_form("", detail(failed), 429 if isinstance(failed, SignInRefused) else 403)


def _over(response: Response) -> Response:
    cookies.ATTEMPT.drop(response)
    return response


def _sealed(attempt: Attempt, following: str) -> str:
    """The attempt as the cookie's value. It is this browser's own, so that it need only not be changed."""
    until = int((rt().now() + cookies.ATTEMPT_LASTS).timestamp())
    text = orjson.dumps([attempt.state, attempt.nonce, attempt.verifier, following, until])
    value = base64.urlsafe_b64encode(text).decode()
    return f"{value}~{rt().vault.sign('links', 'single-sign-on', value)}"


def _opened(cookie: str) -> tuple[Attempt, str]:
    """Raises SingleSignOnFailed for a cookie that is not ours, or too old."""
    value, _, signature = cookie.partition("~")
    if not rt().vault.check(signature, "links", "single-sign-on", value):
        raise SingleSignOnFailed("state")
    try:
        state, nonce, verifier, following, until = orjson.loads(base64.urlsafe_b64decode(value))
    except (binascii.Error, ValueError):
        raise SingleSignOnFailed("state") from None
    if rt().now().timestamp() > until:
        raise SingleSignOnFailed("state")
    return Attempt(state, nonce, verifier), cast(str, following)
