"""The first hour, as a moderator or somebody who wants to be one meets the service: checks 6, 12 to 14 and 18."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import randrange
from typing import Any

import pyotp
import requests
from tests.hour.reviewer import Browser, Hour, Line, at_once
from tests.service import PASSWORD, wait_until
from tests.test_rights import DOORS

NEW = "another three plain words"
WRONG = "wrong words for this one"
HASTE = timedelta(seconds=3)
"""A try that is made at once is made within that, however busy the machine."""

KEPT = ("keys.json", "moderation.toml")


def only_one_decides(hour: Hour) -> str:
    """6: one comment, two tabs and 20 scripts."""
    service = hour.service
    comment = service.post(article="both").json()["id"]
    url, ruling = f"{service.base}/v1/demo/decisions", [{"id": comment, "version": 1, "decision": "approve"}]
    told = at_once(20, lambda _: requests.post(url, json=ruling, headers=hour.script, timeout=30))
    won = [each for each in told if each.status_code == 200]
    lost = [each.json()[0] for each in told if each.status_code == 409]
    assert (len(won), len(lost)) == (1, 19), f"{len(won)} decided, {len(lost)} conflicts"
    assert all(each["decided_by"] and each["decided_at"] for each in lost), "the winner is not named"

    comment = service.post(article="both").json()["id"]
    tabs = [hour.browser("Ada"), hour.browser("Bo")]
    for tab in tabs:
        tab.get("/desk/?status=pending&site=demo")
    form = {"id": comment, "version": "1", "decision": "approve"}
    shown = [tab.post("/desk/decisions", form) for tab in tabs]
    assert "Ada" in shown[1], "the second tab is not told who decided"
    assert [tab.status for tab in tabs] == [200, 200]
    return "20 at once: one 200, nineteen 409 that name the winner; the second tab reads who was first"


def other_sites_cause_nothing(hour: Hour) -> str:
    """12: forms and scripts of another site with a moderator's cookie, at every changing address; and GETs."""
    service = hour.service
    cookies = {service.cookie: hour.browser("Ada").cookie()}
    before = _changes(hour)
    changing = [address.partition(" ")[2] for address in DOORS if address.startswith("POST /desk")]
    paths = [re.sub(r"<[^>]+>", "0" * 16, path) for path in changing]
    shapes: list[dict[str, Any]] = [
        {
            "data": {"decision": "approve"},
            "headers": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        },
        {"data": {"decision": "approve"}, "headers": {"Origin": "https://evil.example"}},
        {"data": {"decision": "approve"}, "headers": {"Origin": "null"}},
        {"data": {"decision": "approve"}},
        {"data": b'{"a":"', "headers": {"Content-Type": "text/plain", "Sec-Fetch-Site": "same-site"}},
        {"json": {"decision": "approve"}, "headers": {"Origin": "https://evil.example"}},
    ]
    odd = set()
    for path in paths:
        for shape in shapes:
            told = requests.post(service.base + path, cookies=cookies, timeout=15, allow_redirects=False, **shape)
            if told.status_code != 403:
                odd.add(f"POST {path}: {told.status_code}")
        for name in ("X-HTTP-Method-Override", "X-HTTP-Method"):
            requests.get(
                service.base + path, {"decision": "approve", "_method": "POST"}, cookies=cookies, timeout=15,
                headers={name: "POST"}, allow_redirects=False,
            )  # fmt: skip
    assert not odd, f"not refused: {sorted(odd)}"
    assert _changes(hour) == before, "something changed"
    return f"{len(paths)} addresses x {len(shapes)} shapes: all 403; {2 * len(paths)} GETs: nothing changed"


def _changes(hour: Hour) -> list[Any]:
    """What any change would move: the record, the comments' versions, the people."""
    with closing(sqlite3.connect(f"file:{hour.service.state / 'moderation.db'}?mode=ro", uri=True)) as connection:
        return [
            connection.execute(statement).fetchall()
            for statement in (
                "SELECT max(seq) FROM journal WHERE action != 'sign-in'",
                "SELECT count(*), sum(version) FROM comments",
                "SELECT count(*), sum(disabled) FROM people",
            )
        ]


def an_old_cookie_opens_nothing(hour: Hour) -> str:
    """13: after signing out, after a role is taken away, after a new password."""
    seen = []
    out = hour.browser("Olga", "moderator")
    secret = out.cookie()
    assert out.opens(secret) == 200
    out.get("/desk/me")
    out.post("/desk/sign-out", {})
    seen.append(out.opens(secret))

    out = hour.browser("Olga", "moderator")
    secret = out.cookie()
    hour.service.command("users", "change", "Olga", "--role", "auditor")
    seen.append(out.opens(secret))

    out = hour.browser("Olga", "moderator")
    secret, other = out.cookie(), hour.browser("Olga", "moderator")
    other.get("/desk/me")
    other.post("/desk/me/password", {"current": PASSWORD, "password": NEW, "again": NEW})
    seen.append(out.opens(secret))
    assert seen == [401, 401, 401], f"signed out, role changed, new password: {seen}"
    return "401 at the next request, three times"


