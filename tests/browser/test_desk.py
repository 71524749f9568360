"""Moderators at the desk in a real browser: by key, by mouse, without JavaScript, two at once, and when things fail."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Locator, Page, TimeoutError, expect
from tests.service import PASSWORD, RULES, Service, running_service, wait_until

SITES = 30
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.effectiveDirective));
"""
Visit = Callable[..., Page]


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


# ---- the main way: keys ----


def test_what_is_approved_by_key_is_public(service: Service, browser: Browser, site: str) -> None:
    send(service, site, article="story", body="To be read by all.", count=1)
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, service, "Omar")
    page.goto(service.base + queue(site))
    assert "To be read" not in service.get(f"/v1/{site}/comments?article=story").text
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.get_by_role("status").filter(has_text="Approved. Reader 1")).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(0)
    context.close()
    wait_until(lambda: "To be read by all." in service.get(f"/t/{site}?article=story").text, 5)


def test_keys_move_decide_and_undo(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 4)
    page = visit(queue(site))
    expect(page).to_have_title("(4) Pending · Comment desk")
    for key, name in (("j", "Reader 1"), ("j", "Reader 2"), ("j", "Reader 3"), ("k", "Reader 2")):
        page.keyboard.press(key)
        expect(card(page, name)).to_be_focused()
    page.keyboard.press("s")
    expect(card(page, "Reader 3")).to_be_focused()
    page.keyboard.press("d")
    expect(card(page, "Reader 4")).to_be_focused()
    page.keyboard.press("f")
    expect(card(page, "Reader 1")).to_be_focused()
    for tab, number in (("pending", "1"), ("approved", "1"), ("rejected", "1"), ("spam", "1"), ("all", "4")):
        expect(count(page, tab)).to_have_text(number)
    expect(page).to_have_title("(1) Pending · Comment desk")

    page.keyboard.press("z")
    expect(card(page, "Reader 4")).to_be_focused()
    page.keyboard.press("z")
    expect(card(page, "Reader 3")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="Undone: back to pending. Reader 3")).to_be_visible()
    names = [name.inner_text() for name in page.locator(".card .name").all()]
    assert names == ["Reader 1", "Reader 3", "Reader 4"], "each comes back to its place"
    page.keyboard.press("a")
    expect(count(page, "approved")).to_have_text("1")
    page.reload()
    assert page.locator(".card .name").all_inner_texts() == ["Reader 1", "Reader 4"]


