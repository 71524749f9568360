"""What the first hour's checks are done with: the service under review, a browser without JavaScript, quick clients."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from tests.service import PASSWORD, RULES, Service, running_service, start, wait_until

from moderation.actions import accounts
from moderation.commands import COMMAND_LINE, environment, with_runtime
from moderation.values import Role

PROXY = "127.0.0.2"
"""The one address whose X-Forwarded-For the service trusts during the hour."""

SETTINGS = {"MODERATION_TRUSTED_PROXIES": f"{PROXY}/32"}

SECURE = {"MODERATION_BASE_URL": "https://comments.example.org"}

HOUR_RULES = RULES + '\n[sites.try.limits]\naddress = ["5/minute"]\nburst = 5\n'


class Missing(Exception):
    """What a check is about does not exist yet; says what."""


@dataclass
class Hour:
    """A service under review. `folder` is for copies; `is_ours` whether it was started for this and may be killed.
    `stack` ends what was started beside it."""

    service: Service
    folder: Path
    is_ours: bool
    rules: str
    stack: ExitStack
    people: set[str] = field(default_factory=set)

    @property
    def port(self) -> int:
        return urlsplit(self.service.base).port or 80

    def browser(self, name: str, role: str = "admin") -> Browser:
        """Somebody of this name, made where needed, signed in with a browser of their own."""
        if name not in self.people:
            env = environment(state=self.service.state)
            with_runtime(env, lambda rt: accounts.create_person(rt, COMMAND_LINE, name, Role(role), None, PASSWORD))
            self.people.add(name)
        browser = Browser(self.service)
        browser.post("/desk/sign-in", {"name": name, "password": PASSWORD})
        assert browser.status == 200, f"{name} could not sign in: {browser.status}"
        return browser

    def approved(self, site: str = "demo", **over: Any) -> str:
        """The id of a comment that was sent and then approved."""
        answer = self.service.post(site, **over)
        assert answer.status_code == 202, answer.text
        self.decide(site, answer.json()["id"])
        return str(answer.json()["id"])

    def decide(self, site: str, comment: str, decision: str = "approve", **over: Any) -> None:
        ruling = {"id": comment, "version": 1, "decision": decision} | over
        answer = self.service.session.post(
            f"{self.service.base}/v1/{site}/decisions", json=[ruling], headers=self.script, timeout=15
        )
        assert answer.status_code == 200, answer.text

    @cached_property
    def script(self) -> dict[str, str]:
        """Headers of a token that reads the queue and decides."""
        return self.service.token("queue:read", "decisions:write")

    @cached_property
    def backup(self) -> Path:
        """What `moderation backup` makes of the service, at the time when it is first asked for."""
        folder = self.folder / "backup"
        self.service.command("backup", str(folder))
        return folder

    @cached_property
    def clean(self) -> Service:
        """Another service, on a folder that was empty, which browsers reach by https."""
        return self.stack.enter_context(running_service(self.folder / "clean", rules=HOUR_RULES, workers=2, env=SECURE))

    def restart(self) -> None:
        """Start our own service again after it ended."""
        fresh = start(self.service.state, self.port, workers=2, env=SETTINGS)
        self.service.process = fresh.process
        self.service.wait_ready()

    def ready(self) -> dict[str, str]:
        told: dict[str, str] = requests.get(f"{self.service.base}/readyz", timeout=15).json()
        return told

    @contextmanager
    def other_rules(self, text: str | None) -> Iterator[None]:
        """The rules file holds `text` (None: is not there) while the block runs."""
        path = self.service.state / "moderation.toml"
        before = path.read_text("utf-8")
        try:
            path.unlink() if text is None else path.write_text(text, "utf-8")
            yield
        finally:
            path.write_text(before, "utf-8")
            wait_until(lambda: self.ready()["rules"] == "ok", lambda: "the good rules did not come back")


class Browser:
    """Follows links and presses buttons, without JavaScript; keeps the last page."""

    def __init__(self, service: Service) -> None:
        self._base, self._name = service.base, service.cookie
        self.session = requests.Session()
        self.session.headers["Accept"] = "text/html"
        self.page, self.status = "", 0

    def get(self, path: str) -> str:
        return self._kept(self.session.get(self._base + path, timeout=30))

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> str:
        """With the form's token of the page that was looked at last, as our own pages send it."""
        sent = {"csrf_token": self.token()} | dict(fields)
        told = {"Origin": self._base} | headers
        return self._kept(self.session.post(self._base + path, data=sent, headers=told, timeout=30))

    def token(self) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.page)
        return found[1] if found else ""

    def _kept(self, answer: requests.Response) -> str:
        self.status, self.page = answer.status_code, answer.text
        return self.page

    def cookie(self) -> str:
        return str(self.session.cookies[self._name])

    def opens(self, secret: str) -> int:
        """What a session's secret is worth to whoever has nothing else: 200, or 401."""
        told = requests.get(f"{self._base}/desk/live", cookies={self._name: secret}, allow_redirects=False, timeout=15)
        if told.status_code == 200:
            return 200
        return requests.post(f"{self._base}/desk/decisions", cookies={self._name: secret}, timeout=15).status_code


@dataclass(frozen=True, slots=True)
class Told:
    """An answer; `seconds` is how long it took."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


class Line:
    """A kept connection from an address of one's own."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=(address, 0))

    def post(self, path: str, value: Any, headers: Mapping[str, str] | None = None) -> Told:
        """A JSON value; bytes go as they are."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.ask("POST", path, body, {"Content-Type": "application/json"} | dict(headers or {}))

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Told:
        begun = time.perf_counter()
        self._connection.request(method, path, body, dict(headers or {}))
        answer = self._connection.getresponse()
        told = answer.read()
        lower = {name.lower(): value for name, value in answer.getheaders()}
        return Told(answer.status, lower, told, time.perf_counter() - begun)

    def close(self) -> None:
        self._connection.close()


def at_once(count: int, work: Any) -> list[Any]:
    """`work(number)` by `count` threads together; what came of each."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def processes(state: Path) -> tuple[int, list[int]]:
    """The service's first process and its workers: those that hold the state folder's lock."""
    held = str((state / "in-use.lock").resolve())
    holders = [int(each) for each in os.listdir("/proc") if each.isdigit() and held in _open_files(each)]
    first = [pid for pid in holders if _parent(pid) not in holders]
    assert len(first) == 1, f"{len(first)} services use {state}"
    return first[0], [pid for pid in holders if pid != first[0]]


def _open_files(pid: str) -> set[str]:
    try:
        return {os.readlink(f"/proc/{pid}/fd/{each}") for each in os.listdir(f"/proc/{pid}/fd")}
    except OSError:
        return set()


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The process stands still while the block runs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def t_statistic(one: list[float], other: list[float]) -> float:
    """Welch's t of two samples, each without its slowest tenth: those are the machine's, not the service's."""
    means, shares = [], []
    for sample in (one, other):
        kept = sorted(sample)[: len(sample) * 9 // 10]
        mean = sum(kept) / len(kept)
        means.append(mean)
        shares.append(sum((each - mean) ** 2 for each in kept) / (len(kept) - 1) / len(kept))
    return float((means[0] - means[1]) / (sum(shares) ** 0.5 or 1e-9))
