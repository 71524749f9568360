"""A real service for tests: started as its owner starts it, on a free port with a folder of its own, and searched at
the end for what must never leave it (`tests/canary.py`): every answer, log line, metric and file.
"""

from __future__ import annotations

import itertools
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.canary import BODY_CANARY as BODY_CANARY
from tests.canary import CANARY as CANARY
from tests.canary import check_files, found

PASSWORD = "correct horse battery staple 9"  # a made-up one for tests

PATIENCE = 60.0
"""Seconds after which what is waited for counts as never to come, on however busy a machine. What is promised is less,
and is asserted where it is."""

RULES = """
[defaults]
origins = ["{base}", "https://news.example.org"]

[defaults.limits]
address = ["100000/minute"]
network = ["100000/minute"]
email = ["100000/minute"]
pair = ["100000/minute"]
article = ["100000/minute"]
report = ["100000/minute"]
site = ["1000000/minute"]
fuse = []
burst = 1000

[defaults.duplicates]
near_count = 1000

[defaults.form]
least_seconds = 0

[sites.demo]
name = "Demo"

[sites.open]
name = "Open"
mode = "post"
email = "optional"

[sites.novels]
[sites.novels.lengths]
body_max = 20_000

[sites.listed]
articles = "listed"

[sites.shut]
closed = true

[sites.strict]
[sites.strict.limits]
address = ["5/5minutes"]
burst = 5

[sites.narrow.limits]
address = ["5/day"]
burst = 5
"""


PLAIN = "anchor basket bridge candle drawer feather ferry garden gravel hammer harbour island jacket ladder lantern"


SAID: set[str] = set()


def unsaid() -> str:
    """Five words that no check has anything against, and that were not said before in this run. Of hexadecimal digits,
    every fortieth eight are a telephone number."""
    while (words := " ".join(secrets.SystemRandom().sample(PLAIN.split(), 5))) in SAID:
        pass
    SAID.add(words)
    return words


STARTED: list[Path] = []
"""The state folders of all services that were started, to be searched once more at the end of the run."""