def test_the_first_key_only_chooses(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit(queue(site))
    expect(page.locator("body")).to_be_focused()
    page.keyboard.press("a")
    expect(card(page, "Reader 1")).to_be_focused()
    expect(count(page, "pending")).to_have_text("2")


def test_quick_fingers_undo_one_decision_for_each_press(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 5)
    page = visit(queue(site))
    for key in "jaaaa":
        page.keyboard.press(key)
    for key in "zzz":
        page.keyboard.press(key)
    expect(page.locator(".card")).to_have_count(4)
    expect(count(page, "approved")).to_have_text("1")
    page.reload()
    assert page.locator(".card .name").all_inner_texts() == ["Reader 2", "Reader 3", "Reader 4", "Reader 5"]


def test_the_line_offers_an_undo_to_the_mouse(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit(queue(site))
    card(page, "Reader 1").get_by_role("button", name="Spam").click()
    expect(card(page, "Reader 1")).to_have_count(0)
    expect(card(page, "Reader 2")).to_be_focused()
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(card(page, "Reader 1")).to_be_focused()
    expect(count(page, "spam")).to_have_text("0")


def test_a_rejection_takes_the_reason_that_is_picked(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1)
    page = visit(queue(site))
    card(page, "Reader 1").get_by_role("combobox", name="Reason for rejecting").select_option("Private data")
    page.keyboard.press("r")
    expect(card(page, "Reader 1")).to_be_visible()  # the list of reasons has the focus: keys rest
    card(page, "Reader 1").get_by_role("button", name="Reject").focus()
    page.keyboard.press("r")
    expect(count(page, "rejected")).to_have_text("1")
    page.goto(service.base + queue(site, "rejected"))
    expect(card(page, "Reader 1")).to_contain_text("Rejected by you")
    expect(card(page, "Reader 1").locator(".meta")).to_contain_text("Private data")


def test_after_the_last_card_the_way_on_has_the_focus(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1)
    page = visit(queue(site))
    page.keyboard.press("j")
    page.keyboard.press("a")
    link = page.get_by_role("link", name="Look for more")
    expect(link).to_be_focused()
    page.keyboard.press("z")
    expect(card(page, "Reader 1")).to_be_focused()
    expect(link).to_be_hidden()
    page.keyboard.press("a")
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("All done. Nothing is waiting.")).to_be_visible()


def test_on_the_tab_of_all_a_card_stays_and_says_what_became_of_it(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1)
    page = visit(queue(site, "all"))
    one = card(page, "Reader 1")
    page.keyboard.press("j")
    page.keyboard.press("s")
    expect(one.locator(".pill")).to_have_text(re.compile(r"Marked as spam by you, \d\d:\d\d"))
    expect(one.get_by_role("button")).to_have_text(["Approvea", "Rejectr", "Undo"])
    page.keyboard.press("a")
    expect(one.locator(".pill")).to_have_text(re.compile(r"Approved by you"))
    page.keyboard.press("z")
    expect(one.locator(".pill")).to_have_text(re.compile(r"Marked as spam by you"))


# ---- keys rest ----


def test_the_help_lists_the_keys_and_can_switch_them_off(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit(queue(site))
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("a")
    dialog.get_by_role("checkbox", name="Use keys in this browser").uncheck()
    dialog.get_by_role("button", name="Close").click()
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("a")
        expect(page.locator(".card")).to_have_count(2)
        expect(page.locator("kbd:visible")).to_have_count(0)
        page.reload()
    page.get_by_role("button", name="Keys").click()
    dialog.get_by_role("checkbox", name="Use keys in this browser").check()
    page.keyboard.press("Escape")
    page.locator("#queue").focus()
    page.keyboard.press("j")
    expect(card(page, "Reader 1")).to_be_focused()


def test_keys_with_control_are_the_browsers(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 1)
    page = visit(queue(site))
    page.keyboard.press("j")
    for keys in ("Control+a", "Alt+a", "Meta+s", "Shift+A"):
        page.keyboard.press(keys)
    expect(count(page, "pending")).to_have_text("1")


# ---- two at once, and faults ----


def test_the_second_moderator_is_told_who_was_first(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 3)
    ana, omar = visit(queue(site)), visit(queue(site), "Omar")
    ana.keyboard.press("j")
    ana.keyboard.press("r")
    expect(count(ana, "rejected")).to_have_text("1")
    omar.keyboard.press("j")
    omar.keyboard.press("a")
    one = card(omar, "Reader 1")
    expect(one).to_contain_text(re.compile(r"Already rejected by Ana, \d\d:\d\d\. Nothing was changed\."))
    expect(card(omar, "Reader 2")).to_be_focused()
    expect(one.get_by_role("button")).to_have_text(["Approvea", "Spams", "Undo"])
    one.get_by_role("button", name="Approve").click()
    expect(count(omar, "approved")).to_have_text("1")
    expect(one).to_have_count(0)


def test_without_a_connection_the_card_comes_back(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 3)
    page = visit(queue(site))
    page.keyboard.press("j")
    page.context.set_offline(True)
    page.keyboard.press("a")
    one = card(page, "Reader 1")
    expect(one).to_contain_text("Not saved: the desk could not be reached. Try again.")
    expect(card(page, "Reader 2")).to_be_focused()
    assert page.locator(".card .name").all_inner_texts() == ["Reader 1", "Reader 2", "Reader 3"]
    page.context.set_offline(False)
    one.get_by_role("button", name="Approve").click()
    expect(count(page, "approved")).to_have_text("1")
    expect(page.locator(".card")).to_have_count(2)


def test_a_card_comes_back_when_the_session_is_over(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit(queue(site))
    page.keyboard.press("j")
    page.context.clear_cookies()
    page.keyboard.press("a")
    expect(card(page, "Reader 1")).to_contain_text("Not saved: you are signed out.")
    card(page, "Reader 1").get_by_role("link", name="Sign in again").click()
    page.get_by_role("textbox", name="Name").fill("Ana")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(card(page, "Reader 1")).to_be_visible()
    assert f"site={site}" in page.url


def test_new_comments_are_counted_and_take_no_focus(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit(queue(site), clock=True)
    page.keyboard.press("j")
    send(service, site, 3)
    page.clock.run_for(21_000)
    link = page.get_by_role("link", name="3 new: load again")
    expect(link).to_be_visible()
    expect(count(page, "pending")).to_have_text("5")
    expect(card(page, "Reader 1").first).to_be_focused()
    page.clock.run_for(15 * 60_000)
    send(service, site, 1)
    with pytest.raises(TimeoutError), page.expect_request("**/desk/counts*", timeout=500):
        page.clock.run_for(60_000)  # nobody is there: an open page must not keep its session alive
    page.get_by_role("link", name="new: load again").click()
    expect(page.locator(".card")).to_have_count(6)


# ---- without JavaScript ----


def test_it_all_works_without_javascript(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    page = visit("/desk", None, java_script_enabled=False)
    sign_in(page, service, "Omar")
    page.goto(service.base + queue(site))
    expect(page.get_by_role("button", name="Keys")).to_be_hidden()
    expect(page.locator("kbd:visible")).to_have_count(0)
    card(page, "Reader 1").locator("summary").click()
    expect(card(page, "Reader 1").get_by_text("Judged under the rules of revision")).to_be_visible()
    card(page, "Reader 1").get_by_role("button", name="Approve").click()
    notice = page.get_by_role("status", name="Last decision")
    expect(notice).to_contain_text(re.compile(r"Approved by you, \d\d:\d\d: Reader 1"))
    expect(page.locator(".card")).to_have_count(1)
    notice.get_by_role("button", name="Undo").click()
    expect(page.locator(".card")).to_have_count(2)
    expect(notice).to_contain_text("Pending: Reader 1")
    card(page, "Reader 2").get_by_role("combobox").select_option("Advertising")
    card(page, "Reader 2").get_by_role("button", name="Reject").click()
    page.get_by_role("link", name=re.compile("Rejected")).click()
    expect(card(page, "Reader 2")).to_contain_text("Advertising")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_stale_click_without_javascript_is_told_on_its_card(service: Service, visit: Visit, site: str) -> None:
    send(service, site, 2)
    plain, quick = visit(queue(site), java_script_enabled=False), visit(queue(site), "Omar")
    quick.keyboard.press("j")
    quick.keyboard.press("s")
    expect(count(quick, "spam")).to_have_text("1")
    card(plain, "Reader 1").get_by_role("button", name="Approve").click()
    told = card(plain, "Reader 1").get_by_role("status")
    expect(told).to_have_text(re.compile(r"Already marked as spam by Omar, \d\d:\d\d\. Nothing was changed\."))
    expect(plain.locator(".card")).to_have_count(2)


# ---- for everybody, on every screen ----

HOSTILE = (
    f"{'W' * 400} مرحبا \u202eabc\u202c \u200b fuck http://a.example/{'x' * 300} http://b.example http://c.example, "
    "call +44 20 7946 0958"
)


@pytest.fixture(scope="module")
def busy(service: Service, sites: Iterator[str]) -> str:
    """A site whose queue shows one of everything."""
    site = next(sites)
    send(service, site, 1, body=HOSTILE, article={"id": "w" * 200, "title": "T" * 300})
    url = f"https://{'w' * 60}.example"
    service.post(site, author={"name": "N" * 80, "email": "n@visitor.example.net", "url": url})
    send(service, site, 2)
    return site


def violations_of_axe(page: Page) -> list[str]:
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_shut_out(service: Service, visit: Visit, busy: str, theme: str) -> None:
    entry = visit("/desk/sign-in", None, color_scheme=theme)
    assert violations_of_axe(entry) == []
    entry.get_by_role("textbox", name="Name").fill("Nobody")
    entry.get_by_role("textbox", name="Password").fill("wrong wrong wrong")
    entry.get_by_role("button", name="Sign in").click()
    expect(entry.get_by_role("alert")).to_contain_text("The name or the password is wrong.")
    expect(entry.get_by_role("textbox", name="Password")).to_be_focused()
    assert violations_of_axe(entry) == []
    assert violations_of_axe(visit("/desk/set-password?token=gone", None, color_scheme=theme)) == []

    # As high as the queue: where the line at the bottom covers a card, axe would measure the one against the other.
    page = visit(queue(busy), color_scheme=theme, viewport={"width": 1280, "height": 4000})
    page.locator("summary").first.click()
    page.keyboard.press("j")
    assert violations_of_axe(page) == []
    page.get_by_role("button", name="Keys").click()
    assert violations_of_axe(page) == []
    page.keyboard.press("Escape")
    card(page, "Reader 2").get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status").filter(has_text="Approved. Reader 2")).to_be_visible()
    assert violations_of_axe(page) == []
    page.keyboard.press("z")
    expect(card(page, "Reader 2")).to_be_visible()
    for tab in ("approved", "all"):
        assert violations_of_axe(visit(queue(busy, tab), color_scheme=theme)) == []


def test_a_new_moderator_sets_a_password(service: Service, visit: Visit) -> None:
    link = service.command("users", "add", "Newcomer").splitlines()[-1]
    path = link[link.index("/desk/") :]
    page = visit(path, None)
    expect(page.get_by_text("For the desk account Newcomer.")).to_be_visible()
    assert violations_of_axe(page) == []
    field = page.get_by_role("textbox", name="New password")
    expect(field).to_be_focused()
    field.fill("only a short")
    page.get_by_role("checkbox", name="Show the password").check()
    expect(field).to_have_attribute("type", "text")
    field.fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("navigation", name="Queue")).to_be_visible()
    page.goto(service.base + path)
    expect(page.get_by_role("alert")).to_contain_text("This link does not work any more.")


@pytest.mark.parametrize("path", ["/desk/sign-in", "/desk/set-password?token=gone", "queue", "all"])
def test_320_pixels_are_wide_enough(service: Service, visit: Visit, busy: str, path: str) -> None:
    where = {"queue": queue(busy), "all": queue("", "all")}.get(path, path)
    page = visit(where, viewport={"width": 320, "height": 700})
    for summary in page.locator("summary").all()[:3]:
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    small = page.evaluate(
        """[...document.querySelectorAll("button, select, input, summary, nav a")]
           .map((each) => [each.textContent.trim().slice(0, 20), each.getBoundingClientRect()])
           .filter(([, box]) => box.width && (box.height < 24 || box.width < 24) && box.height !== 18)
           .map(([name]) => name)"""
    )
    assert small == []


def test_targets_are_large_for_fingers(service: Service, visit: Visit, busy: str) -> None:
    page = visit(queue(busy), viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    heights = page.evaluate(
        """[...document.querySelectorAll("button, select, summary")]
           .map((each) => each.getBoundingClientRect().height).filter(Boolean)"""
    )
    assert min(heights) >= 44


def test_the_desk_has_its_picture_taken(service: Service, visit: Visit, tmp_path: Path) -> None:
    """The README's picture: `MODERATION_PICTURES=docs/pictures` renews it."""
    url = "https://news.example.org/night-ferry"
    article = {"id": "night-ferry", "url": url, "title": "The last ferry will run until two"}

    def say(name: str, email: str, body: str, **more: Any) -> str:
        author = {"name": name, "email": email, "url": more.pop("url", None)}
        return str(service.post("harbour", article=article, author=author, body=body, **more).json()["id"])

    first = say(
        "Jonas Weber",
        "jonas@post.example.net",
        "Good that somebody asked the crews at last. My father drove the late boat for nineteen years.",
    )
    page = visit(queue("harbour"))
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(count(page, "approved")).to_have_text("1")
    say(
        "Jonas Weber",
        "jonas@post.example.net",
        "Until two is late enough. Who pays for the second pilot?",
        url="https://weber-boats.example/",
    )
    say(
        "Mira",
        "mira@letters.example.net",
        "Only an id\u200biot believes that. Call me and say it to my face: 020 7946 0958",
        parent=first,
    )
    say(
        "best_offers",
        "deals@offers.example.net",
        "Cheap tickets http://a.example http://b.example and http://c.example",
        url="https://offers.example/",
    )
    say("سلمى", "salma@barid.example.net", "فكرة جيدة، لكن من يحرس الميناء في الليل؟")
    page.set_viewport_size({"width": 1280, "height": 860})
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("j")
    folder = Path(os.environ.get("MODERATION_PICTURES", tmp_path))
    page.screenshot(path=folder / "desk.png")
    assert (folder / "desk.png").stat().st_size > 10_000
