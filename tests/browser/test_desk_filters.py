"""The filters and sorts of the queue in a browser: by language, and article by article."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.desk import Visit, card, send, violations_of_axe
from tests.service import RULES, Service, running_service

WIDTHS = {"light": 1280, "dark": 320}
SITES = "".join(f"[sites.{scheme}]\ntell_language = true\n" for scheme in WIDTHS)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("tongues") / "state", rules=RULES + SITES) as running:
        for name in ("Ana", "Omar"):
            running.person(name)
        yield running


@pytest.mark.parametrize(("scheme", "width"), WIDTHS.items())
def test_a_language_is_picked_seen_on_the_card_and_dropped(
    service: Service, visit: Visit, scheme: str, width: int
) -> None:
    send(service, scheme, 1, body=f"Das ist doch alles nur Geschwätz, sagt mein Nachbar. {width}")
    send(service, "demo", 2, body=f"The figures are at the town hall, for all to see. {width}")
    page = visit(f"/desk/?site={scheme}", color_scheme=scheme, viewport={"width": width, "height": 900})
    page.get_by_text("Filter and sort").click()
    page.get_by_label("Language").select_option(label="German")
    page.get_by_label("Order").select_option(label="article by article")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("article")).to_have_count(1)
    expect(card(page, "Reader 1")).to_contain_text("in German")
    expect(card(page, "Reader 1").locator("[lang=de]")).to_contain_text("Geschwätz")
    page.get_by_text("Filter and sort").click()
    assert not violations_of_axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if kept := os.environ.get("MODERATION_PICTURES"):
        page.screenshot(path=Path(kept) / f"filters-{scheme}-{width}.png")
    page.get_by_role("link", name="Without this filter: Language").click()
    expect(page.get_by_role("list", name="Filters")).not_to_contain_text("German")
