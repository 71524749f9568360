"""The promise clock: shown, exported, told of once; on SQLite and PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.actions.test_review import rule, send
from tests.conftest import Clock
from tests.service import RULES
from tests.smtp import Receiver

from moderation.actions import mailing, promise
from moderation.durations import in_words, parse_duration
from moderation.edges.schema import journal
from moderation.runtime import Runtime
from moderation.values import Decision
from moderation.web.app import create_app

DESK = "newsroom@desk.example"
PROMISED = RULES.replace(
    'name = "Demo"', f'name = "Demo"\npromise = "4 hours"\npromise_mail = ["{DESK}", "second@desk.example"]'
)


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime], receiver: Receiver) -> Runtime:
    return make_runtime(PROMISED, smtp_host="127.0.0.1", smtp_port=receiver.port, mail_from="comments@news.example")


def recorded(rt: Runtime) -> list[tuple[str, str]]:
    with rt.store.reading() as tx:
        rows = tx.execute(sa.select(journal).where(journal.c.action == "promise-broken"))
        return [(row.site, row.target) for row in rows]


def test_it_is_told_once_when_it_is_broken_and_again_only_after_it_was_kept(
    rt: Runtime, receiver: Receiver, clock: Clock
) -> None:
    oldest = send(rt, 1)
    send(rt, 2, site="open")
    clock.advance(hours=3)
    second = send(rt, 2)
    assert promise.watch(rt) == []
    clock.advance(hours=1, seconds=5)
    assert promise.watch(rt) == ["demo"]
    assert promise.watch(rt) == []
    assert recorded(rt) == [("demo", oldest)]
    mailing.send_due(rt)
    assert sorted(str(message["To"]) for message in receiver.taken) == [DESK, "second@desk.example"]
    message = receiver.taken[0]
    assert message["Subject"] == "Demo: comments wait longer than promised"
    text = message.get_content()
    assert "has waited for 4 hours. Promised are 4 hours." in text
    assert "Waiting now: 2." in text
    assert "http://127.0.0.1:8080/desk/?site=demo" in text
    assert "Ana" not in text

    rule(rt, oldest, 1, Decision.APPROVE)
    assert promise.watch(rt) == [], "kept again"
    clock.advance(hours=4)
    assert promise.watch(rt) == ["demo"]
    assert recorded(rt)[1] == ("demo", second)
    mailing.send_due(rt)
    assert len(receiver.taken) == 4


def test_without_a_mail_server_it_stands_in_the_record_alone(
    make_runtime: Callable[..., Runtime], clock: Clock
) -> None:
    rt = make_runtime(PROMISED)
    send(rt, 1)
    clock.advance(hours=5)
    assert promise.watch(rt) == ["demo"]
    assert len(recorded(rt)) == 1


def test_two_that_look_at_once_tell_once(rt: Runtime, clock: Clock) -> None:
    from concurrent.futures import ThreadPoolExecutor

    send(rt, 1)
    clock.advance(hours=5)
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: promise.watch(rt), range(4)))
    assert sorted(told) == [[], [], [], ["demo"]]
    assert len(recorded(rt)) == 1


def test_the_metrics_tell_ages_and_promises(rt: Runtime, clock: Clock) -> None:
    send(rt, 1)
    clock.advance(hours=1)
    told = create_app(rt).test_client().get("/metrics").get_data(as_text=True)
    assert 'moderation_oldest_pending_seconds{site="demo"} 3600.' in told
    assert 'moderation_oldest_pending_seconds{site="open"} 0.0' in told
    assert 'moderation_promise_seconds{site="demo"} 14400.0' in told
    assert 'moderation_promise_seconds{site="open"}' not in told
    assert DESK not in told


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1 minute", 60), ("30 minutes", 1800), ("4 hours", 14_400), ("4hours", 14_400), ("2 days", 172_800)],
)
def test_times_are_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "0 hours", "4", "hours", "-1 day", "400 days", "1.5 hours", "４ hours", "1 week "]
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "under a minute"), (59, "under a minute"), (60, "1 minute"), (11_100, "3 hours 5 minutes"), (3600, "1 hour"),
     (90_061, "1 day 1 hour"), (86_460, "1 day"), (172_800, "2 days")],
)  # fmt: skip
def test_times_are_told(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words
