"""An admin changes the rules in a real browser, from a draft to the way back; the pages are usable by everybody."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from axe_core_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import create_engine
from tests.service import PASSWORD, PATIENCE, RULES, Service, running_service

from moderation.actions import backtest_jobs
from moderation.edges.schema import leases, upsert

RULE = """
[[rules]]
id = "ferry"
when = 'comment.body.contains("ferry") && site == "open"'
then = "hold"
because = "About the ferry"
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("rules") / "state", rules=RULES) as running:
        running.person("Ada", "admin")
        yield running


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """Ada's, signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    opened.goto(f"{service.base}/desk")
    opened.get_by_role("textbox", name="Name").fill("Ada")
    opened.get_by_role("textbox", name="Password").fill(PASSWORD)
    opened.get_by_role("button", name="Sign in").click()
    expect(opened.get_by_role("navigation", name="Queue")).to_be_visible()
    yield opened
    context.close()


def post(service: Service, words: str) -> int:
    return service.post("open", author={"name": "Reader"}, body=words).status_code


def violations(page: Page) -> list[str]:
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found["violations"]]


@contextmanager
def none_begins(service: Service) -> Iterator[None]:
    """A backtest that is started meanwhile waits, as if another process were busy with one."""
    engine, over = create_engine(f"sqlite:///{service.state / 'moderation.db'}", connect_args={"timeout": 30}), Event()

    def keep(seconds: int) -> None:
        with engine.begin() as tx:
            taken = {"holder": "a test", "until": datetime.now(UTC) + timedelta(seconds=seconds)}
            row = upsert("sqlite", leases).values(name=backtest_jobs.NAME, **taken)
            tx.execute(row.on_conflict_do_update(index_elements=["name"], set_=taken))

    def go_on_keeping() -> None:
        while not over.wait(2):
            keep(20)

    keep(20)
    keeper = Thread(target=go_on_keeping)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        keep(-1)
        engine.dispose()


def test_a_rule_is_drafted_tried_activated_and_rolled_back(service: Service, page: Page) -> None:
    assert post(service, "The ferry is late, number one.") == 201
    page.get_by_role("link", name="Rules").click()
    expect(page.get_by_role("heading", name="Rules", level=1)).to_be_visible()
    before = page.locator("main code").first.inner_text()
    page.get_by_role("link", name="Change the rules").click()
    text = page.get_by_role("textbox", name="The rules file")
    text.fill(text.input_value() + RULE)
    page.get_by_role("button", name="Backtest").click()
    report = page.get_by_role("region", name="Backtest")
    expect(report).to_contain_text("1 comment judged.", timeout=60_000)
    expect(report).to_contain_text("newly held")
    expect(report).to_contain_text("approve → hold (ferry)")
    expect(page.locator(".diff .more").filter(has_text='id = "ferry"')).to_be_visible()
    assert violations(page) == []
    assert post(service, "The ferry is late, number two.") == 201, "a draft changes nothing"

    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("It is in force.")).to_be_visible()
    expect(page.get_by_text("by Ada")).to_be_visible()
    assert violations(page) == []
    assert post(service, "The ferry is late, number three.") == 202
    page.goto(f"{service.base}/desk/?site=open")
    expect(page.get_by_role("article").first).to_contain_text("About the ferry")

    page.goto(f"{service.base}/desk/rules")
    expect(page.get_by_role("row").filter(has_text="ferry")).to_contain_text("hold")
    page.get_by_role("textbox", name="Text").fill("Any ferry today?")
    page.get_by_role("combobox", name="Site").select_option("open")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("status")).to_contain_text("It would come to: hold")
    assert violations(page) == []

    page.get_by_role("link", name=before).click()
    page.get_by_role("button", name="Roll back to this revision").click()
    expect(page.get_by_text("It is in force.")).to_be_visible()
    assert post(service, "The ferry is late, number four.") == 201


def test_a_backtest_shows_how_far_it_is_and_is_cancelled(service: Service, page: Page, browser: Browser) -> None:
    shown = page.get_by_role("region", name="Backtest")
    with none_begins(service):
        page.goto(f"{service.base}/desk/rules/draft")
        page.get_by_role("button", name="Backtest").click()
        expect(shown.get_by_role("progressbar")).to_be_visible()
        assert violations(page) == []
        typed = page.get_by_role("textbox", name="The rules file")
        typed.fill(f"{typed.input_value()}\n# typed meanwhile\n")
    expect(shown.get_by_role("link", name="Download the report")).to_be_visible(timeout=60_000)
    expect(typed).to_have_value(re.compile("typed meanwhile"))
    with page.expect_download() as taken:
        shown.get_by_role("link", name="Download the report").click()
    assert taken.value.suggested_filename == "backtest.html"

    with none_begins(service):
        page.goto(f"{service.base}/desk/rules/draft")
        page.get_by_role("button", name="Backtest").click()
        page.get_by_role("button", name="Cancel the backtest").click()
        expect(page.get_by_text("The backtest was cancelled.")).to_be_visible()
    page.goto(f"{service.base}/desk/rules")
    expect(page.get_by_role("region", name="Backtest")).to_contain_text("The backtest was cancelled.")
    assert violations(page) == []

    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.goto(f"{service.base}/desk/rules/draft")
    again = plain.get_by_role("link", name="Look again")
    with none_begins(service):
        plain.get_by_role("button", name="Backtest").click()
        again.click()
        expect(again).to_be_visible()
    deadline = time.monotonic() + PATIENCE
    while again.is_visible() and time.monotonic() < deadline:
        again.click()
    expect(plain.get_by_role("link", name="Download the report")).to_be_visible()
    context.close()


def test_a_draft_comes_from_a_file(service: Service, page: Page) -> None:
    page.goto(f"{service.base}/desk/rules/draft")
    text, chosen = page.get_by_role("textbox", name="The rules file"), page.get_by_label("Take it from a file")
    before = text.input_value()
    for name, content, words in (
        ("picture.toml", b"\xff\xfe\x00", "cannot be read as text"),
        ("huge.toml", b"#" * (1024 * 1024 + 1), "more than 1 MiB"),
    ):
        chosen.set_input_files({"name": name, "mimeType": "text/plain", "buffer": content})
        expect(page.get_by_text(words)).to_be_visible()
        expect(text).to_have_value(before)
    draft = f"{before}\n# Ünsere Zeile\n"
    chosen.set_input_files({"name": "new.toml", "mimeType": "text/plain", "buffer": draft.encode()})
    expect(text).to_have_value(draft)
    expect(page.get_by_text("The draft is now new.toml.")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("The draft is good")).to_be_visible()
    expect(page.locator(".diff .more").filter(has_text="# Ünsere Zeile")).to_be_visible()


def test_without_scripts_a_draft_is_pasted(service: Service, browser: Browser, page: Page) -> None:
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.goto(f"{service.base}/desk/rules/draft")
    expect(plain.get_by_role("textbox", name="The rules file")).to_be_visible()
    expect(plain.get_by_text("Take it from a file")).to_be_hidden()
    context.close()
