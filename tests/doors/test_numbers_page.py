"""The page of numbers: what it shows is what was done; who sees whose; filters in the address; without a script."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from tests.actions.test_queue import LINKS
from tests.actions.test_review import ANA, BOB, rule, send
from tests.conftest import Clock
from tests.service import RULES
from tests.test_rights import as_person

from moderation.actions import numbers
from moderation.edges import people
from moderation.edges.people import fingerprint
from moderation.runtime import Runtime
from moderation.values import Decision, Role
from moderation.web.app import create_app


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime(RULES.replace('name = "Demo"', 'name = "Demo"\ntimezone = "Asia/Tokyo"\npromise = "4 hours"'))


def shown(rt: Runtime, path: str, role: Role = Role.MODERATOR, sites: tuple[str, ...] | None = None) -> str:
    client = create_app(rt).test_client()
    client.set_cookie("mod-8080", as_person(rt, role, sites)[0])
    return client.get(path, headers={"Accept": "text/html"}).get_data(as_text=True)


def as_named(rt: Runtime, name: str) -> str:
    with rt.store.writing() as tx:
        person = people.add(tx, name, Role.MODERATOR, None, None, rt.now())
        people.open_session(tx, fingerprint(f"secret of {name}"), person, rt.now())
    client = create_app(rt).test_client()
    client.set_cookie("mod-8080", f"secret of {name}")
    return client.get("/desk/numbers").get_data(as_text=True)


def rows(page: str, section: str) -> list[list[str]]:
    """The rows of the table under a heading, each a list of what its cells say."""
    part = page.partition(f'id="{section}"')[2].partition("</section>")[0].partition("<tbody>")[2]
    found = re.findall(r"<tr>(.*?)</tr>", part, re.DOTALL)
    return [
        [
            html.unescape(re.sub(r"<[^>]+>|\s+", " ", cell)).strip()
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)
        ]
        for row in found
    ]


def work(rt: Runtime, clock: Clock) -> None:
    """Three come at 21:00 in Tokyo and one the next day; Ana approves two after an hour, Bob makes one of them spam."""
    first, second, third = (send(rt, number, body=f"{LINKS} {number}") for number in range(3))
    clock.advance(hours=1)
    for comment in (first, second):
        rule(rt, comment, 1, Decision.APPROVE, ANA)
    rule(rt, second, 2, Decision.UNDO, ANA)
    rule(rt, second, 3, Decision.SPAM, BOB)
    clock.advance(hours=3)
    send(rt, 4)
    numbers.look(rt)
    while numbers.count(rt):
        pass
    assert third


def test_what_is_shown_is_what_was_done(rt: Runtime, clock: Clock) -> None:
    work(rt, clock)
    page = shown(rt, "/desk/numbers?site=demo")
    days = {row[0]: row[1:] for row in rows(page, "over")}
    assert len(days) == 7
    assert days["2026-11-24"] == ["3", "3", "2", "0", "1", "1", "–", "–"]
    assert days["2026-11-25"] == ["1", "0", "0", "0", "0", "0", "2", "4 hours"]
    assert days["2026-11-20"] == ["0"] * 6 + ["–", "–"]
    by_hour = {row[0]: row[1:] for row in rows(page, "by-hour")}
    assert len(by_hour) == 24
    assert (by_hour["21:00"], by_hour["22:00"], by_hour["01:00"]) == (["3", "0"], ["0", "3"], ["1", "0"])
    assert {row[0]: row[1:] for row in rows(page, "by-weekday")}["Tuesday"] == ["3", "3"]
    assert rows(page, "by-rule") == [["Links", "2", "1", "1", "50%"]]
    assert "Times are in Asia/Tokyo." in page


def test_the_last_day_is_shown_by_hours(rt: Runtime, clock: Clock) -> None:
    work(rt, clock)
    hours = {row[0]: row[1:3] for row in rows(shown(rt, "/desk/numbers?site=demo&days=1"), "over")}
    assert len(hours) == 24
    assert hours["11-24 21:00"] == ["3", "0"]
    assert hours["11-24 22:00"] == ["0", "3"]


def test_moderators_see_their_own_decisions_and_admins_everybodys(rt: Runtime, clock: Clock) -> None:
    work(rt, clock)
    anas = rows(as_named(rt, "Ana"), "by-person")
    assert [row[:7] for row in anas] == [["Ana", "2", "2", "0", "0", "0", "1"]]
    assert "Bob" not in as_named(rt, "Omar")
    everybody = rows(shown(rt, "/desk/numbers", Role.ADMIN), "by-person")
    assert [row[0] for row in everybody] == ["Ana", "Bob"]
    for role in (Role.AUDITOR, Role.SENIOR):
        assert "Bob" not in shown(rt, "/desk/numbers", role)


def test_nobody_sees_the_numbers_of_other_sites(rt: Runtime, clock: Clock) -> None:
    work(rt, clock)
    page = shown(rt, "/desk/numbers", Role.ADMIN, ("open",))
    assert "Demo" not in page
    assert all(row[1:3] == ["0", "0"] for row in rows(page, "over"))
    assert rows(page, "by-rule") == []
    assert "Bob" not in page


@pytest.mark.parametrize("query", ["site=nowhere", "days=12", "site=demo&days=x"])
def test_a_filter_that_is_none_is_told(rt: Runtime, query: str) -> None:
    client = create_app(rt).test_client()
    client.set_cookie("mod-8080", as_person(rt, Role.MODERATOR, None)[0])
    answer = client.get(f"/desk/numbers?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert len(answer.get_json()["errors"]) == 1


def test_the_clock_stands_on_the_queue_and_on_the_page(rt: Runtime, clock: Clock) -> None:
    assert 'id="clock"' not in shown(rt, "/desk/")
    send(rt, 1)
    clock.advance(hours=3, minutes=5)
    assert "The oldest has waited for 3 hours 5 minutes of 4 hours promised." in shown(rt, "/desk/")
    assert rows(shown(rt, "/desk/numbers?site=demo"), "now") == [["Demo", "1", "3 hours 5 minutes", "4 hours, kept"]]
    clock.advance(hours=1)
    assert "The promise is broken." in shown(rt, "/desk/")
    assert 'id="clock"' not in shown(rt, "/desk/?site=open")
    assert rows(shown(rt, "/desk/numbers?site=demo"), "now")[0][3] == "4 hours, broken"
