"""Authors who are signed in at the publisher's own login: which tokens count, and what they give."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey
from tests.actions.test_submit import rows
from tests.conftest import Clock
from tests.edges.test_outside import talking, whole
from tests.service import CANARY, running_service, unsaid, wait_until

from moderation import logins
from moderation.actions import keys as key_actions
from moderation.actions import privacy, retention, review
from moderation.commands import COMMAND_LINE
from moderation.edges import queue
from moderation.edges.login_keys import LoginKeys
from moderation.edges.schema import authors, comments
from moderation.errors import Invalid, Unavailable
from moderation.runtime import Runtime
from moderation.settings import Login
from moderation.values import Decision, Ruling
from moderation.web.app import create_app

ISSUER = "https://login.news.example"
RULES = f"""
[defaults.limits]
address = ["1000/minute"]
network = ["1000/minute"]
pair = ["1000/minute"]
burst = 1000
email = ["3/hour"]

[defaults.login]
issuer = "{ISSUER}"
algorithm = "ES256"

[defaults]
mode = "first"
first_approved = 2

[sites.demo]
[sites.other]
[sites.free]
email = "optional"
[sites.none]
login.issuer = ""
[sites.shared.login]
algorithm = "HS256"
[sites.fetched.login]
keys = "https://login.news.example/keys"
"""
SUBJECT = "subscriber-4711"
ALGORITHMS = Login.model_fields["algorithm"].annotation


@cache
def signer() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": "one"}, auto_kid=False)


SECRET = OctKey.import_key({"kty": "oct", "kid": "shared", "k": base64.urlsafe_b64encode(b"s3cret " * 6).decode()})


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime]) -> Runtime:
    rt = make_runtime(RULES)
    folder = rt.env.login_keys_path
    folder.mkdir()
    public = json.dumps(KeySet([signer()]).as_dict(private=False))
    for site in ("demo", "other", "none", "free"):
        (folder / f"{site}.json").write_text(public)
    (folder / "shared.json").write_text(json.dumps({"keys": [SECRET.as_dict(private=True)]}))
    (folder / "shared.json").chmod(0o600)
    return rt


@pytest.fixture
def client(rt: Runtime) -> FlaskClient:
    return create_app(rt).test_client()


def claims(rt: Runtime, **over: Any) -> dict[str, Any]:
    now = int(rt.now().timestamp())
    base = {"iss": ISSUER, "aud": "demo", "sub": SUBJECT, "iat": now, "exp": now + 3600, "name": "Ana of the Paper"}
    return {name: value for name, value in (base | {"email": "ana@login.example.org"} | over).items() if value != ...}


def signed(rt: Runtime, header: dict[str, Any] | None = None, key: Any = None, **over: Any) -> str:
    return jwt.encode(
        header or {"alg": "ES256", "kid": "one"},
        claims(rt, **over),
        key or signer(),
        algorithms=[*get_args(ALGORITHMS)],
    )


def post(client: FlaskClient, token: str | None, site: str = "demo", **over: Any) -> Any:
    author = {"name": "Typed", "email": "typed@example.org", "token": token} | over.pop("author", {})
    value = {"article": "first", "author": author, "body": f"A thought, {unsaid()}."} | over
    given = {name: each for name, each in author.items() if each is not None}
    return client.post(f"/v1/{site}/comments", json=value | {"author": given})


def refused(answer: Any) -> str:
    assert answer.status_code == 422, answer.json
    (problem,) = answer.json["errors"]
    assert problem["pointer"] == "/author/token"
    assert "." in problem["detail"]
    return str(problem["code"])


def test_who_is_signed_in_is_verified_and_their_name_and_address_win(rt: Runtime, client: FlaskClient) -> None:
    assert post(client, signed(rt)).status_code == 202
    (comment,) = rows(rt, comments)
    assert comment.verified
    assert comment.author_name == "Ana of the Paper"
    assert rt.vault.open(comment.email_sealed, comment.id) == "ana@login.example.org"
    (author,) = rows(rt, authors)
    assert (author.id, author.site, author.kind) == (comment.author_id, "demo", "login")
    assert rt.vault.open_name(author.sealed, author.id) == SUBJECT
    assert SUBJECT not in repr([tuple(row) for row in rows(rt, authors)])


def test_what_the_token_does_not_tell_may_be_typed(rt: Runtime, client: FlaskClient) -> None:
    token = signed(rt, name=..., email=...)
    assert post(client, token).status_code == 202
    (comment,) = rows(rt, comments)
    assert (comment.author_name, comment.verified) == ("Typed", True)
    answer = post(client, token, author={"name": None, "email": None})
    assert [each["pointer"] for each in answer.json["errors"]] == ["/author/name", "/author/email"]


def test_half_a_character_in_a_name_counts_as_no_name(rt: Runtime, client: FlaskClient) -> None:
    told = json.dumps(claims(rt, name="Ana \ud83d")).encode()  # as an escape, which JSON allows
    token = jws.serialize_compact({"alg": "ES256", "kid": "one"}, told, signer())
    assert post(client, token).status_code == 202
    (comment,) = rows(rt, comments)
    assert (comment.author_name, comment.verified) == ("Typed", True)


def test_an_address_that_the_login_has_not_verified_does_not_count(rt: Runtime, client: FlaskClient) -> None:
    post(client, signed(rt, email_verified=False))
    (comment,) = rows(rt, comments)
    assert rt.vault.open(comment.email_sealed, comment.id) == "typed@example.org"


def test_a_token_is_enough_of_an_author(rt: Runtime, client: FlaskClient) -> None:
    assert post(client, signed(rt), author={"name": None, "email": None}).status_code == 202


def test_the_token_may_come_as_a_header_or_a_field_of_a_form(rt: Runtime, client: FlaskClient) -> None:
    value = {"article": "first", "author": {}, "body": "A thought by header."}
    answer = client.post("/v1/demo/comments", json=value, headers={"Authorization": f"Bearer {signed(rt)}"})
    assert answer.status_code == 202
    form = {"article": "first", "comment": "A thought by form.", "author_token": signed(rt)}
    assert client.post("/v1/demo/comments", data=form).status_code == 303
    assert [row.verified for row in rows(rt, comments)] == [True, True]


def test_the_first_comments_wait_and_later_ones_are_published(rt: Runtime, client: FlaskClient) -> None:
    for _ in range(2):
        answer = post(client, signed(rt))
        assert answer.status_code == 202
        ruling = Ruling(answer.json["id"], 1, Decision.APPROVE)
        assert review.decide(rt, COMMAND_LINE, [ruling], "r")[0].result == "decided"
    assert post(client, signed(rt)).status_code == 201
    assert post(client, signed(rt, sub="somebody-else")).status_code == 202
    typed = post(client, None, author={"name": "Ana of the Paper", "email": "ana@login.example.org"})
    assert typed.status_code == 202, "the same name and address, typed, earn nothing"
    shared = signed(rt, {"alg": "HS256"}, SECRET, aud="shared")
    assert post(client, shared, site="shared").status_code == 202, "another site, another author"


def test_two_authors_may_say_the_same_and_nobody_says_it_for_another(rt: Runtime, client: FlaskClient) -> None:
    said = {"body": "I agree with all of it."}
    typed = {"email": "ana@login.example.org"}
    assert post(client, None, author=typed, **said).status_code == 202
    assert post(client, signed(rt), **said).status_code == 202
    assert post(client, signed(rt, sub="somebody-else"), **said).status_code == 202
    assert post(client, signed(rt), **said).status_code == 409


def test_nobody_uses_up_the_quota_of_an_author_by_typing_their_address(rt: Runtime, client: FlaskClient) -> None:
    for _ in range(5):
        post(client, None, author={"email": "ana@login.example.org"})
    post(client, signed(rt))
    told = [{each["code"] for each in row.findings} for row in rows(rt, comments)]
    assert ["email-limit" in codes for codes in told] == [False] * 3 + [True] * 2 + [False]


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "over": ({"exp": 1, "iat": 1}, "token-expired"),
    "without an end": ({"exp": ...}, "token-claims"),
    "an end in words": ({"exp": "tomorrow"}, "token-claims"),
    "an end that is true": ({"exp": True}, "token-claims"),
    "no number": ({"exp": float("nan")}, "token-claims"),
    "no end": ({"exp": float("inf")}, "token-claims"),
    "far beyond": ({"exp": 10**400}, "token-claims"),
    "without a beginning": ({"iat": ...}, "token-claims"),
    "of another issuer": ({"iss": "https://login.evil.example"}, "token-claims"),
    "without an issuer": ({"iss": ...}, "token-claims"),
    "for another audience": ({"aud": "other"}, "token-claims"),
    "for several others": ({"aud": ["other", "third"]}, "token-claims"),
    "for nobody": ({"aud": ...}, "token-claims"),
    "about nobody": ({"sub": ...}, "token-claims"),
    "about an empty name": ({"sub": ""}, "token-claims"),
    "about a number": ({"sub": 5}, "token-claims"),
    "about a long name": ({"sub": "x" * 201}, "token-claims"),
    "an address for a name": ({"name": "ana@example.org"}, "token-unfit"),
    "no address": ({"email": "ana"}, "token-unfit"),
    "not before later": ({"nbf": 4e9}, "token-early"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_token_that_says_something_else_is_refused(rt: Runtime, client: FlaskClient, case: str) -> None:
    over, code = CASES[case]
    assert refused(post(client, signed(rt, **over))) == code
    assert not rows(rt, comments)


@pytest.mark.parametrize(
    ("since", "until", "outcome"),
    [
        (0, 3600, None),
        (59, 3600, None),
        (62, 3600, "token-early"),
        (-3600, -58, None),
        (-3600, -62, "token-expired"),
        (-86400, 86400, None),
        (-86470, 86400, "token-expired"),
    ],
)
def test_clocks_may_be_a_minute_apart_and_a_token_a_day_old(
    rt: Runtime, client: FlaskClient, since: int, until: int, outcome: str | None
) -> None:
    now = int(rt.now().timestamp())
    answer = post(client, signed(rt, iat=now + since, exp=now + until))
    assert (refused(answer) if outcome else answer.status_code) == (outcome or 202)


def unsigned(rt: Runtime, header: dict[str, Any], signature: str = "") -> str:
    parts = (json.dumps(part).encode() for part in (header, claims(rt)))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), signature])


def keyed(rt: Runtime, secret: bytes) -> str:
    """Signed with HS256, by a secret that everybody knows."""
    body = unsigned(rt, {"alg": "HS256", "kid": "one"})[:-1]
    mac = hmac.digest(secret, body.encode(), "sha256")
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def forged(rt: Runtime) -> dict[str, str]:
    """Tokens that no key of the publisher's has signed for this."""
    public = json.dumps(signer().as_dict(private=False)).encode()
    pem = signer().as_pem(private=False)
    good, mine = signed(rt), ECKey.generate_key("P-256")
    head, body, signature = good.split(".")
    return {
        "none": unsigned(rt, {"alg": "none"}),
        "None": unsigned(rt, {"alg": "None", "kid": "one"}),
        "the public key as a secret": keyed(rt, public),
        "the public PEM as a secret": keyed(rt, pem),
        "a key of one's own": signed(rt, key=mine),
        "that key in the header": signed(rt, {"alg": "ES256", "jwk": mine.as_dict(private=False)}, mine),
        "an address of keys": signed(rt, {"alg": "ES256", "jku": "https://evil.example/keys"}, mine),
        "another algorithm": signed(rt, {"alg": "EdDSA"}, OKPKey.generate_key("Ed25519")),
        "a key that is not there": signed(rt, {"alg": "ES256", "kid": "two"}),
        "a number for a key": unsigned(rt, {"alg": "ES256", "kid": 1}, signature),
        "something critical": unsigned(rt, {"alg": "ES256", "kid": "one", "crit": ["exp"], "exp": 1}, signature),
        "another body": unsigned(rt, {"alg": "ES256", "kid": "one"}, signature),
        "no signature": f"{head}.{body}.",
        "a bit turned": f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.x",
        "encrypted": "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAAAAAAAAAAAAAA.AA.AAAAAAAAAAAAAAAAAAAAAA",
        "long": signed(rt, padding="x" * 4000),
        "deep": f"{base64.urlsafe_b64encode(b'[' * 2000).decode()}.{body}.{signature}",
        "nothing": "..",
        "no ASCII": "ä.ö.ü",
    }


