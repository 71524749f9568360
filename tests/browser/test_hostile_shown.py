"""Hostile texts shown: posted as text, name, title and reason, approved, and then looked at in a real browser on the
thread page, in the widget on a page without any policy of its own, on the desk and in the record.

Nothing runs, no dialog opens, nothing is asked of another host, no policy had to step in, and no element or attribute
stands in a comment that an ordinary comment could not hold.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect
from tests.doors.hostile.rows import corpus, own
from tests.doors.hostile.sockets import Line, request
from tests.service import PASSWORD, RULES, Service, running_service

from moderation.text.redact import holds_address

OURS = ("xss", "xss_markdown", "ssti", "unicode", "naughty", "misc_injection", "csv_injection", "log_injection")
THEIRS = ("xss", "xss_markdown")
SITE = """
[sites.shown]
email = "optional"
page_size = 500
[sites.shown.words]
severe = "tag"
strong = "tag"
[sites.shown.links]
most = 100
"""
WATCH = """
window.wasRun = window.wasRun || 0;
window.violations = [];
for (const name of ["alert", "confirm", "prompt", "print", "open"]) window[name] = () => { window.wasRun += 1; };
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.effectiveDirective));
"""
LOOK = """
() => {
  const roots = [document, ...[...document.querySelectorAll("*")].flatMap((each) => each.shadowRoot || [])];
  const cards = roots.flatMap((root) => [...root.querySelectorAll("article, .rows > li")]);
  const inside = cards.flatMap((card) => [...card.querySelectorAll("*")]);
  return {
    cards: cards.length,
    tags: [...new Set(inside.map((each) => each.localName))],
    attributes: [...new Set(inside.flatMap((each) => each.getAttributeNames()))],
    targets: [...new Set(inside.flatMap((each) => ["href", "src", "action", "formaction", "data"].flatMap(
      (name) => each.getAttribute(name) || [])))],
    wasRun: window.wasRun,
    violations: window.violations,
  };
}
"""
TEXT = {"p", "br", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"}
AROUND = {
    "article", "bdi", "button", "dd", "details", "div", "dl", "dt", "fieldset", "footer", "form", "h2", "h3", "h4",
    "header", "input", "kbd", "label", "legend", "mark", "option", "select", "small", "span", "summary", "time",
}  # fmt: skip


@dataclass
class Watched:
    """What a page did that no page may."""

    deeds: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("shown") / "state", rules=RULES + SITE) as running:
        running.person("Ana", "admin")
        yield running


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Every text that can be sent: lone surrogates cannot."""
    rows = [row for category in OURS for row in own(category)] + [row for each in THEIRS for row in corpus(each)]
    return list(dict.fromkeys(row.text for row in rows if row.text.isprintable() or row.category.startswith("xss")))


@pytest.fixture(scope="module")
def approved(service: Service, texts: list[str]) -> int:
    """All of them posted and approved under the article `hostile`. How many."""
    line = Line(int(service.base.rpartition(":")[2]))
    ids = [found for number, text in enumerate(texts) if (found := _post(line, number, text))]
    line.close()
    script = service.token("queue:read", "decisions:write")
    for start in range(0, len(ids), 200):
        rulings = [
            {"id": each, "version": 1, "decision": "approve", "reason": _reason(text)}
            for each, text in ids[start : start + 200]
        ]
        url = f"{service.base}/v1/shown/decisions"
        answer = service.session.post(url, json=rulings, headers=script, timeout=60)
        assert {each["result"] for each in answer.json()} == {"decided"}, answer.text[:300]
    assert len(ids) > len(texts) * 0.8
    return len(ids)


def _reason(text: str) -> str | None:
    """As much of a text as may stand in the record."""
    return text[:150] if text.isprintable() and not holds_address(text[:150]) else None


