"""Everything beside the queue in a real browser: the first admin's way in, people, tokens, one's own page, the record,
an e-mail address. Nobody is shut out of any of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, Page, StorageState, expect
from tests.browser.test_reader import WATCH, violations_of_axe
from tests.service import PASSWORD, Service, running_service

PATHS = ("/desk/people", "/desk/tokens", "/desk/me", "/desk/me/second-step", "/desk/audit")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With the default: admins need a second step."""
    state = tmp_path_factory.mktemp("people") / "state"
    with running_service(state, env={"MODERATION_TOTP_REQUIRED": "admin"}) as running:
        yield running


def let_in(page: Page, service: Service) -> str:
    """The README's way in, from the link that the first start prints. Leaves the desk open; the app's key."""
    link = re.search(r"http\S+/desk/set-password\?token=\S+", (service.state / "stdout.log").read_text("utf-8"))
    assert link
    page.goto(link[0])
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    assert violations_of_axe(page) == []
    seed = page.locator("code.key").inner_text().replace(" ", "")
    page.get_by_label("Type the six digits").fill(pyotp.TOTP(seed).now())
    page.get_by_role("button", name="Use this app").click()
    expect(page.get_by_role("listitem")).to_have_count(10)
    assert violations_of_axe(page) == []
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("navigation", name="Queue")).to_be_visible()
    return seed


@pytest.fixture(scope="module")
def admin(service: Service, browser: Browser) -> StorageState:
    """What the first admin's browser holds."""
    context = browser.new_context()
    context.add_init_script(WATCH)
    page = context.new_page()
    let_in(page, service)
    assert page.evaluate("window.violations") == []
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def visit(browser: Browser, service: Service, admin: StorageState) -> Iterator[Callable[..., Page]]:
    """Open a page as the admin; at the end none may have thrown or broken its own policy."""
    pages: list[Page] = []
    thrown: list[str] = []

    def open_page(path: str, **options: Any) -> Page:
        context = browser.new_context(storage_state=admin, **options)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.goto(service.base + path)
        pages.append(page)
        return page

    yield open_page
    broken = [each for page in pages for each in page.evaluate("window.violations")]
    for page in pages:
        page.context.close()
    assert not thrown
    assert not broken


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_shut_out_beside_the_queue(service: Service, visit: Callable[..., Page], theme: str) -> None:
    comment = service.post(author={"name": "Hans", "email": "hans@visitor.example.net"}).json()["id"]
    for path in (*PATHS, f"/desk/email/{comment}"):
        page = visit(path, color_scheme=theme)
        assert page.url == service.base + path
        for summary in page.locator("summary").all():
            summary.click()
        assert violations_of_axe(page) == [], path


def test_320_pixels_are_wide_enough_beside_the_queue(service: Service, visit: Callable[..., Page]) -> None:
    for path in PATHS:
        page = visit(path, viewport={"width": 320, "height": 640})
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") == 320, path


def test_an_address_is_shown_by_keyboard_alone(service: Service, visit: Callable[..., Page]) -> None:
    comment = service.post(author={"name": "Hans", "email": "hans@visitor.example.net"}).json()["id"]
    page = visit(f"/desk/email/{comment}")
    expect(page.get_by_label("Why do you need it?")).to_be_focused()
    page.keyboard.type("The reader asked us to write back")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("hans@visitor.example.net")
    assert violations_of_axe(page) == []


def test_a_code_is_asked_for_at_the_next_sign_in(service: Service, browser: Browser) -> None:
    service.person("Ina")
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, service, "Ina")
    page.get_by_role("link", name="Ina").click()
    page.get_by_role("link", name="Set up an authenticator app").click()
    seed = page.locator("code.key").inner_text().replace(" ", "")
    page.get_by_label("Type the six digits").fill(pyotp.TOTP(seed).now())
    with page.expect_navigation():
        page.get_by_role("button", name="Use this app").click()
    recovery = page.get_by_role("listitem").first.inner_text()
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, service, "Ina")
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    assert violations_of_axe(page) == []
    page.keyboard.type("123456")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This code is wrong")
    assert violations_of_axe(page) == []
    page.get_by_label("Code", exact=True).fill(recovery)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("navigation", name="Queue")).to_be_visible()
    context.close()


def sign_in(page: Page, service: Service, name: str) -> None:
    page.goto(f"{service.base}/desk/sign-in")
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
