"""Two who act on the same comment at the same moment, on PostgreSQL, where both are let in: the second acts on a
connection of its own after all the first has written, and before the first has committed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from itertools import count

import pytest
import sqlalchemy as sa
from tests.actions.test_external import rules as checked
from tests.actions.test_external import says
from tests.actions.test_holds import lift, place
from tests.actions.test_privacy import EMAIL, WHY, written
from tests.actions.test_review import rule, send
from tests.outside import HERE, Outside
from tests.outside import outside as outside
from tests.service import wait_until

from moderation.actions import audit, external, own_comment, privacy, reports
from moderation.commands import COMMAND_LINE
from moderation.edges import queries
from moderation.edges.schema import Tx, articles, author_records, comments, held_comments, journal
from moderation.receipts import give
from moderation.runtime import Runtime
from moderation.values import Decision, Status

Act = Callable[[Runtime], object]


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def other(make_runtime: Callable[..., Runtime]) -> Runtime:
    """Another process' view of the same store, with its own connections."""
    return make_runtime()


def meet(one: Runtime, first: Act, two: Runtime, second: Act, transaction: int = 1) -> tuple[object, object]:
    """What comes of `first`, and of `second`, which begins once `first` has written all of its first transaction (or
    a later one), and gets as far as it can before that commits. An error stands for itself."""
    told: list[object] = []
    begun = count(1)
    thread = threading.Thread(target=lambda: told.append(_result(second, two)))
    before_commit = one.store._before_commit

    def let_in(tx: Tx) -> None:
        if next(begun) == transaction:
            thread.start()
            _wait_until_it_waits(tx, thread)
        before_commit(tx)

    one.store._before_commit = let_in
    outcome = _result(first, one)
    one.store._before_commit = before_commit
    assert thread.ident is not None, "the first has written nothing"
    thread.join(30)
    return outcome, told[0]


def _result(act: Act, rt: Runtime) -> object:
    try:
        return act(rt)
    except Exception as error:  # noqa: BLE001 - the caller looks at it
        return error


def _wait_until_it_waits(tx: Tx, thread: threading.Thread) -> None:
    me = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    wait_until(lambda: not thread.is_alive() or bool(tx.exec_driver_sql(me).scalar()), seconds=20)


def status(rt: Runtime, comment_id: str) -> str | None:
    with rt.store.reading() as tx:
        return tx.execute(sa.select(comments.c.status).where(comments.c.id == comment_id)).scalar()


def check(rt: Runtime) -> None:
    """All that is counted beside the comments is as if counted anew, and the record is whole."""
    with rt.store.reading() as tx:
        rows = tx.execute(sa.select(comments)).all()
        counted = queries.tab_counts(tx, None)
        records = tx.execute(sa.select(author_records)).all()
        public = {row.id: row.approved for row in tx.execute(sa.select(articles))}
    by_status = Counter(Status(row.status) for row in rows)
    assert {each: count for each, count in counted.items() if count} == by_status
    approved = Counter(row.article_id for row in rows if row.status == "approved")
    assert {article: count for article, count in public.items() if count} == approved
    for record in records:
        theirs = Counter(row.status for row in rows if row.email_index == record.email_index)
        assert (record.pending, record.approved) == (theirs["pending"], theirs["approved"])
    assert audit.verify(rt).broken is None


def approve(comment: str, version: int = 1) -> Act:
    return lambda rt: rule(rt, comment, version, Decision.APPROVE).result


def withdraw(comment: str) -> Act:
    return lambda rt: own_comment.withdraw(rt, give(rt, comment), "r")


def erase(rt: Runtime) -> object:
    return privacy.erase(rt, COMMAND_LINE, EMAIL, WHY)


@pytest.mark.parametrize("approves_first", [True, False])
@pytest.mark.parametrize(("stood", "wish"), [("pending", "withdraw"), ("pending", "erase"), ("rejected", "erase")])
def test_what_its_author_wants_gone_under_a_hold_is_approved_by_nobody(
    rt: Runtime, other: Runtime, wish: str, stood: str, approves_first: bool
) -> None:
    comment, version = written(rt, 1), 1
    if stood == "rejected":  # a moderator's refusal cannot be withdrawn
        rule(rt, comment, 1, Decision.REJECT)
        version = 2
    hold = place(rt, comment)
    acts = (approve(comment, version), erase if wish == "erase" else withdraw(comment))
    meet(rt, acts[not approves_first], other, acts[approves_first])
    assert status(rt, comment) == "rejected"
    check(rt)
    assert lift(rt, hold) == 1
    assert status(rt, comment) is None
    check(rt)


@pytest.mark.parametrize("wish", ["withdraw", "erase"])
def test_a_comment_that_goes_while_it_is_approved_is_counted_once(rt: Runtime, other: Runtime, wish: str) -> None:
    comment = written(rt, 1)
    go = erase if wish == "erase" else withdraw(comment)
    told, _ = meet(rt, approve(comment), other, go)
    assert told == "decided"
    assert status(rt, comment) is None
    check(rt)


