"""Eight deciders over HTTP on the same comments, against a service of two processes; on SQLite and PostgreSQL."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
import sqlalchemy as sa
from tests.service import Service, running_service

from moderation.edges.schema import comments, journal
from moderation.edges.store import make_engine

DECIDERS, COMMENTS, AT_ONCE = 8, 500, 10
DECISIONS = ("approve", "reject", "spam")


def test_each_comment_is_decided_once_and_the_others_are_told_so(
    tmp_path: Path, database_url: str, tell: Callable[[str], None]
) -> None:
    env = {"MODERATION_DATABASE_URL": database_url}
    with running_service(tmp_path / "state", workers=2, env=env) as service:
        with ThreadPoolExecutor(DECIDERS) as pool:
            sent = list(pool.map(lambda _: service.post().json()["id"], range(COMMENTS)))
            script = service.token("queue:read", "decisions:write")
            began = time.monotonic()
            told = list(pool.map(lambda number: _decide_all(service, script, sent, number), range(DECIDERS)))
            took = time.monotonic() - began
        assert Counter(result for each in told for result in each.values()) == {
            "decided": COMMENTS,
            "conflict": COMMENTS * (DECIDERS - 1),
        }
        assert all(sum(each[comment] == "decided" for each in told) == 1 for comment in sent)
        engine = make_engine(database_url)
        with engine.connect() as connection:
            decided = sa.select(journal.c.target).where(journal.c.action.in_(DECISIONS))
            assert sorted(connection.execute(decided).scalars()) == sorted(sent)
            assert set(connection.execute(sa.select(comments.c.version)).scalars()) == {2}
        engine.dispose()
        assert "are as they were written" in service.command("audit", "verify")
    store = database_url.partition(":")[0]
    tell(f"{DECIDERS} deciders, {COMMENTS} comments, {store}: {COMMENTS} decisions and the conflicts in {took:.1f} s")


def _decide_all(service: Service, script: dict[str, str], sent: Sequence[str], number: int) -> dict[str, str]:
    """What became of each comment, for one who goes through all of them in an order of chance."""
    chance, told = random.Random(number), dict[str, str]()
    order = chance.sample(list(sent), len(sent))
    with requests.Session() as session:
        for at in range(0, len(order), AT_ONCE):
            rulings = [
                {"id": each, "version": 1, "decision": chance.choice(DECISIONS)} for each in order[at : at + AT_ONCE]
            ]
            answer = session.post(f"{service.base}/v1/demo/decisions", json=rulings, headers=script, timeout=30)
            assert answer.status_code in (200, 409), answer.text
            told |= {each["id"]: each["result"] for each in answer.json()}
    return told
