"""Proof of work in a real browser: under the widget on a strict page, on the thread page, and without JavaScript."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser import test_reader
from tests.browser.test_reader import AWAITING, STRICT, Elsewhere, fill, send, violations_of_axe
from tests.service import RULES, Service, running_service

visit = test_reader.visit
elsewhere = test_reader.elsewhere

DONE = "The calculation against spam is done."
PROOF = '\n[sites.work]\nname = "The Harbour Post"\nmode = "post"\nform.proof = "always"\nform.proof_numbers = 50000\n'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere) -> Iterator[Service]:
    rules = RULES.replace('"https://news.example.org"', f'"{elsewhere.origin}"') + PROOF
    with running_service(tmp_path_factory.mktemp("work") / "state", rules=rules) as running:
        yield running


def finding(service: Service, body: str) -> str:
    told = service.queued(service.token("queue:read"), body, "work")["explanation"]["findings"]
    return str(next(each["code"] for each in told if each["rule"] == "form.proof"))


def test_the_widget_solves_it_while_its_reader_writes(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page], tell: Callable[[str], None]
) -> None:
    page = visit(elsewhere.page("/work", service.base, policy=STRICT, site="work", article="widget"))
    widget = page.locator("comment-thread")
    began = time.monotonic()
    fill(widget, "Written with a calculation.")
    expect(widget.get_by_text(DONE)).to_be_visible()
    tell(f"proof of work: typed and solved among 50,000 numbers in {time.monotonic() - began:.1f} s of a busy Chromium")
    send(widget)
    expect(widget.get_by_text("Your comment is published.")).to_be_visible()
    fill(widget, "Written with another calculation.")
    send(widget)
    expect(widget.locator(".cm-text")).to_have_count(2)
    expect(widget.get_by_text("Written with another calculation.")).to_be_visible()
    assert finding(service, "Written with a calculation.") == "passed"
    assert finding(service, "Written with another calculation.") == "passed"
    assert not page.evaluate("window.violations")


def test_the_thread_page_waits_for_it_before_it_sends(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/t/work?article=page")
    fill(page, "Sent quickly.")
    send(page)
    expect(page.get_by_text("Sent quickly.")).to_be_visible()
    page.go_back()
    fill(page, "Sent after going back.")
    send(page)
    expect(page.get_by_text("Sent after going back.")).to_be_attached()
    assert finding(service, "Sent quickly.") == "passed"
    assert finding(service, "Sent after going back.") == "passed"
    assert not page.evaluate("window.violations")


def test_without_javascript_the_comment_waits_in_the_queue(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/t/work?article=plain", java_script_enabled=False)
    fill(page, "Written without a script.")
    send(page)
    expect(page.get_by_role("status").filter(has_text=AWAITING)).to_be_visible()
    assert finding(service, "Written without a script.") == "proof-missing"


@pytest.mark.parametrize("path", ["widget", "page"])
def test_where_it_does_not_work_the_comment_goes_all_the_same(
    path: str, service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    here = elsewhere.page("/fails", service.base, site="work", article="fails")
    page = visit(here if path == "widget" else f"{service.base}/t/work?article=fails")
    page.route("**/challenge", lambda route: route.abort())
    fill(page, f"Written while it failed, {path}.")
    expect(page.get_by_text("did not work here. You can post all the same.")).to_be_visible()
    send(page)
    expect(page.get_by_text(AWAITING)).to_be_visible()
    assert finding(service, f"Written while it failed, {path}.") == "proof-missing"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_words_shut_nobody_out(
    scheme: Any, service: Service, elsewhere: Elsewhere, visit: Callable[..., Page], tmp_path: Path
) -> None:
    folder = Path(os.environ.get("PICTURES", tmp_path))
    for name, url in (
        ("page", f"{service.base}/t/work?article=seen"),
        ("widget", elsewhere.page("/seen", service.base, site="work", article="seen")),
    ):
        page = visit(url, color_scheme=scheme, viewport={"width": 320, "height": 900})
        page.get_by_role("textbox", name="Comment").focus()
        expect(page.get_by_role("status").filter(has_text=DONE)).to_be_visible()
        assert violations_of_axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 320 or name == "widget"
        page.screenshot(path=folder / f"work-{name}-{scheme}.png", full_page=name == "page")