def test_a_token_that_nobody_signed_is_refused_and_nothing_is_stored(rt: Runtime, client: FlaskClient) -> None:
    outcomes = {name: refused(post(client, token)) for name, token in forged(rt).items()}
    assert set(outcomes.values()) == {"token-unknown"}, outcomes
    assert not rows(rt, comments)


def test_a_shared_secret_signs_by_its_own_algorithm_only(rt: Runtime, client: FlaskClient) -> None:
    assert post(client, signed(rt, {"alg": "HS256"}, SECRET, aud="shared"), "shared").status_code == 202
    assert refused(post(client, signed(rt, {"alg": "HS512"}, SECRET, aud="shared"), "shared")) == "token-unknown"
    assert refused(post(client, signed(rt, aud="shared"), "shared")) == "token-unknown"


KEYS: dict[str, Callable[[], Any]] = {
    "H": lambda: OctKey.generate_key(512),
    "R": lambda: RSAKey.generate_key(2048),
    "P": lambda: RSAKey.generate_key(2048),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "ES384": lambda: ECKey.generate_key("P-384"),
    "Ed": lambda: OKPKey.generate_key("Ed25519"),
}


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", get_args(ALGORITHMS))
def test_each_algorithm_signs(tmp_path: Path, algorithm: str) -> None:
    key: Any = next(make for name, make in KEYS.items() if algorithm.startswith(name))()
    file = tmp_path / "demo.json"
    file.write_text(json.dumps({"keys": [key.as_dict(private=algorithm.startswith("H"))]}))
    file.chmod(0o600)
    rt: Any = SimpleNamespace(login_keys=LoginKeys(tmp_path, ()), now=Clock())
    token = signed(rt, {"alg": algorithm}, key)
    assert logins.read(rt, "demo", Login(issuer=ISSUER, algorithm=algorithm), token).subject == SUBJECT  # type: ignore[arg-type]


