"""Forms of the desk that were made in an earlier session: nothing typed into them is lost."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.test_rights import as_person, comment

from moderation.edges import queries
from moderation.runtime import Runtime
from moderation.values import Role, Status
from moderation.web.app import create_app

FROM_OUR_PAGE = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def app(rt: Runtime) -> Flask:
    return create_app(rt)


def signed_in(app: Flask, rt: Runtime) -> tuple[FlaskClient, str]:
    """A browser, and a token that its session's forms do not have any more."""
    client = app.test_client()
    _, stale = as_person(rt, Role.MODERATOR, None)
    secret, _ = as_person(rt, Role.MODERATOR, None)
    client.set_cookie("mod-8080", secret)
    return client, stale


def fields(page: str) -> list[tuple[str, str]]:
    found = re.findall(r'<input [^>]*?name="(\w+)" value="([^"]*)"', page[page.index('class="ask"') :])
    return [(name, unescape(value)) for name, value in found]


def test_what_was_typed_is_given_back_and_one_press_sends_it(app: Flask, rt: Runtime) -> None:
    sent = comment(rt)
    client, stale = signed_in(app, rt)
    typed = {"id": sent, "version": "1", "decision": "reject", "words": 'a "long" story', "view": "status=all"}
    answer = client.post("/desk/decisions", data=typed | {"csrf_token": stale}, headers=FROM_OUR_PAGE)
    assert answer.status_code == 403
    again = dict(fields(answer.text))
    assert {name: again[name] for name in typed} == typed
    assert standing(rt, sent) is Status.PENDING
    assert client.post("/desk/decisions", data=again, headers=FROM_OUR_PAGE).status_code == 303
    assert standing(rt, sent) is Status.REJECTED


def test_each_of_many_boxes_is_kept(app: Flask, rt: Runtime) -> None:
    sent = [comment(rt), comment(rt)]
    client, stale = signed_in(app, rt)
    picks = [f"{each}:1" for each in sent]
    given = {"csrf_token": stale, "decision": "approve", "pick": picks}
    page = client.post("/desk/bulk", data=given, headers=FROM_OUR_PAGE).text
    assert [value for name, value in fields(page) if name == "pick"] == picks


@pytest.mark.parametrize("origin", ["cross-site", "same-site", "none"])
def test_a_form_from_elsewhere_gets_no_token(app: Flask, rt: Runtime, origin: str) -> None:
    client, stale = signed_in(app, rt)
    given = {"csrf_token": stale, "decision": "approve", "id": comment(rt), "version": "1"}
    page = client.post("/desk/decisions", data=given, headers=FROM_OUR_PAGE | {"Sec-Fetch-Site": origin})
    assert page.status_code == 403
    assert "csrf_token" not in page.text


def test_no_password_is_given_back(app: Flask, rt: Runtime) -> None:
    client, stale = signed_in(app, rt)
    given = {"csrf_token": stale, "current": "the old long one", "password": "the new long one", "again": "the new"}
    page = client.post("/desk/me/password", data=given, headers=FROM_OUR_PAGE)
    assert page.status_code == 403
    assert "long one" not in page.text


def test_a_password_that_is_set_from_elsewhere_is_told_where_to_go(app: Flask) -> None:
    given = {"token": "x" * 43, "password": "a fine long password"}
    answer = app.test_client().post("/desk/set-password", data=given, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code in (403, 404)
    assert "a fine long password" not in answer.text
    assert "text/html" in answer.headers["Content-Type"]


def standing(rt: Runtime, comment_id: str) -> Status:
    with rt.store.reading() as tx:
        found = queries.standing(tx, comment_id)
    assert found
    return found.status
