"""Confirming an e-mail address by a letter: when it is sent, what it says, and what holding its answer gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.actions.test_submit import rows
from tests.conftest import Clock
from tests.service import unsaid
from tests.smtp import Receiver

from moderation import holders
from moderation.actions import bans, mailing, own_comment, privacy, review
from moderation.actions import keys as key_actions
from moderation.commands import COMMAND_LINE
from moderation.edges import queries
from moderation.edges.authors import MAIL, new_id, prove
from moderation.edges.limits import Limits
from moderation.edges.schema import authors, comments, journal, mails
from moderation.receipts import give
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Decision, Effect, Moderator, Role, Ruling
from moderation.web.app import create_app

EMAIL = "Ana@letters.example"
RULES = """
[defaults]
mode = "first"
first_approved = 1
verify = "mail"

[defaults.limits]
address = ["1000/minute"]
network = ["1000/minute"]
pair = ["1000/minute"]
email = ["1000/minute"]
letters = ["6/hour"]
burst = 1000
regular_approved = 1

[defaults.words]
deny = ["rudeword"]
strong = "reject"

[sites.demo]
name = "The Harbour Post"
origins = ["https://news.example.org"]
[sites.other]
[sites.german]
language = "de"
[sites.off]
verify = "off"
"""


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime], receiver: Receiver) -> Runtime:
    return make_runtime(RULES, smtp_host="127.0.0.1", smtp_port=receiver.port, mail_from="comments@news.example")


@pytest.fixture
def client(rt: Runtime) -> FlaskClient:
    return create_app(rt).test_client()


def post(client: FlaskClient, site: str = "demo", token: str | None = None, **over: Any) -> Any:
    author = {"name": "Ana", "email": over.pop("email", EMAIL)} | ({"token": token} if token else {})
    article = {"id": "ferry", "url": "https://news.example.org/ferry"} if site == "demo" else "ferry"
    value = {"article": article, "author": author, "body": f"A thought, {unsaid()}."} | over
    return client.post(f"/v1/{site}/comments", json=value)


def waiting(rt: Runtime) -> int:
    return sum(row.done_at is None for row in rows(rt, mails))


def link(rt: Runtime, receiver: Receiver) -> str:
    """The address in the letter that came last."""
    while mailing.send_due(rt):
        pass
    found = re.search(r"http://127\.0\.0\.1:8080(/v/\S+)", receiver.taken[-1].get_content())
    assert found
    return found[1]


def confirmed(rt: Runtime, client: FlaskClient, receiver: Receiver, **over: Any) -> str:
    """What the browser keeps after a comment and its letter."""
    assert post(client, **over).status_code == 202
    page = client.post(link(rt, receiver))
    assert page.status_code == 200
    cookie = page.headers["Set-Cookie"]
    client.delete_cookie("author-demo-8080")
    return cookie.partition("=")[2].partition(";")[0]


def verified(rt: Runtime) -> list[bool]:
    return [row.verified for row in sorted(rows(rt, comments), key=lambda row: row.id)]


def test_one_letter_goes_out_and_quotes_nothing(rt: Runtime, client: FlaskClient, receiver: Receiver) -> None:
    post(client, body="Buy at https://shop.example now!", author={"name": "Shop", "email": EMAIL})
    assert link(rt, receiver).startswith("/v/")
    (message,) = receiver.taken
    assert message["To"] == EMAIL
    assert message["Subject"] == "The Harbour Post: confirm your email address"
    said = message.get_content()
    assert not [word for word in ("Buy", "shop", "Shop", "ferry", EMAIL) if word in said]


def test_the_letter_and_its_page_speak_the_language_of_the_site(
    rt: Runtime, client: FlaskClient, receiver: Receiver
) -> None:
    post(client, site="german")
    page = client.get(link(rt, receiver), headers={"Accept-Language": "en"})
    assert receiver.taken[-1]["Subject"] == "german: Bestätigen Sie Ihre E-Mail-Adresse"
    assert "Ja, diese Adresse ist meine" in page.text
    assert '<html lang="de">' in page.text


def test_looking_at_the_link_changes_nothing_and_pressing_the_button_does(
    rt: Runtime, client: FlaskClient, receiver: Receiver
) -> None:
    post(client)
    where = link(rt, receiver)
    for _ in range(3):
        page = client.get(where)
        assert page.status_code == 200
        assert "Set-Cookie" not in page.headers
        assert "A•••@l•••.example" in page.text
        assert (page.headers["Cache-Control"], page.headers["X-Robots-Tag"]) == ("no-store", "noindex, nofollow")
    assert not rows(rt, authors)
    page = client.post(where)
    assert 'href="https://news.example.org/ferry#moderation-own=own.' in page.text
    assert re.search(r"author-demo-8080=own\.[^;]+;.*HttpOnly;.*SameSite=Lax", page.headers["Set-Cookie"])
    assert "Max-Age=15552000" in page.headers["Set-Cookie"]
    (author,) = rows(rt, authors)
    assert (author.site, author.kind) == ("demo", "mail")
    entry = rows(rt, journal)[-1]
    assert (entry.action, entry.actor, entry.site) == ("address-confirmed", "author", "demo")
    assert verified(rt) == [False], "who confirms need not have written it"
    assert client.post(where).status_code == 404, "it works once"
    assert client.get(where).status_code == 404


def test_who_holds_the_answer_is_verified_and_who_types_the_address_is_not(
    rt: Runtime, client: FlaskClient, receiver: Receiver
) -> None:
    held = confirmed(rt, client, receiver)
    post(client, token=held)
    post(client, token=held, email=EMAIL.lower())
    post(client)
    assert verified(rt) == [False, True, True, False]
    post(client, token=held, email="other@letters.example")
    post(client, site="other", token=held)
    post(client, token=held[:-1] + ("A" if held[-1] != "A" else "B"))
    post(client, token="own.")
    post(client, token="own.00.zz.1.x")
    assert not any(verified(rt)[4:])


def test_the_first_comments_of_who_holds_it_count_and_those_before_do_not(
    rt: Runtime, client: FlaskClient, receiver: Receiver
) -> None:
    held = confirmed(rt, client, receiver)
    approve(rt, rows(rt, comments)[0].id)
    second = post(client, token=held)
    assert second.status_code == 202
    approve(rt, second.json["id"])
    assert post(client, token=held).status_code == 201
    assert post(client).status_code == 202


def approve(rt: Runtime, comment_id: str) -> None:
    (outcome,) = review.decide(rt, COMMAND_LINE, [Ruling(comment_id, 1, Decision.APPROVE)], "r")
    assert outcome.result == "decided"


def test_a_form_brings_the_cookie_along(rt: Runtime, client: FlaskClient, receiver: Receiver) -> None:
    post(client)
    client.post(link(rt, receiver))
    form = {"article": "ferry", "author": "Ana", "email": EMAIL, "comment": "By the form of the thread page."}
    assert client.post("/v1/demo/comments", data=form).status_code == 303
    client.set_cookie("author-demo-8080", "nonsense")
    assert client.post("/v1/demo/comments", data=form | {"comment": "And once more."}).status_code == 303
    assert verified(rt) == [False, True, False]


def test_letters_are_few_for_each_address_and_in_all(rt: Runtime, client: FlaskClient) -> None:
    for _ in range(4):
        assert post(client).status_code == 202
    assert waiting(rt) == 2
    for name in "abcd":
        assert post(client, email=f"{name}@letters.example").status_code == 202
    assert waiting(rt) == 4
    assert post(client, email="a+tag@letters.example").status_code == 202
    assert waiting(rt) == 4


@pytest.mark.parametrize(
    "over", [{"body": "You rudeword."}, {"site": "off"}], ids=["a comment that is refused", "a site that says no"]
)
def test_nobody_is_bothered_for_nothing(rt: Runtime, client: FlaskClient, over: dict[str, Any]) -> None:
    assert post(client, **over).status_code == 202
    assert not rows(rt, mails)


def test_who_has_confirmed_gets_no_further_letter(rt: Runtime, client: FlaskClient, receiver: Receiver) -> None:
    held = confirmed(rt, client, receiver)
    post(client, token=held)
    assert waiting(rt) == 0


def test_without_redis_and_without_a_mail_server_no_letter_is_written(make_runtime: Callable[..., Runtime]) -> None:
    assert post(create_app(make_runtime(RULES)).test_client()).status_code == 202
    alone = make_runtime(RULES, smtp_host="127.0.0.1", smtp_port=9, mail_from="c@news.example")
    alone.limits.close()
    alone.limits = Limits("redis://127.0.0.1:9/0", workers=1)
    assert post(create_app(alone).test_client()).status_code == 202
    assert not rows(alone, mails)


def test_links_and_what_browsers_hold_come_to_an_end(
    rt: Runtime, client: FlaskClient, receiver: Receiver, clock: Clock
) -> None:
    held = confirmed(rt, client, receiver)
    clock.advance(days=1)
    post(client)
    where = link(rt, receiver)
    clock.advance(days=3, seconds=5)
    assert client.post(where).status_code == 404
    clock.advance(days=holders.LASTS.days - 5)
    post(client, token=held)
    clock.advance(days=2)
    post(client, token=held)
    assert verified(rt) == [False, False, True, False]


@pytest.mark.parametrize("token", ["x", "06h0tvat0g0axehy", "06h0tvat0g0axehy.19ab.1.x", "%00", "é", "a" * 3000])
def test_a_link_of_somebodys_own_is_refused(client: FlaskClient, token: str) -> None:
    assert client.get(f"/v/{token}").status_code == 404
    assert client.post(f"/v/{token}").status_code == 404


def test_a_receipt_is_no_link_to_confirm_with(rt: Runtime, client: FlaskClient) -> None:
    receipt = post(client).json["receipt"].rpartition("/")[2]
    assert client.post(f"/v/{receipt}").status_code == 404


def test_it_holds_while_keys_are_rotated(rt: Runtime, client: FlaskClient, receiver: Receiver) -> None:
    held = confirmed(rt, client, receiver)
    for purpose in ("links", "email-index", "email-enc"):
        key_actions.rotate(rt, COMMAND_LINE, purpose, pause=lambda _: None)
    post(client, token=held)
    for _ in key_actions.reencrypt(rt, COMMAND_LINE, "email-index"):
        pass
    for purpose in ("email-index", "email-enc"):
        assert key_actions.retire(rt, COMMAND_LINE, purpose)
    post(client, token=held)
    assert verified(rt) == [False, True, True]
    assert confirmed(rt, client, receiver) != held
    assert len(rows(rt, authors)) == 1


def test_who_is_forgotten_holds_nothing_any_more(rt: Runtime, client: FlaskClient, receiver: Receiver) -> None:
    held = confirmed(rt, client, receiver)
    post(client)
    told = privacy.export(rt, COMMAND_LINE, EMAIL, "asked")
    assert [(each["by"], each["name"]) for each in told["proofs"]] == [("mail", EMAIL.lower())]
    assert [each["kind"] for each in told["letters"]] == ["confirm-address"]
    privacy.erase(rt, COMMAND_LINE, EMAIL, "asked")
    assert not rows(rt, authors)
    assert waiting(rt) == 0
    post(client, token=held)
    assert verified(rt) == [False]


def test_who_is_forgotten_may_confirm_it_anew_in_the_same_browser(
    rt: Runtime, client: FlaskClient, receiver: Receiver
) -> None:
    held = confirmed(rt, client, receiver)
    privacy.erase(rt, COMMAND_LINE, EMAIL, "asked")
    post(client, token=held)
    assert waiting(rt) == 1


def test_what_a_browser_holds_proves_nothing_where_no_letters_are_sent(rt: Runtime, client: FlaskClient) -> None:
    with rt.store.writing() as tx:
        for site in ("off", "other"):
            prove(tx, rt.vault, MAIL, site, EMAIL.lower(), new_id(site.ljust(16).encode()), rt.now())
    for row in rows(rt, authors):
        post(client, row.site, token=holders.give(rt, row.site, EMAIL, row.id))
    assert {row.site: row.verified for row in rows(rt, comments)} == {"off": False, "other": True}


def test_a_banned_author_is_held_who_leaves_the_cookie_at_home(
    rt: Runtime, client: FlaskClient, receiver: Receiver
) -> None:
    held = confirmed(rt, client, receiver)
    before, comment_id = post(client).json["id"], post(client, token=held).json["id"]
    who = Moderator(1, "Mo", RIGHTS[Role.MODERATOR], None, "moderator")
    bans.make(rt, who, None, bans.Wish(Effect.REJECT, "Sells pills", None, comment_id=comment_id), "r")
    sent = [
        post(client, **over).json["id"]
        for over in ({"token": held}, {}, {"email": "ana+new@letters.example"}, {"email": "other@letters.example"})
    ]
    own_comment.edit(rt, give(rt, before), 1, "Something else entirely.", "192.0.2.1", "r")
    with rt.store.reading() as tx:
        found = [queries.comment(tx, each) for each in (*sent, before)]
    codes = [each.code for comment in found if comment for each in comment.findings if each.rule == "author.ban"]
    assert codes == ["banned", "banned-perhaps", "banned-perhaps", "passed", "banned-perhaps"]


def test_an_author_is_forgotten_after_a_restored_copy_too(rt: Runtime, client: FlaskClient, receiver: Receiver) -> None:
    privacy.erase(rt, COMMAND_LINE, EMAIL, "asked")
    confirmed(rt, client, receiver)
    privacy.erase_again(rt, COMMAND_LINE)
    assert not rows(rt, authors)
    assert not rows(rt, comments)


def test_a_verified_regular_may_send_more(rt: Runtime, client: FlaskClient, receiver: Receiver) -> None:
    held = confirmed(rt, client, receiver)
    approve(rt, post(client, token=held).json["id"])
    answer = post(client, token=held)
    assert answer.headers["RateLimit-Policy"] == '"address";q=3000;w=60'
    assert post(client).headers["RateLimit-Policy"] == '"address";q=1000;w=60'
