"""Signing in by an OpenID provider: the whole way there and back, and everything that must end it; with a provider of
the tests over real HTTP, with real signatures."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import sqlalchemy as sa
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import ValidationError
from redis import Redis
from tests.conftest import Clock
from tests.openid import CLIENT, SECRET, Provider, providing
from tests.test_rights import as_person
from werkzeug.test import TestResponse

from moderation.actions import accounts, single_sign_on
from moderation.commands import COMMAND_LINE
from moderation.edges.schema import identities, journal, people, sessions
from moderation.environment import Environment
from moderation.errors import Forbidden, Invalid, NotFound
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Moderator, Role
from moderation.web.app import create_app

BASE = "http://127.0.0.1:8080"
PAGE = {"Accept": "text/html"}
EMAIL = "ana@newsroom.example"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def provider(clock: Clock) -> Iterator[Provider]:
    with providing(lambda: clock.time.timestamp(), f"{BASE}/desk/sso/return") as running:
        yield running


@pytest.fixture
def make(make_runtime: Callable[..., Runtime], provider: Provider) -> Callable[..., Runtime]:
    def made(**over: Any) -> Runtime:
        settings = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
        rt = make_runtime(**(settings | {"oidc_label": "Newsroom ID"} | over))
        accounts.create_person(rt, COMMAND_LINE, "Ana", Role.MODERATOR, None, None)
        return rt

    return made


@pytest.fixture
def rt(make: Callable[..., Runtime]) -> Runtime:
    rt = make()
    single_sign_on.link(rt, COMMAND_LINE, "Ana", "subject", "248289761001")
    return rt


def there(client: FlaskClient, path: str = "/desk/sso") -> str:
    """Where the provider sends the browser back to."""
    away = client.get(path, headers=PAGE)
    assert away.status_code == 303
    back = requests.get(away.headers["Location"], allow_redirects=False, timeout=10)
    assert back.status_code == 302
    assert back.headers["Location"].startswith(BASE)
    return back.headers["Location"].removeprefix(BASE)


def come_back(rt: Runtime, path: str = "/desk/sso") -> TestResponse:
    """The whole way, after a while: signing in is limited."""
    Redis.from_url(rt.env.redis_url).flushdb()
    client = create_app(rt).test_client()
    return client.get(there(client, path), headers=PAGE)


def count(rt: Runtime, table: sa.Table) -> int:
    with rt.store.reading() as tx:
        return int(tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def is_refused(rt: Runtime, answer: TestResponse, words: str) -> bool:
    assert answer.status_code == 403
    assert words in answer.get_data(as_text=True)
    assert "mod=" not in str(answer.headers)
    return count(rt, sessions) == 0


def test_the_whole_way_there_and_back(rt: Runtime, provider: Provider) -> None:
    client = create_app(rt).test_client()
    form = client.get("/desk/sign-in?next=/desk/me").get_data(as_text=True)
    assert 'href="/desk/sso?next=/desk/me"' in form
    assert "Sign in with Newsroom ID" in form
    answer = client.get(there(client, "/desk/sso?next=/desk/me"), headers=PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/desk/me")
    me = client.get("/desk/me", headers=PAGE)
    assert me.status_code == 200
    assert "<h1>Ana</h1>" in me.get_data(as_text=True)
    (asked,) = provider.asked
    assert asked["code_challenge_method"] == "S256"
    assert set(asked["scope"].split()) == {"openid", "email"}
    assert all(len(asked[name]) >= 43 for name in ("state", "nonce", "code_challenge"))
    with rt.store.reading() as tx:
        last = tx.execute(sa.select(journal).order_by(journal.c.seq.desc()).limit(1)).one()
    assert (last.actor, last.action, last.reason) == ("Ana", "sign-in", "single sign-on")


def test_every_attempt_is_fresh(rt: Runtime, provider: Provider) -> None:
    for _ in range(2):
        assert come_back(rt).status_code == 303
    first, second = provider.asked
    assert not {first[name] for name in ("state", "nonce", "code_challenge")} & set(second.values())


def test_nobody_is_added_and_nobodys_role_is_changed(rt: Runtime, provider: Provider) -> None:
    provider.account = {"sub": "somebody else", "email": EMAIL, "email_verified": True, "role": "admin", "name": "Ana"}
    before = count(rt, people)
    assert is_refused(rt, come_back(rt), "Nobody here has this account.")
    assert count(rt, people) == before


def test_who_is_switched_off_stays_out(rt: Runtime) -> None:
    accounts.change_person(rt, COMMAND_LINE, "Ana", disabled=True)
    assert is_refused(rt, come_back(rt), "Nobody here has this account.")


def test_a_second_step_is_still_asked_for(make: Callable[..., Runtime]) -> None:
    rt = make(totp_required="all")
    single_sign_on.link(rt, COMMAND_LINE, "Ana", "subject", "248289761001")
    client = create_app(rt).test_client()
    assert client.get(there(client), headers=PAGE).status_code == 303
    assert client.get("/desk/", headers=PAGE).headers["Location"].startswith("/desk/me/second-step")


ACCOUNTS: list[tuple[dict[str, Any], bool]] = [
    ({"sub": "x", "email": EMAIL, "email_verified": False}, False),
    ({"sub": "x", "email": EMAIL, "email_verified": "true"}, False),
    ({"sub": "x", "email": EMAIL}, False),
    ({"sub": EMAIL}, False),
    ({"sub": "x", "email": "other@newsroom.example", "email_verified": True}, False),
    ({"sub": "x", "email": EMAIL, "email_verified": True}, True),
    ({"sub": "x", "email": EMAIL.upper(), "email_verified": True}, True),
]


def test_an_address_counts_only_where_it_was_verified(make: Callable[..., Runtime], provider: Provider) -> None:
    rt = make(oidc_match="email")
    single_sign_on.link(rt, COMMAND_LINE, "Ana", "email", EMAIL)
    for provider.account, is_let_in in ACCOUNTS:
        before = count(rt, sessions)
        assert (come_back(rt).status_code == 303) is is_let_in, provider.account
        assert count(rt, sessions) == before + is_let_in
    with rt.store.reading() as tx:
        for table in (identities, journal):
            assert EMAIL not in repr(tx.execute(sa.select(table)).all())


def wrong(**over: Any) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.update(over)


def without(name: str) -> Callable[[dict[str, Any]], None]:
    def change(claims: dict[str, Any]) -> None:
        del claims[name]

    return change


NOT_FOR_US = [
    wrong(iss="https://other.example"),
    wrong(aud="another client"),
    wrong(aud=["another client"]),
    wrong(aud=[CLIENT, "another client"]),
    wrong(azp="another client"),
    wrong(nonce="that of another attempt"),
    wrong(exp=1),
    wrong(iat=4_000_000_000),
    wrong(sub=7),
    *(without(name) for name in ("iss", "aud", "exp", "iat", "nonce", "sub")),
]


def test_claims_that_are_not_for_us_are_refused(rt: Runtime, provider: Provider) -> None:
    for number, change in enumerate(NOT_FOR_US):
        provider.change = change
        assert is_refused(rt, come_back(rt), "could not be believed"), number


def test_several_audiences_need_us_as_the_one_it_was_made_for(rt: Runtime, provider: Provider) -> None:
    provider.change = wrong(aud=[CLIENT, "another client"], azp=CLIENT)
    assert come_back(rt).status_code == 303


def by_hand(header: dict[str, str], claims: dict[str, Any], secret: bytes | None) -> str:
    """As no library signs: with a public key as if it were a secret, or not at all."""

    def text(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    signed = ".".join(text(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{text(hmac.digest(secret, signed.encode(), 'sha256')) if secret else ''}"


def test_only_the_providers_own_signature_counts(rt: Runtime, provider: Provider) -> None:
    other = RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)
    public = provider.key.as_pem(private=False)
    for sign in (
        lambda claims: jwt.encode({"alg": "RS256", "kid": "one"}, claims, other),
        lambda claims: by_hand({"alg": "HS256"}, claims, public),
        lambda claims: by_hand({"alg": "none"}, claims, None),
        lambda claims: "nothing like it",
    ):
        provider.sign = sign
        assert is_refused(rt, come_back(rt), "could not be believed")


def test_who_did_not_begin_it_cannot_end_it(rt: Runtime) -> None:
    began, other = create_app(rt).test_client(), create_app(rt).test_client()
    back = there(began)
    assert is_refused(rt, other.get(back, headers=PAGE), "begun elsewhere")
    there(other)
    assert is_refused(rt, other.get(back, headers=PAGE), "begun elsewhere"), "signed in as an attacker, unknowingly"


def test_the_way_back_works_once_and_for_ten_minutes(rt: Runtime, clock: Clock) -> None:
    client = create_app(rt).test_client()
    back = there(client)
    cookie = client.get_cookie("mod-sso-8080", path="/desk/sso")
    assert cookie
    assert cookie.http_only
    assert client.get(back, headers=PAGE).status_code == 303
    assert client.get_cookie("mod-sso-8080", path="/desk/sso") is None
    assert client.get(back, headers=PAGE).status_code == 403
    client.set_cookie("mod-sso-8080", cookie.value, path="/desk/sso")
    assert client.get(back, headers=PAGE).status_code == 403, "the code was used"
    late = there(client)
    clock.advance(minutes=11)
    assert client.get(late, headers=PAGE).status_code == 403


def test_a_cookie_of_ones_own_making_is_none(rt: Runtime) -> None:
    client = create_app(rt).test_client()
    back = there(client)
    cookie = client.get_cookie("mod-sso-8080", path="/desk/sso")
    assert cookie
    value, _, signature = cookie.value.partition("~")
    for forged in (f"{value[:-4]}AAAA~{signature}", f"{value}~1.x", "~", "x", ""):
        client.set_cookie("mod-sso-8080", forged, path="/desk/sso")
        assert is_refused(rt, client.get(back, headers=PAGE), "begun elsewhere")


def test_what_the_provider_refuses_is_told(rt: Runtime) -> None:
    client = create_app(rt).test_client()
    state = parse_qs(urlsplit(client.get("/desk/sso").headers["Location"]).query)["state"][0]
    answer = client.get(f"/desk/sso/return?error=access_denied&state={state}", headers=PAGE)
    assert is_refused(rt, answer, "let nobody in")


def test_a_provider_that_tells_other_things_is_left(rt: Runtime, provider: Provider) -> None:
    for provider.discovery in (
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://other.example/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ):
        answer = create_app(rt).test_client().get("/desk/sso", headers=PAGE)
        assert is_refused(rt, answer, "does not answer as it should")


def test_a_provider_that_is_away_keeps_nobody_from_their_password(make: Callable[..., Runtime]) -> None:
    rt = make(oidc_issuer="http://127.0.0.1:1")
    answer = create_app(rt).test_client().get("/desk/sso", headers=PAGE)
    assert is_refused(rt, answer, "use your password")
    assert 'name="password"' in answer.get_data(as_text=True)


def test_nobody_is_led_elsewhere_afterwards(rt: Runtime) -> None:
    answer = come_back(rt, "/desk/sso?next=https://evil.example/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/desk")


def test_an_account_is_one_persons_and_can_be_taken_away(rt: Runtime) -> None:
    accounts.create_person(rt, COMMAND_LINE, "Bob", Role.MODERATOR, None, None)
    single_sign_on.link(rt, COMMAND_LINE, "Bob", "subject", "248289761001")
    assert come_back(rt).status_code == 303
    with rt.store.reading() as tx:
        assert tx.execute(sa.select(journal.c.actor).order_by(journal.c.seq.desc()).limit(1)).scalar() == "Bob"
    assert single_sign_on.unlink(rt, COMMAND_LINE, "Ana") == 0
    assert single_sign_on.unlink(rt, COMMAND_LINE, "Bob") == 1
    assert is_refused(rt, come_back(rt), "Nobody here has this account.")


def test_only_those_who_manage_people_everywhere_say_whose_an_account_is(rt: Runtime) -> None:
    for role, sites in ((Role.SENIOR, None), (Role.ADMIN, frozenset({"demo"}))):
        who = Moderator(9, "Eva", RIGHTS[role], sites, role.value)
        with pytest.raises(Forbidden):
            single_sign_on.link(rt, who, "Ana", "subject", "1")
        with pytest.raises(Forbidden):
            single_sign_on.unlink(rt, who, "Ana")
    with pytest.raises(NotFound):
        single_sign_on.link(rt, COMMAND_LINE, "Nobody", "subject", "1")
    for kind, value in (("subject", " "), ("email", "no address"), ("subject", "x" * 256)):
        with pytest.raises(Invalid):
            single_sign_on.link(rt, COMMAND_LINE, "Ana", kind, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    [
        {"oidc_issuer": "https://login.example"},
        {"oidc_issuer": "http://login.example", "oidc_client_id": "x"},
        {"oidc_issuer": "https://login.example?x", "oidc_client_id": "x"},
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="MODERATION_OIDC"):
        Environment(**given)  # type: ignore[arg-type]


def test_an_admin_links_accounts_on_the_page_of_people(make: Callable[..., Runtime], provider: Provider) -> None:
    rt = make(oidc_match="email")
    provider.account = {"sub": "x", "email": EMAIL, "email_verified": True}
    assert come_back(rt).status_code == 403
    client = create_app(rt).test_client()
    secret, token = as_person(rt, Role.ADMIN, None)
    client.set_cookie("mod-8080", secret)

    def press(**fields: str) -> TestResponse:
        form = {"csrf_token": token, "name": "Ana"} | fields
        return client.post("/desk/people/change", data=form, headers=PAGE | {"Origin": BASE})

    assert "E-mail address of their account at Newsroom ID" in client.get("/desk/people").get_data(as_text=True)
    wrong = press(do="linked", account="no address")
    assert (wrong.status_code, "full address" in wrong.get_data(as_text=True)) == (422, True)
    done = press(do="linked", account=f" {EMAIL.upper()} ")
    assert (done.status_code, EMAIL in done.headers["Location"]) == (303, False)
    shown = client.get("/desk/people").get_data(as_text=True)
    assert "1 account at the single sign-on" in shown
    assert EMAIL not in shown
    assert come_back(rt).status_code == 303
    assert press(do="unlinked").status_code == 303
    assert count(rt, identities) == 0
    assert come_back(rt).status_code == 403
    secret, token = as_person(rt, Role.ADMIN, ("demo",))
    client.set_cookie("mod-8080", secret)
    assert press(do="linked", account=EMAIL).status_code == 403, "only who may manage all sites"
