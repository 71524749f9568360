"""The client's own record of what it was told, to be held against the store afterwards."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
import sqlalchemy as sa
from tests.service import CANARY, Service

from moderation.edges import schema, store


@dataclass
class Ledger:
    """`accepted` are the bodies answered 201 or 202, with when; `answers` counts by status, with `none` for no answer;
    `silent_503` those 503 that did not say when to come again.
    Each body begins with `tag`, so that several ledgers can share a store."""

    tag: str = field(default_factory=lambda: secrets.token_hex(6))
    accepted: dict[str, float] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    silent_503: int = 0
    mutex: threading.Lock = field(default_factory=threading.Lock)

    def note(self, body: str, status: int | None, seconds: float) -> None:
        with self.mutex:
            self.sent.add(body)
            self.answers[str(status) if status else "none"] += 1
            self.seconds.append(seconds)
            if status in (201, 202):
                self.accepted[body] = time.time()

    def check_against(self, database: str | Path, *, until: float | None = None) -> int:
        """Every accepted comment (until a moment: in a copy made after it) is stored exactly once, nothing is stored
        that was not sent, and each has its row in the record and its letter. `database` is a SQLAlchemy URL, or a
        file of SQLite. How many were stored without an answer."""
        if isinstance(database, Path):
            database = f"sqlite:///{database}"
        bodies, ids, journal, letters = _rows(database, self.tag)
        stored = Counter(bodies)
        with self.mutex:  # it may still grow
            accepted, sent = dict(self.accepted), set(self.sent)
        due = [body for body, at in accepted.items() if until is None or at < until]
        lost = [body for body in due if not stored[body]]
        doubled = [body for body, count in stored.items() if count > 1]
        assert not lost, f"{len(lost)} of {len(due)} accepted comments are lost: {lost[:3]}"
        assert not doubled, f"{len(doubled)} comments are stored twice: {doubled[:3]}"
        assert set(stored) <= sent, "something is stored that was not sent"
        assert ids <= journal, "a comment without its row in the record"
        assert ids <= letters, "a comment without its letter"
        return len(set(stored) - set(accepted))


def _rows(database: str, tag: str) -> tuple[list[str], set[str], set[str], set[str]]:
    """Texts and ids of the comments with this tag; the ids that the record and the outbox know."""
    engine = store.make_engine(database)
    comments, journal, outbox = schema.comments, schema.journal, schema.outbox
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                assert connection.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"
            ours = sa.select(comments.c.id, comments.c.body).where(comments.c.body.startswith(tag))
            rows = connection.execute(ours).all()
            received = sa.select(journal.c.target).where(journal.c.action == "received")
            known = set(connection.execute(received).scalars())
            letters = set(connection.execute(sa.select(outbox.c.comment_id)).scalars())
    finally:
        engine.dispose()
    return [row.body for row in rows], {row.id for row in rows}, known, letters


@contextmanager
def load(
    service: Service, threads: int = 8, *, site: str = "demo", most: int | None = None, anew: bool = False
) -> Iterator[Ledger]:
    """Send comments from `threads` threads until the block ends, or until `most` were sent; with `anew` each on a
    connection of its own, as nginx does."""
    ledger, stop, numbers = Ledger(), threading.Event(), itertools.count()
    workers = [
        threading.Thread(target=_send, args=(service.base, site, ledger, stop, numbers, most, anew))
        for _ in range(threads)
    ]
    for worker in workers:
        worker.start()
    try:
        yield ledger
    finally:
        stop.set()
        for worker in workers:
            worker.join(timeout=30)


def _send(
    base: str,
    site: str,
    ledger: Ledger,
    stop: threading.Event,
    numbers: Iterator[int],
    most: int | None,
    anew: bool,
) -> None:
    session = requests.Session()
    headers = {"Connection": "close"} if anew else {}
    while not stop.is_set():
        number = next(numbers)
        if most is not None and number >= most:
            return
        body = f"{ledger.tag} {number}: said once, and never again."
        value = {"article": f"fault-{number % 7}", "author": {"name": "Ana", "email": CANARY}, "body": body}
        begun = time.monotonic()
        try:
            answer = session.post(f"{base}/v1/{site}/comments", json=value, headers=headers, timeout=20)
            ledger.note(body, answer.status_code, time.monotonic() - begun)
            if answer.status_code == 503:
                ledger.silent_503 += "Retry-After" not in answer.headers
                stop.wait(0.05)
        except requests.RequestException:
            ledger.note(body, None, time.monotonic() - begun)
            session.close()
            session = requests.Session()
            stop.wait(0.1)
