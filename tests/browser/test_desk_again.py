"""A page of the desk that stays open while its moderator signs in anew, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Browser, expect
from tests.browser.desk import card, count, queue, send, sign_in
from tests.service import Service


def test_a_decision_of_a_page_from_before_signing_in_anew_is_taken(
    service: Service, browser: Browser, site: str
) -> None:
    send(service, site, 2)
    context = browser.new_context()
    page, other = context.new_page(), context.new_page()
    sign_in(page, service, "Omar")
    page.goto(service.base + queue(site))
    other.goto(service.base + queue(site))
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(other, service, "Omar")
    page.keyboard.press("r")
    page.keyboard.press("0")
    page.keyboard.type("a long story")
    page.keyboard.press("Enter")
    expect(count(page, "rejected")).to_have_text("1")
    page.keyboard.press("a")
    expect(count(page, "approved")).to_have_text("1")
    page.goto(service.base + queue(site, "rejected"))
    expect(card(page, "Reader 1").locator(".meta .reason")).to_have_text("a long story")
    context.close()
