"""Proof of work over HTTP: a challenge, its solution, and all that is none. None of it refuses anybody."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from tests.actions.test_submit import codes, rows
from tests.conftest import Clock
from tests.service import unsaid

from moderation import forms, proof_of_work
from moderation.actions import keys
from moderation.commands import COMMAND_LINE
from moderation.edges.limits import Limits
from moderation.edges.schema import comments
from moderation.runtime import Runtime
from moderation.settings import Form
from moderation.web.app import create_app

RULES = """
[defaults]
mode = "post"
[defaults.limits]
address = ["4/minute"]
[defaults.form]
proof = "always"
proof_numbers = 1000
least_seconds = 0
[sites.demo]
[sites.other]
[sites.off]
form.proof = "off"
[sites.calm]
form.proof = "suspicion"
"""


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime(RULES.replace('["4/minute"]', '["1000/minute"]\nburst = 1000'))


@pytest.fixture
def client(rt: Runtime) -> FlaskClient:
    return create_app(rt).test_client()


def challenge(client: FlaskClient, site: str = "demo") -> dict[str, Any]:
    answer = client.get(f"/v1/{site}/challenge")
    assert answer.status_code == 200
    return dict(answer.get_json())


def solved(told: dict[str, Any], **over: Any) -> str:
    """As ALTCHA's widget solves and sends it."""
    number = next(
        each
        for each in range(told["maxnumber"] + 1)
        if hashlib.sha256(f"{told['salt']}{each}".encode()).hexdigest() == told["challenge"]
    )
    names = ("algorithm", "challenge", "salt", "signature")
    return packed({name: told[name] for name in names} | {"number": number, "took": 5} | over)


def packed(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def post(client: FlaskClient, solution: Any, site: str = "demo", **over: Any) -> Any:
    author = {"name": "Ana", "email": f"{secrets.token_hex(4)}@example.org"}
    form = {} if solution is None else {"altcha": solution}
    value = {"article": "first", "author": author, "body": f"A thought, {unsaid()}.", "form": form}
    return client.post(f"/v1/{site}/comments", json=value | over)


def found(rt: Runtime) -> list[str]:
    """What was found of each comment, in order."""
    return [codes(row)["form.proof"] for row in sorted(rows(rt, comments), key=lambda row: row.id)]


def test_a_solved_challenge_lets_a_comment_through_once(rt: Runtime, client: FlaskClient) -> None:
    solution = solved(challenge(client))
    assert [post(client, solution).status_code for _ in range(3)] == [201, 202, 202]
    assert found(rt) == ["passed", "proof-used", "proof-used"]


def test_a_challenge_is_what_altcha_documents(rt: Runtime, client: FlaskClient) -> None:
    answer = client.get("/v1/demo/challenge", headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.get_json()
    assert set(told) == {"algorithm", "challenge", "maxnumber", "salt", "signature"}
    assert (told["algorithm"], told["maxnumber"]) == ("SHA-256", 1000)
    assert told["salt"].endswith("&"), "else digits could move between its time and the number"
    assert challenge(client) != told


def test_without_one_a_comment_waits_and_nobody_is_refused(rt: Runtime, client: FlaskClient) -> None:
    assert post(client, None).status_code == 202
    assert client.post(
        "/v1/demo/comments",
        data={"article": "first", "author": "Ana", "email": "ana@example.org", "comment": "Without a script."},
    ).status_code == 303  # fmt: skip
    assert found(rt) == ["proof-missing", "proof-missing"]


def test_a_form_brings_it_as_the_widget_names_it(rt: Runtime, client: FlaskClient) -> None:
    form = {"article": "first", "author": "Ana", "email": "ana@example.org", "comment": "With a script."}
    assert client.post("/v1/demo/comments", data=form | {"altcha": solved(challenge(client))}).status_code == 303
    assert found(rt) == ["passed"]


def wrong(client: FlaskClient) -> dict[str, Any]:
    told = challenge(client)
    good = json.loads(base64.b64decode(solved(told)))
    number = str(good["number"])
    expires = int(told["salt"].partition("expires=")[2].partition("&")[0])
    return {
        "another number": packed(good | {"number": good["number"] + 1}),
        "a number in words": packed(good | {"number": number}),
        "a fraction": packed(good | {"number": float(good["number"])}),
        "true": packed(good | {"number": True}),
        "less than nothing": packed(good | {"number": -1}),
        "huge": packed(good | {"number": 10**30}),
        "another salt": packed(good | {"salt": "0" * 24 + told["salt"][24:]}),
        "a later time": packed(good | {"salt": told["salt"].replace(str(expires), str(expires + 9999))}),
        "digits moved": packed(good | {"salt": told["salt"] + number[:1], "number": int(number[1:] or 0)}),
        "another algorithm": packed(good | {"algorithm": "SHA-1"}),
        "another signature": packed(good | {"signature": "1." + "A" * 43}),
        "no signature": packed({name: value for name, value in good.items() if name != "signature"}),
        "of one's own": packed(own(good)),
        "of another site": solved(challenge(client, "other")),
        "no JSON": base64.b64encode(b"{").decode(),
        "a list": packed([1]),
        "no Base64": "!!!",
        "long": packed(good | {"padding": "x" * 3000}),
        "deep": base64.b64encode(b"[" * 1000).decode(),
    }


def own(good: dict[str, Any]) -> dict[str, Any]:
    """A challenge that we did not hand out, solved."""
    salt = "ab" * 12 + good["salt"][24:]
    return good | {"salt": salt, "number": 7, "challenge": hashlib.sha256(f"{salt}7".encode()).hexdigest()}


def test_what_is_no_solution_is_a_finding(rt: Runtime, client: FlaskClient) -> None:
    sent = wrong(client)
    answers = {name: post(client, solution).status_code for name, solution in sent.items()}
    assert set(answers.values()) == {202}, answers
    told = dict(zip(sent, found(rt), strict=True))
    assert set(told.values()) == {"proof-wrong"}, told


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: base64.b64encode(raw).decode()))
def test_whatever_comes_as_a_solution_breaks_nothing(sent: str) -> None:
    nobody: Any = None
    assert proof_of_work.read(nobody, sent, "demo", Form(proof="always")).found == ("wrong" if sent else "none")


