"""The first hour, as a reader or a troll meets the service: checks 1 to 5, 10, 16, 17 and 19."""

from __future__ import annotations

import gzip
import json
import random
import secrets
import shutil
import socket
import time
from typing import Any

import requests
from playwright.sync_api import Page, sync_playwright
from tests.canary import CANARY, check_files, found
from tests.hour.reviewer import PROXY, Hour, Line, at_once, t_statistic
from tests.service import PASSWORD, unsaid, wait_until

from moderation.web.pages import DEMO_ARTICLE

HTML = "<img src=x onerror=alert(1)>"
WATCH = """
window.wasRun = 0; window.violations = [];
for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => { window.wasRun += 1; };
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.effectiveDirective));
"""
LOOK = """
() => {
  const all = [...document.querySelectorAll("*")];
  const roots = [document.documentElement, ...all.flatMap((each) => each.shadowRoot || [])];
  const inside = roots.flatMap((root) => [...root.querySelectorAll("*")]);
  return {
    images: inside.filter((each) => each.localName == "img").length,
    handlers: inside.flatMap((each) => each.getAttributeNames()).filter((name) => name.startsWith("on")).length,
    shown: roots.some((root) => (root.textContent || "").includes("onerror=alert(1)")),
    wasRun: window.wasRun, violations: window.violations,
  };
}
"""


def html_in_every_field(hour: Hour) -> str:
    """1: the text, name, title and reason of a comment; looked at by Chromium wherever they are shown."""
    service = hour.service
    sent: dict[str, Any] = {"article": {"id": DEMO_ARTICLE, "title": HTML}, "author": {"name": HTML, "email": CANARY}}
    hour.approved(**sent, body=f"{HTML} {unsaid()}")
    other = service.post(**sent, body=f"{HTML} again {unsaid()}").json()["id"]
    hour.decide("demo", other, "reject", reason=HTML)
    url = service.post(author={"name": "A", "email": CANARY, "url": f"javascript:{HTML}"})
    assert url.status_code == 422, "a website that is script is taken"
    secret = hour.browser("Reviewer").cookie()
    before = _reports(hour)
    pages = [
        f"/t/demo?article={DEMO_ARTICLE}",
        "/demo/demo/",
        "/desk/?status=approved",
        "/desk/?status=rejected",
        "/desk/audit",
    ]
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = chromium.new_context()
        context.add_cookies([{"name": service.cookie, "value": secret, "url": service.base}])
        context.add_init_script(WATCH)
        for path in pages:
            _look(context.new_page(), service.base + path)
        chromium.close()
    assert _reports(hour) == before, "a page met what its policy forbids"
    return f"plain text on {len(pages)} pages: thread, widget, desk, record; 0 dialogs, 0 CSP reports"


def _look(page: Page, url: str) -> None:
    page.goto(url)
    wait_until(lambda: page.evaluate(LOOK)["shown"], lambda: f"{url} does not show the comment")
    seen = page.evaluate(LOOK)
    assert (seen["images"], seen["handlers"], seen["wasRun"], seen["violations"]) == (0, 0, 0, []), f"{url}: {seen}"


def _reports(hour: Hour) -> str:
    lines = hour.service.get("/metrics").text.splitlines()
    return next((line for line in lines if line.startswith("moderation_csp_reports_total")), "")


def nothing_pending_is_public(hour: Hour) -> str:
    """2: every public way to a comment that waits."""
    service, word = hour.service, f"canary{secrets.token_hex(8)}"
    service.post(article="pending")
    before = service.get("/v1/demo/comments?article=pending")
    answer = service.post(article="pending", body=f"This waits: {word}.")
    comment = answer.json()["id"]
    paths = [
        "/v1/demo/comments?article=pending", "/v1/demo/comments?article=pending&status=pending",
        "/v1/demo/comments?article=pending&include=email", "/v1/demo/comments?article=pending&order=newest",
        f"/v1/demo/comments/{comment}", f"/comments/{comment}", f"/t/demo?article=pending#comment-{comment}",
        f"/t/demo/{comment}", "/v1/demo/counts?article=pending", "/v1/demo/queue", "/desk/events", "/desk/live",
        "/metrics", "/readyz", "/openapi.json",
    ]  # fmt: skip
    told = {path: service.get(path, allow_redirects=False) for path in paths}
    leaks = [path for path, each in told.items() if word in each.text or found(each.content)]
    assert not leaks, f"a comment that waits, or an address, is told at {leaks}"
    ids = [path for path, each in told.items() if comment in each.text and f"/{comment}" not in path]
    assert not ids, f"the id of a comment that waits is told at {ids}"
    assert told[f"/v1/demo/comments/{comment}"].status_code == 404
    assert told[paths[0]].headers["ETag"] == before.headers["ETag"], "the ETag tells of a comment that waits"
    return f"{len(paths)} addresses: no word of it, no e-mail, same ETag, 404 for /comments/<id>"


