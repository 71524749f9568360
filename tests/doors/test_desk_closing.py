"""An article is closed and opened at the desk, without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.doors.test_desk import Visitor, held, words
from tests.service import Service, running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("closing") / "state") as running:
        running.person("Ana")
        running.person("Ada", "auditor")
        running.person("Lena", "moderator", "listed")
        yield running


@pytest.fixture(scope="module")
def ana(service: Service) -> Visitor:
    return Visitor(service, "Ana")


def form(card: str) -> dict[str, str]:
    """What the card's button about its article sends."""
    found = re.search(r'<form class="closing".*?</form>', card, re.DOTALL)
    assert found, "no such form"
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', found[0]))


def test_a_closed_article_refuses_new_comments_and_stays_to_be_read(service: Service, ana: Visitor) -> None:
    comment = held(service, article="a-storm", body="Said before the storm.")
    ana.decide(ana.card(comment), "approve")
    card = ana.card(comment, status="approved")
    page = ana.follow(ana.post("/desk/articles", form(card)))
    assert "a-storm takes no more comments" in words(page)
    refused = service.post(article="a-storm")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:moderation:problem:closed")
    assert "Said before the storm." in service.get("/v1/demo/comments?article=a-storm").text
    card = ana.card(comment, status="approved")
    assert form(card)["do"] == "open"
    page = ana.follow(ana.post("/desk/articles", form(card)))
    assert "a-storm takes comments." in words(page)
    assert service.post(article="a-storm").status_code == 202


def test_who_may_not_is_offered_and_allowed_nothing(service: Service, ana: Visitor) -> None:
    comment = held(service, article="elsewhere")
    fields = form(ana.card(comment))
    ada, lena = Visitor(service, "Ada"), Visitor(service, "Lena")
    assert "data-closing" not in ada.card(comment)
    token = {"csrf_token": lena.fields(lena.get())["csrf_token"]}
    assert lena.post("/desk/articles", fields | token).status_code == 404
    assert service.post(article="elsewhere").status_code == 202


@pytest.mark.parametrize("wrong", [{"do": "burn"}, {"article": "x"}, {"article": "99999999"}])
def test_a_malformed_wish_changes_nothing(service: Service, ana: Visitor, wrong: dict[str, str]) -> None:
    comment = held(service, article="still-open")
    assert ana.post("/desk/articles", form(ana.card(comment)) | wrong).status_code in (404, 422)
    assert service.post(article="still-open").status_code == 202
