"""A German site in a real browser: its readers meet German everywhere, on the thread page and in the widget."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_core_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect
from tests.service import CANARY, PASSWORD, RULES, Service, running_service

RULES_OF_A_GERMAN_SITE = RULES.replace("[sites.demo]\n", '[sites.demo]\nlanguage = "de"\n')


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("german") / "state", rules=RULES_OF_A_GERMAN_SITE) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_the_widget_speaks_german(page: Page, service: Service) -> None:
    page.goto(f"{service.base}/demo/demo/")
    widget = page.locator("comment-thread section.cm")
    expect(widget).to_have_attribute("lang", "de")
    expect(widget.get_by_role("heading").first).to_have_text("Schreiben Sie den ersten Kommentar")
    widget.get_by_role("textbox", name="Kommentar").fill("Ein guter Gedanke, am Hafen gedacht.")
    widget.get_by_role("button", name="Kommentar absenden").click()
    expect(widget.get_by_role("alert").filter(has_text="Da stimmt etwas nicht")).to_be_visible()
    expect(widget.get_by_role("link", name="Name: Bitte füllen Sie das aus.")).to_be_visible()
    widget.get_by_role("textbox", name="Name").fill("Änne")
    widget.get_by_role("textbox", name="E-Mail").fill(CANARY)
    widget.get_by_role("button", name="Kommentar absenden").click()
    expect(widget.get_by_role("status").first).to_have_text("Ihr Kommentar wartet auf die Moderation.")
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'best-practice'] })")
    assert [each["id"] for each in found["violations"]] == []


def test_without_scripts_the_pages_are_german(browser: Browser, service: Service) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{service.base}/t/demo?article=hafen")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.get_by_role("textbox", name="Kommentar").fill("Noch ein Gedanke, ohne Skript.")
    page.get_by_role("button", name="Kommentar absenden").click()
    expect(page.get_by_role("heading", name="Ihr Kommentar wurde nicht angenommen")).to_be_visible()
    page.get_by_role("textbox", name="Name").fill("Änne")
    page.get_by_role("textbox", name="E-Mail").fill(CANARY)
    page.get_by_role("button", name="Kommentar absenden").click()
    expect(page.get_by_role("status")).to_have_text("Ihr Kommentar wartet auf die Moderation.")
    page.get_by_role("link", name="Ansehen, wie es steht").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.get_by_text("Den Kommentar zurücknehmen").click()
    page.get_by_role("button", name="Endgültig löschen").click()
    expect(page.get_by_role("status")).to_have_text("Sie haben Ihren Kommentar zurückgenommen. Er ist gelöscht.")
    context.close()


def test_an_english_site_stays_english_for_a_german_browser(browser: Browser, service: Service) -> None:
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(f"{service.base}/t/open?article=harbour")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("button", name="Post Comment")).to_be_visible()
    context.close()


def test_a_moderator_with_a_german_browser_decides_in_german(browser: Browser, service: Service) -> None:
    service.person("Änne")
    said = "Der Steg am Hafen ist wieder offen, endlich einmal."
    assert service.post("open", article="steg", body=said).status_code == 201
    assert service.post("demo", article="steg", body=said).status_code == 202
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(f"{service.base}/desk")
    expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
    page.get_by_label("Name").fill("Änne")
    page.get_by_label("Passwort", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    card = page.get_by_role("article").filter(has_text=said).first
    expect(card.locator(".why")).to_have_text("Jeder Kommentar auf dieser Website wartet auf die Moderation.")
    expect(page.get_by_role("button", name="Tasten")).to_be_visible()  # the scripts run
    card.get_by_role("button", name="Freigeben").click()
    expect(page.locator("#line")).to_contain_text("Freigegeben")
    expect(page.locator("#line").get_by_role("button", name="Rückgängig")).to_be_visible()
    for path in ("/desk/numbers", "/desk/bans", "/desk/me"):
        page.goto(service.base + path)
        expect(page.locator("html")).to_have_attribute("lang", "de")
        page.evaluate(AXE_SCRIPT)
        found = page.evaluate("axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'best-practice'] })")
        assert [each["id"] for each in found["violations"]] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
