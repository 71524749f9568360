"""The policies of every answer, looked at as an attacker would: who may read it, what it tells of us, what browsers are
told to hold to, and that a person who is refused loses nothing."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from tests.doors.hostile.sockets import ask_raw
from tests.service import PASSWORD, RULES, Service, free_port, running_service, start

LISTED = "https://news.example.org"
FOREIGN = [
    "null",
    "https://evil.example",
    f"{LISTED}.evil.example",
    "http://news.example.org",
    f"{LISTED}:444",
    "https://News.example.org",
]
PATHS = ["/", "/nothing", "/desk", "/desk/sign-in", "/v1/demo/comments?article=a", "/v1/demo/queue", "/docs", "/livez"]
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose readers and moderators come over https, by way of a proxy."""
    env = {"MODERATION_BASE_URL": "https://comments.example.org"}
    with running_service(tmp_path_factory.mktemp("secure") / "state", env=env) as running:
        running.person("Ana")
        yield running


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_no_answer_names_the_program(service: Service, method: str, path: str) -> None:
    answer = service.session.request(method, service.base + path, timeout=15, allow_redirects=False)
    assert "Server" not in answer.headers
    assert "gunicorn" not in repr(answer.headers).lower() + answer.text.lower()


@pytest.mark.parametrize("data", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nA B: c\r\n\r\n", b"GET /" + b"a" * 9000])
def test_no_refusal_of_what_is_no_http_names_the_program(service: Service, data: bytes) -> None:
    answer = ask_raw(int(service.base.rpartition(":")[2]), data)
    assert answer.status >= 400
    assert b"server:" not in answer.head.lower()
    assert b"gunicorn" not in answer.whole.lower()


def test_the_bare_address_leads_to_the_desk_and_the_api(service: Service) -> None:
    page = service.get("/")
    assert page.status_code == 200
    links = re.findall(r'<a href="([^"]+)"', page.text)
    assert [service.get(link).status_code for link in links] == [200, 200]
    assert links == ["/desk/", "/docs"]
    icon = service.get("/favicon.ico")
    assert icon.headers["Content-Type"].startswith("image/svg+xml")


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1/demo/nothing", "/v1/nowhere/comments?article=a", "/v1/demo/comments", "/v1/demo/queue"]
)
def test_no_cache_keeps_an_error(service: Service, path: str) -> None:
    answer = service.get(path)
    assert answer.status_code >= 400
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("origin", FOREIGN)
def test_only_a_listed_origin_may_post_and_read_the_answer(service: Service, origin: str) -> None:
    url = f"{service.base}/v1/demo/comments"
    for answer in (
        requests.options(url, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}, timeout=15),
        requests.post(url, json=service.comment(), headers={"Origin": origin}, timeout=15),
        requests.post(url, data=b"{", headers={"Origin": origin, "Content-Type": "application/json"}, timeout=15),
    ):
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("Access-Control-")]
        assert "Origin" in answer.headers["Vary"]
    reading = requests.get(url, {"article": "a"}, headers={"Origin": origin}, timeout=15)
    assert reading.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in reading.headers


def test_a_page_learns_with_its_form_that_it_may_send_nothing(service: Service) -> None:
    url = f"{service.base}/v1/demo/form?article=a"
    unlisted = requests.get(url, headers={"Origin": "https://evil.example"}, timeout=15)
    assert (unlisted.status_code, unlisted.headers["Access-Control-Allow-Origin"]) == (403, "*")
    assert "has to list the address" in unlisted.json()["detail"]
    for origin, readable_by in ((LISTED, LISTED), (service.base, "*")):
        answer = requests.get(url, headers={"Origin": origin}, timeout=15)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, readable_by)


def test_our_own_page_may_send_by_whatever_name_it_was_reached(service: Service) -> None:
    url = f"{service.base}/v1/demo/comments"
    for site, status in (("same-origin", 202), ("same-site", 403), ("cross-site", 403)):
        headers = {"Origin": "http://localhost:8080", "Sec-Fetch-Site": site}
        assert requests.post(url, json=service.comment(), headers=headers, timeout=15).status_code == status


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"body": NaN}', b"[" * 40_000])
def test_a_listed_origin_may_read_why_it_was_refused(service: Service, body: bytes) -> None:
    headers = {"Origin": LISTED, "Content-Type": "application/json"}
    answer = requests.post(f"{service.base}/v1/demo/comments", data=body, headers=headers, timeout=15)
    assert answer.status_code in (400, 413, 422)
    assert answer.headers["Access-Control-Allow-Origin"] == LISTED


