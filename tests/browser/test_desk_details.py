"""What is known of a comment, opened under its card by key and by mouse, and on its own page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.desk import Visit, card, count, queue, send, violations_of_axe
from tests.service import Service, wait_until

KEYS = {
    "As sent": "vi",
    "Thread": "tp",
    "Author": "uy",
    "Notes": "nm",
    "Remove words": "wq",
    "Ban": "b",
    "History": "hg",
}


@pytest.mark.parametrize("heading", ["As sent", "Author", "Remove words", "Ban", "History"])
def test_the_first_click_on_another_card_opens_what_was_clicked(
    service: Service, visit: Visit, site: str, heading: str
) -> None:
    send(service, site, 2)
    other = card(visit(queue(site)), "Reader 2")
    other.get_by_role("link", name=heading).click()
    expect(other.get_by_role("region", name=heading)).to_be_visible()


def test_each_key_opens_its_part_under_the_card_and_closes_it(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit(queue(site))
    for heading, keys in KEYS.items():
        for key in keys:
            page.keyboard.press(key)
            section = card(page, "Reader 1").get_by_role("region", name=heading)
            expect(section).to_be_visible()
            expect(card(page, "Reader 1").get_by_role("link", name=heading)).to_have_attribute("aria-expanded", "true")
            page.keyboard.press(
                "Escape" if heading in ("Notes", "Remove words", "Ban") else key
            )  # its first field has the focus
            expect(section).to_have_count(0)
    page.keyboard.press("h")
    page.keyboard.press("t")
    expect(page.locator(".part")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".part")).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("h")
    expect(card(page, "Reader 2").get_by_role("region", name="History")).to_be_visible()
    page.keyboard.press("a")
    expect(card(page, "Reader 2")).to_have_count(0)


def test_a_note_is_written_by_key_and_stands_on_the_card(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1)
    page = visit(queue(site))
    page.keyboard.press("n")
    field = page.get_by_label("A note for your colleagues")
    expect(field).to_be_focused()
    page.keyboard.type("Wait for the editor")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Noted. Reader 1")).to_be_visible()
    expect(card(page, "Reader 1").locator("[data-notes]")).to_contain_text("Wait for the editor")
    expect(card(page, "Reader 1")).to_be_focused()
    page.get_by_role("button", name="Take away").click()
    expect(card(page, "Reader 1").locator("[data-notes]")).not_to_contain_text("Wait for the editor")


SELECT = """
(words) => {
  const text = document.querySelector(".card.current .text");
  const range = document.createRange();
  const nodes = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const at = nodes.currentNode.data.lastIndexOf(words);
    if (at < 0) continue;
    range.setStart(nodes.currentNode, at);
    range.setEnd(nodes.currentNode, at + words.length);
  }
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}
"""


def test_what_is_selected_in_the_card_is_removed_there_alone(service: Service, visit: Visit, site: str) -> None:
    body = "Write 020 7946 0958, 😀 fu\u200bn: ask Doe, not the other Doe."
    send(service, site, 1, article="named", body=body)
    page = visit(queue(site))
    page.evaluate(SELECT, "Doe")
    page.keyboard.press("w")
    form = card(page, "Reader 1").get_by_role("region", name="Remove words")
    expect(form.get_by_label("Words to remove")).to_have_value("Doe")
    expect(form.get_by_label("Why")).to_be_focused()
    page.keyboard.type("asked for by the family")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Taken out of what the public sees. Reader 1")).to_be_visible()
    expect(card(page, "Reader 1").locator(".text .stand-in").last).to_have_text("[removed]")
    expect(form.get_by_role("button", name="Put back")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(count(page, "approved")).to_have_text("1")
    public = f"/t/{site}?article=named"
    wait_until(lambda: "ask Doe, not the other [removed]." in service.get(public).text)

    page.goto(f"{service.base}{queue(site, 'approved')}")
    page.keyboard.press("w")
    page.get_by_role("button", name="Put back").click()
    expect(page.get_by_role("status").filter(has_text="Put back")).to_be_visible()
    wait_until(lambda: "not the other Doe." in service.get(public).text)


def test_a_removal_that_is_refused_says_why_in_the_form(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1)
    page = visit(queue(site))
    page.keyboard.press("w")
    form = card(page, "Reader 1").get_by_role("region", name="Remove words")
    form.get_by_label("Words to remove").fill("words that nobody wrote")
    form.get_by_label("Why").fill("because")
    page.keyboard.press("Enter")
    expect(form.get_by_role("alert")).to_have_text("These words do not stand in the text exactly like this.")
    expect(form.get_by_label("Words to remove")).to_have_value("words that nobody wrote")


def test_in_focus_mode_too(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit(queue(site) + "&mode=focus")
    page.keyboard.press("v")
    expect(card(page, "Reader 1").get_by_role("region", name="As sent")).to_be_visible()


def test_a_part_that_cannot_be_loaded_is_said(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1)
    page = visit(queue(site))
    page.route("**/history", lambda route: route.abort())
    page.keyboard.press("h")
    expect(page.get_by_role("status").filter(has_text="this could not be loaded")).to_be_visible()
    expect(page.locator(".part")).to_have_count(0)


def test_without_javascript_each_part_is_a_page(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1)
    page = visit(queue(site), java_script_enabled=False)
    for heading in KEYS:
        card(page, "Reader 1").get_by_role("link", name=heading).click()
        expect(page.get_by_role("region", name=heading)).to_be_visible()
        page.go_back()
    card(page, "Reader 1").get_by_role("link", name="History").click()
    page.get_by_role("link", name="All about this comment").click()
    expect(card(page, "Reader 1")).to_be_visible()
    expect(page.locator("section.part")).to_have_count(len(KEYS))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
def test_axe_finds_nothing_and_nothing_overflows(
    service: Service, visit: Visit, site: str, scheme: str, width: int
) -> None:
    rough = "Look: https://\u0430pple.com/x and [paypal.com](https://evil.example/login) fu\u200bn \u202egnp.exe"
    (first, *_) = send(service, site, 2, body=rough)
    size = {"width": width, "height": 900}
    page = visit(queue(site), color_scheme=scheme, viewport=size)
    page.keyboard.press("n")
    page.get_by_label("A note for your colleagues").fill("Look twice: the first link is not what it seems.")
    page.get_by_role("button", name="Add the note").click()
    expect(card(page, "Reader 1").locator("[data-notes]")).to_contain_text("Look twice")
    kept = os.environ.get("MODERATION_PICTURES")
    for heading, keys in KEYS.items():
        page.keyboard.press("Escape")
        page.keyboard.press(keys[0])
        expect(page.get_by_role("region", name=heading)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if kept:
            page.screenshot(path=Path(kept) / f"card-{heading}-{scheme}-{width}.png")
    assert not violations_of_axe(page)
    page.goto(f"{service.base}/desk/comments/{first}")
    assert not violations_of_axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if kept:
        page.screenshot(path=Path(kept) / f"comment-{scheme}-{width}.png", full_page=True)
    page.goto(f"{service.base}/desk/comments/{first}/history")
    assert not violations_of_axe(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_was_written_before_is_read_word_by_word(service: Service, visit: Visit, site: str, scheme: str) -> None:
    answer = service.post(site, body="The *old* ferry runs late, as ever and ever, whatever the crew may say.").json()
    change = {"version": 1, "body": "The new ferry runs late, whatever everybody may say: https://a.example/timetable"}
    path = f"{service.base}/v1/{site}/receipts/{answer['receipt'].rpartition('/')[2]}"
    assert service.session.patch(path, json=change, timeout=15).status_code == 200
    options = {"color_scheme": scheme, "viewport": {"width": 320, "height": 800}, "locale": "de-DE"}
    page = visit(queue(site), **options)
    expect(card(page, "Ana").get_by_text("einmal neu geschrieben")).to_be_visible()
    page.keyboard.press("h")
    section = card(page, "Ana").get_by_role("region", name="Verlauf")
    expect(section.locator("del").first).to_contain_text("*old*")
    expect(section.locator("ins").first).to_contain_text("new")
    assert violations_of_axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    kept = os.environ.get("MODERATION_PICTURES")
    if kept:
        page.screenshot(path=Path(kept) / f"edited-{scheme}.png", full_page=True)


LONG = " ".join(f"Sentence {number} of a long comment that goes on and on." for number in range(70))


def test_a_long_text_is_folded_and_says_what_is_marked_in_it(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1, body=f"{LONG} http://a.example http://b.example http://c.example")
    page = visit(queue(site), viewport={"width": 320, "height": 700})
    shown = card(page, "Reader 1")
    text, fold = shown.locator(".text"), shown.locator("[data-fold]")
    expect(fold).to_contain_text("Show all of it, with 3 marks")

    def height() -> float:
        box = text.bounding_box()
        assert box
        return box["height"]

    assert height() < 400
    assert violations_of_axe(page) == []
    page.keyboard.press("+")
    expect(fold).to_contain_text("Show less")
    assert height() > 1500
    fold.locator("summary").click()
    assert height() < 400
    plain = visit(queue(site), java_script_enabled=False)
    expect(plain.locator("[data-fold]")).to_contain_text("Show all of it, with 3 marks")
    plain.locator("[data-fold] summary").click()
    expect(plain.locator("mark").last).to_be_visible()


def test_a_short_text_is_not_folded(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1)
    expect(visit(queue(site)).locator("[data-fold]")).to_have_count(0)
