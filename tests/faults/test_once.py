"""A comment under an Idempotency-Key is stored once, however often and however much at once it is sent, and whoever is
killed meanwhile. All answers of a key are the first one. `ONCE_KEYS=2000` makes it the long run.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from tests.faults.test_faults import workers_of
from tests.service import CANARY, Service, running_service, wait_until

KEYS = int(os.environ.get("ONCE_KEYS", "200"))
KILL_EVERY = 50  # keys
RNG = random.Random(20261128)


@pytest.mark.timeout(300 + KEYS)
def test_a_key_is_one_comment_whatever_happens(tmp_path: Path, tell: Callable[[str], None]) -> None:
    state = tmp_path / "state"
    sent = [(key, copy) for key in range(KEYS) for copy in range(RNG.randint(1, 5))]
    with running_service(state, workers=2) as service, ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(_until_answered, service, key) for key, _ in sent]
        killed = 0
        for goal in range(KILL_EVERY, KEYS, KILL_EVERY):
            wait_until(lambda at=goal: _done(asked) >= at * len(sent) // KEYS, seconds=60 + KEYS)
            os.kill(RNG.choice(workers_of(service)), signal.SIGKILL)
            killed += 1
            wait_until(lambda: len(workers_of(service)) == 2)
        answers = [future.result() for future in asked]
    ids: dict[int, set[str]] = {}
    for (key, _), comment_id in zip(sent, answers, strict=True):
        ids.setdefault(key, set()).add(comment_id)
    with sqlite3.connect(f"file:{state / 'moderation.db'}?mode=ro", uri=True) as connection:
        stored = Counter(body for (body,) in connection.execute("SELECT body FROM comments"))
    tell(f"{KEYS} keys, {len(sent)} requests, {killed} workers killed: {sum(stored.values())} rows")
    assert killed == (KEYS - 1) // KILL_EVERY
    assert {key: len(found) for key, found in ids.items() if len(found) != 1} == {}
    assert stored == Counter(_body(key) for key in range(KEYS))


def _done(asked: list[Future[str]]) -> int:
    return sum(future.done() for future in asked)


def _body(key: int) -> str:
    return f"Said once under the key {key}."


_LOCAL = threading.local()


def _until_answered(service: Service, key: int) -> str:
    """Send it until an answer comes, as a careful client does. The comment's id."""
    comment = {"article": f"once-{key % 7}", "author": {"name": "Ana", "email": CANARY}, "body": _body(key)}
    while True:
        session = _LOCAL.__dict__.setdefault("session", requests.Session())
        try:
            answer = session.post(
                f"{service.base}/v1/demo/comments", json=comment, headers={"Idempotency-Key": f"key-{key}"}, timeout=30
            )
        except requests.RequestException:
            continue  # its worker was killed
        if answer.status_code == 503:
            continue  # very many wait
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])