def test_the_key_that_fits_is_found_among_others(rt: Runtime, client: FlaskClient) -> None:
    """Without a `kid`, and with keys of other kinds, curves and uses before it."""
    others: list[Any] = [RSAKey.generate_key(2048), ECKey.generate_key("P-384"), ECKey.generate_key("P-256")]
    keys = [*(key.as_dict(private=False) for key in others), signer().as_dict(private=False)]
    (rt.env.login_keys_path / "demo.json").write_text(json.dumps({"keys": keys}))
    assert post(client, signed(rt, {"alg": "ES256"})).status_code == 202
    assert refused(post(client, signed(rt, {"alg": "ES256"}, ECKey.generate_key("P-256")))) == "token-unknown"


def test_where_no_login_is_set_no_token_is_taken(rt: Runtime, client: FlaskClient) -> None:
    assert refused(post(client, signed(rt, aud="none"), "none")) == "token-not-taken"


def test_while_the_keys_are_not_there_the_sender_is_told_to_try_again(rt: Runtime, client: FlaskClient) -> None:
    answer = post(client, signed(rt, aud="fetched"), "fetched")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert not rows(rt, comments)


def test_a_refused_form_gives_back_what_was_typed(rt: Runtime, client: FlaskClient) -> None:
    form = {"article": "first", "comment": "A thought to keep.", "author_token": signed(rt, aud="other")}
    answer = client.post("/v1/demo/comments", data=form)
    assert answer.status_code == 422
    assert "A thought to keep." in answer.text
    assert "not meant for comments here" in answer.text


