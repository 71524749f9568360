"""People, one's own page, second steps and tokens over HTTP, as a browser without JavaScript sees them. This service
has the default: an admin needs a second step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from pathlib import Path

import pyotp
import pytest
import requests
from tests.service import PASSWORD, Service, running_service

OTHER = "another three plain words"  # made up for tests


class Browser:
    """Follows links and presses buttons; keeps the last page."""

    def __init__(self, service: Service) -> None:
        self.service, self.session = service, requests.Session()
        self.session.hooks = service.session.hooks
        self.session.headers["Accept"] = "text/html"
        self.page, self.path, self.status = "", "", 0

    def get(self, path: str) -> str:
        return self._kept(self.session.get(self.service.base + path, timeout=30))

    def post(self, path: str, fields: Mapping[str, Sequence[str]]) -> str:
        """With the token of the page that was looked at last."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.page)
        sent = {"csrf_token": token[1] if token else ""} | dict(fields)
        headers = {"Origin": self.service.base}
        return self._kept(self.session.post(self.service.base + path, data=sent, headers=headers, timeout=30))

    def _kept(self, answer: requests.Response) -> str:
        self.status, self.page = answer.status_code, answer.text
        self.path = answer.url.removeprefix(self.service.base)
        return self.page

    def sign_in(self, name: str, password: str = PASSWORD) -> str:
        return self.post("/desk/sign-in", {"name": name, "password": password})

    def people(self) -> list[str]:
        """Their lines on the page of people."""
        return re.findall(r"<summary>(.*?)</summary>", self.get("/desk/people"), re.DOTALL)

    def secret(self) -> str:
        return self.session.cookies[self.service.cookie]

    def with_cookie(self, secret: str) -> int:
        """The status of somebody else's request with this session."""
        answer = requests.get(
            f"{self.service.base}/desk/me", cookies={self.service.cookie: secret}, allow_redirects=False, timeout=30
        )
        return answer.status_code


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    required = {"MODERATION_TOTP_REQUIRED": "admin"}
    with running_service(tmp_path_factory.mktemp("people") / "state", env=required) as running:
        yield running


def seed_on(page: str) -> str:
    found = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page)
    assert found, page
    return found[1].replace(" ", "")


@pytest.fixture(scope="module")
def ada(service: Service) -> Browser:
    """An admin as the README has it: by the first link, a password, an app, the codes kept."""
    link = re.search(r"(/desk/set-password\?token=\S+)", (service.state / "stdout.log").read_text("utf-8"))
    assert link
    browser = Browser(service)
    browser.get(link[1])
    token = link[1].partition("token=")[2]
    browser.post("/desk/set-password", {"token": token, "password": PASSWORD})
    assert browser.path.startswith("/desk/me/second-step")
    assert "<svg" in browser.page
    half = browser.secret()
    refused = browser.post("/desk/me/second-step", {"code": "000000"})
    assert browser.status == 422
    assert "This code is not right" in refused
    browser.post("/desk/me/second-step", {"code": pyotp.TOTP(seed_on(browser.page)).now(), "next": "/desk/people"})
    assert len(re.findall(r"<li><code>[a-z2-7-]{30}</code></li>", browser.page)) == 10
    assert 'href="/desk/people"' in browser.page
    assert browser.secret() != half
    assert browser.with_cookie(half) == 303, "the half session is over"
    return browser


def test_a_new_admin_sees_nothing_before_the_second_step(service: Service) -> None:
    service.person("Ina", "admin")
    ina = Browser(service)
    ina.sign_in("Ina")
    for path in ("/desk/", "/desk/people", "/desk/audit", "/desk/audit/csv", "/desk/me", "/desk/tokens"):
        ina.get(path)
        assert ina.path.startswith("/desk/me/second-step?next="), path
    ina.post("/desk/people", {"name": "Sly", "role": "admin", "sites": "*"})
    assert ina.status == 401
    assert "Sly" not in service.command("users", "list")


