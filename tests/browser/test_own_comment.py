"""Authors and their own comment in a real browser: in the widget, and on the page of the receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.browser import test_reader
from tests.browser.desk import card, queue, sign_in
from tests.browser.test_reader import AWAITING, approve, fill, send, violations_of_axe
from tests.service import RULES, Service, running_service

visit = test_reader.visit


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    rules = RULES + '[sites.german]\nlanguage = "de"\n'
    with running_service(tmp_path_factory.mktemp("own") / "state", rules=rules) as running:
        for name in ("Ana", "Omar"):
            running.person(name)
        yield running


def test_readers_take_their_comment_back_and_write_it_anew(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/demo/demo/")
    widget = page.locator("comment-thread")
    fill(widget, "Said in a hurry.")
    send(widget)
    expect(widget.get_by_role("status")).to_have_text(AWAITING)
    own = widget.locator(".cm-waiting").filter(has_text="Said in a hurry.")
    own.get_by_role("button", name="Edit").click()
    own.get_by_role("textbox", name="Your comment").fill("Said with care.")
    own.get_by_role("button", name="Replace the text").click()
    changed = widget.locator(".cm-waiting").filter(has_text="Said with care.")
    expect(changed.get_by_text("Your new text awaits moderation.")).to_be_visible()
    page.reload()
    changed.get_by_role("button", name="Take back").click()
    changed.get_by_role("button", name="Really delete it?").click()
    expect(widget.get_by_role("status")).to_have_text("You have taken your comment back.")
    expect(changed).to_have_count(0)


def test_the_widget_leads_from_a_rejection_to_a_second_look(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/demo/demo/")
    widget = page.locator("comment-thread")
    fill(widget, "A quotation that looks bad.")
    with page.expect_response("**/v1/demo/comments") as answer:
        send(widget)
    told = answer.value.json()
    script = service.token("decisions:write")
    ruling = {"id": told["id"], "version": 1, "decision": "reject"}
    service.session.post(f"{service.base}/v1/demo/decisions", json=[ruling], headers=script, timeout=15)
    page.reload()
    own = widget.locator(".cm-waiting").filter(has_text="A quotation that looks bad.")
    expect(own.get_by_text("Your comment was not published.")).to_be_visible()
    expect(own.get_by_role("button", name="Edit")).to_be_hidden()
    expect(own.get_by_role("button", name="Take back")).to_be_visible()
    leads = own.get_by_role("link", name="Ask for a second look")
    expect(leads).to_have_attribute("href", told["receipt"])
    assert violations_of_axe(page) == []
    with page.expect_popup() as popup:
        leads.click()
    receipt = popup.value
    receipt.get_by_role("textbox", name="Why").fill("It was a quotation.")
    receipt.get_by_role("button", name="Ask for a second look").click()
    expect(receipt.get_by_role("status")).to_have_text("You have asked for a second look.")
    service.session.post(
        f"{service.base}/v1/demo/decisions", json=[ruling | {"version": 3}], headers=script, timeout=15
    )
    page.reload()
    expect(own.get_by_role("link", name="See how it stands")).to_have_attribute("href", told["receipt"])


def test_another_tab_knows_the_receipt_and_not_the_text(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/demo/demo/")
    widget = page.locator("comment-thread")
    fill(widget, "Nobody else at this computer reads this.")
    with page.expect_response("**/v1/demo/comments") as answer:
        send(widget)
    told = answer.value.json()
    expect(widget.get_by_text("Awaiting moderation. Only you can see this.")).to_be_visible()
    expect(widget.get_by_role("status")).to_have_class("cm-hidden")  # it is in sight once
    expect(widget.get_by_role("heading", name="Be the first to comment")).to_have_count(0)
    expect(widget.get_by_role("heading", name="Leave a comment")).to_be_visible()
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert told["receipt"].rpartition("/")[2] in kept
    assert "Nobody else" not in kept
    assert "Ana" not in kept
    other = page.context.new_page()
    other.goto(page.url)
    own = other.locator("comment-thread .cm-waiting")
    expect(own.get_by_role("link", name="See how it stands")).to_have_attribute("href", told["receipt"])
    expect(own.get_by_text("Only you can see this.")).to_be_visible()
    assert violations_of_axe(other) == []
    own.get_by_role("button", name="Take back").click()
    own.get_by_role("button", name="Really delete it?").click()
    expect(other.get_by_role("status")).to_have_text("You have taken your comment back.")
    assert other.evaluate("localStorage.length") == 0
    page.reload()
    expect(widget.locator(".cm-waiting")).to_have_count(0)


def test_readers_take_back_what_is_published(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/demo/demo/")
    widget = page.locator("comment-thread")
    fill(widget, "Published, and regretted.")
    with page.expect_response("**/v1/demo/comments") as answer:
        send(widget)
    receipt = str(answer.value.json()["receipt"])
    approve(service, "Published, and regretted.")
    page.reload()
    own = widget.locator(".cm-comment").filter(has_text="Published, and regretted.")
    expect(own.get_by_role("button", name="Edit")).to_be_visible()
    expect(own.get_by_role("link", name="See how it stands")).to_have_attribute("href", receipt)
    heading = widget.get_by_role("heading", level=2)
    before = heading.text_content()
    stranger = visit(f"{service.base}/demo/demo/")
    theirs = stranger.locator("comment-thread .cm-comment").filter(has_text="Published, and regretted.")
    expect(theirs).to_be_visible()
    expect(theirs.locator(".cm-own")).to_have_count(0)
    own.get_by_role("button", name="Take back").click()
    own.get_by_role("button", name="Really delete it?").click()
    expect(own).to_have_count(0)
    expect(heading).not_to_have_text(str(before))
    assert service.get(f"/v1/demo/receipts/{receipt.rpartition('/')[2]}").status_code == 404


def test_receipts_are_few_and_end(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/demo/demo/")
    widget = page.locator("comment-thread")
    old = [{"id": f"{n:016}", "receipt": "x", "article": "elsewhere", "until": n} for n in (1, 2**52)]
    page.evaluate("list => localStorage.setItem('moderation:receipts:demo', JSON.stringify(list))", old * 15)
    fill(widget, "One more of many.")
    send(widget)
    expect(widget.get_by_role("link", name="See how it stands")).to_be_visible()
    kept = page.evaluate("JSON.parse(localStorage.getItem('moderation:receipts:demo'))")
    assert (len(kept), {each["until"] > 1 for each in kept}) == (16, {True})
    assert kept[-1]["until"] - page.evaluate("Date.now()") < 183.1 * 86_400_000


BLOCKED = """
for (const area of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, area, { get() { throw new DOMException("blocked", "SecurityError"); } });
}
"""


def test_where_storage_is_blocked_comments_go_all_the_same(service: Service, visit: Callable[..., Page]) -> None:
    page = visit("about:blank")
    page.add_init_script(BLOCKED)
    page.goto(f"{service.base}/demo/demo/")
    widget = page.locator("comment-thread")
    fill(widget, "Kept nowhere.")
    send(widget)
    expect(widget.get_by_text("Only you can see this.")).to_be_visible()
    expect(widget.get_by_role("link", name="See how it stands")).to_be_visible()


def test_the_page_of_a_receipt_works_without_javascript(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/t/demo?article=receipts", java_script_enabled=False)
    fill(page, "A comment with a receipt.")
    send(page)
    shared = page.url
    expect(page.get_by_role("heading", name="Be the first to comment")).to_have_count(0)
    page.get_by_role("link", name="See how it stands").click()
    receipt = page.url.rpartition("/")[2]
    assert receipt not in shared
    expect(page.get_by_text(AWAITING)).to_be_visible()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("")
    other = visit(shared, java_script_enabled=False)
    expect(other.get_by_role("heading", name="Leave a comment")).to_be_visible()
    expect(other.get_by_role("heading", name="Be the first to comment")).to_be_visible()
    assert receipt not in other.content()
    page.get_by_role("textbox", name="Comment").fill("Another text.")
    page.get_by_role("button", name="Replace the text").click()
    expect(page.get_by_role("status")).to_have_text("Your new text was taken in.")
    page.get_by_text("Take the comment back").click()
    page.get_by_role("button", name="Delete it for good").click()
    expect(page.get_by_role("status")).to_contain_text("taken your comment back")


def test_the_page_of_a_receipt_knows_what_this_browser_sent(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/t/demo?article=receipts")
    fill(page, "Only this browser knows it.")
    send(page)
    expect(page.get_by_role("status")).to_have_text(AWAITING)
    assert "held" not in page.url
    page.get_by_role("link", name="See how it stands").click()
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("Only this browser knows it.")


@pytest.mark.parametrize(("scheme", "scripts"), [("light", True), ("dark", True), ("light", False)])
def test_a_second_look_is_asked_for_decided_and_answered(
    service: Service, visit: Callable[..., Page], scheme: str, scripts: bool
) -> None:
    name = f"Lu of {scheme}" if scripts else "Lu"
    answer = service.post("german", author={"name": name, "email": "lu@visitor.example.net"})
    desk = visit(service.base)
    sign_in(desk, service, "Ana")
    desk.goto(service.base + queue("german"))
    desk.keyboard.press("j")
    desk.keyboard.press("r")
    with desk.expect_response("**/desk/decisions"):
        desk.keyboard.press("Enter")
    expect(card(desk, name)).to_have_count(0)
    options = {"color_scheme": scheme, "viewport": {"width": 320, "height": 700}, "java_script_enabled": scripts}
    page = visit(answer.json()["receipt"], **options)
    button = page.get_by_role("button", name="Um eine zweite Prüfung bitten")
    assert not scripts or violations_of_axe(page) == []
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("Bitte füllen Sie das aus.")
    expect(page.get_by_role("link", name="Bitte füllen Sie das aus.")).to_have_attribute("href", "#words")
    assert not scripts or violations_of_axe(page) == []
    page.get_by_role("textbox", name="Warum").fill("Das war ein Zitat.")
    button.click()
    expect(page.get_by_role("status")).to_have_text("Sie haben um eine zweite Prüfung gebeten.")
    expect(button).to_have_count(0)
    assert not scripts or violations_of_axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    desk.goto(f"{service.base}{queue('german')}&rule=appeal")
    mark = card(desk, name).locator("[data-appeal]")
    expect(mark).to_have_text(
        "Its author asks for a second look, by somebody other than Ana where that can be: Das war ein Zitat."
    )
    expect(card(desk, name).locator(".why")).to_contain_text("that can be")
    expect(card(desk, name).locator(".why")).not_to_contain_text("..")
    expect(card(desk, name).locator(".why")).not_to_contain_text("Zitat")
    assert violations_of_axe(desk) == []
    with desk.expect_response("**/desk/decisions"):
        card(desk, name).get_by_role("button", name="Approve").click()
    expect(card(desk, name)).to_have_count(0)
    page.goto(answer.json()["receipt"])
    expect(page.get_by_text("Die Moderation hat sich Ihren Kommentar noch einmal angesehen")).to_be_visible()
