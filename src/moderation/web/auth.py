"""Who is asking: sign-in, session cookie, tokens, and the proof that a change was asked for on purpose.

A changing request of a browser must come from our own pages (Sec-Fetch-Site, else Origin) and carry a token bound to
its session. The policies are OWASP ASVS 5.0, sections 3.5 and 7.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import wraps
from typing import Literal, ParamSpec, TypeVar, cast
from urllib.parse import quote, urlsplit

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from moderation import passwords, sessions
from moderation.actions import accounts
from moderation.catalogue import _
from moderation.errors import (
    Forbidden,
    Invalid,
    NotFound,
    NotSignedIn,
    OriginRefused,
    SecondStepMissing,
    SignInRefused,
    UnsupportedContent,
)
from moderation.text.redact import holds_address
from moderation.values import Moderator, Right
from moderation.web import cookies
from moderation.web.context import client_address, rt
from moderation.web.problems import detail, field_sentence

auth = Blueprint("auth", __name__)

REFUSED = "The name or the password is wrong. After three wrong tries, each further one has to wait a little longer."
"""The same words whatever was wrong, and for a try that came too early."""

P = ParamSpec("P")
R = TypeVar("R")


def signed_in(
    right: Right, step: Literal["done", "fresh", "set-up", "any"] = "done"
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """For a page of the desk: a session with `right`, and for a changing request the proof of purpose. `step` says
    how far the second step must be: done, done of late, for setting one up (done of late where there is one), or not.

    Raises NotSignedIn, SecondStepMissing, Forbidden, OriginRefused.
    """

    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            secret = cookie()
            session = sessions.alive(rt(), secret)
            g.moderator = sessions.as_moderator(session.person, secret)
            if request.method not in ("GET", "HEAD"):
                check_same_origin()
                check_kind()
                _check_csrf()
            missing = sessions.missing_step(rt(), session, fresh=step in ("fresh", "set-up"))
            if missing and step not in ("any", missing):
                raise SecondStepMissing(missing)
            if not g.moderator.may(right):
                raise Forbidden(right.value)
            return view(*args, **kwargs)

        return guarded

    return guard


def bearer(right: Right) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """For the API: a token with `right` for the site in the path. Raises NotSignedIn, Forbidden."""

    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            kind, _, token = request.headers.get("Authorization", "").partition(" ")
            if kind.lower() != "bearer" or not token:
                raise NotSignedIn
            g.moderator = accounts.moderator_of_token(rt(), token.strip())
            site = (request.view_args or {}).get("site_id")
            if not g.moderator.may(right, site):
                raise Forbidden(right.value)
            return view(*args, **kwargs)

        return guarded

    return guard


def current() -> Moderator:
    """Who asks, inside a guarded view."""
    return cast(Moderator, g.moderator)


@auth.app_template_global()
def may(right: str, site: str) -> bool:
    """For a page: may who looks at it do this on that site?"""
    return current().may(Right(right), site)


@auth.app_template_global()
def csrf_token() -> str:
    """A token for this session's forms: random bytes and their HMAC with the session's hash."""
    salt = base64.urlsafe_b64encode(rt().random(12)).decode()
    return f"{salt}.{rt().vault.sign('session-csrf', current().session or '', salt)}"


def _check_csrf() -> None:
    given = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    salt, _, signature = given.partition(".")
    if not rt().vault.check(signature, "session-csrf", current().session or "", salt):
        raise OriginRefused("csrf-token")


def check_same_origin() -> None:
    """Raises OriginRefused for a changing request that another site's page caused."""
    if not is_same_origin():
        raise OriginRefused("cross-site")


def is_same_origin() -> bool:
    """Whether a page of ours sent this request: by Sec-Fetch-Site, in older browsers by Origin."""
    fetched_from = request.headers.get("Sec-Fetch-Site")
    if fetched_from is not None:
        return fetched_from == "same-origin"
    own = urlsplit(rt().env.public_url)
    return request.headers.get("Origin") == f"{own.scheme}://{own.netloc}".lower()


def check_kind() -> None:
    """Forms come URL-encoded: a multipart parser is one more door than we need."""
    if request.mimetype not in ("", "application/x-www-form-urlencoded") or request.headers.get("Content-Encoding"):
        raise UnsupportedContent("content-type")


@auth.get("/desk/sign-in")
def sign_in_page() -> ResponseReturnValue:
    """The form."""
    return sign_in_form("", None, 200)


