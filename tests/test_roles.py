"""The table of rights, cell by cell, and as the service keeps to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from moderation import roles_page
from moderation.actions import accounts
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Right, Role
from moderation.web import audit
from moderation.web.app import create_app
from tests.service import PASSWORD

TABLE = {
    (Role.MODERATOR, Right.READ_QUEUE): True,
    (Role.MODERATOR, Right.DECIDE): True,
    (Role.MODERATOR, Right.DECIDE_ESCALATED): False,
    (Role.MODERATOR, Right.REVEAL_EMAIL): False,
    (Role.MODERATOR, Right.MANAGE_ARTICLES): True,
    (Role.MODERATOR, Right.BAN): True,
    (Role.MODERATOR, Right.MANAGE_PEOPLE): False,
    (Role.MODERATOR, Right.READ_JOURNAL): False,
    (Role.MODERATOR, Right.MANAGE_RULES): False,
    (Role.MODERATOR, Right.HOLD): False,
    (Role.SENIOR, Right.READ_QUEUE): True,
    (Role.SENIOR, Right.DECIDE): True,
    (Role.SENIOR, Right.DECIDE_ESCALATED): True,
    (Role.SENIOR, Right.REVEAL_EMAIL): True,
    (Role.SENIOR, Right.MANAGE_ARTICLES): True,
    (Role.SENIOR, Right.BAN): True,
    (Role.SENIOR, Right.MANAGE_PEOPLE): False,
    (Role.SENIOR, Right.READ_JOURNAL): False,
    (Role.SENIOR, Right.MANAGE_RULES): False,
    (Role.SENIOR, Right.HOLD): False,
    (Role.ADMIN, Right.READ_QUEUE): True,
    (Role.ADMIN, Right.DECIDE): True,
    (Role.ADMIN, Right.DECIDE_ESCALATED): True,
    (Role.ADMIN, Right.REVEAL_EMAIL): True,
    (Role.ADMIN, Right.MANAGE_ARTICLES): True,
    (Role.ADMIN, Right.BAN): True,
    (Role.ADMIN, Right.MANAGE_PEOPLE): True,
    (Role.ADMIN, Right.READ_JOURNAL): True,
    (Role.ADMIN, Right.MANAGE_RULES): True,
    (Role.ADMIN, Right.HOLD): True,
    (Role.AUDITOR, Right.READ_QUEUE): True,
    (Role.AUDITOR, Right.DECIDE): False,
    (Role.AUDITOR, Right.DECIDE_ESCALATED): False,
    (Role.AUDITOR, Right.REVEAL_EMAIL): False,
    (Role.AUDITOR, Right.MANAGE_ARTICLES): False,
    (Role.AUDITOR, Right.BAN): False,
    (Role.AUDITOR, Right.MANAGE_PEOPLE): False,
    (Role.AUDITOR, Right.READ_JOURNAL): True,
    (Role.AUDITOR, Right.MANAGE_RULES): False,
    (Role.AUDITOR, Right.HOLD): False,
}

OPEN_DOORS = {"/desk/sign-in", "/desk/set-password"}
"""Changing addresses of the desk that take no session: they ask for a password or a one-time link."""

FORGED = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "SAME-ORIGIN"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8080"},
    {},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:8080.evil.example"},
    {"Origin": "http://127.0.0.1:8081"},
    {"Origin": "https://127.0.0.1:8080"},
    {"Referer": "http://127.0.0.1:8080/desk/"},
]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("right", Right)
def test_each_cell_of_the_table_is_as_decided(role: Role, right: Right) -> None:
    assert (right in RIGHTS[role]) is TABLE[role, right]


def test_the_page_of_roles_is_what_the_code_says() -> None:
    page = Path(__file__).parent.parent / "docs" / "roles.md"
    assert page.read_text("utf-8") == roles_page.page()


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def app(rt: Runtime) -> Flask:
    return create_app(rt)


@pytest.fixture
def auditor(app: Flask, rt: Runtime) -> Iterator[FlaskClient]:
    accounts.create_person(rt, accounts.SERVICE, "Ada", Role.AUDITOR, None, PASSWORD)
    with app.test_client() as client:
        form = {"name": "Ada", "password": PASSWORD}
        assert client.post("/desk/sign-in", data=form, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303
        yield client


def changing(app: Flask) -> list[tuple[str, str]]:
    """Every changing address of the desk, from the application itself."""
    return [
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"GET", "HEAD", "OPTIONS"})
        if rule.rule.startswith("/desk")
    ]


def test_no_changing_address_of_the_desk_takes_a_forged_request(app: Flask, auditor: FlaskClient) -> None:
    routes = changing(app)
    assert {path for _, path in routes} > OPEN_DOORS
    for method, path in routes:
        for headers in FORGED:
            answer = auditor.open(path, method=method, data={"decision": "approve"}, headers=headers)
            assert answer.status_code == 403, (method, path, headers)
    assert auditor.get("/desk/").status_code == 200, "the session was left as it was"


def test_no_changing_address_of_the_desk_works_without_a_session(app: Flask) -> None:
    for method, path in changing(app):
        if path not in OPEN_DOORS:
            headers = {"Sec-Fetch-Site": "same-origin"}
            assert app.test_client().open(path, method=method, headers=headers).status_code == 401, (method, path)


def test_an_auditor_sees_the_queue_and_is_refused_a_decision(auditor: FlaskClient) -> None:
    page = auditor.get("/desk/").get_data(as_text=True)
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"csrf_token": token, "id": "0" * 16, "version": "1", "decision": "approve"}
    answer = auditor.post("/desk/decisions", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 403
    assert b"decisions:write" in answer.data


def test_an_auditor_reads_the_record_and_filters_it(rt: Runtime, auditor: FlaskClient) -> None:
    page = auditor.get("/desk/audit").get_data(as_text=True)
    assert "<code>person-created</code>" in page
    assert "<code>sign-in</code>" in page
    assert re.search(r"<bdi>Ada</bdi></a>\s*<button[^>]*>Sign out</button>", page)
    some = auditor.get("/desk/audit?action=sign-in&actor=Ada").get_data(as_text=True)
    assert "<code>sign-in</code>" in some
    assert "<code>person-created</code>" not in some
    assert "No rows match" in auditor.get("/desk/audit?since=2027-01-01").get_data(as_text=True)
    for wrong in ("since=x", "before=-1", "until=2026-13-01"):
        assert auditor.get(f"/desk/audit?{wrong}").status_code == 422
    for number in range(60):
        accounts.create_person(rt, accounts.SERVICE, f"Person {number}", Role.MODERATOR, None, None)
    older = auditor.get("/desk/audit").get_data(as_text=True).split('" rel="next"')[0].rsplit('href="', 1)[1]
    assert "Older" not in auditor.get("/desk/audit?action=sign-in").get_data(as_text=True)
    assert auditor.get(older).get_data(as_text=True).count("<li>") == 50


def test_a_download_of_the_record_holds_no_formula(rt: Runtime, auditor: FlaskClient) -> None:
    accounts.create_person(rt, accounts.SERVICE, "=1+1", Role.MODERATOR, None, PASSWORD)
    with create_app(rt).test_client() as other:
        form = {"name": "=1+1", "password": PASSWORD}
        other.post("/desk/sign-in", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        assert other.get("/desk/audit").status_code == 403, "a moderator does not read the record"
    text = auditor.get("/desk/audit/csv").get_data(as_text=True)
    assert ",'=1+1," in text
    assert ",=1" not in text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_never_begins_as_a_formula(start: str) -> None:
    assert audit.safe_cell(f"{start}x")[0] == "'"


def test_an_auditor_of_one_site_sees_rows_of_that_site_only(app: Flask, rt: Runtime) -> None:
    accounts.create_person(rt, accounts.SERVICE, "Eva", Role.AUDITOR, ["demo"], PASSWORD)
    with app.test_client() as client:
        form = {"name": "Eva", "password": PASSWORD}
        client.post("/desk/sign-in", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        assert "No rows match" in client.get("/desk/audit").get_data(as_text=True)
