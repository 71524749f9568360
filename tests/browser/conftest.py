"""A real Chromium for the browser tests, one for the whole run, and a desk to visit with it. Each test opens its own
profile."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright
from tests.browser.desk import Visit, sign_in
from tests.service import RULES, Service, running_service

SITES = 40
expect.set_options(timeout=15_000)  # a loaded machine may take longer than the five seconds of Playwright's own
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.effectiveDirective));
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, else the one that `playwright install chromium` brings."""
    installed = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox"])
        except Error as error:
            pytest.fail(f"Chromium does not start. Install it: apt-get install chromium\n{error}", pytrace=False)
        yield started
        started.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With a site for each test, so that a queue holds what the test put there and nothing else."""
    sites = "".join(f"[sites.s{number}]\nname = 'Site {number}'\n" for number in range(SITES))
    sites += "[sites.harbour]\nname = 'The Harbour Post'\n"
    with running_service(tmp_path_factory.mktemp("desk") / "state", rules=RULES + sites) as running:
        for name in ("Ana", "Omar"):
            running.person(name)
        yield running


@pytest.fixture(scope="module")
def sites() -> Iterator[str]:
    return iter([f"s{number}" for number in range(SITES)])


@pytest.fixture
def site(sites: Iterator[str]) -> str:
    return next(sites)


@pytest.fixture(scope="module")
def cookies(service: Service, browser: Browser) -> dict[str, Any]:
    """What each moderator's browser holds after signing in."""
    states = {}
    for name in ("Ana", "Omar"):
        context = browser.new_context()
        page = context.new_page()
        sign_in(page, service, name)
        states[name] = context.storage_state()
        context.close()
    return states


@pytest.fixture
def visit(browser: Browser, service: Service, cookies: dict[str, Any]) -> Iterator[Visit]:
    """Open the desk as `who` (None: nobody). At the end no page may have thrown or broken its own policy."""
    pages: list[Page] = []
    thrown: list[str] = []
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/desk", who: str | None = "Ana", *, clock: bool = False, **options: Any) -> Page:
        context = browser.new_context(storage_state=cookies[who] if who else None, **options)
        contexts.append(context)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: thrown.append(str(error)))
        if clock:
            page.clock.install()
        page.goto(service.base + path)
        if options.get("java_script_enabled", True):
            pages.append(page)
        return page

    yield open_page
    broken = [violation for page in pages for violation in page.evaluate("window.violations")]
    for context in contexts:
        context.close()
    assert not thrown
    assert not broken