def spoofed_addresses_change_nothing(hour: Hour) -> str:
    """3: one client with 200 values of X-Forwarded-For."""
    line, seen, left = Line(hour.port), [], []
    for number in range(200):
        told = line.post("/v1/try/comments", hour.service.comment(), {"X-Forwarded-For": f"203.0.113.{number}"})
        seen.append(told.status)
        left += [int(told.headers["ratelimit"].partition("r=")[2].partition(";")[0])] if told.status == 202 else []
    line.close()
    assert seen[:6] == [202] * 5 + [429], f"not refused at the sixth: {seen[:8]}"
    assert left[:5] == [4, 3, 2, 1, 0], f"RateLimit does not fall by one each: {left}"
    return f"429 at the sixth, RateLimit r = {left[:5]}; {seen.count(202)} of 200 taken"


def one_network_is_one_client(hour: Hour) -> str:
    """4: 1,000 IPv6 addresses of one /64, told by the trusted proxy."""
    line = Line(hour.port, PROXY)
    network = f"2001:db8:{random.randrange(65536):x}:1"
    taken = []
    for number in range(1000):
        told = line.post("/v1/try/comments", hour.service.comment(), {"X-Forwarded-For": f"{network}::{number:x}"})
        taken.append(told.status)
    other = line.post("/v1/try/comments", hour.service.comment(), {"X-Forwarded-For": "2001:db8:ffff:2::1"})
    line.close()
    assert other.status == 202, f"another network is not told apart: start it with trusted proxy {PROXY}/32"
    assert taken[:6] == [202] * 5 + [429], f"{taken.count(202)} of 1,000 taken"
    return f"one bucket: {taken.count(202)} of 1,000 taken; another /64 is another client"


