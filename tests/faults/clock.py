"""F14: the service's clock is set wrong and right again while it runs (libfaketime, Debian's `faketime`). Redis,
PostgreSQL and the time since the machine's start go on as they are, as on a real machine whose clock is set."""

from __future__ import annotations

import os
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pyotp
import requests
from tests.faults.ground import SETTINGS, Ground
from tests.faults.ledger import load
from tests.hour.reviewer import PROXY, Browser, Line
from tests.service import PASSWORD, Service, running_service, wait_until

JUMPS = {"+1 h": 3600, "-1 h": -3600, "+10 years": 3652 * 86_400}
SUMMER = "nights in which summer time begins"
LIMIT, WINDOW = 5, 300
"""Comments of one address in so many seconds, on the site `strict` of the tests' rules."""


PAUSES = """import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds)
"""
"""For the service's Python: libfaketime 0.9.10 spoils the pause until a moment of the clock that nobody sets, which is
how Python sleeps."""


@dataclass
class Wrong:
    """The service's clock, by a file that libfaketime reads once a second."""

    file: Path

    def words(self) -> list[str]:
        """Before the command of the service: by them it looks at the file, and its embedded Redis does not."""
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        assert libraries, "libfaketime is missing: install faketime (apt), or type ./run test, which does"
        self.set(0)
        (self.file.parent / "sitecustomize.py").write_text(PAUSES, "ascii")
        told = {
            "PYTHONPATH": str(self.file.parent),
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_SKIP_CMDS": "valkey-server,redis-server",
            "TZ": "Europe/Berlin",
        }
        return ["env", *(f"{name}={value}" for name, value in told.items())]

    def set(self, seconds: float) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{seconds:+.0f}\n", "ascii")
        os.replace(fresh, self.file)

    def set_for(self, service: Service, seconds: float) -> None:
        """Set it, and wait until both workers show it."""
        self.set(seconds)
        wait_until(lambda: _shows(service, seconds), lambda: "the clock does not jump")


@dataclass
class Reader:
    """One address at a limit, and how much of it was taken in."""

    service: Service
    begun: float = field(default_factory=time.monotonic)
    taken: int = 0

    def __post_init__(self) -> None:
        self.address = f"2001:{secrets.randbelow(60_000):x}:{secrets.randbelow(60_000):x}::1"

    def try_all(self) -> None:
        """More than may come; the last is refused, and may come again within a minute. A place that became free just
        before it makes it another's turn."""
        line = Line(int(self.service.base.rpartition(":")[2]), PROXY)
        for number in range(2 * LIMIT):
            told = line.post("/v1/strict/comments", self.service.comment(), {"X-Forwarded-For": self.address})
            assert told.status in (202, 429), f"{told.status}"
            self.taken += told.status == 202
            if number >= LIMIT and told.status == 429:
                break
        line.close()
        assert told.status == 429, f"{self.taken} of one address were taken in"
        assert 0 < int(told.headers["retry-after"]) <= 90, f"Retry-After: {told.headers['retry-after']}"
        may_come = LIMIT + 1 + (time.monotonic() - self.begun) * LIMIT / WINDOW
        assert self.taken <= may_come, f"{self.taken} of one address were taken in, where {may_come:.0f} may come"


