"""The limits of somebody, seen and given back: what is told is what the next comment meets."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
import redis
import sqlalchemy as sa
from tests.actions.test_submit import rows, submission

from moderation import buckets
from moderation.actions import limits
from moderation.actions.limits import Busy
from moderation.actions.submit import Intake
from moderation.commands import COMMAND_LINE
from moderation.edges.limits import Limits
from moderation.edges.schema import Tx, author_records, comments, journal
from moderation.errors import NotFound, StoreError, TooFast, Unavailable
from moderation.rates import Answer, Question
from moderation.runtime import Runtime
from moderation.values import AuthorRecord

RULES = """
[sites.demo.limits]
address = ["5/hour", "60/day"]
network = ["60/hour", "600/day"]
email = ["9/day"]
pair = ["7/hour"]
article = ["100/day"]
site = ["200/day"]
fuse = []
"""
ADDRESS = "203.0.113.7"
NETWORK = "2001:db8:1:2::3"


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime(RULES)


def left(rt: Runtime, busy: Busy) -> dict[str, int]:
    return {each.bucket.window.name: each.remaining for each in limits.show(rt, busy)}


def test_every_bucket_of_the_address_the_author_the_article_and_the_site_is_told(rt: Runtime) -> None:
    intake = Intake(rt)
    for number in range(3):
        intake.submit(submission(1, body=f"Words {number}.", address=NETWORK))
    assert left(rt, Busy("demo", address=NETWORK)) == {
        "address": 2, "address-1": 57, "network": 57, "network-1": 597,
    }  # fmt: skip
    assert left(rt, Busy("demo", email="Reader1+tag@example.org")) == {"email": 6}
    both = left(rt, Busy("demo", address=NETWORK, email="reader1@example.org"))
    assert both["pair"] == 2
    assert left(rt, Busy("demo", article="first")) == {"article": 97}
    assert left(rt, Busy("demo")) == {"site": 197}
    assert left(rt, Busy("demo", address="2001:db8:1:2::99")) == left(rt, Busy("demo", address=NETWORK))
    assert left(rt, Busy("demo", address=ADDRESS)) == {"address": 5, "address-1": 60}


def test_a_comment_with_a_link_costs_its_sender_more_and_nobody_else(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(RULES + '[sites.demo.links]\nallow = ["example.org"]\n')
    intake, busy = Intake(rt), Busy("demo", address=ADDRESS, email="reader1@example.org")
    intake.submit(submission(1, body="As they say on news.example.org."))
    assert left(rt, busy) == {"address": 4, "address-1": 59, "pair": 4, "email": 8}
    intake.submit(submission(1, body="Look at https://shop.example.com and at www.example.net!"))
    assert left(rt, busy) == {"address": 2, "address-1": 57, "pair": 2, "email": 6}
    assert left(rt, Busy("demo", article="first")) == {"article": 98}
    assert left(rt, Busy("demo")) == {"site": 198}
    intake.submit(submission(1, body="Look at https://shop.example.com once more."))
    with pytest.raises(TooFast):
        intake.submit(submission(1, body="One more."))


def test_no_comment_costs_more_than_a_bucket_holds(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(RULES + "link_cost = 100\n")
    Intake(rt).submit(submission(1, body="Look at https://shop.example.com now."))
    assert left(rt, Busy("demo", address=ADDRESS)) == {"address": 0, "address-1": 0}


def test_who_goes_on_sending_while_refused_waits_longer_where_the_site_says_so(
    make_runtime: Callable[..., Runtime],
) -> None:
    rt = make_runtime(RULES + "penalty_most = 2\n")
    intake, waits = Intake(rt), []
    for number in range(10):
        try:
            intake.submit(submission(1, body=f"Words {number}."))
        except TooFast as refused:
            waits.append(round(refused.retry_after))
    assert waits == pytest.approx([2 * 720] + [3 * 720] * 4, abs=20), "by the address, which comes back slowest"
    assert left(rt, Busy("demo", article="first")) == {"article": 95}, "nobody else pays for it"


def test_a_regular_may_send_more_and_a_typed_address_earns_nothing(rt: Runtime) -> None:
    site, day = rt.rules.sites["demo"], rt.now().date()
    known = AuthorRecord(approved=10)
    assert buckets.is_regular(site, verified=True, record=known)
    assert not buckets.is_regular(site, verified=False, record=known)
    assert not buckets.is_regular(site, verified=True, record=AuthorRecord(approved=9, rejected=50))

    def send(email: str, *, is_regular: bool) -> Answer:
        asked = buckets.buckets(rt.vault, site, day, address=ADDRESS, email=email, is_regular=is_regular)
        (answer,) = rt.limits.check([Question("demo", asked)])
        return answer

    allowed = [send("ana@example.org", is_regular=True).allowed for _ in range(16)]
    assert allowed == [True] * 15 + [False]
    assert not send("other@example.org", is_regular=False).allowed, "the address they share is used up"
    limits.clear(rt, COMMAND_LINE, Busy("demo", address=ADDRESS, email="ana@example.org"), None)
    for _ in range(6):
        send("ana@example.org", is_regular=True)
    assert left(rt, Busy("demo", address=ADDRESS))["address"] == 3, "six of a regular are two of another"


def test_a_verified_author_with_a_record_is_a_regular_from_the_next_comment_on(rt: Runtime) -> None:
    intake = Intake(rt)

    def policy_for(number: int, **who: str | None) -> str:
        sent = submission(number, body=f"Words {rt.new_id()}.", address=f"203.0.113.{number}", **who)
        return intake.submit(sent).headers["RateLimit-Policy"].partition(",")[0]

    ordinary, wider = '"address";q=5;w=3600', '"address";q=15;w=3600'
    assert policy_for(1, subject="reader-1", email=None) == ordinary
    author = next(row.author_id for row in rows(rt, comments))
    with rt.store.writing() as tx:
        tx.execute(sa.update(author_records).where(author_records.c.email_index == author).values(approved=10))
    assert policy_for(2, subject="reader-1", email=None) == wider
    assert policy_for(3, subject="reader-2", email=None) == ordinary
    assert policy_for(4) == ordinary


def test_while_the_store_is_away_for_a_moment_a_regular_has_ordinary_limits(
    rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = rt.store.reading, iter([1])

    def reading() -> AbstractContextManager[Tx]:
        if next(tries, None):
            raise StoreError("OperationalError", is_outage=True)
        return real()

    monkeypatch.setattr(rt.store, "reading", reading)
    receipt = Intake(rt).submit(submission(1, subject="reader-1", email=None))
    assert receipt.headers["RateLimit-Policy"].startswith('"address";q=5;w=3600')


def test_a_site_says_how_much_of_an_address_tells_clients_apart(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(RULES + "ipv4 = 24\nipv6 = 56\nipv6_network = 32\n")
    intake = Intake(rt)
    for number, address in enumerate(("203.0.113.1", "203.0.113.2", "2001:db8:1:200::1", "2001:db8:1:2ff::1")):
        intake.submit(submission(number, address=address))
    assert left(rt, Busy("demo", address="203.0.113.9"))["address"] == 3
    assert left(rt, Busy("demo", address="2001:db8:1:210::9"))["address"] == 3
    assert left(rt, Busy("demo", address="2001:db8:ffff::9")) == {
        "address": 5, "address-1": 60, "network": 58, "network-1": 598,
    }  # fmt: skip


def test_looking_costs_nothing_and_says_when_a_bucket_is_whole(rt: Runtime) -> None:
    assert [each.reset_after for each in limits.show(rt, Busy("demo", address=ADDRESS))] == [0, 0]
    Intake(rt).submit(submission())
    for _ in range(3):
        told = limits.show(rt, Busy("demo", address=ADDRESS))
        assert [each.remaining for each in told] == [4, 59]
    assert 710 < told[0].reset_after <= 720
    assert 1430 < told[1].reset_after <= 1440


def test_what_was_cleared_is_whole_and_the_journal_does_not_say_whose_it_was(rt: Runtime) -> None:
    intake, busy = Intake(rt), Busy("demo", address=ADDRESS, email="reader1@example.org")
    for number in range(5):
        intake.submit(submission(1, body=f"Words {number}."))
    with pytest.raises(TooFast):
        intake.submit(submission(1, body="One more."))
    assert limits.clear(rt, COMMAND_LINE, busy, "A school; told by ana@example.org") == 4
    assert left(rt, busy) == {"address": 5, "address-1": 60, "pair": 5, "email": 9}
    assert left(rt, Busy("demo")) == {"site": 195}, "what was not named stays"
    intake.submit(submission(1, body="One more."))
    entry = next(row for row in rows(rt, journal) if row.action == "limits-clear")
    assert (entry.site, entry.target, entry.after) == ("demo", "address, pair, email", "4 buckets")
    told = repr(tuple(entry))
    assert not [secret for secret in (ADDRESS, "reader1", "ana@example.org") if secret in told]


def test_nothing_is_written_down_where_redis_does_not_answer(rt: Runtime) -> None:
    rt.limits.close()
    rt.limits = Limits("redis://127.0.0.1:1", workers=1)
    with pytest.raises(Unavailable):
        limits.show(rt, Busy("demo", address=ADDRESS))
    with pytest.raises(Unavailable):
        limits.clear(rt, COMMAND_LINE, Busy("demo", address=ADDRESS), None)
    with rt.store.reading() as connection:
        assert not connection.scalar(
            sa.select(sa.func.count()).select_from(journal).where(journal.c.action == "limits-clear")
        )


def test_a_site_that_is_not_there_has_no_limits(rt: Runtime) -> None:
    with pytest.raises(NotFound):
        limits.show(rt, replace(Busy("demo"), site="none"))


def test_a_key_that_is_not_ours_is_a_whole_bucket(rt: Runtime) -> None:
    Intake(rt).submit(submission())
    client = redis.Redis.from_url(rt.env.redis_url)
    for key in client.scan_iter("limits:{demo}:address*"):
        client.delete(key)
        client.rpush(key, 1)
    client.close()
    assert left(rt, Busy("demo", address=ADDRESS)) == {"address": 5, "address-1": 60}