@given(st.text(max_size=60) | st.lists(st.binary(max_size=40), min_size=3, max_size=3))
def test_whatever_comes_as_a_token_is_refused_in_words(token: Any) -> None:
    if not isinstance(token, str):
        token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in token)
    with pytest.raises((Invalid, Unavailable)):
        logins.read(NOBODY, "demo", Login(issuer=ISSUER), token)


NOBODY: Any = SimpleNamespace(login_keys=SimpleNamespace(of=lambda *_: None))


def test_an_author_stays_the_same_while_keys_are_rotated(rt: Runtime, client: FlaskClient) -> None:
    post(client, signed(rt))
    for purpose in ("email-index", "email-enc"):
        key_actions.rotate(rt, COMMAND_LINE, purpose, pause=lambda _: None)
        post(client, signed(rt))
        for _ in key_actions.reencrypt(rt, COMMAND_LINE, purpose):
            pass
        assert key_actions.retire(rt, COMMAND_LINE, purpose)
        post(client, signed(rt))
    assert len({row.author_id for row in rows(rt, comments)}) == 1
    (author,) = rows(rt, authors)
    assert rt.vault.open_name(author.sealed, author.id) == SUBJECT


def test_what_is_handed_out_tells_of_the_login_and_who_is_forgotten_is_a_stranger(
    rt: Runtime, client: FlaskClient
) -> None:
    post(client, signed(rt))
    told = privacy.export(rt, COMMAND_LINE, "ana@login.example.org", "asked")
    assert [(each["site"], each["by"], each["name"]) for each in told["proofs"]] == [("demo", "login", SUBJECT)]
    assert told["comments"][0]["verified"]
    (before,) = rows(rt, authors)
    assert privacy.erase(rt, COMMAND_LINE, "ana@login.example.org", "asked") == 1
    assert not rows(rt, authors)
    post(client, signed(rt))
    (after,) = rows(rt, authors)
    assert before.id != after.id


