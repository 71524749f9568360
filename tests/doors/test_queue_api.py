"""The queue and decisions for scripts: tokens, scopes, versions, explanations."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from tests.service import Service


def decide(service: Service, script: dict[str, str], *rulings: dict[str, Any], site: str = "demo") -> requests.Response:
    return service.session.post(f"{service.base}/v1/{site}/decisions", json=list(rulings), headers=script, timeout=15)


def test_each_item_carries_version_and_full_explanation(service: Service, script: dict[str, str]) -> None:
    body = f"What the f*ck http://bit.ly/{secrets.token_hex(4)}"
    comment = service.post(body=body).json()["id"]
    item = service.queued(script, comment, status="pending")
    assert item["version"] == 1
    assert item["author"]["email"] == "c•••@p•••.org"
    explanation = item["explanation"]
    assert explanation["verdict"] == "hold"
    assert len(explanation["revision"]) == 16
    by_rule = {found["rule"]: found for found in explanation["findings"]}
    start, end, label = by_rule["words.body"]["spans"][0]
    assert body[start:end] == "f*ck"
    assert "strong" in label
    assert by_rule["links"]["code"] == "shortener"
    assert by_rule["style.shouting"]["effect"] == "pass", "what passed is told too"


def test_a_decision_is_answered_one_by_one(service: Service, script: dict[str, str]) -> None:
    first, second = (service.post().json()["id"] for _ in range(2))
    answer = decide(
        service,
        script,
        {"id": first, "version": 1, "decision": "approve"},
        {"id": second, "version": 7, "decision": "approve"},
        {"id": "0" * 16, "version": 1, "decision": "spam"},
        {"id": first, "version": 2, "decision": "undo"},
    )
    assert answer.status_code == 200
    assert [each["result"] for each in answer.json()] == ["decided", "conflict", "not-found", "decided"]


def test_of_twenty_at_once_one_wins_and_the_rest_learn_who(service: Service, script: dict[str, str]) -> None:
    comment = service.post().json()["id"]
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda _: decide(service, script, {"id": comment, "version": 1, "decision": "approve"}), range(20))
        )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    losers = [answer.json()[0] for answer in answers if answer.status_code == 409]
    assert {each["decided_by"] for each in losers} == {"script"}
    assert all(each["decided_at"] and each["status"] == "approved" for each in losers)


@pytest.mark.parametrize(
    "rulings",
    [[], {}, "x", [{"id": "a", "version": 1}], [{"id": "a" * 17, "version": 1, "decision": "approve"}],
     [{"id": "a", "version": "1", "decision": "approve"}], [{"id": "a", "version": 1, "decision": "delete"}],
     [{"id": "a", "version": 2**63, "decision": "spam"}], [{"id": "a", "version": 1, "decision": "spam", "by": "me"}],
     [{"id": "a", "version": 1, "decision": "spam"}] * 201],
)  # fmt: skip
def test_wrong_shapes_are_told_with_pointers(service: Service, script: dict[str, str], rulings: Any) -> None:
    answer = service.session.post(f"{service.base}/v1/demo/decisions", json=rulings, headers=script, timeout=15)
    assert answer.status_code == 422
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", "Basic YTpi", "Bearer cm_live_0_0", "Bearer cm_live_" + "a" * 5000]
)
def test_without_a_token_nothing_is_told(service: Service, header: str) -> None:
    headers = {"Authorization": header} if header else {}
    for answer in (
        service.get("/v1/demo/queue", headers=headers),
        service.session.post(f"{service.base}/v1/demo/decisions", json=[], headers=headers, timeout=15),
    ):
        assert answer.status_code in (400, 401, 431)
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_token_does_only_what_its_scopes_say_and_only_on_its_sites(service: Service) -> None:
    reader = service.token("queue:read", sites=("demo",))
    assert service.get("/v1/demo/queue", headers=reader).status_code == 200
    assert service.get("/v1/open/queue", headers=reader).status_code == 403
    assert decide(service, reader, {"id": "0" * 16, "version": 1, "decision": "spam"}).status_code == 403
    told = service.session.post(f"{service.base}/v1/demo/articles", json={"article": "a"}, headers=reader, timeout=15)
    assert told.status_code == 403


def test_pending_ones_come_oldest_first_in_pages(service: Service, script: dict[str, str]) -> None:
    sent = [service.post("listed", article="paged").status_code for _ in range(1)]
    assert sent == [404]
    service.session.post(f"{service.base}/v1/listed/articles", json={"article": "paged"}, headers=script, timeout=15)
    ids = [service.post("listed", article="paged").json()["id"] for _ in range(120)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = service.get(f"/v1/listed/queue?cursor={cursor}", headers=script).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        assert page["counts"]["pending"] == 120
    assert seen == ids


def test_an_unknown_status_is_told(service: Service, script: dict[str, str]) -> None:
    assert service.get("/v1/demo/queue?status=held", headers=script).status_code == 422


@pytest.mark.parametrize(
    "reason", ["x" * 151, "off-topic: " + "x" * 151, "a bell\x07 rings", "tell ana@reader.example.net"]
)
def test_a_reason_is_one_short_line_without_an_address(service: Service, script: dict[str, str], reason: str) -> None:
    comment, other = (service.post().json()["id"] for _ in range(2))
    good = {"id": other, "version": 1, "decision": "reject", "reason": " off-topic:  the\nsame   again "}
    refused = decide(service, script, good, {"id": comment, "version": 1, "decision": "reject", "reason": reason})
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/1/reason"]
    assert service.queued(script, comment)["status"] == "pending"
    assert decide(service, script, good).status_code == 200
    assert service.queued(script, other, status="rejected")["decided"]["reason"] == "off-topic: the same again"