def guessing_locks_nobody_out(hour: Hour) -> str:
    """14: 50 wrong passwords, a name that does not exist, a code used twice."""
    known = hour.browser("Gus", "moderator")  # this browser has signed in before
    known.get("/desk/me")
    known.post("/desk/sign-out", {})
    real, absent = [], []
    for number in range(50):  # by turns: the machine is as busy for the ones as for the others
        real.append(_sign_in(hour, "Gus", WRONG, f"127.0.4.{number + 1}"))
        if number % 2:
            absent.append(_sign_in(hour, "Guy", WRONG, f"127.0.5.{number + 1}"))
    statuses = {told.status for told in real} | {told.status for told in absent}
    assert statuses == {403}, f"answered with {statuses}"
    assert {told.body.replace(b"Guy", b"Gus") for told in absent} == {told.body for told in real}, "the words differ"
    fastest = [min(told.seconds for told in each) * 1000 for each in (real, absent)]
    assert 1 / 5 < fastest[0] / fastest[1] < 5, f"an unknown name is told by its time: {fastest} ms"
    _put_off(hour, "Gus")
    right = _sign_in(hour, "Gus", PASSWORD, "127.0.6.1")
    assert right.status == 403, "50 wrong tries, and the right password from elsewhere need not wait"
    known.post("/desk/sign-in", {"name": "Gus", "password": PASSWORD})
    assert known.opens(known.cookie()) == 200, "the known browser is locked out"
    waited = _delay_after(hour, 4)
    refused = _second_use(hour)
    return (
        f"one text, fastest {fastest[0]:.0f} and {fastest[1]:.0f} ms; 4 wrong: the right one waits {waited:.1f} s; "
        f"after 50 the known browser still comes in; code again: {refused}"
    )


def _delay_after(hour: Hour, wrong: int) -> float:
    """Seconds after `wrong` tries until the right password is taken from elsewhere."""
    hour.browser("Hal", "moderator")
    for number in range(wrong):
        _sign_in(hour, "Hal", WRONG, f"127.0.7.{number + 1}")
    _put_off(hour, "Hal")
    begun = time.monotonic()
    assert _sign_in(hour, "Hal", PASSWORD, "127.0.7.100").status == 403, f"no delay after {wrong} wrong tries"
    wait_until(lambda: _sign_in(hour, "Hal", PASSWORD, f"127.0.7.{randrange(101, 250)}").status == 303)
    return time.monotonic() - begun


def _put_off(hour: Hour, name: str) -> None:
    """Try on with wrong words until the account has some seconds more to wait: the machine may take its time."""

    def is_put_off() -> bool:
        with closing(sqlite3.connect(f"file:{hour.service.state / 'moderation.db'}?mode=ro", uri=True)) as connection:
            (until,) = connection.execute("SELECT next_try_at FROM people WHERE name = ?", (name,)).fetchone()
        return until is not None and datetime.fromisoformat(until) > datetime.now(UTC).replace(tzinfo=None) + HASTE

    while not is_put_off():
        _sign_in(hour, name, WRONG, f"127.0.8.{randrange(1, 250)}")


def _sign_in(hour: Hour, name: str, password: str, address: str) -> Any:
    """One try, once the limit of tries from everywhere together (5 a second) lets it through."""
    while (told := _try(hour, name, password, address)).status == 429:
        time.sleep(0.3)
    return told


def _try(hour: Hour, name: str, password: str, address: str) -> Any:
    line = Line(hour.port, address)
    body = f"name={name.replace(' ', '+')}&password={password.replace(' ', '+')}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    told = line.ask("POST", "/desk/sign-in", body, headers)
    line.close()
    return told


def _second_use(hour: Hour) -> int:
    """Set up a second step and give its code once more: the status of that."""
    time.sleep(1)  # until the limit of tries from everywhere together has room for both sign-ins
    person = hour.browser("Ida", "senior")
    page = person.get("/desk/me/second-step")
    seed = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page)
    assert seed, "no key to set up"
    code = pyotp.TOTP(seed[1].replace(" ", "")).now()
    person.post("/desk/me/second-step", {"code": code})
    again = Browser(hour.service)
    again.post("/desk/sign-in", {"name": "Ida", "password": PASSWORD})
    again.post("/desk/code", {"code": code})
    assert again.status == 403, f"a code was taken twice: {again.status}"
    assert again.opens(again.cookie()) != 200
    return again.status


def a_changed_record_shows(hour: Hour) -> str:
    """18: in copies of the store, a row edited, and the last ten dropped."""
    edited = _verify_after(hour, "edited", "UPDATE journal SET actor = 'somebody' WHERE seq = 5")
    assert "Row 5 " in edited, edited
    cut = _verify_after(hour, "cut", "DELETE FROM journal WHERE seq > (SELECT max(seq) - 10 FROM journal)")
    assert re.search(r"Row \d+ is missing", cut), cut
    return "the store refuses both; done all the same: row 5 is named, the cut end is named, exit 1"


def _verify_after(hour: Hour, name: str, change: str) -> str:
    """What `audit verify` says of a copy of the store after this change, which triggers have to be dropped for."""
    state = hour.folder / f"state-{name}"
    state.mkdir(mode=0o700)
    for path in (hour.backup / "moderation.db", *(hour.service.state / each for each in KEPT)):
        shutil.copy(path, state)
    with closing(sqlite3.connect(state / "moderation.db", isolation_level=None)) as connection:
        assert _refusal(connection, change), "the store lets the record be changed"
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(change)
    done = _verify(state)
    assert done.returncode == 1, f"exit {done.returncode}: {done.stdout}"
    return done.stdout + done.stderr


def _refusal(connection: sqlite3.Connection, change: str) -> str:
    try:
        connection.execute(change)
    except sqlite3.DatabaseError as error:
        return str(error)
    return ""


def _verify(state: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "moderation", "audit", "verify", "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
