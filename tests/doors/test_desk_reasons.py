"""Why something is decided and what is left to a senior, as pages are sent: without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.doors.test_desk import Visitor, held, offered, words
from tests.doors.test_desk_bulk import send
from tests.service import BODY_CANARY, Service, running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("reasons") / "state") as running:
        for name in ("Ana", "Omar"):
            running.person(name)
        running.person("Sam", "senior")
        yield running


@pytest.fixture(scope="module")
def ana(service: Service) -> Visitor:
    return Visitor(service, "Ana")


@pytest.fixture(scope="module")
def omar(service: Service) -> Visitor:
    return Visitor(service, "Omar")


def standing(card: str) -> str:
    """How the card says that the comment stands, with the reason."""
    found = re.search(r'<p class="standing".*?</p>', card, re.DOTALL)
    return words(found[0]) if found else ""


def test_a_reason_is_kept_with_a_rejection_and_with_spam_only(service: Service, ana: Visitor) -> None:
    comment = held(service)
    ana.decide(ana.card(comment), "approve", reason="off-topic", words="and more")
    assert re.fullmatch(r"Approved by you, \d\d:\d\d", standing(ana.card(comment, status="approved")))
    answer = ana.post("/desk/decisions", ana.fields(ana.card(comment, status="approved")) | {"because": "off-topic"})
    assert answer.status_code == 303
    assert re.fullmatch(r"Rejected by you, \d\d:\d\d Off topic", standing(ana.card(comment, status="rejected")))
    ana.decide(ana.card(comment, status="rejected"), "spam", words="  the same\tlink again ")
    assert standing(ana.card(comment, status="spam")).endswith(" the same link again")
    ana.decide(ana.card(comment, status="spam"), "reject", because="abuse", words="of a colleague")
    assert standing(ana.card(comment, status="rejected")).endswith(" Abuse or insult: of a colleague")
    kept = service.queued(service.token("queue:read"), comment, status="rejected")
    assert kept["decided"]["reason"] == "abuse: of a colleague"


@pytest.mark.parametrize("typed", [f"he is {BODY_CANARY}", "x" * 151, "a bell\x07 rings"])
def test_what_the_record_may_not_hold_is_refused_and_nothing_decided(
    service: Service, ana: Visitor, typed: str
) -> None:
    comment = held(service)
    answer = ana.decide_by_script(ana.card(comment), "reject", words=typed)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/words"]
    assert offered(ana.card(comment))


def test_a_selection_is_rejected_for_a_reason(service: Service, ana: Visitor) -> None:
    comment = held(service)
    page = ana.get()
    fields = [*ana.fields(page).items(), ("because", "advertising"), ("words", "one shop"), ("pick", f"{comment}:1")]
    assert send(ana, "/desk/bulk", fields).status_code == 303
    assert standing(ana.card(comment, status="rejected")).endswith(" Advertising: one shop")


def test_what_is_escalated_waits_for_seniors_and_is_shown_with_who_and_why(
    service: Service, ana: Visitor, omar: Visitor
) -> None:
    comment = held(service)
    page = ana.follow(ana.decide(ana.card(comment), "escalate", words="Is this libel?"))
    assert f"c-{comment}" not in page
    assert "1 escalated: a senior decides" in words(page)
    card = omar.card(comment, escalated="only")
    assert re.search(r"Escalated by Ana, \d\d:\d\d: Is this libel\?", words(card))
    assert offered(card) == []
    assert offered(ana.card(comment, escalated="only")) == ["undo"]
    told = omar.decide_by_script(card, "approve")
    assert (told.status_code, told.json()["result"], told.json()["moves"]) == (409, "escalated", [])
    assert "a senior decides" in words(omar.follow(omar.decide(card, "approve")))
    sam = Visitor(service, "Sam")
    assert offered(sam.card(comment)) == ["approve", "reject", "spam", "undo"]
    assert sam.decide_by_script(sam.card(comment), "approve").json()["escalated"] is True
    assert "escalated" not in words(re.sub(r"<dialog.*?</dialog>", "", sam.get(), flags=re.DOTALL)).lower()


def test_who_escalated_takes_it_back(service: Service, ana: Visitor) -> None:
    comment = held(service)
    page = ana.follow(ana.decide(ana.card(comment), "escalate"))
    answer = ana.decide(ana.card(comment, escalated="only"), "undo")
    assert "Pending" in words(ana.follow(answer))
    assert f"c-{comment}" in ana.get()
    assert f"c-{comment}" not in page