def the_clock_jumps(ground: Ground) -> None:
    """An hour ahead, an hour back, ten years ahead, and through the night in which summer time begins (in short one of
    them): limits hold, who signed out stays out, codes go on, comments are sorted as they came, none is lost."""
    folder = ground.folder / secrets.token_hex(4)
    folder.mkdir()
    jumps = [*JUMPS, SUMMER] if ground.is_long else [ground.rng.choice([*JUMPS, SUMMER])]
    env, database = dict(SETTINGS), f"sqlite:///{folder / 'state' / 'moderation.db'}"
    if ground.server:
        database = env["MODERATION_DATABASE_URL"] = ground.server.url(ground.server.make_database())
    wrong = Wrong(folder / "offset")
    with running_service(folder / "state", workers=2, env=env, under=wrong.words()) as service:
        desk, readers = Desk(service), []
        with load(service, threads=4) as ledger:
            wait_until(lambda: len(ledger.accepted) > 20)
            for jump in jumps:
                readers.append(Reader(service))
                ids = [_id(service)]
                readers[-1].try_all()
                wrong.set_for(service, _seconds(jump))
                ids.append(_id(service))
                readers[-1].try_all()
                desk.come_and_go()
                ground.pause(1, 3)
                wrong.set_for(service, 0)
                ids.append(_id(service))
                readers[-1].try_all()
                desk.check()
                assert ids == sorted(ids), f"{jump}: comments are not sorted as they came"
                ground.counts[f"jumps of {jump}" if jump in JUMPS else jump] += 1
        assert set(ledger.answers) == {"202"}, f"{dict(ledger.answers)}"
        listed = _listed(service, "strict")
        assert len(listed) == len(set(listed)) == sum(reader.taken for reader in readers), f"{len(listed)} in the queue"
        ledger.check_against(database)
        assert "clock-jumped" in service.log_text(), "nothing in the log tells of it"


def _seconds(jump: str) -> float:
    """To just before the clocks are put ahead, for the last kind: the service's own are set to Berlin's time."""
    return JUMPS.get(jump) or datetime(2027, 3, 28, 0, 59, 58, tzinfo=UTC).timestamp() - time.time()


def _shows(service: Service, offset: float) -> bool:
    """Whether the system tells the service's workers so: the head `Date` comes from there."""
    for _ in range(8):
        told = parsedate_to_datetime(requests.get(f"{service.base}/healthz", timeout=10).headers["Date"])
        if abs(told.timestamp() - time.time() - offset) > 30:
            return False
    return True


def _id(service: Service) -> str:
    answer = service.post()
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


class Desk:
    """A moderator with a second step. One browser stays signed in, others come and go while the clock is wrong."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._ended: list[str] = []
        service.person("Ada", "senior")
        self._kept = Browser(service)
        self._kept.post("/desk/sign-in", {"name": "Ada", "password": PASSWORD})
        page = self._kept.get("/desk/me/second-step")
        seed = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page)
        assert seed, "no key to set up"
        self._codes = pyotp.TOTP(seed[1].replace(" ", ""))
        self._step = _step() - 1
        self._kept.post("/desk/me/second-step", {"code": self._codes.generate_otp(self._step)})
        assert self._kept.opens(self._kept.cookie()) == 200, "a second step could not be set up"

    def come_and_go(self) -> None:
        """With a code of the right time, which works once."""
        self._step = max(self._step + 1, _step() - 1)
        wait_until(lambda: _step() + 1 >= self._step)
        code = {"code": self._codes.generate_otp(self._step)}
        browser, again = Browser(self._service), Browser(self._service)
        for each in (browser, again):
            each.post("/desk/sign-in", {"name": "Ada", "password": PASSWORD})
            each.post("/desk/code", code)
        assert browser.opens(browser.cookie()) == 200, f"a code of the right time is answered {browser.status}"
        assert again.opens(again.cookie()) != 200, "a code was taken twice"
        self._ended.append(browser.cookie())
        browser.get("/desk/me")
        browser.post("/desk/sign-out", {})

    def check(self) -> None:
        """Who stayed is there, and who left is not."""
        assert self._kept.opens(self._kept.cookie()) == 200, "a moderator was signed out"
        assert {self._kept.opens(secret) for secret in self._ended} == {401}, "a session that ended is there again"


def _step() -> int:
    return int(time.time()) // 30


def _listed(service: Service, site: str) -> list[str]:
    """The ids of all that waits, page by page."""
    return [item["id"] for item in service.queue(service.token("queue:read"), site)]
