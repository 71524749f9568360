"""Authors and their own comment in a real browser: in the widget, and on the page of the receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.browser import test_reader
from tests.browser.test_reader import AWAITING, fill, send
from tests.service import Service, running_service

visit = test_reader.visit


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("own") / "state") as running:
        yield running


def test_readers_take_their_comment_back_and_write_it_anew(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/demo/demo/")
    widget = page.locator("comment-thread")
    fill(widget, "Said in a hurry.")
    send(widget)
    expect(widget.get_by_role("status")).to_have_text(AWAITING)
    own = widget.locator(".cm-waiting").filter(has_text="Said in a hurry.")
    own.get_by_role("button", name="Edit").click()
    own.get_by_role("textbox", name="Your comment").fill("Said with care.")
    own.get_by_role("button", name="Replace the text").click()
    changed = widget.locator(".cm-waiting").filter(has_text="Said with care.")
    expect(changed.get_by_text("Your new text awaits moderation.")).to_be_visible()
    page.reload()
    changed.get_by_role("button", name="Take back").click()
    changed.get_by_role("button", name="Really delete it?").click()
    expect(widget.get_by_role("status")).to_have_text("You have taken your comment back.")
    expect(changed).to_have_count(0)


def test_the_page_of_a_receipt_works_without_javascript(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/t/demo?article=receipts", java_script_enabled=False)
    fill(page, "A comment with a receipt.")
    send(page)
    page.get_by_role("link", name="See how it stands").click()
    expect(page.get_by_text(AWAITING)).to_be_visible()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("")
    page.get_by_role("textbox", name="Comment").fill("Another text.")
    page.get_by_role("button", name="Replace the text").click()
    expect(page.get_by_role("status")).to_have_text("Your new text was taken in.")
    page.get_by_role("button", name="Take the comment back").click()
    expect(page.get_by_role("status")).to_contain_text("taken your comment back")


def test_the_page_of_a_receipt_knows_what_this_browser_sent(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/t/demo?article=receipts")
    fill(page, "Only this browser knows it.")
    send(page)
    page.get_by_role("link", name="See how it stands").click()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("Only this browser knows it.")
