"""Bans at the desk in a browser: made and lifted from a card by key and by mouse, and on the page of bans."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.desk import Visit, card, queue, send, violations_of_axe
from tests.service import Service


def sent_again(service: Service, site: str, n: int) -> str:
    author = {"name": f"Reader {n}", "email": f"reader{n}@visitor.example.net"}
    return str(service.post(site, author=author, body="Me again, after the ban.").json()["id"])


def test_a_ban_is_made_from_the_card_by_keys_alone(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit(queue(site))
    page.keyboard.press("j")
    page.keyboard.press("b")
    expect(page.get_by_label("On", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("for a week")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("Sells pills")
    page.keyboard.press("Enter")
    told = page.get_by_role("status").filter(has_text="Banned: what they send from now on is rejected. Reader 2")
    expect(told).to_be_visible()
    ban = card(page, "Reader 2").get_by_role("region", name="Ban")
    expect(ban.get_by_role("listitem")).to_contain_text("r•••@v•••.net, until")
    expect(ban.get_by_role("listitem")).to_contain_text("Sells pills")
    expect(card(page, "Reader 2")).to_be_focused()
    sent_again(service, site, 2)
    page.goto(f"{service.base}{queue(site, 'rejected')}")
    expect(card(page, "Reader 2").locator(".why")).to_have_text("A ban on this author: Sells pills.")


def test_pre_moderation_by_mouse_then_lifted_there(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1)
    page = visit(queue(site))
    reader = card(page, "Reader 1")
    reader.get_by_role("link", name="Ban").click()
    ban = reader.get_by_role("region", name="Ban")
    ban.get_by_role("button", name="Pre-moderate").click()
    expect(ban.get_by_role("alert")).to_have_text("Please fill this in.")
    ban.get_by_label("On", exact=True).select_option(label="their whole network, 127.0.0.0/24")
    ban.get_by_label("Why").select_option("off-topic")
    ban.get_by_role("button", name="Pre-moderate").click()
    expect(ban.get_by_role("listitem")).to_contain_text("127.0.0.0/24")
    sent_again(service, site, 1)
    page.goto(f"{service.base}{queue(site)}")
    expect(card(page, "Reader 1").last.locator(".why")).to_contain_text("All from this network waits for a moderator")
    page.keyboard.press("b")
    page.get_by_role("button", name="Lift the ban on network 127.0.0.0/24").click()
    expect(page.get_by_role("status").filter(has_text="Lifted.")).to_be_visible()
    expect(card(page, "Reader 1").first.get_by_role("region", name="Ban")).to_contain_text("No ban is on the sender.")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
def test_axe_finds_nothing_on_the_page_of_bans(
    service: Service, visit: Visit, site: str, scheme: str, width: int
) -> None:
    send(service, site, 1)
    page = visit("/desk/bans", color_scheme=scheme, viewport={"width": width, "height": 900})
    for on, button in (("192.0.2.0/25", "Ban"), ("pills@spammer.example.net", "Pre-moderate")):
        page.get_by_label("Site").select_option(site)
        page.get_by_label("On", exact=True).fill(on)
        page.get_by_label("Why").fill("Sells pills under every article")
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("status")).to_have_text("Made.")
    expect(page.get_by_text("p•••@s•••.net", exact=True).first).to_be_visible()
    assert not violations_of_axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if kept := os.environ.get("MODERATION_PICTURES"):
        page.screenshot(path=Path(kept) / f"bans-{scheme}-{width}.png", full_page=True)
    page.get_by_label("Find").fill("pills@spammer.example.net")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Those on the e-mail address that you typed:")
    expect(page.get_by_role("listitem").filter(has_text="192.0.2.0/25")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not violations_of_axe(page)
    page.get_by_label("Find").fill("192.0.2")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("p•••@s•••.net", exact=True)).to_have_count(0)
    page.get_by_label("On", exact=True).fill("10.0.0.0/8")
    page.get_by_label("Why").fill("Too wide")
    page.get_by_role("button", name="Ban", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("On: A network is IPv4 from /24 on")
    assert not violations_of_axe(page)
    page.get_by_role("button", name="Lift the ban on network 192.0.2.0/25").first.click()
    expect(page.get_by_role("status")).to_contain_text("Lifted.")
