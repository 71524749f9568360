"""The form's token and the field that nobody sees, over HTTP."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.service import CANARY, Service, unsaid


def finding(service: Service, script: dict[str, str], comment_id: str, rule: str) -> str:
    told = service.queued(script, comment_id)["explanation"]["findings"]
    return str(next(each["code"] for each in told if each["rule"] == rule))


def typed(page: str) -> dict[str, str]:
    """What a browser sends of the form on this page, with a text in it."""
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    assert token
    body = f"Said once, as {unsaid()}."
    return {"article": "forms", "form_token": token[1], "body": body, "author": "Ana", "email": CANARY, "subject": ""}


def send(service: Service, fields: dict[str, str]) -> Any:
    headers = {"Origin": service.base}
    return service.session.post(
        f"{service.base}/v1/demo/comments", fields, headers=headers, allow_redirects=False, timeout=10
    )


def test_sending_the_form_twice_leads_to_the_same_place(service: Service, script: dict[str, str]) -> None:
    fields = typed(service.get("/t/demo?article=forms").text)
    first, second = send(service, fields), send(service, fields)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    comment_id = first.headers["Location"].rpartition("-")[2]
    assert finding(service, script, comment_id, "form.token") in ("passed", "form-early")
    assert finding(service, script, comment_id, "form.trap") == "passed"


def test_each_page_has_a_form_of_its_own(service: Service) -> None:
    pages = [service.get("/t/demo?article=forms") for _ in range(2)]
    assert typed(pages[0].text)["form_token"] != typed(pages[1].text)["form_token"]
    assert {page.headers["Cache-Control"] for page in pages} == {"private, no-cache"}


def test_a_refused_form_keeps_its_token(service: Service) -> None:
    fields = typed(service.get("/t/demo?article=forms").text) | {"body": ""}
    refused = send(service, fields)
    assert refused.status_code == 422
    assert typed(refused.text)["form_token"] == fields["form_token"]
    assert 'name="subject"' in refused.text


def test_who_fills_in_the_unseen_field_is_held(service: Service, script: dict[str, str]) -> None:
    answer = send(service, typed(service.get("/t/demo?article=forms").text) | {"subject": "cheap"})
    assert answer.status_code == 303
    comment_id = answer.headers["Location"].rpartition("-")[2]
    assert finding(service, script, comment_id, "form.trap") == "form-trap"


def test_a_script_gets_a_token_and_sends_it_back(service: Service, script: dict[str, str]) -> None:
    asked = service.get("/v1/demo/form?article=forms-by-script", headers={"Origin": "https://news.example.org"})
    assert asked.headers["Cache-Control"] == "no-store"
    assert asked.headers["Access-Control-Allow-Origin"] == "https://news.example.org"
    answer = service.post(article="forms-by-script", form={"token": asked.json()["token"]})
    assert answer.status_code == 202
    assert finding(service, script, answer.json()["id"], "form.token") in ("passed", "form-early")


@pytest.mark.parametrize("form", [{"token": 1}, {"seal": "x"}, "x", []])
def test_a_misshapen_form_is_told(service: Service, form: Any) -> None:
    answer = service.post(form=form)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("/form")
