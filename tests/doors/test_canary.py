"""An address posted in every place, typed by whomever: no answer, log line or metric may hold it, and no file either,
but for the store where a text is kept as it was sent.

Each answer here is searched as it arrives, and the service's files when it stops (`tests/canary.py`).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
import requests
from tests.canary import BODY_CANARY, CANARY, check_answer, check_files, found
from tests.doors.hostile.sockets import ask_raw, request
from tests.service import Service, running_service

JSON = {"Content-Type": "application/json"}
OURS = {"Sec-Fetch-Site": "same-origin"}
QUOTED = quote(CANARY)
OUT_OF_SIGHT: dict[str, Callable[[Service], requests.Response]] = {
    "author.email": lambda s: s.post(),
    "author.email in upper case": lambda s: s.post(author={"name": "Ana", "email": CANARY.upper()}),
    "author.email, refused": lambda s: s.post(author={"name": "", "email": CANARY}),
    "author.email, not an address": lambda s: s.post(author={"name": "Ana", "email": CANARY + "@"}),
    "author.name": lambda s: s.post("open", author={"name": CANARY}),
    "author.name with words around": lambda s: s.post("open", author={"name": f"Ana <{CANARY}>"}),
    "author.url": lambda s: s.post("open", author={"name": "Ana", "url": f"https://{CANARY}/"}),
    "author.url in its query": lambda s: s.post(
        "open", author={"name": "Ana", "url": f"https://a.example/?e={QUOTED}"}
    ),
    "author.url in its path": lambda s: s.post("open", author={"name": "Ana", "url": f"https://a.example/{CANARY}"}),
    "article": lambda s: s.post("open", article=CANARY),
    "article.title": lambda s: s.post("open", article={"id": "told", "title": f"Write to {CANARY}"}),
    "article.url": lambda s: s.post("open", article=f"https://news.example.org/story?id=7&email={QUOTED}&page=2"),
    "article.url in its path": lambda s: s.post("open", article=f"https://news.example.org/unsubscribe/{CANARY}"),
    "parent": lambda s: s.post(parent=CANARY),
    "an unknown field's name": lambda s: _send(s, "/v1/demo/comments", json.dumps({CANARY: 1}), JSON),
    "an unknown field's value": lambda s: s.post(contact=CANARY),
    "a body of the wrong type": lambda s: s.post(body={"to": CANARY}),
    "a body that is no JSON": lambda s: _send(s, "/v1/demo/comments", f"{{{CANARY}", JSON),
    "a body of another kind": lambda s: _send(s, "/v1/demo/comments", CANARY, {"Content-Type": "text/plain"}),
    "a site": lambda s: s.post(QUOTED),
    "a path": lambda s: s.get(f"/{QUOTED}"),
    "a static file": lambda s: s.get(f"/static/{QUOTED}"),
    "a query": lambda s: s.get(f"/v1/open/comments?article=a&email={QUOTED}"),
    "the article asked for": lambda s: s.get(f"/v1/open/comments?article={QUOTED}"),
    "the articles counted": lambda s: s.get(f"/v1/open/counts?article={QUOTED}"),
    "the thread page": lambda s: s.get(f"/t/open?article={QUOTED}"),
    "a cursor": lambda s: s.get(f"/v1/open/comments?article=a&cursor={QUOTED}"),
    "a reply": lambda s: s.get(f"/t/open?article=a&reply={QUOTED}"),
    "Authorization": lambda s: s.get("/v1/demo/queue", headers={"Authorization": f"Bearer {CANARY}"}),
    "Basic": lambda s: s.get("/v1/demo/queue", headers={"Authorization": f"Basic {_base64(CANARY + ':x')}"}),
    "Cookie": lambda s: s.get(
        "/desk", headers={"Cookie": f"{s.cookie}={CANARY}; mod-device{s.cookie[3:]}={CANARY}"}, allow_redirects=False
    ),
    "Origin": lambda s: _send(s, "/v1/demo/comments", "{}", JSON | {"Origin": CANARY}),
    "Content-Type": lambda s: _send(s, "/v1/demo/comments", "{}", {"Content-Type": f"x/{CANARY}"}),
    "where to after signing in": lambda s: s.get(f"/desk?tab={QUOTED}", allow_redirects=False),
    "the sign-in's next": lambda s: s.get(f"/desk/sign-in?next=/desk%3Fsite%3D{QUOTED}"),
    "the sign-in's name": lambda s: _form(s, "/desk/sign-in", name=CANARY, password="wrong"),
    "the sign-in's password": lambda s: _form(s, "/desk/sign-in", name="nobody", password=CANARY),
    "a one-time link": lambda s: s.get(f"/desk/set-password?token={QUOTED}"),
    "a new password": lambda s: _form(s, "/desk/set-password", token="x", password=CANARY, again=CANARY),
    "a policy report": lambda s: _send(s, "/csp-report", json.dumps([{"url": CANARY}]), {}),
    "a preflight": lambda s: s.session.options(f"{s.base}/v1/demo/comments", headers={"Origin": f"https://{CANARY}"}),
}
HEADERS = (
    "User-Agent",
    "Referer",
    "X-Forwarded-For",
    "X-Request-ID",
    "Idempotency-Key",
    "If-None-Match",
    "From",
    "Host",
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("canary") / "state") as running:
        yield running


@pytest.mark.parametrize("place", list(OUT_OF_SIGHT))
def test_it_is_neither_told_nor_kept(service: Service, place: str) -> None:
    answer = OUT_OF_SIGHT[place](service)
    assert answer.status_code < 500
    check_answer(answer)
    for path in ("/v1/open/comments?article=told", "/t/open?article=told", "/metrics"):
        service.get(path)
    check_files(service.state)


@pytest.mark.parametrize("name", HEADERS)
def test_no_header_is_told_or_logged(service: Service, name: str) -> None:
    for data in (
        request("GET", "/v1/open/comments?article=a", {name: CANARY}),
        request("POST", "/v1/demo/comments", JSON | {name: CANARY}, b"{}"),
        request("GET", "/desk", {name: CANARY, "Accept": "text/html"}),
        request("GET", "/" + QUOTED, {name: CANARY, "Accept": "text/html"}),
    ):
        answer = ask_raw(int(service.base.rpartition(":")[2]), data)
        assert 200 <= answer.status < 500
        assert found(answer.whole) is None
    check_files(service.state)


def test_a_refused_form_gives_it_back_only_in_its_own_field(service: Service) -> None:
    form = {"article": "a", "author": "", "email": CANARY, "body": "x", "url": "no address"}
    answer = service.session.post(f"{service.base}/v1/open/comments", form, timeout=15)
    assert answer.status_code == 422
    assert answer.text.count(CANARY) == 1
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_typed_into_texts_is_for_moderators_only(service: Service) -> None:
    posted = service.post("open", article="typed", body=f"Write to {BODY_CANARY}, or {BODY_CANARY.upper()}.")
    script = service.token("queue:read", "decisions:write")
    item = service.queued(script, posted.json()["id"], "open", "approved")
    assert BODY_CANARY in item["body"]
    ruling = {"id": item["id"], "version": item["version"], "decision": "reject"}
    said = ruling | {"reason": f"asks for {BODY_CANARY}"}
    refused = service.session.post(f"{service.base}/v1/open/decisions", json=[said], headers=script, timeout=15)
    assert refused.status_code == 422
    decided = service.session.post(f"{service.base}/v1/open/decisions", json=[ruling], headers=script, timeout=15)
    assert decided.json()[0]["result"] == "decided"
    for answer in (
        posted,
        refused,
        decided,
        service.get("/v1/open/comments?article=typed"),
        service.get("/t/open?article=typed"),
        service.get("/metrics"),
    ):
        assert found(answer.content, BODY_CANARY) is None
    assert found(service.log_text().encode(), BODY_CANARY) is None
    assert not [path.name for path in service.state.rglob("*.rdb") if found(path.read_bytes(), BODY_CANARY)]
    assert not [path.name for path in service.state.rglob("*.aof") if found(path.read_bytes(), BODY_CANARY)]


def _send(service: Service, path: str, body: str, headers: dict[str, str]) -> requests.Response:
    return service.session.post(f"{service.base}{path}", body.encode(), headers=headers, timeout=15)


def _form(service: Service, path: str, **fields: str) -> requests.Response:
    return service.session.post(f"{service.base}{path}", fields, headers=OURS, timeout=15, allow_redirects=False)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
