"""The page that shows an author's e-mail address, over HTTP."""

from __future__ import annotations

import pytest
from tests.doors.test_desk import Visitor
from tests.service import Service

ADDRESS = "hans.probe@visitor.example.net"
WHY = "The reader asked us to write back"


@pytest.fixture(scope="module")
def sam(service: Service) -> Visitor:
    service.person("Sam", "senior")
    return Visitor(service, "Sam")


@pytest.fixture
def comment(service: Service) -> str:
    return str(service.post(author={"name": "Hans", "email": ADDRESS}).json()["id"])


def test_a_senior_types_a_reason_and_sees_the_address_which_no_log_holds(
    service: Service, sam: Visitor, comment: str
) -> None:
    path = f"/desk/email/{comment}"
    assert f'href="{path}"' in sam.card(comment, sort="newest")
    asked = sam.get(path)
    assert ADDRESS not in asked
    fields = sam.fields(asked)
    short = sam.post(path, fields | {"reason": "hm"})
    assert short.status_code == 422
    assert ADDRESS not in short.text
    assert "at least 8 characters" in short.text
    shown = sam.post(path, fields | {"reason": WHY})
    assert shown.status_code == 200
    assert ADDRESS in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert ADDRESS not in sam.card(comment, sort="newest")
    for left in (service.log_text(), service.get("/metrics").text):
        assert ADDRESS not in left
        assert WHY not in left


def test_a_moderator_is_offered_no_address_and_refused_it(service: Service, comment: str) -> None:
    service.person("Molly")
    molly = Visitor(service, "Molly")
    card = molly.card(comment, sort="newest")
    path = f"/desk/email/{comment}"
    assert path not in card
    assert molly.session.get(service.base + path, timeout=15).status_code == 403
    answer = molly.post(path, molly.fields(card) | {"reason": WHY})
    assert answer.status_code == 403
    assert ADDRESS not in answer.text


def test_an_unknown_number_is_not_found(service: Service, sam: Visitor) -> None:
    for number in ("0" * 16, "x", "%00"):
        assert sam.session.get(f"{service.base}/desk/email/{number}", timeout=15).status_code == 404