def test_signing_in_asks_for_a_code_and_goes_where_one_wanted(service: Service, ada: Browser) -> None:
    service.person("Ida", "senior")
    ida = Browser(service)
    ida.sign_in("Ida")
    seed = seed_on(ida.get("/desk/me/second-step"))
    used = pyotp.TOTP(seed).now()
    ida.post("/desk/me/second-step", {"code": used})
    codes = re.findall(r"<li><code>([a-z2-7-]{30})</code></li>", ida.page)

    again = Browser(service)
    again.sign_in("Ida")
    assert again.path.startswith("/desk/code?next=")
    assert f"mod-device{service.cookie[3:]}" not in again.session.cookies
    half = again.secret()
    assert again.with_cookie(half) == 303
    refused = again.post("/desk/code", {"code": used})
    assert again.status == 403
    assert "was used before" in refused
    again.post("/desk/code", {"code": codes[0], "next": "/desk/me"})
    assert (again.status, again.path) == (200, "/desk/me")
    assert "9 recovery codes left" in again.page
    assert again.with_cookie(half) == 303
    assert f"mod-device{service.cookie[3:]}" in again.session.cookies
    again.get("/desk/me")
    again.post("/desk/me/second-step/off", {})
    assert "The second step is off." in again.page
    log = service.log_text()
    assert seed not in log
    assert not any(code in log for code in [*codes, used])


def test_an_admin_invites_changes_and_switches_off(service: Service, ada: Browser) -> None:
    ada.get("/desk/people")
    page = ada.post("/desk/people", {"name": "Nell", "role": "moderator", "sites": ["demo", "open"]})
    link = re.search(r"<code>http://[^/]+(/desk/set-password\?token=[\w-]+)</code>", unescape(page))
    assert link
    nell = Browser(service)
    nell.get(link[1])
    nell.post("/desk/set-password", {"token": link[1].partition("token=")[2], "password": PASSWORD})
    assert (nell.status, nell.path.rstrip("/")) == (200, "/desk")
    assert "/desk/people" not in nell.page
    assert nell.get("/desk/people")
    assert nell.status == 403

    ada.get("/desk/people")
    ada.post("/desk/people/change", {"name": "Nell", "do": "saved", "role": "senior", "sites": ["demo"]})
    assert re.search(r"Nell</bdi></strong> · senior · demo", ada.page)
    nell.get("/desk/")
    assert nell.path.startswith("/desk/sign-in"), "a change of role ends the sessions"
    ada.post("/desk/people/change", {"name": "Nell", "do": "off"})
    assert re.search(r"senior · demo · <strong>switched off", ada.page)
    nell.sign_in("Nell")
    assert nell.status == 403
    ada.post("/desk/people/change", {"name": "Nell", "do": "on"})
    nell.sign_in("Nell")
    assert nell.status == 200


@pytest.mark.parametrize(
    ("path", "fields", "said"),
    [
        ("/desk/people", {"name": "", "role": "moderator", "sites": "*"}, "A name has 1 to 80 characters"),
        ("/desk/people", {"name": "a@b.example", "role": "moderator", "sites": "*"}, "without @"),
        ("/desk/people", {"name": "Max", "role": "king", "sites": "*"}, "not one of the allowed"),
        ("/desk/people", {"name": "Max", "role": "moderator"}, "tick at least one site"),
        ("/desk/people", {"name": "Max", "role": "moderator", "sites": "nowhere"}, "not one of the allowed"),
        ("/desk/people/change", {"name": "admin", "do": "explode"}, "not one of the allowed"),
        ("/desk/tokens", {"name": "x", "days": "0", "scopes": "queue:read", "sites": "*"}, "out of range"),
        ("/desk/tokens", {"name": "x", "days": "９", "scopes": "queue:read", "sites": "*"}, "out of range"),
        ("/desk/tokens", {"name": "x", "days": "9", "sites": "*"}, "tick what the token may do"),
        ("/desk/tokens", {"name": "x", "days": "9", "scopes": "people:write", "sites": "*"}, "not one of the allowed"),
    ],
)
def test_a_wrong_form_is_told_in_words_and_changes_nothing(
    ada: Browser, path: str, fields: dict[str, Sequence[str]], said: str
) -> None:
    before = ada.people()
    page = ada.post(path, fields)
    assert ada.status == 422
    assert said in unescape(page)
    assert ada.people() == before