@dataclass
class Service:
    """A running service. `base` is its address."""

    base: str
    state: Path
    process: subprocess.Popen[bytes]
    env: dict[str, str]
    session: requests.Session = field(default_factory=requests.Session)
    count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def comment(self, **over: Any) -> dict[str, Any]:
        """A good comment that was not sent before."""
        number = next(self.count)
        value: dict[str, Any] = {
            "article": "first-article",
            "author": {"name": "Ana", "email": CANARY},
            "body": f"A thought of its own, number {number} {unsaid()}.",
        }
        return value | over

    def post(self, site: str = "demo", **over: Any) -> requests.Response:
        return self.session.post(f"{self.base}/v1/{site}/comments", json=self.comment(**over), timeout=15)

    def rewrite(self, site: str, receipt: str, body: str, version: int = 1) -> None:
        """Its author writes a comment anew, by the address of its receipt."""
        path = f"{self.base}/v1/{site}/receipts/{receipt.rpartition('/')[2]}"
        answer = self.session.patch(path, json={"version": version, "body": body}, timeout=15)
        assert answer.status_code == 200, answer.text

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.session.get(f"{self.base}{path}", timeout=15, **options)

    def queue(self, script: dict[str, str], site: str = "demo", status: str = "pending") -> Iterator[dict[str, Any]]:
        """All comments of that status, page by page; a service that many tests share has more than one page."""
        cursor: str | None = ""
        while cursor is not None:
            answer = self.get(f"/v1/{site}/queue?status={status}&cursor={cursor}", headers=script)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            yield from page["items"]
            cursor = page["next"]

    def queued(self, script: dict[str, str], comment: str, site: str = "demo", status: str = "all") -> dict[str, Any]:
        """The comment of this id, or of this text, as the queue tells it. Fails the test where it is not."""
        found = (item for item in self.queue(script, site, status) if comment in (item["id"], item["body"]))
        item = next(found, None)
        assert item is not None, f"{comment!r} is not among {status} of {site}"
        return item

    def command(self, *words: str, stdin: str = "") -> str:
        """What `moderation WORDS` prints. Fails the test when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "moderation", *words, "--state", str(self.state)],
            input=stdin, capture_output=True, text=True, env=self.env, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def token(self, *scopes: str, sites: tuple[str, ...] = ()) -> dict[str, str]:
        """Headers of a new token."""
        words = [word for scope in scopes for word in ("--scope", scope)]
        words += [word for site in sites for word in ("--site", site)]
        return {"Authorization": f"Bearer {self.command('tokens', 'create', *words)}"}

    def person(self, name: str, role: str = "moderator", *sites: str) -> None:
        """Somebody who signs in with `PASSWORD`; of all sites where none is named."""
        of = [word for site in sites for word in ("--site", site)]
        self.command("users", "add", name, "--role", role, *of, "--password-stdin", stdin=PASSWORD + "\n")

    def log_text(self) -> str:
        return (self.state / "stderr.log").read_text("utf-8", "replace")

    def log_lines(self) -> list[dict[str, Any]]:
        """The JSON log; a line that is not JSON fails. The last one is left out while it is still being written."""
        whole, _, _ = self.log_text().rpartition("\n")
        return [json.loads(line) for line in whole.split("\n") if line.strip()]

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return f"mod-{self.base.rpartition(':')[2]}"

    def lines_of(self, answer: requests.Response) -> list[dict[str, Any]]:
        """What the log tells of the request that got this answer. Waited for: an answer may go out before its line."""
        number = answer.headers["X-Request-ID"]

        def found() -> list[dict[str, Any]]:
            return [line for line in self.log_lines() if line.get("request") == number]

        wait_until(found, lambda: f"no line of request {number} in the log")
        return found()

    def wait_ready(self) -> None:
        wait_until(self._is_ready, lambda: f"the service did not start:\n{self.log_text()[-3000:]}")

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the service ended:\n{self.log_text()[-3000:]}")
        try:
            return requests.get(f"{self.base}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(timeout=40)


@contextmanager
def running_service(
    state: Path,
    *,
    rules: str = RULES,
    workers: int = 1,
    threads: int = 16,
    env: dict[str, str] | None = None,
    under: Sequence[str] = (),
) -> Iterator[Service]:
    """The service on a free port with its state in `state`; stopped and searched when the block ends."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = state / "moderation.toml"
    if not path.exists():
        path.write_text(rules.replace("{base}", base), "utf-8")
    service = start(state, port, workers=workers, threads=threads, env=env, under=under)
    try:
        service.wait_ready()
        yield service
        metrics = requests.get(f"{base}/metrics", timeout=15).content if service.process.poll() is None else b""
    finally:
        service.stop()
    check_files(state)
    assert found(metrics) is None
    assert found(metrics, BODY_CANARY) is None


def start(
    state: Path,
    port: int,
    *,
    workers: int = 1,
    threads: int = 16,
    env: dict[str, str] | None = None,
    under: Sequence[str] = (),
) -> Service:
    """Start the process, by the program `under` where one is named; does not wait for it."""
    STARTED.append(state)
    whole = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_")}
    whole.pop("PYTHONDONTWRITEBYTECODE", None)  # as `./run` does
    whole |= {"MODERATION_TOTP_REQUIRED": "none"} | (env or {})
    words = ["serve", "--port", str(port), "--state", str(state), "--workers", str(workers), "--threads", str(threads)]
    with (state / "stdout.log").open("ab") as out, (state / "stderr.log").open("ab") as err:
        process = subprocess.Popen(
            [*under, sys.executable, "-m", "moderation", *words], stdout=out, stderr=err, env=whole
        )
    return Service(f"http://127.0.0.1:{port}", state, process, whole)


def wait_until(is_so: Any, why: Any = lambda: "it did not come to pass", *, seconds: float = PATIENCE) -> None:
    """Look again and again, quickly, until `is_so()`; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, why()
        time.sleep(0.01)


def free_port() -> int:
    """A port that nobody else takes before it is listened on."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port := next(_PORTS)))
            return port


def _ports() -> Iterator[int]:
    """Each once. Whoever holds the first of a hundred has them all, and Linux hands out none below 32768 by itself."""
    while True:
        with socket.socket() as claim, suppress(OSError):
            claim.bind(("127.0.0.1", first := 100 * (100 + secrets.randbelow(220))))
            yield from range(first + 1, first + 100)


_PORTS = _ports()