def test_a_misshapen_field_is_told(client: FlaskClient) -> None:
    answer = post(client, 5)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/form/altcha"


def test_a_late_solution_is_a_note(rt: Runtime, client: FlaskClient, clock: Clock) -> None:
    in_time, late = solved(challenge(client)), solved(challenge(client))
    clock.advance(minutes=59)
    post(client, in_time)
    clock.advance(minutes=2)
    assert post(client, late).status_code == 201
    assert found(rt) == ["passed", "proof-late"]


def test_it_is_used_once_over_midnight_too(rt: Runtime, clock: Clock) -> None:
    settings = rt.rules.sites["demo"].settings.form
    clock.time = clock.time.replace(hour=23, minute=50)
    app = create_app(rt)
    solution = solved(dict(proof_of_work.give(rt, "demo", settings)))
    post(app.test_client(), solution)
    clock.advance(minutes=20)
    post(app.test_client(), solution)
    assert found(rt) == ["passed", "proof-used"]


def test_a_refused_comment_uses_nothing_up(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(RULES)
    client = create_app(rt).test_client()
    for _ in range(4):
        post(client, None)
    solution = solved(challenge(client))
    assert post(client, solution).status_code == 429
    assert client.post(
        "/v1/demo/comments",
        json={
            "article": "first",
            "author": {"name": "Ana", "email": "ana@example.org"},
            "body": "From another address.",
            "form": {"altcha": solution},
        },
        environ_base={"REMOTE_ADDR": "198.51.100.7"},
    ).status_code == 201  # fmt: skip


def test_where_it_is_off_there_is_no_challenge_and_nothing_is_looked_at(rt: Runtime, client: FlaskClient) -> None:
    assert client.get("/v1/off/challenge").status_code == 404
    assert post(client, "nonsense", "off").status_code == 201
    assert client.get("/v1/nowhere/challenge").status_code == 404
    assert found(rt) == ["passed"]


def test_on_suspicion_an_ordinary_comment_needs_none(rt: Runtime, client: FlaskClient) -> None:
    token = forms.give(rt, "calm", "first")
    assert post(client, None, "calm", form={"token": token}).status_code == 201
    token = forms.give(rt, "calm", "first")
    link = {"body": "See https://www.example.com for this.", "form": {"token": token}}
    assert post(client, None, "calm", **link).status_code == 202
    token = forms.give(rt, "calm", "first")
    solution = solved(challenge(client, "calm"))
    link = {"body": "See https://www.example.com for that.", "form": {"token": token, "altcha": solution}}
    assert post(client, None, "calm", **link).status_code == 201


def test_without_redis_comments_wait_whatever_was_solved(rt: Runtime) -> None:
    rt.limits.close()
    rt.limits = Limits("redis://127.0.0.1:9/0", workers=1)
    client = create_app(rt).test_client()
    assert post(client, solved(challenge(client))).status_code == 202


def test_it_holds_while_keys_are_rotated(rt: Runtime, client: FlaskClient) -> None:
    solution = solved(challenge(client))
    keys.rotate(rt, COMMAND_LINE, "session-csrf", pause=lambda _: None)
    assert post(client, solution).status_code == 201
    assert post(client, solved(challenge(client))).status_code == 201
