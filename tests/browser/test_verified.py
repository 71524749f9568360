"""Authors who prove who they are, in a real browser: signed in at the page's own login, or by the link in a letter."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from playwright.sync_api import Page, expect
from tests.browser import test_reader
from tests.browser.test_reader import AWAITING, STRICT, Elsewhere, fill, send, violations_of_axe
from tests.service import CANARY, RULES, Service, running_service, wait_until
from tests.smtp import Receiver, receiving

visit = test_reader.visit
elsewhere = test_reader.elsewhere

KEY = ECKey.generate_key("P-256", {"kid": "one"}, auto_kid=False)
LOGIN = '\n[sites.demo.login]\nissuer = "https://login.example"\nalgorithm = "ES256"\n'


MAIL = '\n[sites.harbour]\nname = "The Harbour Post"\nverify = "mail"\n'


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiving(tmp_path_factory.mktemp("mail")) as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere, receiver: Receiver) -> Iterator[Service]:
    state: Path = tmp_path_factory.mktemp("verified") / "state"
    (state / "logins").mkdir(parents=True)
    (state / "logins" / "demo.json").write_text(json.dumps(KeySet([KEY]).as_dict(private=False)))
    rules = RULES.replace('"https://news.example.org"', f'"{elsewhere.origin}"') + LOGIN + MAIL
    mail = {"HOST": "127.0.0.1", "PORT": str(receiver.port)}
    env = {f"MODERATION_SMTP_{name}": value for name, value in mail.items()}
    env |= {"MODERATION_MAIL_FROM": "comments@news.example", "SSL_CERT_FILE": str(receiver.certificate)}
    with running_service(state, rules=rules, env=env) as running:
        yield running


def token(**over: Any) -> str:
    now = int(time.time())
    claims = {"iss": "https://login.example", "aud": "demo", "sub": "4711", "iat": now, "exp": now + 600}
    claims |= {"name": "Zoë of the Paper", "email": CANARY} | over
    return jwt.encode({"alg": "ES256", "kid": "one"}, claims, KEY)


def queued(service: Service, body: str, site: str = "demo") -> dict[str, Any]:
    return service.queued(service.token("queue:read"), body, site, "pending")


def test_who_is_signed_in_types_neither_name_nor_address(
    service: Service, elsewhere: Elsewhere, visit: Callable[..., Page]
) -> None:
    policy = STRICT + "; script-src-elem {service}"
    address = elsewhere.page(
        "/signed-in", service.base, policy=policy, **{"site": "demo", "article": "signed", "author-token": token()}
    )
    page = visit(address)
    widget = page.locator("comment-thread")
    expect(widget.get_by_text("You write as Zoë of the Paper.")).to_be_visible()
    expect(widget.get_by_role("textbox", name="Name")).to_be_hidden()
    expect(widget.get_by_role("textbox", name="Email")).to_be_hidden()
    widget.get_by_role("textbox", name="Comment").fill("Said by a subscriber.")
    send(widget)
    expect(widget.get_by_role("status")).to_have_text(AWAITING)
    author = queued(service, "Said by a subscriber.")["author"]
    assert (author["name"], author["verified"]) == ("Zoë of the Paper", True)
    assert not page.evaluate("window.violations")


def test_a_sign_in_that_is_over_is_told_and_the_text_stays(service: Service, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/demo/demo/")
    widget = page.locator("comment-thread")
    expect(widget.get_by_role("textbox", name="Name")).to_be_visible()
    page.evaluate("token => { document.querySelector('comment-thread').authorToken = token; }", token(exp=1, iat=1))
    expect(widget.get_by_role("textbox", name="Name")).to_be_hidden()
    widget.get_by_role("textbox", name="Comment").fill("Said too late.")
    send(widget)
    expect(widget.get_by_role("alert")).to_contain_text("Your sign-in is over")
    expect(widget.get_by_role("textbox", name="Comment")).to_have_value("Said too late.")
    page.evaluate("token => { document.querySelector('comment-thread').authorToken = token; }", token())
    send(widget)
    expect(widget.get_by_role("status")).to_have_text(AWAITING)
    page.evaluate("document.querySelector('comment-thread').authorToken = ''")
    expect(widget.get_by_role("textbox", name="Name")).to_be_visible()


def letter(service: Service, receiver: Receiver, to: str) -> str:
    """The link in the letter to this address, each of which gets one."""

    def found() -> list[str]:
        texts = [each.get_content() for each in receiver.taken if each["To"] == to]
        return [link for text in texts for link in re.findall(rf"{re.escape(service.base)}/v/\S+", text)]

    wait_until(found, lambda: service.log_text()[-2000:])
    return found()[0]


def test_a_confirmed_address_is_known_in_the_widget_that_it_was_confirmed_from(
    service: Service, elsewhere: Elsewhere, receiver: Receiver, visit: Callable[..., Page]
) -> None:
    page = visit(elsewhere.page("/harbour", service.base, policy=STRICT, site="harbour"))
    widget = page.locator("comment-thread")
    expect(widget.get_by_text("You may get a letter to confirm your email address.")).to_be_visible()
    fill(widget, "Said before the letter.", email="ana@letters.example.org")
    send(widget)
    expect(widget.get_by_role("status")).to_have_text(AWAITING)
    page.goto(letter(service, receiver, "ana@letters.example.org"))
    page.get_by_role("button", name="Yes, this address is mine").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your email address is confirmed")
    page.get_by_role("link", name="Back to the article").click()
    expect(widget.get_by_role("textbox", name="Comment")).to_be_visible()
    assert page.url == elsewhere.origin + "/harbour", "the address bar shows nothing of it"
    fill(widget, "Said after the letter.", email="ana@letters.example.org")
    send(widget)
    expect(widget.get_by_role("status")).to_have_text(AWAITING)
    told = [queued(service, f"Said {when} the letter.", "harbour")["author"] for when in ("before", "after")]
    assert [each["verified"] for each in told] == [False, True]
    assert not page.evaluate("window.violations")


def test_without_javascript_the_thread_page_knows_it_too(
    service: Service, receiver: Receiver, visit: Callable[..., Page]
) -> None:
    page = visit(f"{service.base}/t/harbour?article=plain", java_script_enabled=False)
    fill(page, "Written plainly.", email="omar@letters.example.org")
    send(page)
    page.goto(letter(service, receiver, "omar@letters.example.org"))
    page.get_by_role("button", name="Yes, this address is mine").click()
    page.get_by_role("link", name="Back to the article").click()
    fill(page, "Written plainly again.", email="omar@letters.example.org")
    send(page)
    expect(page.get_by_role("status")).to_have_text(AWAITING)
    assert queued(service, "Written plainly again.", "harbour")["author"]["verified"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_the_link_shuts_nobody_out(
    scheme: Any, service: Service, receiver: Receiver, visit: Callable[..., Page], tmp_path: Path
) -> None:
    to = f"{scheme}@letters.example.org"
    assert service.post("harbour", author={"name": "Ana", "email": to}).status_code == 202
    page = visit(letter(service, receiver, to), color_scheme=scheme, viewport={"width": 320, "height": 640})
    folder = Path(os.environ.get("MODERATION_PICTURES", tmp_path))
    for number in range(2):
        assert violations_of_axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.screenshot(path=folder / f"confirm-{scheme}-{number}.png")
        if number == 0:
            page.get_by_role("button", name="Yes, this address is mine").click()
            expect(page.get_by_role("status")).to_be_focused()
    assert not page.evaluate("window.violations")


def test_a_reader_is_forgotten_by_a_letter(service: Service, receiver: Receiver, visit: Callable[..., Page]) -> None:
    page = visit(f"{service.base}/demo/demo/")
    with page.expect_navigation():
        page.locator("comment-thread").get_by_role("link", name="Your data: get a copy, or delete it").click()
    small = {"width": 320, "height": 640}
    page = visit(page.url, java_script_enabled=False, viewport=small)
    page.get_by_role("textbox", name="Email").fill("no address")
    page.get_by_role("radio", name="Delete my comments and data").check()
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not an email address.")
    expect(page.get_by_role("radio", name="Delete my comments and data")).to_be_checked()
    written = service.post("harbour", author={"name": "Ana", "email": CANARY}).json()["id"]
    sent = len(receiver.taken)
    page.get_by_role("textbox", name="Email").fill(CANARY)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("status")).to_contain_text("A letter with a link is on its way")
    letters: list[str] = []

    def has_come() -> bool:
        letters[:] = [each.get_content() for each in receiver.taken[sent:] if "delete" in each["Subject"]]
        return bool(letters)

    wait_until(has_come)
    found = re.search(r"(/p/\S+)", letters[0])
    assert found
    for address in (page.url.partition("?")[0], page.url, service.base + found[1]):
        seen = visit(address, viewport=small, color_scheme="dark")
        assert violations_of_axe(seen) == []
        assert seen.evaluate("document.documentElement.scrollWidth") <= 320
    page.goto(service.base + found[1])
    expect(page.get_by_role("listitem").filter(has_text="The Harbour Post: 1 entry")).to_be_visible()
    page.get_by_role("button", name="Delete all of it").click()
    expect(page.get_by_role("status")).to_contain_text("deleted.")
    assert written not in [each["id"] for each in service.queue(service.token("queue:read"), "harbour")]
