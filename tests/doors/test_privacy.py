"""Readers ask for their data on a page: the answer tells nothing, the link in the letter does it once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from flask.testing import FlaskClient
from tests.actions.test_submit import rows
from tests.canary import CANARY, found
from tests.conftest import Clock
from tests.service import unsaid
from tests.smtp import Receiver

from moderation.actions import keys as key_actions
from moderation.actions import mailing, privacy
from moderation.actions.retention import tidy
from moderation.commands import COMMAND_LINE
from moderation.edges.limits import Limits
from moderation.edges.schema import comments, journal, mails, privacy_links
from moderation.edges.vault import Vault
from moderation.runtime import Runtime
from moderation.web.app import create_app

RULES = """
[defaults]
email = "optional"

[defaults.limits]
address = ["1000/minute"]
network = ["1000/minute"]
pair = ["1000/minute"]
email = ["1000/minute"]
burst = 1000

[sites.demo]
name = "The Harbour Post"
[sites.german]
language = "de"
[sites.narrow.limits]
address = ["2/hour"]
"""
ASK = "/t/demo/privacy"


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime], receiver: Receiver) -> Runtime:
    return make_runtime(RULES, smtp_host="127.0.0.1", smtp_port=receiver.port, mail_from="comments@news.example")


@pytest.fixture
def client(rt: Runtime) -> FlaskClient:
    return create_app(rt).test_client()


def post(client: FlaskClient, email: str = CANARY) -> str:
    body = f"A thought, {unsaid()}."
    value = {"article": "ferry", "author": {"name": "Ana", "email": email}, "body": body}
    answer = client.post("/v1/demo/comments", json=value)
    assert answer.status_code == 202
    return str(answer.get_json()["id"])


def ask(client: FlaskClient, email: str = CANARY, wish: str = "erase", page: str = ASK) -> Any:
    return client.post(page, data={"email": email, "wish": wish})


def link(rt: Runtime, receiver: Receiver) -> str:
    """The address in the letter that came last."""
    while mailing.send_due(rt):
        pass
    found = re.search(r"http://127\.0\.0\.1:8080(/p/\S+)", receiver.taken[-1].get_content())
    assert found
    return found[1]


def waiting(rt: Runtime) -> int:
    return sum(row.done_at is None for row in rows(rt, mails))


def test_a_reader_is_forgotten_by_the_link_in_a_letter(rt: Runtime, client: FlaskClient, receiver: Receiver) -> None:
    kept = post(client, "other@news.example")
    post(client)
    post(client)
    answer = ask(client, CANARY.upper())
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{ASK}?sent=1")
    address = link(rt, receiver)
    letter = receiver.taken[-1]
    assert letter["Subject"] == "The Harbour Post: delete your data"
    assert "A thought" not in letter.get_content()
    shown = client.get(address)
    assert "The Harbour Post: 2 entries" in shown.text
    assert len(rows(rt, comments)) == 3  # looking changes nothing
    assert "2 comments were deleted." in client.post(address).text
    assert [row.id for row in rows(rt, comments)] == [kept]
    assert (rt.env.state / privacy.LEDGER).read_bytes().count(b"\n") == 1
    last = rows(rt, journal)[-1]
    assert (last.actor, last.action, last.after) == ("author", "privacy-erase", "2 comments")
    assert client.post(address).status_code == client.get(address).status_code == 404
    assert not rows(rt, privacy_links)
    assert not [row for row in rows(rt, mails) if row.sealed or row.email_index]


def test_a_copy_comes_as_a_file_once(rt: Runtime, client: FlaskClient, receiver: Receiver) -> None:
    comment = post(client)
    ask(client, wish="copy")
    address = link(rt, receiver)
    answer = client.post(address)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    copy = json.loads(answer.data)
    assert (copy["email"], [each["id"] for each in copy["comments"]]) == (CANARY, [comment])
    assert client.post(address).status_code == 404
    assert len(rows(rt, comments)) == 1
    assert rows(rt, journal)[-1].action == "privacy-export"


@pytest.fixture
def work(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the store, of Redis and of the keys, step by step."""
    steps: list[str] = []
    sa.event.listen(rt.store.engine, "before_cursor_execute", lambda *given: steps.append(given[2]))
    sa.event.listen(rt.store.engine, "commit", lambda _: steps.append("commit"))

    def watch(where: Any, name: str) -> None:
        real = getattr(where, name)

        def watched(*given: Any, **named: Any) -> Any:
            steps.append(name)
            return real(*given, **named)

        monkeypatch.setattr(where, name, watched)

    watch(rt.limits, "check")
    for name in ("seal_mail", "index", "limit_key", "sign"):
        watch(Vault, name)
    return steps


def test_each_address_is_answered_alike_by_the_same_work(
    rt: Runtime, client: FlaskClient, receiver: Receiver, work: list[str]
) -> None:
    for _ in range(5):
        post(client)
    client.get(ASK)
    told, done = set(), {}
    wishes = [("known", CANARY), ("known", CANARY), ("over the limit", CANARY), ("unknown", "nobody@news.example")]
    for who, email in wishes:
        work.clear()
        answer = ask(client, email)
        done[who] = list(work)
        answer.headers.remove("X-Request-ID")
        told.add((answer.status_code, answer.data, str(sorted(answer.headers))))
    assert len(told) == 1
    assert done["known"] == done["over the limit"] == done["unknown"]
    assert sum(step.startswith("INSERT") for step in done["known"]) == 2
    assert not [step for step in done["known"] if step.startswith(("UPDATE", "DELETE"))]
    assert waiting(rt) == 2 + 1
    with_address = [row for row in rows(rt, privacy_links) if row.email_index != rt.vault.index("")]
    assert (len(with_address), len(rows(rt, privacy_links))) == (3, 4), "over the limit no address is kept"
    assert [row.sealed for row in rows(rt, mails) if row.result == "over-limit"] == [None]
    address = link(rt, receiver)
    assert "Nothing is kept about n•••@n•••.example." in client.get(address).text


