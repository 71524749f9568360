"""A reader in a real browser: under the demo article with JavaScript and without, and with the widget on pages of
others, whose policies are strict, whose network breaks, and which must stay as they are whatever happens."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect
from tests.service import CANARY, RULES, Service, free_port, running_service

ARTICLE = "The last ferry will run until two"
AWAITING = "Your comment is awaiting moderation."
STRICT = (
    "default-src 'none'; script-src {service}; connect-src {service}; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
MORE_SITES = """
[sites.small]
mode = "post"
email = "optional"
page_size = 2

[sites.elsewhere]
origins = ["https://news.example.org"]
"""
WATCH = """
window.violations = [];
window.shifts = 0;
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.effectiveDirective));
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@dataclass
class Elsewhere:
    """Servers of others: pages that hold the widget, and a comment service that misbehaves as told by `fault`."""

    origin: str
    pages: dict[str, tuple[str, str]] = field(default_factory=dict)
    script: bytes = b""
    fault: str = ""
    asked: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def page(self, path: str, service: str, *, policy: str = "", theme: str = "", **data: str) -> str:
        """The address of an article page with the widget's tag of `service`."""
        tag = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
        body = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>An article</title>{theme}'
            f"<main><h1>An article</h1><p id=story>{'It rained. ' * 900}</p>"
            f'<script async src="{service}/embed.js" {tag}></script></main><footer><p>The end.</p></footer></html>'
        )
        self.pages[path] = (body, policy.format(service=service))
        return self.origin + path


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    with _serving() as server:
        yield server


@pytest.fixture
def broken() -> Iterator[Elsewhere]:
    with _serving() as server:
        yield server


