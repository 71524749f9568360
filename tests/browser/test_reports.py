"""A comment is reported in a real browser, by widget and without JavaScript, and decided about on the desk."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.desk import Visit, card, count, queue, violations_of_axe
from tests.service import RULES, Service, running_service, wait_until
from tests.smtp import Receiver, receiving

SITES = ("widget", "form", "light", "dark")
"""One for each test, so that a queue holds what the test put there and nothing else."""
RULES_OF_SITES = RULES + "".join(f'[sites.{site}]\nname = "Open"\nmode = "post"\n' for site in SITES)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiving(tmp_path_factory.mktemp("mail")) as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Service]:
    """With a mail server."""
    env = {"MODERATION_SMTP_HOST": "127.0.0.1", "MODERATION_SMTP_PORT": str(receiver.port)}
    env |= {"MODERATION_MAIL_FROM": "comments@news.example", "SSL_CERT_FILE": str(receiver.certificate)}
    state = tmp_path_factory.mktemp("reports") / "state"
    with running_service(state, rules=RULES_OF_SITES, env=env) as running:
        for name in ("Ana", "Omar"):
            running.person(name)
        yield running


def public(service: Service, site: str, body: str) -> str:
    """The id of a comment under the article that is named like its site."""
    answer = service.post(site, article=site, body=body)
    assert answer.status_code == 201
    return str(answer.json()["id"])


def report(service: Service, site: str, comment_id: str, **value: Any) -> None:
    url = f"{service.base}/v1/{site}/comments/{comment_id}/reports"
    assert service.session.post(url, json={"reason": "abuse"} | value, timeout=15).status_code == 202


def widget(page: Page, site: str) -> None:
    """The widget on the page of the demo, for another site and its article."""
    page.evaluate(
        """(site) => {
          const thread = document.createElement("comment-thread");
          for (const [name, value] of Object.entries({ site, article: site })) thread.setAttribute(name, value);
          document.querySelector("comment-thread").replaceWith(thread);
        }""",
        site,
    )


def letters(receiver: Receiver, to: str) -> list[EmailMessage]:
    return [letter for letter in receiver.taken if letter["To"] == to]


def test_the_widget_reports_and_the_desk_keeps_it(service: Service, receiver: Receiver, visit: Visit) -> None:
    public(service, "widget", "Quite a thing to say.")
    page = visit("/demo/demo/", None)
    widget(page, "widget")
    thread = page.locator("comment-thread[site=widget]")
    button = thread.get_by_role("button", name="Report the comment by Ana")
    button.click()
    form = thread.get_by_role("form", name="Report a comment")
    form.get_by_role("button", name="Cancel").click()
    expect(button).to_be_focused()
    button.click()
    form.get_by_role("button", name="Send the report").click()
    expect(form.get_by_role("alert")).not_to_be_empty()
    form.get_by_role("radio", name="Private data").check()
    form.get_by_role("textbox", name="In your own words").fill("It names my street.")
    form.get_by_role("textbox", name="Email").fill("nobody")
    form.get_by_role("button", name="Send the report").click()
    expect(form.get_by_role("alert")).to_contain_text("a full address")
    expect(form.get_by_role("textbox", name="Email")).to_be_focused()
    form.get_by_role("textbox", name="Email").fill("neighbour@reports.example")
    assert violations_of_axe(page) == []
    form.get_by_role("button", name="Send the report").click()
    expect(thread.get_by_text("A moderator will look at it.")).to_be_focused()
    wait_until(lambda: letters(receiver, "neighbour@reports.example"), lambda: service.log_text()[-2000:])
    (letter,) = letters(receiver, "neighbour@reports.example")
    assert letter["Subject"] == "Open: your report has come"
    desk = visit(queue("widget", "reported"))
    expect(count(desk, "reported")).to_have_text("1")
    reported = card(desk, "Ana")
    expect(reported.locator("[data-reports]")).to_contain_text("Reported by 1 reader: Private data")
    reported.get_by_text("Reported by 1 reader").click()
    expect(reported.get_by_text("It names my street.")).to_be_visible()
    assert violations_of_axe(desk) == []
    desk.keyboard.press("a")
    expect(reported).to_have_count(0)
    expect(count(desk, "reported")).to_have_text("0")
    with desk.expect_response("**/desk/decisions"):
        desk.keyboard.press("z")
    expect(reported.locator("[data-reports]")).to_be_visible()
    expect(count(desk, "reported")).to_have_text("1")
    desk.keyboard.press("r")
    desk.keyboard.press("Enter")
    expect(reported).to_have_count(0)
    expect(count(desk, "rejected")).not_to_have_text("0")


def test_without_javascript_it_is_reported_and_decided(service: Service, visit: Visit) -> None:
    public(service, "form", "Said without much thought.")
    page = visit("/t/form?article=form", None, java_script_enabled=False)
    page.get_by_role("link", name="Report the comment by Ana").click()
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_role("alert")).to_contain_text("Please fill this in.")
    page.get_by_role("radio", name="Off topic").check()
    page.get_by_role("textbox", name="Email (optional)").fill("nobody")
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_role("alert")).to_contain_text("Email:")
    page.get_by_role("textbox", name="Email (optional)").fill("nobody@reports.example")
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_role("status")).to_have_text("Thank you. A moderator will look at it.")
    page.get_by_role("link", name="Back to the comments").click()
    expect(page.get_by_text("Said without much thought.")).to_be_visible()
    desk = visit(queue("form", "reported"), java_script_enabled=False)
    expect(card(desk, "Ana")).to_contain_text("Reported by 1 reader: Off topic")
    card(desk, "Ana").get_by_role("button", name="Approve").click()
    expect(card(desk, "Ana")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_shut_nobody_out(service: Service, visit: Visit, tmp_path: Path, scheme: str) -> None:
    comment_id = public(service, scheme, "A comment to look at.")
    page = visit(f"/t/{scheme}/reports/{comment_id}", None, color_scheme=scheme, viewport={"width": 320, "height": 700})
    assert violations_of_axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.screenshot(path=tmp_path / f"report-{scheme}.png", full_page=True)
    thread = visit(f"/t/{scheme}?article={scheme}", None, color_scheme=scheme)
    assert violations_of_axe(thread) == []
    report(service, scheme, comment_id, explanation="It was said in anger, and it is about somebody who cannot answer.")
    for width in (1280, 320):
        desk = visit(
            queue(scheme, "reported"), color_scheme=scheme, locale="de-DE", viewport={"width": width, "height": 700}
        )
        desk.get_by_text("Von 1 Person gemeldet").click()
        assert violations_of_axe(desk) == []
        assert desk.evaluate("document.documentElement.scrollWidth") <= width
        desk.screenshot(path=tmp_path / f"reported-{scheme}-{width}.png", full_page=True)