def test_a_token_is_made_seen_once_used_and_ended(service: Service, ada: Browser) -> None:
    ada.get("/desk/tokens")
    fields = {"name": "The CMS", "days": "30", "scopes": ["queue:read", "bans:write"], "sites": ["demo"]}
    found = re.search(r"<code>(cm_live_([0-9a-f]+)_[\w-]+)</code>", ada.post("/desk/tokens", fields))
    assert found
    bearer = {"Authorization": f"Bearer {found[1]}"}
    assert service.get("/v1/demo/queue", headers=bearer).status_code == 200
    assert service.get("/v1/demo/bans", headers=bearer).status_code == 200
    assert service.get("/v1/open/queue", headers=bearer).status_code == 403
    listed = ada.get("/desk/tokens")
    assert found[1] not in listed
    assert re.search(
        r"The CMS</bdi>.*(?:queue:read, bans:write|bans:write, queue:read) · demo ·\s+until \d{4}-\d\d-\d\d · last",
        listed,
    )
    ada.post("/desk/tokens/end", {"token": found[2]})
    assert "The CMS" not in ada.page
    assert service.get("/v1/demo/queue", headers=bearer).status_code == 401


def test_ones_own_password_and_sessions(service: Service) -> None:
    service.person("Olga")
    here, there = Browser(service), Browser(service)
    for browser in (here, there):
        browser.sign_in("Olga")
    old = here.secret()
    here.get("/desk/me")
    form = {"current": PASSWORD, "password": OTHER, "again": "something else here"}
    here.post("/desk/me/password", form)
    assert (here.status, "not the same" in here.page) == (422, True)
    here.post("/desk/me/password", form | {"current": "no", "again": OTHER})
    assert (here.status, "not your password" in here.page) == (422, True)
    here.post("/desk/me/password", form | {"again": OTHER})
    assert "Your password is changed" in here.page
    assert here.with_cookie(old) == 303
    there.get("/desk/me")
    assert there.path.startswith("/desk/sign-in")

    there.sign_in("Olga", OTHER)
    theirs = re.search(r'name="session" value="([0-9a-f]{16})"', here.get("/desk/me"))
    assert theirs
    here.post("/desk/me/sessions", {"session": theirs[1]})
    assert "Signed out there." in here.page
    there.get("/desk/me")
    assert there.path.startswith("/desk/sign-in")
    here.post("/desk/me/sessions", {"session": "all"})
    here.get("/desk/me")
    assert here.path.startswith("/desk/sign-in")


def test_a_lost_phone_is_taken_away_on_the_page_and_in_the_shell(service: Service, ada: Browser) -> None:
    for name in ("Pia", "Pat"):
        service.person(name)
        browser = Browser(service)
        browser.sign_in(name)
        seed = seed_on(browser.get("/desk/me/second-step"))
        browser.post("/desk/me/second-step", {"code": pyotp.TOTP(seed).now()})
        assert "Recovery codes" in browser.page
    ada.get("/desk/people")
    ada.post("/desk/people/change", {"name": "Pia", "do": "forget"})
    assert "second step is taken away" in ada.page
    told = service.command("users", "change", "Pat", "--no-second-step")
    assert told == "Pat has no second step any more. Signed out everywhere."
    for name in ("Pia", "Pat"):
        browser = Browser(service)
        browser.sign_in(name)
        assert (browser.status, browser.path.rstrip("/")) == (200, "/desk")


def test_two_services_on_one_machine_leave_each_other_signed_in(service: Service, tmp_path: Path) -> None:
    """A browser sends a host's cookies to all of its ports, as a session of requests does."""
    service.person("Two", "auditor")
    one = Browser(service)
    one.sign_in("Two")
    with running_service(tmp_path / "state") as other:
        other.person("Two", "auditor")
        second = Browser(other)
        second.session = one.session
        second.sign_in("Two")
        assert (one.get("/desk/me"), one.status)[1] == 200
        assert one.path == "/desk/me"
        second.get("/desk/me")
        assert (second.status, second.path) == (200, "/desk/me")