def test_letters_to_one_address_are_few_and_need_redis(rt: Runtime, client: FlaskClient, clock: Clock) -> None:
    for _ in range(5):
        assert ask(client).status_code == 303
    assert waiting(rt) == 2
    assert tidy(rt)["privacy-links"] == 3
    assert len(rows(rt, privacy_links)) == 2
    rt.limits = Limits("redis://127.0.0.1:1/0", workers=1)
    assert ask(client, "other@news.example").status_code == 303
    assert waiting(rt) == 2


def test_who_asks_too_often_is_told_so_whomever_they_ask_about(client: FlaskClient) -> None:
    answers = [ask(client, f"r{number}@news.example", page="/t/narrow/privacy") for number in range(3)]
    assert [each.status_code for each in answers] == [303, 303, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert 'name="email"' in answers[-1].text


def test_a_link_is_over_after_half_an_hour(rt: Runtime, client: FlaskClient, receiver: Receiver, clock: Clock) -> None:
    post(client)
    ask(client)
    address = link(rt, receiver)
    clock.advance(minutes=29)
    assert client.get(address).status_code == 200
    clock.advance(minutes=2)
    assert client.get(address).status_code == client.post(address).status_code == 404
    tidy(rt)
    assert not rows(rt, privacy_links)
    assert len(rows(rt, comments)) == 1


def test_keys_may_be_rotated_while_a_link_is_under_way(rt: Runtime, client: FlaskClient, receiver: Receiver) -> None:
    post(client)
    ask(client)
    address = link(rt, receiver)
    for purpose in ("email-enc", "email-index"):
        key_actions.rotate(rt, COMMAND_LINE, purpose, pause=lambda seconds: None)
        list(key_actions.reencrypt(rt, COMMAND_LINE, purpose))
        assert key_actions.retire(rt, COMMAND_LINE, purpose)
    assert "1 comment was deleted." in client.post(address).text


def test_no_log_line_journal_row_or_stored_value_knows_the_address(
    rt: Runtime, client: FlaskClient, receiver: Receiver, clock: Clock
) -> None:
    with structlog.testing.capture_logs() as logs:
        post(client)
        ask(client, wish="copy")
        client.post(link(rt, receiver))
        ask(client)
        address = link(rt, receiver)
        client.post(address)
    assert CANARY not in address
    told = repr([logs, rows(rt, journal), rows(rt, mails), rows(rt, privacy_links)])
    assert not found(told.encode())


@pytest.mark.parametrize(("field", "status"), [("email=no", 422), ("email=%00%40x", 400), ("", 422)])
def test_what_is_no_address_is_told_in_the_form(client: FlaskClient, field: str, status: int) -> None:
    answer = client.post(ASK, data=field, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == status
    assert status == 400 or "This is not an email address." in answer.text


def test_a_foreign_page_cannot_ask(client: FlaskClient) -> None:
    assert client.post(ASK, data={"email": CANARY}, headers={"Origin": "https://evil.example"}).status_code == 403


def test_the_pages_speak_the_sites_language(client: FlaskClient, rt: Runtime, receiver: Receiver) -> None:
    assert 'lang="de"' in client.get("/t/german/privacy").text
    ask(client, page="/t/german/privacy")
    shown = client.get(link(rt, receiver))
    assert 'lang="de"' in shown.text
    assert "Somebody" not in receiver.taken[-1].get_content()


CONTACTS = """
[sites.mailbox]
contact = "editors@news.example"
[sites.web]
name = "The Web"
contact = "https://news.example/contact"
"""


def test_the_page_is_always_offered(make_runtime: Callable[..., Runtime], client: FlaskClient) -> None:
    without = create_app(make_runtime(RULES)).test_client()
    for each in (client, without):
        assert f'<a href="{ASK}">Your data: get a copy, or delete it' in each.get("/t/demo?article=ferry").text
        assert each.get("/v1/demo/comments?article=ferry").get_json()["form"]["privacy"] == ASK


def test_where_no_letters_are_sent_it_says_whom_to_write_to(make_runtime: Callable[..., Runtime]) -> None:
    client = create_app(make_runtime(RULES + CONTACTS)).test_client()
    for site, said in (
        ("demo", "write to the people who run The Harbour Post; their site says how."),
        ("mailbox", 'write to <a href="mailto:editors@news.example">editors@news.example</a>.'),
        ("web", '<a href="https://news.example/contact">write to The Web</a>.'),
        ("german", "schreiben Sie"),
    ):
        page = client.get(f"/t/{site}/privacy")
        assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
        assert said in page.text
        assert "<form" not in page.text
        assert client.post(f"/t/{site}/privacy", data={"email": "a@b.example"}).status_code == 404
    assert client.get("/t/nowhere/privacy").status_code == 404
