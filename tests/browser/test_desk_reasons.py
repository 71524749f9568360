"""Why something is decided, in a real browser: one more key, words of one's own, and what is left to a senior."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from tests.browser.desk import Visit, card, count, queue, send, violations_of_axe
from tests.service import Service


def test_a_reason_is_one_more_key_or_words_of_ones_own(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 5)
    page = visit(queue(site))
    page.keyboard.press("r")
    expect(card(page, "Reader 1").get_by_role("button", name="Private data")).to_be_visible()
    page.keyboard.press("Escape")
    expect(card(page, "Reader 1").get_by_role("button", name="Private data")).to_be_hidden()
    expect(card(page, "Reader 1")).to_be_focused()
    for keys in (["r", "3"], ["d", "Enter"], ["r", "r"]):
        for key in keys:
            page.keyboard.press(key)
    expect(count(page, "rejected")).to_have_text("3")
    expect(card(page, "Reader 4")).to_be_focused()
    page.keyboard.press("r")
    page.keyboard.press("0")
    page.keyboard.type("a rumour nobody has")
    expect(card(page, "Reader 4")).to_be_visible()  # keys rest while one types
    page.keyboard.press("Enter")
    card(page, "Reader 5").get_by_text("With a reason").click()
    card(page, "Reader 5").get_by_role("button", name="Advertising").click()
    expect(count(page, "rejected")).to_have_text("5")
    page.goto(service.base + queue(site, "rejected"))
    told = [card(page, f"Reader {n}").locator(".meta .reason") for n in range(1, 6)]
    expect(told[0]).to_have_text("Private data")
    expect(told[1]).to_have_count(0)
    expect(told[2]).to_have_count(0)
    expect(told[3]).to_have_text("a rumour nobody has")
    expect(told[4]).to_have_text("Advertising")


def test_a_key_escalates_with_a_word_on_why_and_z_takes_it_back(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit(queue(site))
    page.keyboard.press("e")
    page.keyboard.type("ask the lawyer")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Escalated: a senior decides.")).to_be_visible()
    expect(card(page, "Reader 1")).to_have_count(0)
    page.keyboard.press("z")
    expect(card(page, "Reader 1")).to_be_focused()
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    expect(card(page, "Reader 1")).to_have_count(0)
    page.reload()
    page.get_by_role("link", name="1 escalated: a senior decides").click()
    expect(card(page, "Reader 1")).to_contain_text(re.compile(r"Escalated by you, \d\d:\d\d"))
    assert violations_of_axe(page) == []


def test_a_selection_is_rejected_for_a_reason_by_key(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 3)
    page = visit(queue(site))
    for key in ("x", "j", "x", "Shift+R"):
        page.keyboard.press(key)
    expect(page.locator("#bulk").get_by_role("button", name="Abuse or insult")).to_be_visible()
    assert violations_of_axe(page) == []
    page.keyboard.press("2")
    expect(page.get_by_role("status", name="Many at once")).to_contain_text("2 comments rejected.")
    page.goto(service.base + queue(site, "rejected"))
    expect(page.locator(".meta .reason")).to_have_text(["Abuse or insult", "Abuse or insult"])


def test_words_are_typed_without_javascript_and_enter_decides_nothing(
    service: Service, visit: Visit, site: str
) -> None:
    send(service, site, 1)
    page = visit(queue(site), java_script_enabled=False)
    one = card(page, "Reader 1")
    one.get_by_text("With a reason").click()
    one.get_by_role("textbox", name="In your own words").fill("its third advert today")
    page.keyboard.press("Enter")
    expect(one).to_be_visible()
    one.get_by_role("button", name="Advertising").click()
    page.goto(service.base + queue(site, "rejected"))
    expect(one.locator(".meta .reason")).to_have_text("Advertising: its third advert today")


def test_reasons_fit_a_narrow_screen_and_axe_finds_nothing(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1)
    page = visit(queue(site), viewport={"width": 320, "height": 900})
    card(page, "Reader 1").get_by_text("With a reason").click()
    assert violations_of_axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 320
