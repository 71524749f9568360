"""What is answered before Flask is answered as Flask would: the same headers, and every refusal in full."""

from __future__ import annotations

from typing import Any

import requests
from tests.service import Service, wait_until

VARYING = {"Date", "X-Request-ID", "Content-Length", "RateLimit", "Connection"}


def told(answer: requests.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in VARYING}


def through_flask(service: Service, method: str, path: str, **options: Any) -> requests.Response:
    """The same request, in a form that the front passes on: a credential, which no public route looks at."""
    headers = {"Authorization": "Bearer none"} | options.pop("headers", {})
    return service.session.request(method, f"{service.base}{path}", headers=headers, timeout=15, **options)


def test_a_thread_has_the_same_headers_and_body_from_the_front_and_from_flask(service: Service) -> None:
    service.post("open", article="front")
    path = "/v1/open/comments?article=front"
    wait_until(lambda: service.get(path).json()["count"] == 1)
    for headers in ({}, {"If-None-Match": service.get(path).headers["ETag"]}):
        slow = through_flask(service, "GET", path, headers=headers)
        quick = service.get(path, headers=headers)
        assert (quick.status_code, quick.content) == (slow.status_code, slow.content)
        same_site = {"Cross-Origin-Resource-Policy": "cross-origin"}  # a request with a credential is not for everyone
        assert told(quick) == told(slow) | same_site


def test_a_submission_has_the_same_headers_from_the_front_and_from_flask(service: Service) -> None:
    for headers in ({}, {"Origin": service.base}, {"Origin": "https://news.example.org"}):
        quick = service.session.post(
            f"{service.base}/v1/demo/comments", json=service.comment(), headers=headers, timeout=15
        )
        slow = through_flask(service, "POST", "/v1/demo/comments", json=service.comment(), headers=headers)
        assert quick.status_code == slow.status_code == 202
        assert quick.json().keys() == slow.json().keys()
        assert told(quick) == told(slow) | {"Cross-Origin-Resource-Policy": "cross-origin"}


def test_what_the_front_cannot_take_in_is_refused_in_full_and_submitted_once(service: Service) -> None:
    comment = service.comment(article="front-refused")
    first = service.session.post(f"{service.base}/v1/demo/comments", json=comment, timeout=15)
    again = service.session.post(f"{service.base}/v1/demo/comments", json=comment, timeout=15)
    assert (first.status_code, again.status_code) == (202, 409)
    assert again.headers["Content-Type"] == "application/problem+json"
    wrong = service.session.post(f"{service.base}/v1/demo/comments", json=comment | {"body": ""}, timeout=15)
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/body"
    answers = [
        service.post("narrow", article="front-limit", author={"name": "Bo", "email": f"bo{number}@example.org"})
        for number in range(8)
    ]
    assert [answer.status_code for answer in answers].count(202) == 5, "a refused submission was asked for twice"
    assert answers[-1].headers["Retry-After"]


def test_a_request_is_told_in_the_log_whoever_answers_it(service: Service) -> None:
    path = "/v1/open/comments?article=front-log"
    answers = [service.get(path), service.get(path), through_flask(service, "GET", path), service.post()]
    told = [line for answer in answers for line in service.lines_of(answer)]
    assert {(line["route"], line["level"]) for line in told} == {("/v1/<site_id>/comments", "info")}
    assert [line["site"] for line in told] == ["open", "open", "open", "demo"]
    assert all(line["ms"] >= 0 for line in told)