@pytest.mark.parametrize("path", ["/desk/", "/desk/sign-in", "/desk/decisions", "/v1/demo/queue", "/v1/demo/decisions"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_the_desk_and_its_api_are_not_for_other_origins(
    service: Service, script: dict[str, str], method: str, path: str
) -> None:
    headers = script | {"Origin": LISTED, "Access-Control-Request-Method": "POST"}
    answer = requests.request(method, service.base + path, headers=headers, timeout=15, allow_redirects=False)
    assert not [name for name in answer.headers if name.startswith("Access-Control-")]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_form_refused_for_its_origin_gives_back_what_was_typed(service: Service, origin: str) -> None:
    form = {"article": "a", "author": "Ana", "email": "ana@visitor.example.net", "body": "An hour <of> work."}
    answer = requests.post(f"{service.base}/v1/demo/comments", form, headers={"Origin": origin}, timeout=15)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "An hour &lt;of&gt; work.</textarea>" in answer.text
    assert "The owner has to list the address of this page first" in answer.text
    assert not [name for name in answer.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://192.0.2.7:8080"}, {}])
def test_a_sign_in_from_elsewhere_is_told_the_right_address(service: Service, headers: dict[str, str]) -> None:
    form = {"name": "Ana", "password": PASSWORD, "next": "/desk/?status=spam"}
    answer = requests.post(f"{service.base}/desk/sign-in", form, headers=headers, timeout=15, allow_redirects=False)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert f"{service.base}/desk" in answer.text
    assert 'value="Ana"' in answer.text
    assert "/desk/?status=spam" in answer.text
    assert PASSWORD not in answer.text
    refused = requests.post(f"{service.base}/desk/set-password", {"token": "x"}, headers=headers, timeout=15)
    assert refused.status_code == 403
    assert "Set-Cookie" not in refused.headers


def test_over_https_cookies_and_headers_hold_browsers_to_it(secure: Service) -> None:
    for path in PATHS:
        told = secure.get(path, allow_redirects=False).headers["Strict-Transport-Security"]
        assert told == "max-age=63072000; includeSubDomains"
    form = {"name": "Ana", "password": PASSWORD}
    answer = requests.post(f"{secure.base}/desk/sign-in", form, headers=OURS, timeout=15, allow_redirects=False)
    assert answer.status_code == 303
    cookies = {cookie.name: cookie for cookie in answer.cookies}
    assert set(cookies) == {"__Host-mod", "__Secure-mod-device"}
    for line in answer.raw.headers.getlist("Set-Cookie"):
        parts = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"secure", "httponly"} <= parts
        assert parts & {"samesite=lax", "samesite=strict"}
        assert not [part for part in parts if part.startswith("domain")]
    assert cookies["__Host-mod"].path == "/"
    assert len(str(cookies["__Host-mod"].value)) >= 43  # 256 random bits
    assert cookies["__Host-mod"].expires is None


def test_plain_http_is_told_nothing_of_https(service: Service) -> None:
    assert not [path for path in PATHS if "Strict-Transport-Security" in service.get(path).headers]


def test_what_the_service_writes_is_its_owners_alone(tmp_path: Path) -> None:
    """Also in a folder that everybody may look into, as a volume may be."""
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    (state / "moderation.toml").write_text(RULES.replace("{base}", LISTED), "utf-8")
    service = start(state, free_port())
    try:
        service.wait_ready()
        assert service.post().status_code == 202
        written = [
            path for path in state.rglob("*") if path.name not in ("moderation.toml", "stdout.log", "stderr.log")
        ]
        assert len(written) > 5
        assert not [path.name for path in written if stat.S_IMODE(path.stat().st_mode) & 0o077]
    finally:
        service.stop()