def _post(line: Line, number: int, text: str) -> tuple[str, str] | None:
    """As name and text; where the name is refused, as text alone. None where the text is refused as well."""
    article = {"id": "hostile", "title": text} if number == 0 else "hostile"
    for name in (text, f"Reader {number}"):
        value = {"article": article, "author": name, "url": f"https://reader.example/{number}", "body": text}
        body = json.dumps(value).encode()
        answer = line.ask(request("POST", "/v1/shown/comments", {"Content-Type": "application/json"}, body))
        if answer.status == 202:
            return json.loads(answer.body)["id"], text
    return None


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context()
    opened.add_init_script(WATCH)
    yield opened
    opened.close()


def watched(context: BrowserContext, service: Service, also: str = "") -> tuple[Page, Watched]:
    page, seen = context.new_page(), Watched()
    page.set_default_timeout(30_000)
    hosts = {urlsplit(service.base).netloc, also}

    def dismiss(dialog: Dialog) -> None:
        seen.deeds.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.on("pageerror", lambda error: seen.deeds.append(f"thrown: {error}"))
    page.on("popup", lambda other: seen.deeds.append(f"a window: {other.url}"))
    page.on(
        "request",
        lambda sent: None if urlsplit(sent.url).netloc in hosts else seen.deeds.append(f"asked for {sent.url[:100]}"),
    )
    page.on(
        "console",
        lambda said: seen.deeds.append(f"said: {said.text[:200]}") if "Content Security Policy" in said.text else None,
    )
    return page, seen


def check(page: Page, seen: Watched, cards: int) -> None:
    """That the page holds `cards` comments and nothing that a comment may not hold, and did nothing of its own."""
    found = page.evaluate(LOOK)
    assert found["cards"] >= cards
    assert set(found["tags"]) <= TEXT | AROUND
    assert not [name for name in found["attributes"] if name.startswith("on") or name in ("style", "srcdoc", "is")]
    assert not [each for each in found["targets"] if not re.match(r"https?://|[/#?](?!/)", each)]
    assert found["wasRun"] == 0
    assert found["violations"] == []
    assert seen.deeds == []


def test_nothing_runs_on_the_thread_page(
    service: Service, context: BrowserContext, approved: int, tell: Callable[[str], None]
) -> None:
    page, seen = watched(context, service)
    page.goto(f"{service.base}/t/shown?article=hostile")
    cards = page.locator(".cm-comment").count()
    check(page, seen, min(approved, 500))
    while (more := page.get_by_role("link", name="More comments")).count():
        with page.expect_navigation():
            more.click()
        cards += page.locator(".cm-comment").count()
        check(page, seen, 1)
    assert cards == approved
    tell(f"shown in a browser: {approved} hostile texts")


@pytest.fixture
def elsewhere(tmp_path: Path, service: Service) -> Iterator[str]:
    """Another site's page that holds the widget and has no policy at all."""
    tag = f'<script async src="{service.base}/embed.js" data-site="shown" data-article="hostile"></script>'
    page = f'<!doctype html><title>An article</title><link rel="icon" href="data:,"><main>{tag}</main>'
    (tmp_path / "page.html").write_text(page, "utf-8")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/page.html"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_runs_in_the_widget_on_a_page_without_a_policy(
    service: Service, elsewhere: str, context: BrowserContext, approved: int
) -> None:
    page, seen = watched(context, service, urlsplit(elsewhere).netloc)
    page.goto(elsewhere)
    cards = page.locator("comment-thread .cm-comment")
    for shown in range(500, approved, 500):
        expect(cards).to_have_count(shown, timeout=30_000)
        page.get_by_role("button", name="Show more comments").click()
    expect(cards).to_have_count(approved, timeout=30_000)
    check(page, seen, approved)


def test_nothing_runs_on_the_desk_and_in_the_record(service: Service, context: BrowserContext, approved: int) -> None:
    page, seen = watched(context, service)
    page.goto(f"{service.base}/desk")
    page.get_by_role("textbox", name="Name").fill("Ana")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()
    for path in ("/desk/?status=approved&site=shown", "/desk/audit"):
        cards = 0
        page.goto(service.base + path)
        while True:
            check(page, seen, 1)
            cards += page.evaluate(LOOK)["cards"]
            following = page.locator('a[rel="next"]')
            if not following.count():
                break
            page.goto(service.base + str(following.get_attribute("href")))
        assert cards >= approved
