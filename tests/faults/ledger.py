"""The client's own record of what it was told, to be held against the store afterwards."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from tests.service import CANARY, Service


@dataclass
class Ledger:
    """`accepted` are the bodies answered 201 or 202; `answers` counts by status, with `none` for no answer."""

    accepted: list[str] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    mutex: threading.Lock = field(default_factory=threading.Lock)

    def note(self, body: str, status: int | None, seconds: float) -> None:
        with self.mutex:
            self.sent.add(body)
            self.answers[str(status) if status else "none"] += 1
            self.seconds.append(seconds)
            if status in (201, 202):
                self.accepted.append(body)

    def check_against(self, database: Path) -> None:
        """Every accepted comment is stored exactly once, and nothing is stored that was not sent."""
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            stored = Counter(body for (body,) in connection.execute("SELECT body FROM comments"))
            whole = connection.execute("PRAGMA integrity_check").fetchone()[0]
            journal = {target for (target,) in connection.execute("SELECT target FROM journal WHERE action='received'")}
            letters = {target for (target,) in connection.execute("SELECT comment_id FROM outbox")}
            ids = {comment for (comment,) in connection.execute("SELECT id FROM comments")}
        lost = [body for body in self.accepted if stored[body] != 1]
        assert not lost, f"{len(lost)} of {len(self.accepted)} accepted comments are lost or doubled"
        assert set(stored) <= self.sent
        assert whole == "ok"
        assert ids == journal == letters, "a comment without its journal row or letter"


@contextmanager
def load(service: Service, threads: int = 8) -> Iterator[Ledger]:
    """Send comments from `threads` threads until the block ends."""
    ledger, stop, numbers = Ledger(), threading.Event(), itertools.count()
    workers = [threading.Thread(target=_send, args=(service, ledger, stop, numbers)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield ledger
    finally:
        stop.set()
        for worker in workers:
            worker.join(timeout=30)


def _send(service: Service, ledger: Ledger, stop: threading.Event, numbers: Iterator[int]) -> None:
    session = requests.Session()
    while not stop.is_set():
        number = next(numbers)
        body = f"Said once, and never again: {number} {threading.get_ident()}."
        value = {"article": f"fault-{number % 7}", "author": {"name": "Ana", "email": CANARY}, "body": body}
        begun = time.monotonic()
        try:
            answer = session.post(f"{service.base}/v1/demo/comments", json=value, timeout=20)
            ledger.note(body, answer.status_code, time.monotonic() - begun)
        except requests.RequestException:
            ledger.note(body, None, time.monotonic() - begun)
            session = requests.Session()
            stop.wait(0.02)