def test_who_came_without_an_address_is_found_by_their_name_at_the_login(rt: Runtime, client: FlaskClient) -> None:
    reader = privacy.SignedIn("free", SUBJECT)
    token, other = (signed(rt, aud="free", sub=each, email=...) for each in (SUBJECT, "somebody-else"))
    for each in (token, token, other):
        assert post(client, each, "free", author={"email": None}).status_code == 202
    assert privacy.look(rt, reader) == {"free": {"pending": 2, "proofs": 1}}
    told = privacy.export(rt, COMMAND_LINE, reader, "asked")
    assert (told["site"], told["login"], len(told["comments"])) == ("free", SUBJECT, 2)
    assert not privacy.look(rt, privacy.SignedIn("other", SUBJECT))
    assert privacy.erase(rt, COMMAND_LINE, reader, "asked") == 2
    assert (len(rows(rt, comments)), len(rows(rt, authors))) == (1, 1)
    assert privacy.erase_again(rt, COMMAND_LINE) == 0
    post(client, token, "free", author={"email": None})
    assert privacy.erase_again(rt, COMMAND_LINE) == 1


def test_a_search_by_address_finds_what_was_signed_and_what_was_typed(rt: Runtime, client: FlaskClient) -> None:
    for token in (None, signed(rt), None):
        post(client, token, author={"email": "ana@login.example.org"})
    with rt.store.reading() as tx:
        newest = queue.written_from(tx, rt.vault.indexes("ana@login.example.org"), None)
        assert newest
        author = queue.author_of(tx, newest)
        assert len(queue.page(tx, queue.Asked(None, author=author), None).items) == 3
        signed_one = next(row.id for row in rows(rt, comments) if row.verified)
        author = queue.author_of(tx, signed_one)
        assert len(queue.page(tx, queue.Asked(None, author=author), None).items) == 3


def test_who_has_no_comment_left_is_forgotten_in_time(rt: Runtime, client: FlaskClient, clock: Clock) -> None:
    post(client, signed(rt))
    clock.advance(days=181)
    assert "authors" not in retention.tidy(rt)
    with rt.store.writing() as tx:
        tx.execute(sa.update(comments).values(author_id=None))
    clock.advance(days=1)
    assert retention.tidy(rt)["authors"] == 1


def test_a_service_fetches_the_keys_beside_its_requests(tmp_path: Path) -> None:
    """As an owner sets it up: an address in the rules file, in a network of their own that is named."""
    answer = whole(json.dumps(KeySet([signer()]).as_dict(private=False)).encode())
    with talking(lambda sock: sock.sendall(answer)) as (url, asked):
        rules = f'[sites.demo.login]\nissuer = "{ISSUER}"\nalgorithm = "ES256"\nkeys = "{url}"\n'
        env = {"MODERATION_INSIDE_NETWORKS": "127.0.0.0/8"}
        with running_service(tmp_path / "state", rules=rules, env=env) as service:
            wait_until(lambda: "moderation_login_keys_ok 1.0" in service.get("/metrics").text)
            now: Any = SimpleNamespace(now=lambda: datetime.now(UTC))
            for audience, status in (("demo", 202), ("other", 422)):
                author = {"token": signed(now, email=CANARY, aud=audience)}
                assert service.post("demo", author=author).status_code == status
    assert len(asked) == 1
