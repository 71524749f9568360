"""Bans at the doors: what the banned are told, the page, the card's part, and the API."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

import pytest
import requests
from tests.doors.test_desk import Visitor, held, words
from tests.doors.test_desk_details import part, status
from tests.service import Service, running_service

MAIL = "pills@spammer.example.net"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("bans") / "state") as running:
        running.person("Ana")
        running.person("Lena", "moderator", "listed")
        running.person("Omar", "auditor")
        yield running


@pytest.fixture(scope="module")
def ana(service: Service) -> Visitor:
    return Visitor(service, "Ana")


@pytest.fixture(scope="module")
def token(service: Service) -> dict[str, str]:
    return service.token("queue:read", "bans:write")


def post(service: Service, email: str, n: int, site: str = "demo") -> requests.Response:
    return service.post(site, author={"name": "Jo", "email": email}, body=f"Pills, number {n}.")


def shape(answer: requests.Response) -> tuple[object, ...]:
    """All of an answer that does not name the comment."""
    body = {name: re.sub(r"[\w.-]{16,}$", "…", value) for name, value in answer.json().items()}
    names = sorted(set(answer.headers) - {"Date"})
    return answer.status_code, body | {"id": "…"}, names


def send(visitor: Visitor, path: str, **fields: str) -> requests.Response:
    """A form, and where it leads."""
    token = visitor.fields(visitor.get("/desk/bans"))["csrf_token"]
    answer = visitor.post(path, fields | {"csrf_token": token})
    if answer.status_code != 303:
        return answer
    return visitor.session.get(visitor.service.base + answer.headers["Location"], timeout=15)


def api(service: Service, token: dict[str, str], method: str, path: str, **given: object) -> requests.Response:
    return requests.request(method, f"{service.base}/v1/{path}", headers=token, timeout=15, **given)  # type: ignore[arg-type]


def test_the_banned_get_the_same_answer_to_the_letter_and_moderators_the_reason(
    service: Service, token: dict[str, str]
) -> None:
    before = post(service, MAIL, 1)
    wish = {"comment": before.json()["id"], "reason": "off-topic: pills again"}
    made = api(service, token, "POST", "demo/bans", json=wish)
    assert made.status_code == 201
    assert (made.json()["shown"], made.json()["effect"]) == ("p•••@s•••.net", "reject")
    after = post(service, MAIL.upper(), 2)
    assert shape(after) == shape(before)
    assert shape(after)[0] == 202
    item = service.queued(token, after.json()["id"])
    assert item["status"] == "rejected"
    (finding,) = [each for each in item["explanation"]["findings"] if each["rule"] == "author.ban"]
    assert finding["data"]["ban"] == made.json()["id"]
    assert finding["data"]["because"] == made.json()["reason"] == "Off topic: pills again"
    receipt = requests.get(after.json()["receipt"], timeout=15).text
    assert "awaiting moderation" in receipt
    assert "ban" not in receipt.lower()
    assert api(service, token, "DELETE", f"demo/bans/{made.json()['id']}").status_code == 204
    assert api(service, token, "DELETE", f"demo/bans/{made.json()['id']}").status_code == 404
    assert service.queued(token, post(service, MAIL, 3).json()["id"])["status"] == "pending"


def test_the_api_lists_them_and_takes_an_end(service: Service, token: dict[str, str]) -> None:
    wish = {"network": "198.51.100.64/26", "effect": "hold", "reason": "a botnet", "until": "2031-01-01T00:00:00+01:00"}
    made = api(service, token, "POST", "demo/bans", json=wish).json()
    assert made["until"] == "2030-12-31T23:00:00Z"
    listed = api(service, token, "GET", "demo/bans").json()
    assert listed["items"][0] == made
    assert api(service, token, "GET", "open/bans").json() == {"items": [], "next": None}
    assert api(service, token, "DELETE", f"open/bans/{made['id']}").status_code == 404
    assert api(service, token, "DELETE", f"demo/bans/{made['id']}").status_code == 204


@pytest.mark.parametrize(
    ("wish", "pointers"),
    [
        ({}, {"/reason"}),
        ({"reason": "x"}, {"/comment"}),
        ({"reason": "x", "email": "a@b.example", "network": "192.0.2.0/24"}, {"/comment"}),
        ({"reason": "x", "email": "nobody"}, {"/email"}),
        ({"reason": "x", "network": "10.0.0.0/8"}, {"/network"}),
        ({"reason": "x", "network": "192.0.2.1", "until": "tomorrow"}, {"/until"}),
        ({"reason": "x", "network": "192.0.2.1", "until": "2001-01-01T00:00:00Z"}, {"/until"}),
        ({"reason": "x", "network": "192.0.2.1", "until": "2031-01-01T00:00:00"}, {"/until"}),
        ({"reason": "x", "network": "192.0.2.1", "until": "9999-12-31T23:59:59Z"}, {"/until"}),
        ({"reason": " ", "network": "192.0.2.1"}, {"/reason"}),
        ({"reason": "x", "network": "192.0.2.1", "effect": "approve", "whom": "all"}, {"/effect", "/whom"}),
        ({"reason": "x", "network": "192.0.2.1", "forever": True}, {"/forever"}),
    ],
)
def test_a_wish_that_is_wrong_is_told_every_field_and_makes_none(
    service: Service, token: dict[str, str], wish: dict[str, object], pointers: set[str]
) -> None:
    before = api(service, token, "GET", "demo/bans").json()
    answer = api(service, token, "POST", "demo/bans", json=wish)
    assert answer.status_code == 422
    assert {each["pointer"] for each in answer.json()["errors"]} == pointers
    assert api(service, token, "GET", "demo/bans").json() == before


def test_a_comment_that_is_not_there_or_of_another_site_bans_nobody(service: Service, token: dict[str, str]) -> None:
    elsewhere = post(service, MAIL, 9, site="open").json()["id"]
    for comment in (elsewhere, "0000000000000000", "x"):
        assert api(service, token, "POST", "demo/bans", json={"comment": comment, "reason": "x"}).status_code == 404


def test_from_the_card_by_a_plain_form_then_lifted_there(service: Service, ana: Visitor) -> None:
    comment = held(service, author={"name": "Kim", "email": "kim@visitor.example.net"})
    section = part(ana, comment, "ban")
    assert "k•••@v•••.net" in section
    assert "127.0.0.0/24" in section
    path = f"/desk/comments/{comment}/ban"
    fields = {"whom": "author", "end": "week", "effect": "hold", "reason": "", "words": ""}
    refused = send(ana, path, **fields)
    assert refused.status_code == 422
    assert "Why: Please fill this in." in words(refused.text)
    assert send(ana, path, **fields | {"whom": "everybody", "words": "x"}).status_code == 422
    assert send(ana, path, **fields | {"end": "", "words": "x"}).status_code == 422
    assert send(ana, path, **fields | {"effect": "spam", "words": "x"}).status_code == 422
    made = send(ana, path, **fields | {"words": "Needs watching"})
    assert "Pre-moderated: what they send from now on waits." in words(made.text)
    section = part(ana, comment, "ban")
    assert "Needs watching" in section
    assert "By you" in words(section)
    assert "had all of the sender's comments wait: Needs watching" in words(part(ana, comment, "history"))
    assert "Needs watching" in words(ana.get("/desk/bans"))
    (ban,) = re.findall(r'name="ban" value="(\w{16})"', section)
    lifted = send(ana, "/desk/bans/lift", ban=ban, comment=comment)
    assert "Lifted." in words(lifted.text)
    assert "No ban is on the sender." in words(part(ana, comment, "ban"))


def test_by_hand_on_the_page_which_gives_back_no_address(service: Service, ana: Visitor) -> None:
    wrong = {"site": "demo", "end": "lifted", "effect": "reject", "words": "Spammer"}
    for on, said in (("nobody@", "On: Please enter a full address"), ("10.0.0.0/8", "On: A network is IPv4")):
        answer = send(ana, "/desk/bans", on=on, **wrong)
        assert answer.status_code == 422
        assert said in words(answer.text)
        assert 'value="Spammer"' in answer.text
    assert send(ana, "/desk/bans", on="x@y.example", **wrong | {"words": "see z@y.example"}).status_code == 422
    made = send(ana, "/desk/bans", on="Hand+made@Spammer.example.net", **wrong)
    assert "h•••@s•••.net" in made.text
    assert "until it is lifted: Spammer" in words(made.text)
    ban = re.findall(r'name="ban" value="(\w{16})"', made.text)[0]
    assert "Lifted." in words(send(ana, "/desk/bans/lift", ban=ban).text)
    assert send(ana, "/desk/bans/lift", ban=ban).status_code == 404
    assert send(ana, "/desk/bans/lift", ban="x").status_code == 404
    assert send(ana, "/desk/bans", on="192.0.2.9", **wrong | {"site": "nowhere"}).status_code == 404


def test_who_may_only_read_sees_them_and_has_no_button(service: Service, ana: Visitor) -> None:
    send(ana, "/desk/bans", on="192.0.2.77", site="demo", end="day", effect="reject", words="Seen by Omar")
    omar, lena = Visitor(service, "Omar"), Visitor(service, "Lena")
    page = omar.get("/desk/bans")
    assert "Seen by Omar" in page
    assert "<button name" not in page
    comment = held(service)
    assert "<form" not in part(omar, comment, "ban")
    assert "Seen by Omar" not in lena.get("/desk/bans")
    assert status(lena, f"/desk/comments/{comment}/ban") == 404


def test_the_list_goes_on_page_by_page(service: Service, ana: Visitor) -> None:
    for n in range(52):
        send(ana, "/desk/bans", on=f"203.0.113.{n}", site="listed", end="day", effect="hold", words=f"Page row {n};")
    first = ana.get("/desk/bans")
    assert "Page row 51;" in first
    assert "Page row 1;" not in first
    (older,) = re.findall(r'href="(/desk/bans\?before=\w+)"', first)
    second = ana.get(older)
    assert "Page row 1;" in second
    assert "Page row 51;" not in second


def test_bans_are_found_by_words_by_network_and_by_a_whole_address(service: Service, ana: Visitor) -> None:
    for on, words_of in (("198.51.100.77", "sought: one"), ("203.0.113.0/24", "sought: two"), (MAIL, "sought: three")):
        send(ana, "/desk/bans", site="listed", on=on, effect="hold", end="day", words=words_of)

    def found(**asked: str) -> list[str]:
        page = send(ana, "/desk/bans/find", **asked)
        assert MAIL not in page.text
        assert MAIL not in page.url
        return re.findall(r"<bdi>sought: (\w+)</bdi>", page.text)

    assert found(q="SOUGHT: t") == ["three", "two"]
    assert found(q="sought", where="demo") == []
    assert found(q="sought", where="listed", effect="reject") == []
    assert found(q="sought", where="listed", effect="hold") == ["three", "two", "one"]
    assert found(q="198.51.100.77") == ["one"]
    assert found(q="203.0.113.9") == ["two"]
    assert found(q="203.0.113.9", effect="reject") == []
    assert found(q=f" {MAIL} ", where="listed") == ["three"]
    assert found(q="nobody@spammer.example.net") == []
    assert found(q="100%") == []
    send(ana, "/desk/bans", site="listed", on="192.0.2.200", effect="hold", end="day", words="sought: Übel")
    assert found(q="Übel") == found(q="übel") == found(q="ÜBEL") == ["Übel"]
    omar = Visitor(service, "Omar")
    assert send(omar, "/desk/bans/find", q=MAIL).status_code == 403
    assert "Please enter a full address" in send(ana, "/desk/bans/find", q="half@").text


def test_the_card_of_who_proved_who_they_are_offers_what_is_behind_the_proof(
    service: Service, ana: Visitor, token: dict[str, str]
) -> None:
    email = "lu@visitor.example.net"
    comment = held(service, author={"name": "Lu", "email": email})
    assert "without that proof" not in part(ana, comment, "ban")
    with sqlite3.connect(service.state / "moderation.db", timeout=15) as store:
        store.execute("UPDATE comments SET author_id = ?, verified = 1 WHERE id = ?", (b"\0" + b"l" * 16, comment))
    section = part(ana, comment, "ban")
    assert re.findall(r'name="also" value="(\w+)"( checked)?', section) == [("email", " checked"), ("address", "")]
    assert "their e-mail address, l•••@v•••.net, whoever gives it" in words(section)
    fields = {"whom": "author", "end": "week", "effect": "reject", "reason": "", "words": "Sells pills"}
    assert send(ana, f"/desk/comments/{comment}/ban", **fields, also="network-of-all").status_code == 422
    send(ana, f"/desk/comments/{comment}/ban", **fields, also="email")
    section = part(ana, comment, "ban")
    assert len(re.findall(r'name="ban" value="\w{16}"', section)) == 2
    assert service.queued(token, post(service, email, 21).json()["id"])["status"] == "rejected"
    wish = {"comment": comment, "reason": "pills", "whom": "email", "effect": "hold"}
    assert api(service, token, "POST", "demo/bans", json=wish).json()["shown"] == "l•••@v•••.net"
    assert service.queued(token, post(service, email, 22).json()["id"])["status"] == "pending"