@auth.post("/desk/sign-in")
def sign_in() -> ResponseReturnValue:
    """Start a session. A wrong name and a wrong password get the same words."""
    name = request.form.get("name", "").strip()[:80]
    if not is_same_origin():
        return sign_in_form(name, _elsewhere(), 403)
    check_kind()
    try:
        secret, who = accounts.sign_in(
            rt(),
            name,
            request.form.get("password", ""),
            client_address(),
            cookies.DEVICE.read(),
            cookies.SESSION.read(),
        )
    except SignInRefused as refused:
        if not refused.retry_after:
            return sign_in_form(name, _(REFUSED), 403)
        response = make_response(sign_in_form(name, detail(refused), 429))
        response.headers["Retry-After"] = str(refused.retry_after)
        return response
    return with_session(redirect(local_path(request.form.get("next")), 303), secret, who)


def _elsewhere() -> str:
    told = _("This did not come from a page of this service. Its address is {address}.")
    return told.format(address=f"{rt().env.public_url}/desk")


def sign_in_form(name: str, sentence: str | None, status: int) -> ResponseReturnValue:
    """The form, with what was wrong with the last try."""
    following = local_path(request.values.get("next"))
    name = "" if "@" in name else name  # no name of ours; it may be somebody's address
    other = rt().env.oidc_label if rt().env.oidc_issuer else None
    page = render_template("desk/sign_in.html", name=name, sentence=sentence, next=following, other=other)
    return page, status


@auth.post("/desk/sign-out")
@signed_in(Right.READ_QUEUE, "any")
def sign_out() -> ResponseReturnValue:
    """End this session."""
    accounts.sign_out(rt(), current(), cookie())
    response = redirect(url_for("auth.sign_in_page"), 303)
    cookies.SESSION.drop(response)
    return response


@auth.get("/desk/set-password")
def set_password_page() -> ResponseReturnValue:
    """The form behind a one-time link. Looking at it uses nothing up."""
    return _password_form(request.args.get("token", ""), None, 200)


@auth.post("/desk/set-password")
def set_password() -> ResponseReturnValue:
    """Set the password and sign in."""
    secret = request.form.get("token", "")
    if not is_same_origin():
        return _password_form(secret, _elsewhere(), 403)
    check_kind()
    if "again" in request.form and request.form["again"] != request.form.get("password"):
        return _password_form(secret, _("The two passwords are not the same."), 422)
    try:
        session, who = accounts.set_password(rt(), secret, request.form.get("password", ""))
    except Invalid as invalid:
        return _password_form(secret, field_sentence(invalid.problems[0]), 422)
    except NotFound:
        return _password_form("", None, 404)
    return with_session(redirect("/desk", 303), session, who)


def _password_form(secret: str, sentence: str | None, status: int) -> ResponseReturnValue:
    name = accounts.person_of_link(rt(), secret) if secret else None
    if name is None and status != 403:
        status, secret = 404, ""
        sentence = _("This link does not work any more. It works once, and for 24 hours; ask an admin for a new one.")
    page = render_template(
        "desk/set_password.html", secret=secret, name=name, sentence=sentence, minimum=passwords.SHORTEST
    )
    return page, status


def sign_in_path(following: str, missing: str | None = None) -> str:
    """Where to sign in, or do what is `missing` of the second step, and then come back to `following`."""
    page = {None: "auth.sign_in_page", "code": "second_step.code_page", "set-up": "second_step.set_up_page"}[missing]
    return f"{url_for(page)}?next={quote(local_path(following.rstrip('?')), safe='/')}"


def local_path(given: str | None) -> str:
    """`given` where it is a path of the desk, else the desk: nobody is sent elsewhere after signing in, and no e-mail
    address is given back."""
    path = given or ""
    is_local = path.startswith("/desk") and "\\" not in path and "//" not in path and path.isprintable()
    is_local = is_local and len(path) <= 500 and not holds_address(path)
    return path if is_local and not path.startswith(("/desk/sign-", "/desk/set-", "/desk/code")) else "/desk"


def with_session(response: Response, secret: str, who: Moderator) -> Response:
    """The session's cookie, and once it is complete one that says that this browser knows the account, for the delays
    of guessing."""
    cookies.SESSION.give(response, secret)
    if sessions.missing_step(rt(), sessions.alive(rt(), secret)) != "code":
        cookies.DEVICE.give(response, sessions.device_mark(rt(), who))
    return response


def cookie() -> str:
    """The session's secret. Raises NotSignedIn."""
    secret = cookies.SESSION.read()
    if not secret or len(secret) > 100:
        raise NotSignedIn
    return secret
