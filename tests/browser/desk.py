"""What the browser tests of the desk have in common: signing in, sending comments, finding cards, asking axe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from axe_core_python.base import AXE_SCRIPT
from playwright.sync_api import Locator, Page, expect
from tests.service import PASSWORD, Service

Visit = Callable[..., Page]
"""Opens a page of the desk: `visit(path, who, **options of the browser's profile)`."""


def sign_in(page: Page, service: Service, name: str) -> None:
    page.goto(f"{service.base}/desk")
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Queue")).to_be_visible()


def send(service: Service, site: str, count: int = 3, **over: Any) -> list[str]:
    """Comments that wait on `site`, by Reader 1, Reader 2, … Returns their ids."""
    answers = [
        service.post(site, author={"name": f"Reader {n}", "email": f"reader{n}@visitor.example.net"}, **over)
        for n in range(1, count + 1)
    ]
    assert all(answer.status_code == 202 for answer in answers)
    return [answer.json()["id"] for answer in answers]


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True)


def count(page: Page, tab: str) -> Locator:
    return page.locator(f'[data-count="{tab}"]')


def queue(site: str, tab: str = "pending") -> str:
    return f"/desk/?status={tab}&site={site}"


def violations_of_axe(page: Page) -> list[str]:
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
