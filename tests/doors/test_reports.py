"""Reports over HTTP: the form without JavaScript, what the widget asks, and that no answer tells anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.actions.test_submit import submission
from tests.service import Service

from moderation.actions.submit import Intake
from moderation.runtime import Runtime
from moderation.web.app import create_app

LISTED = {"Origin": "https://news.example.org"}


def public(service: Service, **over: Any) -> str:
    answer = service.post("open", **over)
    assert answer.status_code == 201
    return str(answer.json()["id"])


def send(service: Service, comment_id: str, site: str = "open", **options: Any) -> Any:
    url = f"{service.base}/v1/{site}/comments/{comment_id}/reports"
    return service.session.post(url, timeout=15, allow_redirects=False, **options)


def test_every_answer_is_the_same(service: Service, script: dict[str, str]) -> None:
    comment_id, held = public(service, article="reported-1"), service.post(article="reported-1").json()["id"]
    value = {"reason": "abuse", "explanation": "Write to me@reader.example.net"}
    told = [
        send(service, comment_id, json=value),
        send(service, comment_id, json=value),
        send(service, held, "demo", json=value),
        send(service, "0" * 16, json=value),
        send(service, "no-id-of-ours", json=value),
    ]
    kept = ("Date", "X-Request-ID", "Content-Length")
    heads = [{name: text for name, text in each.headers.items() if name not in kept} for each in told]
    assert {(each.status_code, each.text) for each in told} == {(202, told[0].text)}
    assert all(head == heads[0] for head in heads)
    mine = service.queued(script, comment_id, "open", "reported")
    (one,) = mine["reports"]
    assert (one["reason"], "example.net" in one["explanation"]) == ("abuse", False)
    decision = [{"id": comment_id, "version": mine["version"], "decision": "approve"}]
    answer = service.session.post(f"{service.base}/v1/open/decisions", json=decision, headers=script, timeout=15)
    assert answer.json()[0]["result"] == "decided"
    assert comment_id not in [each["id"] for each in service.queue(script, "open", "reported")]
    assert 'moderation_reports_total{result="kept"}' in service.get("/metrics").text


def test_without_javascript_a_link_leads_to_a_form_that_works(service: Service) -> None:
    comment_id = public(service, article="reported-2", body="Something to be reported.")
    thread = service.get("/t/open?article=reported-2").text
    path = f"/t/open/reports/{comment_id}"
    assert f'href="{path}"' in thread
    form = service.get(path)
    assert "Something to be reported." in form.text
    assert (form.headers["Cache-Control"], form.headers["X-Robots-Tag"]) == ("no-store", "noindex, nofollow")
    wrong = send(service, comment_id, data={"reason": "", "explanation": "x" * 501})
    assert wrong.status_code == 422
    assert "Please fill this in." in wrong.text
    assert "at most 500 characters" in wrong.text
    assert "x" * 501 in wrong.text
    done = send(service, comment_id, data={"reason": "off-topic", "explanation": ""})
    assert done.status_code == 303
    assert "A moderator will look at it." in service.get(done.headers["Location"].removeprefix(service.base)).text
    assert service.get("/t/open/reports/0000000000000000", headers={"Accept": "text/html"}).status_code == 404


def test_a_page_of_a_listed_origin_reports_and_no_other(service: Service) -> None:
    comment_id = public(service, article="reported-3")
    url = f"{service.base}/v1/open/comments/{comment_id}/reports"
    asked = service.session.options(url, headers=LISTED, timeout=15)
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, LISTED["Origin"])
    told = send(service, comment_id, json={"reason": "abuse"}, headers=LISTED)
    assert (told.status_code, told.headers["Access-Control-Allow-Origin"]) == (202, LISTED["Origin"])
    other = {"Origin": "https://elsewhere.example"}
    assert send(service, comment_id, json={"reason": "abuse"}, headers=other).status_code == 403
    assert send(service, comment_id, data={"reason": "abuse"}, headers=other).status_code == 403


def test_every_bad_field_is_told(service: Service) -> None:
    answer = send(service, "0" * 16, json={"reason": "no-such", "explanation": "x" * 600})
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/reason", "/explanation"]
    assert send(service, "0" * 16, json=["abuse"]).status_code == 422
    assert send(service, "0" * 16, "no-such", json={"reason": "abuse"}).status_code == 404


GERMAN = """
[sites.demo]
mode = "post"
language = "de"

[[sites.demo.reasons]]
code = "off-topic"
label = "Off topic"

[[sites.demo.reasons]]
code = "house"
label = "Gegen die Hausordnung"

[[sites.demo.reasons]]
code = "other"
label = "Advertising"
"""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def test_a_german_site_has_the_shipped_reasons_in_german_and_its_own_as_they_are(
    make_runtime: Callable[..., Runtime],
) -> None:
    rt = make_runtime(GERMAN)
    comment = Intake(rt).submit(submission()).comment_id
    client = create_app(rt).test_client()
    told = client.get("/v1/demo/comments?article=first-article").json
    assert told is not None
    labels = ["Nicht beim Thema", "Gegen die Hausordnung", "Advertising"]
    assert [reason["label"] for reason in told["form"]["reasons"]] == labels
    page = client.get(f"/t/demo/reports/{comment}").get_data(as_text=True)
    assert all(f"> {label}</label>" in page for label in labels)