@pytest.mark.parametrize("wish", ["withdraw", "erase"])
def test_who_approves_what_goes_is_told_that_it_is_gone(rt: Runtime, other: Runtime, wish: str) -> None:
    comment = written(rt, 1)
    go = erase if wish == "erase" else withdraw(comment)
    _, told = meet(rt, go, other, approve(comment))
    assert told == "not-found"
    check(rt)


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("wish", ["withdraw", "erase"])
def test_a_hold_that_is_put_on_while_its_author_deletes_it_keeps_it_whole(
    rt: Runtime, other: Runtime, wish: str, answered: bool
) -> None:
    comment = written(rt, 1)
    rule(rt, comment, 1, Decision.APPROVE)
    if answered:
        send(rt, 2, parent=comment, email="other@example.org")
    go = erase if wish == "erase" else withdraw(comment)
    hold, done = meet(rt, lambda rt: place(rt, comment), other, go)
    assert not isinstance(done, Exception), done
    assert status(rt, comment) == "rejected"
    with rt.store.reading() as tx:
        body = tx.execute(sa.select(comments.c.body).where(comments.c.id == comment)).scalar()
        asked = tx.execute(sa.select(held_comments.c.erase_asked_at)).scalar()
    assert "only this reader wrote" in str(body)
    assert asked is not None
    check(rt)
    assert lift(rt, hold) == 1  # type: ignore[arg-type]
    check(rt)


@pytest.mark.parametrize("lifts_first", [True, False])
@pytest.mark.parametrize("wish", ["withdraw", "erase"])
def test_a_wish_that_meets_the_end_of_the_hold_is_carried_out(
    rt: Runtime, other: Runtime, wish: str, lifts_first: bool
) -> None:
    comment = written(rt, 1)
    hold = place(rt, comment)
    acts = (lambda rt: lift(rt, hold), erase if wish == "erase" else withdraw(comment))
    told = meet(rt, acts[not lifts_first], other, acts[lifts_first])
    assert not [each for each in told if isinstance(each, Exception)]
    assert status(rt, comment) is None
    check(rt)


@pytest.mark.parametrize("places_first", [True, False])
def test_a_wish_that_meets_a_second_hold_is_carried_out_when_the_last_is_lifted(
    rt: Runtime, other: Runtime, places_first: bool
) -> None:
    comment, sibling = written(rt, 1), written(rt, 2)
    first = place(rt, comment)
    acts = (lambda rt: place(rt, sibling, whole_author=True), withdraw(comment))
    told = meet(rt, acts[not places_first], other, acts[places_first])
    second = told[not places_first]
    assert not [each for each in told if isinstance(each, Exception)]
    assert (lift(rt, first), status(rt, comment)) == (0, "rejected")
    assert lift(rt, second) == 1  # type: ignore[arg-type]
    assert status(rt, comment) is None
    check(rt)


@pytest.mark.parametrize("approves_first", [True, False])
def test_reports_that_hold_a_comment_and_a_person_who_keeps_it_end_in_one_state(
    make_runtime: Callable[..., Runtime], approves_first: bool
) -> None:
    rules = "[defaults]\nreports_hold = 2\n[sites.demo]\n"
    rt, other = make_runtime(rules), make_runtime(rules)
    comment = send(rt)
    rule(rt, comment, 1, Decision.APPROVE)

    def report(number: int) -> Act:
        wish = reports.Wish(comment, "insult", "", f"192.0.{number}.7")
        return lambda rt: reports.report(rt, rt.rules.sites["demo"], wish, f"r{number}")

    assert report(1)(rt) == "kept"
    acts = (approve(comment, 2), report(2))
    told = meet(rt, acts[not approves_first], other, acts[approves_first])
    if approves_first:
        assert (told, status(rt, comment)) == (("decided", "kept"), "approved"), "what somebody has kept stays"
    else:
        assert (told, status(rt, comment)) == (("held", "conflict"), "pending")
    check(rt)


@pytest.mark.parametrize("answer", ["ham", "spam"])
@pytest.mark.parametrize("site", ["demo", "open"])
@pytest.mark.parametrize("person_first", [True, False])
def test_a_person_and_a_check_outside_decide_once(
    make_runtime: Callable[..., Runtime], outside: Outside, person_first: bool, site: str, answer: str
) -> None:
    text = checked(outside.url + "/check", "generic")
    rt, other = make_runtime(text, **HERE), make_runtime(text, **HERE)
    says(outside, answer)
    comment = send(rt, site=site)

    def ask(rt: Runtime) -> int:
        return external.ask_due(rt)

    if person_first:
        told = meet(rt, approve(comment), other, ask)
    else:
        told = meet(rt, ask, other, approve(comment), transaction=2)
    changed = (answer, site) in (("ham", "open"), ("spam", "demo"), ("spam", "open"))
    with rt.store.reading() as tx:
        decided = select_actions(tx, comment)
    check(rt)
    if person_first or not changed:
        assert told == (("decided", 1) if person_first else (1, "decided"))
        assert status(rt, comment) == "approved", "what a person has decided stands"
        assert sorted(decided) == ["approve", "checked"]
    else:
        assert told == (1, "conflict")
        assert status(rt, comment) == ("approved" if answer == "ham" else "spam")
        assert decided == ["checked"]


def select_actions(tx: Tx, comment: str) -> list[str]:
    found = sa.select(journal.c.action).where(journal.c.target == comment, journal.c.action != "received")
    return list(tx.execute(found.order_by(journal.c.seq)).scalars())
