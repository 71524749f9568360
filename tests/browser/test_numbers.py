"""The page of numbers in a real browser: charts under the strict policy, tables without a script, nothing for axe, by
day and by night, wide and at 320 px."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.desk import Visit
from tests.browser.test_reader import violations_of_axe
from tests.service import Service


@pytest.fixture
def busy(service: Service, site: str) -> str:
    for _ in range(3):
        assert service.post(site).status_code == 202
    return site


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
def test_charts_are_drawn_and_tables_stay(visit: Visit, busy: str, tmp_path: Path, scheme: str, width: int) -> None:
    page = visit(f"/desk/numbers?site={busy}", color_scheme=scheme, viewport={"width": width, "height": 900})
    expect(page.locator("figure canvas")).to_have_count(5)
    for chart in page.locator("figure .plot").all():
        box = chart.bounding_box()
        assert box
        assert box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations_of_axe(page) == []
    page.get_by_text("As a table").first.click()
    expect(page.get_by_role("columnheader", name="Waiting at the end")).to_be_visible()
    assert violations_of_axe(page) == []
    folder = Path(os.environ.get("MODERATION_PICTURES", tmp_path))
    page.screenshot(path=folder / f"numbers-{scheme}-{width}.png", full_page=True)


def test_without_a_script_the_tables_are_open(visit: Visit, busy: str) -> None:
    page = visit(f"/desk/numbers?site={busy}", java_script_enabled=False)
    expect(page.locator("figure")).to_have_count(0)
    expect(page.get_by_role("columnheader", name="Waiting at the end")).to_be_visible()
    page.get_by_label("From").select_option("the last 24 hours")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("days=1"))
    expect(page.get_by_role("rowheader", name=re.compile(r"\d\d-\d\d \d\d:00"))).to_have_count(24)


def test_the_way_leads_there_from_the_queue(visit: Visit) -> None:
    page = visit("/desk/")
    page.get_by_role("link", name="Numbers").first.click()
    expect(page.get_by_role("heading", name="Numbers")).to_be_visible()