@contextmanager
def _serving() -> Iterator[Elsewhere]:
    port = free_port()
    state = Elsewhere(f"http://127.0.0.1:{port}")
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"state": state}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Elsewhere

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in self.state.pages:
            body, policy = self.state.pages[path]
            self._answer(
                200, "text/html; charset=utf-8", body.encode(), {"Content-Security-Policy": policy} if policy else {}
            )
        elif path == "/embed.js":
            self._answer(200, "text/javascript", self.state.script)
        elif path.startswith("/v1/"):
            self._misbehave()
        else:
            self._answer(404, "text/plain", b"")

    def do_POST(self) -> None:
        self._misbehave()

    do_OPTIONS = do_POST

    def _misbehave(self) -> None:
        fault = self.state.fault
        self.state.asked.set()
        if fault == "hanging":
            self.state.over.wait(60)
        elif fault == "cut off":
            self.close_connection = True
        elif fault == "half an answer":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(b'{"comments":[')
            self.close_connection = True
        elif fault == "server error":
            self._answer(500, "text/html", b"<h1>oops</h1>")
        else:
            self._answer(200, "application/json", fault.encode())

    def _answer(self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere) -> Iterator[Service]:
    rules = RULES.replace('"https://news.example.org"', f'"{elsewhere.origin}"') + MORE_SITES
    with running_service(tmp_path_factory.mktemp("reader") / "state", rules=rules) as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages in a fresh browser profile. At the end, no page may have thrown."""
    contexts: list[BrowserContext] = []
    thrown: list[str] = []

    def open_page(url: str, *, clock: bool = False, **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: thrown.append(str(error)))
        if clock:
            page.clock.install()
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not thrown


def fill(form: Page | Locator, body: str, name: str = "Ana", email: str = CANARY) -> None:
    form.get_by_role("textbox", name="Comment").fill(body)
    form.get_by_role("textbox", name="Name").fill(name)
    form.get_by_role("textbox", name="Email").fill(email)


def send(form: Page | Locator) -> None:
    form.get_by_role("button", name="Post Comment").click()


def approve(service: Service, body: str, site: str = "demo") -> None:
    headers = service.token("queue:read", "decisions:write")
    item = service.queued(headers, body, site, "pending")
    chosen = [{"id": item["id"], "version": item["version"], "decision": "approve"}]
    answer = service.session.post(f"{service.base}/v1/{site}/decisions", json=chosen, headers=headers, timeout=15)
    assert answer.status_code == 200, answer.text


def violations_of_axe(page: Page) -> list[str]:
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


# ---- posting and reading ----


def test_a_comment_waits_and_appears_when_approved(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    body = "I was the cello, and I would take the boat again."
    url = elsewhere.page("/waits", service.base, site="demo", article="waits")
    page = visit(url)
    widget = page.locator("comment-thread")
    expect(widget.get_by_role("heading", name="Be the first to comment")).to_be_visible()
    fill(widget, body)
    send(widget)
    expect(widget.get_by_role("status")).to_have_text(AWAITING)
    expect(widget.get_by_text("Only you can see this")).to_be_visible()
    expect(widget.get_by_role("textbox", name="Comment")).to_have_value("")

    stranger = visit(url)
    expect(stranger.get_by_role("heading", name="Be the first to comment")).to_be_visible()
    expect(stranger.get_by_text(body)).to_have_count(0)

    page.reload()
    expect(widget.get_by_text("Only you can see this")).to_be_visible()

    approve(service, body)
    stranger.reload()
    expect(stranger.get_by_role("heading", name="1 comment")).to_be_visible()
    expect(stranger.get_by_text(body)).to_be_visible()
    page.reload()
    expect(widget.get_by_text(body)).to_have_count(1)
    expect(widget.get_by_text("Only you can see this")).to_have_count(0)


def test_without_javascript_a_link_leads_to_a_form_that_works(service: Service, visit: Callable[..., Page]) -> None:
    body = "No script, no problem."
    page = visit(f"{service.base}/demo/demo/", java_script_enabled=False)
    page.get_by_role("link", name="Read the comments and write one").click()
    expect(page.get_by_text("Save my name")).to_be_hidden()
    fill(page, body, name="", email="not an address")
    send(page)
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value(body)
    page.get_by_role("alert").get_by_role("link", name="Email").click()
    expect(page.get_by_role("textbox", name="Email")).to_be_focused()
    expect(page.get_by_role("textbox", name="Email")).to_have_accessible_description(
        "Your email address will not be published. Required fields are marked * "
        "Please enter a full address, such as name@example.org."
    )
    fill(page, body)
    send(page)
    expect(page.get_by_role("status")).to_have_text(AWAITING)
    expect(page.get_by_text(body)).to_have_count(0)
    approve(service, body)
    page.goto(f"{service.base}/t/demo?article=night-ferry")
    expect(page.get_by_text(body)).to_be_visible()


def test_a_page_that_nobody_listed_is_told_what_is_missing(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    page = visit(elsewhere.page("/unlisted", service.base, site="elsewhere", article="unlisted"))
    fill(page, "From a page that nobody listed.")
    send(page)
    expect(page.get_by_role("alert")).to_contain_text("The owner has to list the address of this page first")
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("From a page that nobody listed.")
    page = visit(elsewhere.page("/mistyped", service.base, site="demmo", article="mistyped"))
    expect(page.get_by_text("There is no such site.")).to_be_visible()


def test_a_first_try_at_localhost_is_at_home(service: Service, visit: Callable[..., Page]) -> None:
    base = service.base.replace("127.0.0.1", "localhost")
    page = visit(f"{base}/demo/demo/")
    fill(page, "Written at localhost.")
    send(page)
    expect(page.get_by_role("status")).to_contain_text(AWAITING)
    page = visit(f"{base}/t/demo?article=localhost", java_script_enabled=False)
    fill(page, "Written at localhost without a script.")
    send(page)
    expect(page.get_by_role("status")).to_contain_text(AWAITING)


def test_a_form_ends_at_the_article_on_another_origin(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    url = elsewhere.page("/story", service.base, site="demo", article="unused")
    page = visit(f"{service.base}/t/demo?article={url}", java_script_enabled=False)
    fill(page, "Back to the story.")
    send(page)
    page.wait_for_url(f"{url}#comment-*")


@pytest.mark.parametrize("size", [(320, 700), (1280, 900)])
def test_the_answer_is_in_sight_after_posting(
    size: tuple[int, int], service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    article = f"in-sight-{size[0]}"
    for number in range(6):
        service.post("open", article=article, body=f"{number} was here before, and had much to say. " * 12)
    theme = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    viewport = {"width": size[0], "height": size[1]}
    for site, said in (("open", "Well said, by me."), ("demo", "Only you can see this.")):
        address = elsewhere.page(f"/{article}-{site}", service.base, site=site, article=article, theme=theme)
        page = visit(address, viewport=viewport)
        fill(page, "Well said, by me.")
        send(page)
        expect(page.locator("comment-thread .cm-comment").last).to_be_focused()
        expect(page.get_by_text(said)).to_be_in_viewport()


def test_a_very_tall_text_is_cut_short_until_its_reader_wants_the_rest(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    tall = "\n".join(f"row{number}" for number in range(400))
    assert service.post("open", article="tall", body=tall).status_code == 201
    service.post("open", article="tall", body="A short one.")
    widget = elsewhere.page("/tall", service.base, site="open", article="tall")
    for address, options in ((widget, {}), (f"{service.base}/t/open?article=tall", {"java_script_enabled": False})):
        page = visit(address, **options)
        first = page.locator(".cm-text").first
        expect(page.get_by_text("Show more", exact=True)).to_have_count(1)
        assert first.evaluate("text => text.clientHeight") < 500
        page.get_by_text("Show more", exact=True).click()
        assert first.evaluate("text => text.clientHeight") > 5000
        page.get_by_text("Show less", exact=True).click()
        assert first.evaluate("text => text.clientHeight") < 500
    page = visit(widget)
    expect(page.get_by_text("Show more", exact=True)).to_be_visible()
    assert violations_of_axe(page) == []


def test_replies_stand_under_what_they_answer(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    service.post("open", article="talk", author={"name": "Ben"}, body="First word.")
    page = visit(elsewhere.page("/talk", service.base, site="open", article="talk"))
    widget = page.locator("comment-thread")
    widget.get_by_role("button", name="Reply to Ben").click()
    expect(widget.get_by_role("heading", name="Leave a Reply to Ben")).to_be_visible()
    expect(widget.get_by_role("textbox", name="Comment")).to_be_focused()
    widget.get_by_role("button", name="Cancel reply").click()
    expect(widget.get_by_role("heading", name="Leave a Reply", exact=True)).to_be_visible()
    expect(widget.get_by_role("button", name="Reply to Ben")).to_be_focused()
    widget.get_by_role("button", name="Reply to Ben").click()
    fill(widget, "Second word.", name="Cleo")
    send(widget)
    expect(widget.get_by_role("heading", name="2 comments")).to_be_visible()
    expect(widget.get_by_role("status")).to_have_text("Your comment is published.")
    expect(widget.locator("li li").get_by_text("Second word.")).to_be_visible()

    page.goto(f"{service.base}/t/open?article=talk")
    page.get_by_role("link", name="Reply to Cleo").click()
    expect(page.get_by_role("heading", name="Leave a Reply to Cleo")).to_be_visible()
    fill(page, "Third word.", name="Dan")
    send(page)
    expect(page.locator("li li li").get_by_text("Third word.")).to_be_visible()


def test_a_long_thread_comes_in_pages(service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]) -> None:
    ids = [service.post("small", article="long", author={"name": f"Reader {n}"}).json()["id"] for n in range(5)]
    url = elsewhere.page("/long", service.base, site="small", article="long")
    page = visit(url)
    cards = page.locator("comment-thread .cm-comment")
    expect(cards).to_have_count(2)
    page.get_by_role("button", name="Show more comments").click()
    expect(cards).to_have_count(4)
    expect(cards.nth(2)).to_be_focused()
    page.get_by_role("button", name="Show more comments").click()
    expect(cards).to_have_count(5)
    expect(page.get_by_role("button", name="Show more comments")).to_be_hidden()

    direct = visit(f"{url}#comment-{ids[4]}")
    expect(direct.locator("comment-thread .cm-comment[data-found]")).to_contain_text("Reader 4")
    expect(direct.locator("comment-thread .cm-comment[data-found]")).to_be_focused()

    plain = visit(f"{service.base}/t/small?article=long", java_script_enabled=False)
    plain.get_by_role("link", name="More comments").click()
    expect(plain.locator(".cm-comment")).to_have_count(2)
    expect(plain.get_by_role("link", name="First comments")).to_be_visible()


def test_a_closed_site_says_so(service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]) -> None:
    page = visit(elsewhere.page("/shut", service.base, site="shut", article="a"))
    expect(page.get_by_text("Comments are closed")).to_be_visible()
    expect(page.get_by_role("button", name="Post Comment")).to_have_count(0)


def test_the_box_remembers_the_author_and_only_when_ticked(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/demo/demo/")
    fill(page, "Do not remember me.", name="Nobody")
    send(page)
    expect(page.get_by_role("status")).to_have_text(AWAITING)
    assert page.evaluate("localStorage.getItem('moderation:author')") is None
    fill(page, "Remember me.", name="Somebody")
    page.get_by_role("checkbox").check()
    send(page)
    expect(page.get_by_text("Remember me.", exact=True)).to_be_visible()
    page.goto(f"{service.base}/t/demo?article=another")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Somebody")
    expect(page.get_by_role("textbox", name="Email")).to_have_value(CANARY)
    expect(page.get_by_role("checkbox")).to_be_checked()


def test_the_form_says_what_works_and_how_much_is_left(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    widget = elsewhere.page("/left", service.base, site="open", article="left")
    for address in (widget, f"{service.base}/t/open?article=left"):
        page = visit(address)
        box = page.get_by_role("textbox", name="Comment")
        expect(box).to_have_accessible_description("You can write **bold**, *italic*, quotes after > and links.")
        left = page.locator(".cm-left")
        expect(left).to_have_attribute("aria-live", "polite")
        box.fill("x" * 4800)
        box.press_sequentially("y")
        expect(left).to_have_text("Characters left: 199")
        box.fill("\N{GRINNING FACE}" * 5003)
        expect(left).to_have_text("Characters too many: 3")
        assert violations_of_axe(page) == []
        box.fill("Short.")
        expect(left).to_have_text("")
        told = page.evaluate(WRITING)
        assert told == ["Characters left: 10"], "not at every key"


WRITING = """async () => {
  const root = (document.querySelector("comment-thread") || { shadowRoot: document }).shadowRoot;
  const [box, left, told] = [root.querySelector("#body"), root.querySelector(".cm-left"), []];
  new MutationObserver(() => told.push(left.textContent)).observe(left, { childList: true });
  for (let typed = 4950; typed <= 4990; typed += 1) {
    box.value = "x".repeat(typed);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }
  await new Promise((done) => setTimeout(done, 1500));
  return told;
}"""


# ---- pages of others ----


def test_a_page_gives_the_widget_its_own_colours_and_fonts(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    theme = """<style>html {
      --moderation-accent: rgb(122, 31, 61); --moderation-on-accent: rgb(255, 255, 254); --moderation-ink: rgb(1, 2, 3);
      --moderation-font: Courier; --moderation-display-font: Impact;
    }</style>"""
    page = visit(elsewhere.page("/themed", service.base, site="open", article="themed", theme=theme))
    button = page.get_by_role("button", name="Post Comment")
    expect(button).to_have_css("background-color", "rgb(122, 31, 61)")
    expect(button).to_have_css("color", "rgb(255, 255, 254)")
    expect(button).to_have_css("font-family", "Courier")
    expect(page.locator("comment-thread .cm")).to_have_css("color", "rgb(1, 2, 3)")
    expect(page.get_by_role("heading", name="Be the first to comment")).to_have_css("font-family", "Impact")


def test_a_strict_page_of_another_origin_sees_no_violation(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    service.post(
        "open",
        article="strict",
        author={"name": "<img src=x onerror=alert(1)>", "url": "https://a.example/"},
        body='**Bold**, [a link](https://b.example/) and <img src=x onerror="alert(1)">\n\n> quoted\n\n- one\n- two',
    )
    url = elsewhere.page("/strict", service.base, policy=STRICT, site="open", article="strict", title="An article")
    page = visit(url)
    widget = page.locator("comment-thread")
    expect(widget.get_by_role("heading", name="1 comment")).to_be_visible()
    expect(widget.get_by_text("<img src=x onerror=alert(1)>", exact=True)).to_be_visible()
    expect(widget.locator(".cm-text strong")).to_have_text("Bold")
    expect(widget.locator(".cm-text a").first).to_have_attribute("rel", "nofollow ugc noopener")
    assert widget.locator("img").count() == 0
    send(widget)
    expect(widget.get_by_role("alert")).to_be_focused()
    widget.get_by_role("alert").get_by_role("link", name="Name").click()
    expect(widget.get_by_role("textbox", name="Name")).to_be_focused()
    fill(widget, "From a strict page.")
    send(widget)
    expect(widget.get_by_role("heading", name="2 comments")).to_be_visible()
    height = widget.locator(".cm-button").last.evaluate("(button) => getComputedStyle(button).minHeight")
    assert height == "44px", "the style sheet is not in force"
    assert page.evaluate("window.violations") == []


FAULTS = [
    "hanging",
    "cut off",
    "half an answer",
    "server error",
    "not JSON",
    "null",
    "[]",
    "{}",
    '{"comments":{}}',
    '"x"',
]
GARBAGE = (
    '{"comments":[null,1,"x",{},{"id":"a"},{"id":"b","author":5,"nodes":{"x":1}},{"id":"c","nodes":[[[[]]],["p"]]}],'
    '"article":7,"form":3}'
)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_page_stays_as_it_is_when_the_service_fails(
    fault: str, service: Service, broken: Elsewhere, visit: Callable[..., Page]
) -> None:
    broken.script = service.get("/embed.js").content
    broken.fault = fault
    url = broken.page("/article", broken.origin, site="open", article="faults")
    page = visit(url, clock=True)
    assert broken.asked.wait(15)
    page.locator("comment-thread").scroll_into_view_if_needed()
    if fault == "hanging":
        page.clock.run_for(5000)
    expect(page.get_by_text("The comments could not be loaded")).to_be_visible()
    expect(page.locator("#story")).to_be_visible()
    expect(page.get_by_role("link", name="Open the comments")).to_have_attribute(
        "href", f"{broken.origin}/t/open?article=faults"
    )
    assert page.evaluate("window.shifts") <= 0.01
    broken.fault = '{"comments":[],"count":0,"article":{},"form":{}}'
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Be the first to comment")).to_be_visible()
    expect(page.get_by_text("The comments could not be loaded")).to_be_hidden()


def test_strange_comments_do_not_break_the_page(
    service: Service, broken: Elsewhere, visit: Callable[..., Page]
) -> None:
    broken.script = service.get("/embed.js").content
    broken.fault = GARBAGE
    page = visit(broken.page("/article", broken.origin, site="open", article="faults"))
    expect(page.locator("comment-thread .cm-comment")).to_have_count(3)
    expect(page.get_by_role("button", name="Post Comment")).to_be_visible()


def test_a_blocked_service_leaves_the_page_as_it_is(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    policy = "default-src 'none'; script-src {service}; connect-src 'none'"
    page = visit(elsewhere.page("/blocked", service.base, policy=policy, site="open", article="a"))
    expect(page.get_by_text("The comments could not be loaded")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator("#story")).to_be_visible()


@pytest.mark.parametrize("fault", ["hanging", "cut off", "server error", "not JSON"])
def test_what_was_typed_is_kept_when_it_cannot_be_sent(
    fault: str, service: Service, broken: Elsewhere, visit: Callable[..., Page]
) -> None:
    broken.script = service.get("/embed.js").content
    thread = '{"comments":[],"count":0,"article":{},"form":{}}'
    broken.fault = thread
    page = visit(broken.page("/article", broken.origin, site="open", article="faults"), clock=True)
    fill(page, "Do not lose me.", name="Ana")
    broken.fault = fault
    broken.asked.clear()
    send(page)
    assert broken.asked.wait(15)
    if fault == "hanging":
        page.clock.run_for(5000)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("could not be sent")
    expect(alert).to_be_focused()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("Do not lose me.")
    broken.fault = thread
    page.reload()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("Do not lose me.")
    assert CANARY not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")


def test_try_again_sends_it_once_more(service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]) -> None:
    page = visit(elsewhere.page("/again", service.base, site="demo", article="again"))
    fill(page, "Second time lucky.")
    page.context.set_offline(True)
    send(page)
    again = page.get_by_role("alert").get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    page.context.set_offline(False)
    again.click()
    expect(page.get_by_role("status")).to_have_text(AWAITING)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_comment_whose_answer_was_lost_is_not_called_a_duplicate(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    page = visit(elsewhere.page("/lost", service.base, site="demo", article="lost"))
    fill(page, "It arrived, and nobody said so.")

    def lose(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        assert route.fetch().status == 202
        route.abort()

    page.route("**/v1/**", lose)
    send(page)
    again = page.get_by_role("alert").get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    page.unroute("**/v1/**")
    again.click()
    expect(page.get_by_role("status")).to_have_text(AWAITING)
    expect(page.get_by_text("Only you can see this")).to_be_visible()


def test_a_duplicate_is_called_one(service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]) -> None:
    page = visit(elsewhere.page("/twice", service.base, site="demo", article="twice"))
    fill(page, "I said that.")
    send(page)
    expect(page.get_by_role("status")).to_have_text(AWAITING)
    fill(page, "I said that.")
    send(page)
    expect(page.get_by_role("alert")).to_contain_text("it looks as though you already said that")
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("I said that.")


def test_too_fast_says_the_seconds_and_keeps_the_text(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    while service.post("narrow", article="fast").status_code != 429:
        pass
    page = visit(elsewhere.page("/fast", service.base, site="narrow", article="fast"))
    fill(page, "One more.")
    send(page)
    expect(page.get_by_role("alert")).to_contain_text("Please wait")
    assert any(character.isdigit() for character in page.get_by_role("alert").inner_text())
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("One more.")


def test_the_pages_own_shortcuts_stay_off_while_typing(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    page = visit(elsewhere.page("/keys", service.base, site="open", article="keys"))
    page.evaluate("window.keys = 0; document.addEventListener('keydown', () => { window.keys += 1; })")
    page.get_by_role("textbox", name="Comment").press_sequentially("jk")
    assert page.evaluate("window.keys") == 0


# ---- for everyone ----


@pytest.fixture(scope="module")
def talk(service: Service) -> str:
    """An article with a thread of every shape."""
    article = "accessible"
    parent = None
    for depth in range(7):
        body = f"Level {depth}, with **bold**, `code`, https://example.org/{'long' * 30} and {'wide' * 40}."
        sent = service.post("open", article=article, author={"name": f"Reader {depth}"}, body=body, parent=parent)
        parent = sent.json()["id"]
    service.post(
        "open", article=article, author={"name": "قارئ", "url": "https://a.example"}, body="مرحبا بكم.\n\n> سطر"
    )
    return article


DARK = "<style>body { background: #111; color: #eee; } a { color: #9cf; }</style>"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(
    scheme: str, service: Service, elsewhere: Elsewhere, talk: str, visit: Callable[..., Page]
) -> None:
    options = {"color_scheme": scheme}
    page = visit(f"{service.base}/demo/demo/", **options)
    expect(page.get_by_role("button", name="Post Comment")).to_be_visible()
    assert violations_of_axe(page) == []

    theme = DARK if scheme == "dark" else ""
    page = visit(elsewhere.page(f"/{scheme}", service.base, site="open", article=talk, theme=theme), **options)
    page.get_by_role("button", name="Reply to Reader 1").click()
    send(page)
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations_of_axe(page) == []
    fill(page, f"Seen by all, in {scheme}.")
    send(page)
    expect(page.get_by_role("status")).to_have_text("Your comment is published.")
    assert violations_of_axe(page) == []

    page = visit(
        elsewhere.page(f"/wait-{scheme}", service.base, site="demo", article=f"wait-{scheme}", theme=theme), **options
    )
    fill(page, "Waiting for all.")
    send(page)
    expect(page.get_by_text("Only you can see this")).to_be_visible()
    assert violations_of_axe(page) == []

    page = visit(f"{service.base}/t/open?article={talk}&held={'0' * 16}", **options)
    assert violations_of_axe(page) == []
    send(page)
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations_of_axe(page) == []


@pytest.mark.parametrize("path", ["/demo/demo/", "/t/open?article=accessible", "/t/shut?article=a", "widget"])
def test_320_pixels_are_wide_enough(
    path: str, service: Service, elsewhere: Elsewhere, talk: str, visit: Callable[..., Page]
) -> None:
    theme = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    widget = elsewhere.page("/narrow", service.base, site="open", article=talk, theme=theme)
    page = visit(widget if path == "widget" else service.base + path, viewport={"width": 320, "height": 640})
    if path == "widget":
        page.get_by_role("button", name="Reply to Reader 6").click()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    small = page.evaluate(
        """[...document.querySelectorAll("comment-thread")].map((each) => each.shadowRoot).concat(document)
        .flatMap((root) => [...root.querySelectorAll(".cm button, .cm input, .cm-act, .cm-meta a")])
        .map((each) => [each.outerHTML.slice(0, 90), each.getBoundingClientRect()])
        .filter(([, box]) => box.height > 0 && (box.height < 23.9 || box.width < 23.9)).map(([html]) => html)"""
    )
    assert small == []


def test_a_picture_of_it_can_be_taken(tmp_path: Path, visit: Callable[..., Page]) -> None:
    """The README's picture: `MODERATION_PICTURES=docs/pictures` renews it."""
    rules = RULES.replace('name = "Demo"', 'name = "Demo"\nmode = "post"')
    with running_service(tmp_path / "state", rules=rules) as service:

        def say(name: str, body: str, **more: Any) -> str:
            sent = service.post(
                "demo", article="night-ferry", author={"name": name, "email": CANARY}, body=body, **more
            )
            assert sent.status_code == 201, sent.text
            return str(sent.json()["id"])

        first = say("Ana Pereira", "I was the cello. It saves me *forty minutes* by bus, and the crew has a heater.")
        second = say("Tom", "And I was the bicycle, next to you. Lovely playing!", parent=first)
        say("Ana Pereira", "Come to the concert on Friday, then.", parent=second)
        say("Ruth, Sailmakers’ Row", "Some of us live above that quay.\n\n> Both were promised.\n\nPromised by when?")
        page = visit(f"{service.base}/demo/demo/", viewport={"width": 900, "height": 1180}, device_scale_factor=1.5)
        page.get_by_role("heading", name="4 comments").scroll_into_view_if_needed()
        page.locator(".story p").last.evaluate("(last) => last.scrollIntoView({ block: 'start' })")
        folder = Path(os.environ.get("MODERATION_PICTURES", tmp_path))
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / "widget.png")
        assert (folder / "widget.png").stat().st_size > 10_000
