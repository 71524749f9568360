"""Several moderators at the desk at once, each in a browser: one card at a time, leases, and news without a reload."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect
from tests.browser.desk import Visit, card, count, queue, send, violations_of_axe
from tests.service import Service, unsaid


def focus(site: str) -> str:
    return queue(site) + "&mode=focus"


def test_one_card_at_a_time_with_the_next_already_there(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 9)
    page = visit(focus(site))
    seen = []
    for left in range(9, 0, -1):
        shown = page.locator(".card:visible")
        expect(shown).to_have_count(1)
        seen.append(shown.locator(".name").inner_text())
        page.keyboard.press("a")
        expect(count(page, "pending")).to_have_text(str(left - 1))
    assert seen == [f"Reader {number}" for number in range(1, 10)]
    expect(page.get_by_role("link", name="Look for more")).to_be_focused()
    page.keyboard.press("z")
    expect(page.locator(".card:visible .name")).to_have_text("Reader 9")
    expect(page.locator(".card:visible")).to_have_count(1)


def test_the_next_card_is_there_before_the_answer(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 4)
    page = visit(focus(site))
    expect(page.locator(".card")).to_have_count(4)
    held: list[Route] = []
    page.route("**/desk/decisions", lambda route: held.append(route))
    page.keyboard.press("a")
    expect(card(page, "Reader 2")).to_be_focused()
    page.keyboard.press("a")
    expect(card(page, "Reader 3")).to_be_focused()
    expect(count(page, "approved")).to_have_text("0")
    held[0].abort()
    expect(page.get_by_role("status").filter(has_text="Reader 1: Not saved")).to_be_visible()
    expect(card(page, "Reader 3")).to_be_focused()
    held[1].continue_()
    expect(count(page, "approved")).to_have_text("1")
    page.unroute("**/desk/decisions")
    page.keyboard.press("a")
    expect(card(page, "Reader 1")).to_contain_text("Not saved: the desk could not be reached.")
    expect(card(page, "Reader 1")).to_be_focused()


def test_a_card_on_a_screen_is_shown_to_the_others_and_handed_to_nobody(
    service: Service, visit: Visit, site: str
) -> None:
    send(service, site, 3)
    ana = visit(focus(site))
    ana.keyboard.press("j")
    expect(ana.locator(".card:visible .name")).to_have_text("Reader 2")
    listed = visit(queue(site), "Omar")
    expect(card(listed, "Reader 2")).to_contain_text("Ana has this")
    expect(card(listed, "Reader 1")).not_to_contain_text("has this")
    omar = visit(focus(site), "Omar")
    expect(omar.locator(".card:visible .name")).to_have_text("Reader 1")
    names = omar.locator(".card .name").all_inner_texts()
    assert names == ["Reader 1", "Reader 3"]
    ana.keyboard.press("j")
    expect(card(listed, "Reader 2")).not_to_contain_text("has this")
    expect(card(listed, "Reader 3")).to_contain_text("Ana has this")


def test_two_who_come_at_once_get_different_cards(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 4)
    pages = [visit(focus(site), who) for who in ("Ana", "Omar")]
    for turn in (1, 2):
        for page in pages:
            expect(page.locator(".card:visible")).to_have_count(1)
        expect(pages[1].locator(".card:visible .name")).not_to_have_text(
            pages[0].locator(".card:visible .name").inner_text()
        )
        names = [page.locator(".card:visible .name").inner_text() for page in pages]
        assert len(set(names)) == 2
        for number, page in enumerate(pages, 1):
            page.keyboard.press("a")
            expect(count(page, "approved")).to_have_text(str(2 * turn - 2 + number))


def test_what_others_decide_is_told_without_a_reload_and_moves_nothing(
    service: Service, visit: Visit, site: str
) -> None:
    send(service, site, 3)
    ana, omar = visit(queue(site)), visit(queue(site), "Omar")
    card(ana, "Reader 2").focus()
    place = card(ana, "Reader 2").bounding_box()
    omar.keyboard.press("s")
    expect(card(ana, "Reader 1")).to_contain_text("Omar marked this as spam just now.")
    expect(count(ana, "spam")).to_have_text("1")
    expect(card(ana, "Reader 2")).to_be_focused()
    assert ana.locator(".card .name").all_inner_texts() == ["Reader 1", "Reader 2", "Reader 3"]
    now = card(ana, "Reader 2").bounding_box()
    assert place
    assert now
    assert now["y"] - place["y"] < 60, "a line more on the card above, no card less"
    service.post(site, author={"name": "New", "email": "new@visitor.example.net"})
    expect(ana.get_by_role("link", name="1 new: load again")).to_be_visible()
    expect(card(ana, "Reader 2")).to_be_focused()


def test_where_the_stream_is_refused_the_page_asks(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit("/desk/sign-in", clock=True)
    page.route(re.compile("/desk/events"), lambda route: route.fulfill(status=503))
    with page.expect_response(re.compile("/desk/events")):
        page.goto(service.base + queue(site))
    omar = visit(queue(site), "Omar")
    omar.keyboard.press("r")
    omar.keyboard.press("Enter")
    expect(count(omar, "rejected")).to_have_text("1")
    page.clock.run_for(11_000)
    expect(count(page, "rejected")).to_have_text("1")


def test_focus_mode_shuts_nobody_out(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit(focus(site), viewport={"width": 320, "height": 900})
    assert violations_of_axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    plain = visit(focus(site), java_script_enabled=False)
    expect(plain.locator(".card:visible .name")).to_have_text("Reader 1")
    plain.locator(".card:visible").get_by_role("button", name="Approve").click()
    expect(plain.locator(".card:visible .name")).to_have_text("Reader 2")


def test_notes_and_removals_of_others_appear_and_move_nothing(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 3, body="Ask John Doe about it, and do so soon. " * 6)
    ana, omar = visit(queue(site)), visit(queue(site), "Omar")
    card(ana, "Reader 2").focus()
    ana.evaluate("document.querySelectorAll('.card')[1].scrollIntoView()")
    place = card(ana, "Reader 2").locator(".text").bounding_box()
    omar.keyboard.press("n")
    omar.get_by_role("textbox", name="A note for your colleagues").fill("Known from the last election.")
    omar.keyboard.press("Tab")
    omar.keyboard.press("Enter")
    expect(card(ana, "Reader 1").locator("[data-notes]")).to_contain_text("Known from the last election.")
    now = card(ana, "Reader 2").locator(".text").bounding_box()
    assert place
    assert now
    assert abs(now["y"] - place["y"]) < 2, "a note on the card above moves nothing that is being read"
    expect(card(ana, "Reader 2")).to_be_focused()

    card(ana, "Reader 2").get_by_role("link", name="Author").focus()
    ana.keyboard.press("Enter")
    expect(card(ana, "Reader 2").get_by_role("region", name="Author")).to_be_visible()
    omar.keyboard.press("Escape")
    omar.keyboard.press("j")
    omar.keyboard.press("w")
    omar.get_by_role("textbox", name="Words to remove").fill("John Doe")
    omar.get_by_role("combobox", name="Why").fill("a private person")
    omar.keyboard.press("Enter")
    expect(card(ana, "Reader 2").locator(".text")).to_contain_text("Ask [removed] about it")
    expect(card(ana, "Reader 2")).to_contain_text("Omar took words out of this just now.")
    expect(card(ana, "Reader 2").get_by_role("region", name="Author")).to_be_visible()
    expect(card(ana, "Reader 2").get_by_role("link", name="Author")).to_have_attribute("aria-expanded", "true")
    ana.keyboard.press("Escape")
    ana.keyboard.press("a")
    expect(count(ana, "approved")).to_have_text("1")


NEW_TEXT = "Quite another text, which nobody at the desk has read so far."


def receipts(service: Service, site: str, count: int) -> list[str]:
    sent = [
        service.post(
            site,
            author={"name": f"Reader {n}", "email": f"reader{n}@visitor.example.net"},
            body=f"As it was at first. {n} {unsaid()}",
        )
        for n in range(count)
    ]
    return [str(answer.json()["receipt"]) for answer in sent]


@pytest.mark.parametrize("way", ["key", "mouse", "focus"])
def test_no_decision_is_about_a_text_that_was_not_on_the_screen(
    service: Service, visit: Visit, site: str, way: str
) -> None:
    (receipt,) = receipts(service, site, 1)
    page = visit(focus(site) if way == "focus" else queue(site))
    shown = card(page, "Reader 0")
    approve = shown.get_by_role("button", name="Approve")
    expect(shown.locator(".text")).to_contain_text("As it was at first.")

    def press() -> None:
        if way == "mouse":
            approve.click()
        else:
            page.keyboard.press("a")

    service.rewrite(site, receipt, NEW_TEXT)
    with page.expect_response("**/desk/decisions") as answered:
        press()
    assert answered.value.status == 409
    expect(shown.locator(".text")).to_have_text(NEW_TEXT)
    expect(shown.locator("[data-told]")).to_have_text("Its author has written it anew meanwhile. Nothing was changed.")
    expect(count(page, "approved")).to_have_text("0")
    press()
    expect(page.locator("#line")).to_have_text("This text is new. Read it first.")
    expect(count(page, "approved")).to_have_text("0")
    page.wait_for_function("() => performance.now() - document.querySelector('.card').anewAt > 1000")
    press()
    expect(count(page, "approved")).to_have_text("1")


def test_a_text_that_cannot_be_loaded_is_not_decided_about(service: Service, visit: Visit, site: str) -> None:
    (receipt,) = receipts(service, site, 1)
    page = visit(queue(site))
    shown = card(page, "Reader 0")
    service.rewrite(site, receipt, NEW_TEXT)
    page.route("**/desk/comments/*", lambda route: route.abort())
    for _ in range(2):
        page.keyboard.press("a")
        expect(shown.locator("[data-told]")).to_contain_text("Load the page again to see it as it is now.")
        expect(shown.locator(".text")).to_contain_text("As it was at first.")
    expect(count(page, "approved")).to_have_text("0")
    expect(count(page, "pending")).to_have_text("1")


def test_a_text_written_anew_is_offered_and_not_put_under_who_reads(service: Service, visit: Visit, site: str) -> None:
    first, _ = receipts(service, site, 2)
    ana, omar = visit(queue(site)), visit(queue(site), "Omar")
    shown = card(ana, "Reader 0")
    ana.keyboard.press("x")
    service.rewrite(site, first, NEW_TEXT)
    expect(shown.locator("[data-told]")).to_contain_text("Its author has written it anew just now.")
    omar.keyboard.press("n")
    omar.get_by_role("textbox", name="A note for your colleagues").fill("Known from the last election.")
    omar.keyboard.press("Tab")
    omar.keyboard.press("Enter")
    expect(shown.locator("[data-notes]")).to_contain_text("Known from the last election.")
    expect(shown.locator(".text")).to_contain_text("As it was at first.")
    shown.get_by_role("button", name="Show the new text").click()
    expect(shown.locator(".text")).to_have_text(NEW_TEXT)
    expect(shown.get_by_role("checkbox")).not_to_be_checked()
    expect(shown.get_by_role("link", name="History")).to_be_visible()
    expect(shown).to_contain_text("written anew once")
    expect(shown).to_be_focused()
    assert violations_of_axe(ana) == []
    ana.wait_for_function("() => performance.now() - document.querySelector('.card').anewAt > 1000")
    ana.keyboard.press("a")
    expect(count(ana, "approved")).to_have_text("1")
