"""The line about a blown fuse, as a moderator sees it: in words, light and dark, on a narrow screen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.desk import sign_in, violations_of_axe
from tests.service import RULES, Service, running_service

SITE = """
[sites.harbour]
name = "The Harbour Post"
[sites.harbour.limits]
fuse = ["3/hour"]
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path / "state", rules=RULES + SITE) as running:
        running.person("Ana")
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_blown_fuse_is_told_on_the_desk(service: Service, browser: Browser, tmp_path: Path, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 320, "height": 640})  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, service, "Ana")
    expect(page.get_by_role("region", name="Fuse")).to_have_count(0)
    assert [service.post("harbour").status_code for _ in range(4)] == [202] * 4
    page.reload()
    expect(page.get_by_role("region", name="Fuse")).to_have_text(
        "The Harbour Post: more comes than the fuse bears. Every new comment is held until the wave is over."
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert violations_of_axe(page) == []
    page.screenshot(path=Path(os.environ.get("MODERATION_PICTURES", tmp_path)) / f"fuse-{scheme}.png")
    context.close()
