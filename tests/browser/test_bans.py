"""Bans at the desk in a browser: made and lifted from a card by key and by mouse, and on the page of bans."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from playwright.sync_api import Page, expect
from tests.browser.desk import Visit, card, queue, send, violations_of_axe
from tests.service import RULES, Service, running_service

KEY = ECKey.generate_key("P-256", {"kid": "one"}, auto_kid=False)
PROVED = ("signed", "plain", "light-1280", "light-320", "dark-1280", "dark-320")
"""Sites with a login of their publisher's."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    state: Path = tmp_path_factory.mktemp("bans") / "state"
    (state / "logins").mkdir(parents=True)
    rules = RULES + "".join(f"[sites.s{number}]\n" for number in range(8))
    for site in PROVED:
        rules += f'[sites.{site}.login]\nissuer = "https://login.example"\nalgorithm = "ES256"\n'
        (state / "logins" / f"{site}.json").write_text(json.dumps(KeySet([KEY]).as_dict(private=False)))
    with running_service(state, rules=rules) as running:
        for name in ("Ana", "Omar"):
            running.person(name)
        yield running


def send_proved(service: Service, site: str) -> str:
    """A comment by Lu, who is signed in at the publisher's login."""
    now = int(time.time())
    claims = {"iss": "https://login.example", "aud": site, "sub": "4711", "iat": now, "exp": now + 600}
    claims |= {"name": "Lu", "email": "lu@visitor.example.net"}
    answer = service.post(site, author={"token": jwt.encode({"alg": "ES256", "kid": "one"}, claims, KEY)})
    assert answer.status_code == 202
    return str(answer.json()["id"])


def fits(page: Page, width: int) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth") <= width)


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
    assert fits(page, width)
    if kept := os.environ.get("MODERATION_PICTURES"):
        page.screenshot(path=Path(kept) / f"bans-{scheme}-{width}.png", full_page=True)
    page.get_by_label("Find").fill("pills@spammer.example.net")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Those on the e-mail address that you typed:")
    expect(page.get_by_role("listitem").filter(has_text="192.0.2.0/25")).to_have_count(0)
    assert fits(page, width)
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


def test_a_ban_on_a_proof_is_made_with_what_is_behind_it(service: Service, visit: Visit) -> None:
    send_proved(service, "signed")
    page = visit(queue("signed"))
    page.keyboard.press("j")
    page.keyboard.press("b")
    ban = card(page, "Lu").get_by_role("region", name="Ban")
    also = ban.get_by_role("group", name="Also, for what comes without that proof")
    email, address = also.get_by_role("checkbox").first, also.get_by_role("checkbox").last
    expect(also.get_by_role("checkbox")).to_have_count(2)
    expect(email).to_be_checked()
    expect(address).not_to_be_checked()
    page.keyboard.press("Tab")
    expect(email).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(address).to_be_checked()
    ban.get_by_label("Why").select_option("off-topic")
    ban.get_by_role("button", name="Ban", exact=True).click()
    expect(ban.get_by_role("listitem")).to_have_count(3)
    ban.get_by_role("button", name="Lift the ban on author l•••@v•••.net").click()
    expect(ban.get_by_role("listitem")).to_have_count(2)
    page.goto(f"{service.base}/desk/bans")
    expect(page.get_by_role("listitem").filter(has_text="signed")).to_have_count(2)


def test_without_javascript_the_same_form_has_a_page_of_its_own(service: Service, visit: Visit) -> None:
    comment = send_proved(service, "plain")
    page = visit(queue("plain"), java_script_enabled=False)
    card(page, "Lu").get_by_role("link", name="Ban").click()
    expect(page).to_have_url(f"{service.base}/desk/comments/{comment}/ban")
    page.get_by_role("checkbox", name="their address, one in 127.0.0.0/24").check()
    page.get_by_role("checkbox", name="their e-mail address, l•••@v•••.net").uncheck()
    page.get_by_role("button", name="Pre-moderate").click()
    expect(page.get_by_role("alert")).to_contain_text("Please fill this in.")
    expect(page.get_by_role("checkbox", name="their address")).to_be_checked()
    expect(page.get_by_role("checkbox", name="their e-mail address")).not_to_be_checked()
    page.get_by_label("Your own words").fill("Needs watching")
    page.get_by_role("button", name="Pre-moderate").click()
    expect(page.get_by_role("button", name="Lift the ban on")).to_have_count(2)
    page.get_by_role("button", name="Lift the ban on").first.click()
    expect(page.get_by_role("button", name="Lift the ban on")).to_have_count(1)


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_form_of_a_card(
    service: Service, visit: Visit, scheme: str, width: int, scripts: bool
) -> None:
    site = f"{scheme}-{width}"
    comment = send_proved(service, site)
    path = queue(site) if scripts else f"/desk/comments/{comment}/ban"
    page = visit(path, "Ana", color_scheme=scheme, viewport={"width": width, "height": 900}, locale="de-DE")
    if scripts:
        card(page, "Lu").first.get_by_role("link", name="Sperren").click()
    group = page.get_by_role("group", name="Auch für das, was ohne diesen Nachweis kommt")
    expect(group.get_by_role("checkbox")).to_have_count(2)
    assert not violations_of_axe(page)
    assert fits(page, width)
    page.get_by_role("button", name="Vormoderieren").click()
    expect(page.get_by_role("alert").filter(has_text="Bitte")).to_be_visible()
    assert not violations_of_axe(page)
    assert fits(page, width)
    page.get_by_label("Ihre eigenen Worte").fill("Verkauft Pillen unter jedem Artikel, den wir bringen")
    page.get_by_role("button", name="Sperren", exact=True).click()
    expect(page.get_by_role("button", name="Aufheben")).to_have_count(2)
    assert not violations_of_axe(page)
    assert fits(page, width)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_ban_without_a_reason_is_told_at_the_field(service: Service, visit: Visit, site: str, scripts: bool) -> None:
    (comment,) = send(service, site, 1)
    page = visit(f"/desk/comments/{comment}/ban" if not scripts else queue(site), java_script_enabled=scripts)
    if scripts:
        page.keyboard.press("b")
    page.get_by_role("button", name="Ban", exact=True).click()
    field = page.get_by_role("textbox", name="Your own words")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description("Please fill this in.")
    expect(field).to_be_focused()
    if not scripts:
        return
    assert violations_of_axe(page) == []
    field.fill("Spams under every article.")
    page.keyboard.press("Escape")
    expect(card(page, "Reader 1").get_by_role("link", name="Ban")).to_be_focused()
    page.keyboard.press("h")
    expect(card(page, "Reader 1").get_by_role("link", name="History")).to_be_focused()