def known_and_unknown_look_alike(hour: Hour, pairs: int = 200) -> str:
    """5: an author with an approved comment, and strangers."""
    known = "known.reader@visitor.example.net"
    hour.approved(article="alike", author={"name": "Ana", "email": known})
    line, seconds, shapes = Line(hour.port), ([], []), (set(), set())  # type: ignore[var-annotated]
    for number in range(2 * pairs + 20):
        which = number % 2 if number < 20 else random.randrange(2)
        email = known if which == 0 else f"r{secrets.token_hex(5)}@visitor.example.net"
        told = line.post(
            "/v1/demo/comments", hour.service.comment(article="alike", author={"name": "Ana", "email": email})
        )
        body = json.loads(told.body)
        own = {each: len(body[each]) for each in ("id", "receipt")}  # of this comment alone
        shapes[which].add(
            (told.status, *sorted(set(told.headers)), *(f"{key}={value}" for key, value in (body | own).items()))
        )
        if number >= 20:  # the first ones warm the service up
            seconds[which].append(told.seconds)
    line.close()
    assert shapes[0] == shapes[1], f"the answers differ: {shapes[0] ^ shapes[1]}"
    t = t_statistic(*seconds)
    medians = [sorted(each)[len(each) // 2] * 1000 for each in seconds]
    assert abs(t) < 4.5, f"the times differ: t = {t:.1f}, medians {medians[0]:.2f} and {medians[1]:.2f} ms"
    return f"same body and headers; {len(seconds[0])} and {len(seconds[1])} timings: |t| = {abs(t):.1f}"


def bad_bodies_are_refused(hour: Hour) -> str:
    """10: what no parser may choke on."""
    good = json.dumps(hour.service.comment(article="bad"))
    bomb = gzip.compress(b" " * 20_000_000)
    cases: list[tuple[str, bytes, dict[str, str], int]] = [
        ("30,000 [", b"[" * 30_000, {}, 400),
        ("gzip bomb", bomb, {"Content-Encoding": "gzip"}, 415),
        ("lone surrogate", good.replace("A thought", "\\ud800").encode(), {}, 400),
        ("NaN", good.replace('"A thought', 'NaN, "x": "').encode(), {}, 400),
        ("NUL", good.replace("A thought", "\\u0000").encode(), {}, 400),
    ]
    slowest = 0.0
    for name, body, headers, status in cases:
        line = Line(hour.port)
        told = line.post("/v1/demo/comments", body, headers)
        line.close()
        slowest = max(slowest, told.seconds)
        assert told.status == status, f"{name}: {told.status} and not {status}"
        assert told.headers["content-type"] == "application/problem+json", name
    status, seconds = _declare(hour.port, 50_000_000)
    assert status == 413, f"50 MB: {status} and not 413"
    slowest = max(slowest, seconds)
    assert slowest < 5, f"one took {slowest:.2f} s"
    assert hour.service.post().status_code == 202
    return f"400, 413, 415, 400, 400, 400; slowest {slowest * 1000:.0f} ms (aim 100)"


def _declare(port: int, length: int) -> tuple[int, float]:
    """Declare a body of `length` bytes and begin to send it: status and seconds until the answer."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        head = f"POST /v1/demo/comments HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n"
        client.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + b"[" * 10_000)
        return int(client.recv(4096).split(b" ")[1]), time.perf_counter() - begun


def no_address_is_left_anywhere(hour: Hour) -> str:
    """16: the address of everybody who commented so far."""
    service = hour.service
    service.post("open", article="canary")
    copy = hour.backup
    check_files(service.state)
    check_files(copy)
    browser = hour.browser("Reviewer")
    answers = [
        service.get("/metrics").text,
        browser.get("/desk/audit/csv"),
        browser.get("/desk/"),
        browser.get("/desk/audit"),
    ]
    assert not [text for text in answers if found(text.encode())], "an address in an answer"
    count = sum(1 for path in (*service.state.rglob("*"), *copy.rglob("*")) if path.is_file())
    return f"0 in {count} files (store, WAL, Redis, logs, backup), metrics, CSV, desk"


def sending_again_stores_once(hour: Hour) -> str:
    """17: one Idempotency-Key, again and again."""
    service, key = hour.service, {"Idempotency-Key": f'"a""{secrets.token_hex(4)}'}
    url = f"{service.base}/v1/demo/comments"
    value = service.comment(article="once")
    first, second = (requests.post(url, json=value, headers=key, timeout=15) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json()), "two answers"
    other = requests.post(url, json=service.comment(article="once"), headers=key, timeout=15)
    assert other.status_code == 422, f"other text, same key: {other.status_code}"
    value, key = service.comment(article="at-once"), {"Idempotency-Key": secrets.token_hex(8)}
    told = at_once(20, lambda _: requests.post(url, json=value, headers=key, timeout=30))
    assert {each.status_code for each in told} <= {first.status_code, 409}, {each.status_code for each in told}
    ids = {each.json()["id"] for each in told if each.status_code == 202}
    assert len(ids) == 1, f"{len(ids)} comments were stored"
    same = sum(each.status_code == 202 for each in told)
    return f"same answer; 422 for other text; 20 at once: one row, {same} same answers"


def headers_by_eye(hour: Hour) -> str:
    """19: policies, cookies, caching, CORS; HSTS on a service that is reached by https."""
    service = hour.service
    page = requests.get(f"{service.base}/desk/sign-in", timeout=15).headers
    assert page["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "trusted-types 'none'" in page["Content-Security-Policy"]
    assert (page["Cache-Control"], page["X-Frame-Options"]) == ("no-store", "DENY")
    read = requests.get(
        f"{service.base}/v1/demo/comments?article=first", headers={"Origin": "null"}, timeout=15
    ).headers
    assert read["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in read
    assert read["Cache-Control"] == "public, max-age=10, stale-while-revalidate=30"
    assert read["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    url = f"{service.base}/v1/demo/comments"
    for origin in ("null", "https://evil.example", "https://news.example.org.evil.example"):
        for told in (
            requests.post(url, json=service.comment(), headers={"Origin": origin}, timeout=15),
            requests.options(url, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}, timeout=15),
        ):
            assert told.status_code == 403, f"{origin}: {told.status_code}"
            assert "Access-Control-Allow-Origin" not in told.headers
    listed = requests.post(url, json=service.comment(), headers={"Origin": "https://news.example.org"}, timeout=15)
    assert listed.headers["Access-Control-Allow-Origin"] == "https://news.example.org"
    assert "Origin" in listed.headers["Vary"]
    secure = hour.clean
    secure.person("Reviewer")
    form = {"name": "Reviewer", "password": PASSWORD}
    ours = {"Sec-Fetch-Site": "same-origin"}
    told = requests.post(f"{secure.base}/desk/sign-in", form, headers=ours, timeout=15, allow_redirects=False)
    assert told.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
    mod = next(line for line in told.raw.headers.getlist("Set-Cookie") if line.startswith("__Host-mod="))
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in mod, f"the session's cookie lacks {part}"
    return "CSP, no-store, HSTS, __Host- cookie; 3 foreign origins: 403 and no CORS; a listed one is echoed"
