"""An author's own comment by its receipt, on a real store and Redis: how it stands, written anew, taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from tests.actions.test_submit import rows, submission
from tests.conftest import Clock

from moderation import receipts
from moderation.actions import bans, holds, own_comment, privacy, review
from moderation.actions.submit import Intake
from moderation.commands import COMMAND_LINE
from moderation.edges import queries, queue, schema
from moderation.edges.queue import Asked
from moderation.edges.schema import (
    author_records,
    comments,
    counters,
    earlier_texts,
    idempotency_keys,
    journal,
    outbox,
    search_rows,
)
from moderation.errors import Conflict, NotFound, Settled, TooFast
from moderation.runtime import Runtime
from moderation.values import Decision, Effect, Moderator, Right, Ruling, Status, Whom

MIRA = Moderator(1, "Mira", frozenset(Right), None, "admin")


def sent(rt: Runtime, number: int = 1, **over: object) -> str:
    """The receipt of a new comment."""
    return receipts.give(rt, Intake(rt).submit(submission(number, **over)).comment_id)


def decide(rt: Runtime, receipt: str, decision: Decision, version: int = 1, reason: str | None = None) -> None:
    ruling = Ruling(receipt[:16], version, decision, reason)
    (outcome,) = review.decide(rt, MIRA, [ruling], "r")
    assert outcome.result == "decided"


def edit(rt: Runtime, receipt: str, body: str, version: int = 1) -> own_comment.State:
    return own_comment.edit(rt, receipt, version, body, "203.0.113.7", "r")


def appeal(rt: Runtime, receipt: str, version: int = 2, words: str = "I meant it as a joke.") -> own_comment.State:
    return own_comment.appeal(rt, receipt, version, words, "203.0.113.7", "r")


def public(rt: Runtime) -> list[str]:
    with rt.store.reading() as tx:
        article = queries.article(tx, "open", "first")
        return [each.html for each in queries.thread(tx, article.id, None, 50).comments] if article else []


def pending(rt: Runtime, site: str) -> int:
    counted: list[Any] = rows(rt, counters)
    return sum(row._mapping["count"] for row in counted if (row.site, row.status) == (site, "pending"))


def test_it_tells_how_the_comment_stands(rt: Runtime) -> None:
    receipt = sent(rt)
    state = own_comment.look(rt, receipt)
    assert (state.status, state.version, state.reason) == ("pending", 1, None)
    decide(rt, receipt, Decision.APPROVE)
    assert own_comment.look(rt, receipt).status == "approved"


@pytest.mark.parametrize("receipt", ["", "x", "0123456789abcdef", "0123456789abcdef.7.AAAA", "\u0000.1.x", "é" * 500])
def test_what_is_no_receipt_opens_nothing(rt: Runtime, receipt: str) -> None:
    sent(rt)
    for ask in (
        own_comment.look,
        lambda rt, given: own_comment.withdraw(rt, given, "r"),
        lambda rt, given: edit(rt, given, "x"),
    ):
        with pytest.raises(NotFound):
            ask(rt, receipt)


def test_a_receipt_opens_no_other_comment_and_no_other_site(rt: Runtime) -> None:
    one, other = sent(rt, 1), sent(rt, 2)
    with pytest.raises(NotFound):
        own_comment.look(rt, other[:16] + one[16:])
    with pytest.raises(NotFound):
        own_comment.look(rt, one, site="open")


def test_an_edit_is_judged_from_the_start_and_held(rt: Runtime) -> None:
    receipt = sent(rt, site="open")
    assert public(rt) == ['<p dir="auto">A thought, number 1.</p>\n']
    state = edit(rt, receipt, "Another thought, at john@example.org.")
    assert (state.status, state.version) == ("pending", 2)
    assert public(rt) == []
    (row,) = rows(rt, comments)
    assert (row.status, row.version, row.body) == ("pending", 2, "Another thought, at john@example.org.")
    assert "john" not in row.html
    assert next(found["code"] for found in row.findings if found["rule"] == "contacts") == "contacts"
    assert pending(rt, "open") == 1
    (kept,) = rows(rt, earlier_texts)
    assert (kept.version, kept.body) == (1, "A thought, number 1.")
    assert "another" in str(rows(rt, search_rows)[0].words)
    assert [entry.action for entry in rows(rt, journal)][-1] == "edited"
    assert [letter.kind for letter in rows(rt, outbox)] == ["comment.received", "comment.edited"]


def test_an_edit_that_the_rules_refuse_is_refused_in_silence(rt: Runtime) -> None:
    receipt = sent(rt)
    assert edit(rt, receipt, "You are a fucking cunt.").status == "pending"
    (row,) = rows(rt, comments)
    assert row.status in ("rejected", "pending", "spam")


def test_who_edits_another_version_than_stands_changes_nothing(rt: Runtime) -> None:
    receipt = sent(rt)
    decide(rt, receipt, Decision.APPROVE)
    with pytest.raises(Conflict):
        edit(rt, receipt, "Too late for this.")
    (row,) = rows(rt, comments)
    assert (row.body, row.status) == ("A thought, number 1.", "approved")
    assert not rows(rt, earlier_texts)


def test_a_moderator_who_saw_the_text_before_meets_a_conflict(rt: Runtime) -> None:
    receipt = sent(rt)
    edit(rt, receipt, "Something else entirely.")
    (outcome,) = review.decide(rt, MIRA, [Ruling(receipt[:16], 1, Decision.APPROVE)], "r")
    assert (outcome.result, outcome.version) == ("conflict", 2)


def test_the_time_for_an_edit_ends(rt: Runtime, clock: Clock) -> None:
    receipt = sent(rt)
    clock.advance(minutes=14)
    edit(rt, receipt, "Just in time.")
    clock.advance(minutes=2)
    with pytest.raises(Settled):
        edit(rt, receipt, "Too late.", version=2)


def test_what_a_moderator_refused_is_settled(rt: Runtime) -> None:
    receipt = sent(rt)
    decide(rt, receipt, Decision.REJECT, reason="off-topic")
    state = own_comment.look(rt, receipt)
    assert (state.status, state.edit_until, state.reason) == ("rejected", None, None)
    with pytest.raises(Settled):
        edit(rt, receipt, "Once more.", version=2)


def test_what_was_refused_is_taken_back_and_still_counts_against_its_author(rt: Runtime) -> None:
    receipt = sent(rt, 1, site="open")
    decide(rt, receipt, Decision.REJECT, reason="abuse")
    wish = bans.Wish(Effect.REJECT, "abuse", None, comment_id=receipt[:16], whom=Whom.AUTHOR)
    bans.make(rt, MIRA, None, wish, "r")
    own_comment.withdraw(rt, receipt, "r")
    assert not rows(rt, comments)
    (record,) = rows(rt, author_records)
    assert (record.rejected, record.pending, record.approved) == (1, 0, 0)
    assert len(rows(rt, schema.bans)) == 1
    told = [(entry.action, entry.before, entry.after, entry.reason) for entry in rows(rt, journal)]
    assert ("reject", "approved", "rejected", "abuse") in told
    assert told[-1] == ("withdrawn", "rejected", None, None)
    (outcome,) = review.decide(rt, MIRA, [Ruling(receipt[:16], 2, Decision.UNDO)], "r")
    assert outcome.result == "not-found"


def test_what_was_refused_stays_under_a_legal_hold_until_that_ends(rt: Runtime) -> None:
    receipt = sent(rt)
    decide(rt, receipt, Decision.REJECT)
    hold = holds.place(rt, MIRA, receipt[:16], whole_author=False, reason="Asked for by a court", request_id="r")
    own_comment.withdraw(rt, receipt, "r")
    assert len(rows(rt, comments)) == 1
    holds.lift(rt, MIRA, hold.id, reason="The case is over", request_id="r")
    assert not rows(rt, comments)


def test_a_refusal_by_rules_alone_is_told_after_a_while(rt: Runtime, clock: Clock) -> None:
    receipt = sent(rt)
    with rt.store.writing() as tx:
        tx.execute(sa.update(comments).values(status="rejected"))
    state = own_comment.look(rt, receipt)
    assert state.status == "pending"
    clock.advance(minutes=61)
    assert own_comment.look(rt, receipt).status == "rejected"


def test_taking_back_deletes_all_of_it(rt: Runtime) -> None:
    receipt = sent(rt, idempotency_key="key")
    edit(rt, receipt, "Something else entirely.")
    own_comment.withdraw(rt, receipt, "r")
    for table in (comments, earlier_texts, search_rows, idempotency_keys):
        assert not rows(rt, table)
    assert pending(rt, "demo") == 0
    assert [entry.action for entry in rows(rt, journal)] == ["received", "edited", "withdrawn"]
    with pytest.raises(NotFound):
        own_comment.look(rt, receipt)


def test_the_record_of_an_author_goes_with_the_last_comment_taken_back(rt: Runtime) -> None:
    first, second = (sent(rt, number, email="one@example.org") for number in (1, 2))
    own_comment.withdraw(rt, first, "r")
    assert [(row.pending, row.approved) for row in rows(rt, author_records)] == [(1, 0)]
    decide(rt, second, Decision.APPROVE)
    own_comment.withdraw(rt, second, "r")
    assert not rows(rt, author_records)


def test_taking_back_what_was_answered_leaves_its_place(rt: Runtime) -> None:
    receipt = sent(rt, 1, site="open")
    answer = sent(rt, 2, site="open", parent=receipt[:16])
    own_comment.withdraw(rt, receipt, "r")
    shown = public(rt)
    assert len(shown) == 2
    assert "A thought, number 1." not in "".join(shown)
    with pytest.raises(NotFound):
        own_comment.look(rt, receipt)
    assert own_comment.look(rt, answer).status == "approved"


def test_earlier_texts_are_handed_out_and_forgotten_with_the_author(rt: Runtime) -> None:
    receipt = sent(rt)
    edit(rt, receipt, "Something else entirely.")
    told: dict[str, Any] = privacy.export(rt, COMMAND_LINE, "reader1@example.org", "asked")
    assert [each["text"] for each in told["comments"][0]["earlier_texts"]] == ["A thought, number 1."]
    privacy.erase(rt, COMMAND_LINE, "reader1@example.org", "asked")
    assert not rows(rt, earlier_texts)
    with pytest.raises(NotFound):
        own_comment.look(rt, receipt)


def test_undo_after_an_edit_never_publishes_the_new_text_unseen(rt: Runtime) -> None:
    receipt = sent(rt)
    decide(rt, receipt, Decision.APPROVE)
    edit(rt, receipt, "Something else entirely.", version=2)
    (outcome,) = review.decide(rt, MIRA, [Ruling(receipt[:16], 2, Decision.UNDO)], "r")
    assert outcome.result == "conflict"
    (row,) = rows(rt, comments)
    assert Status(row.status) is Status.PENDING


def test_who_was_rejected_asks_once_for_a_second_look_and_a_moderator_decides(rt: Runtime, clock: Clock) -> None:
    receipt = sent(rt)
    decide(rt, receipt, Decision.REJECT)
    assert own_comment.look(rt, receipt).can_appeal
    clock.advance(minutes=5)  # what was decided has been told outside
    state = appeal(rt, receipt, words="A joke. Ask john@example.org.")
    assert (state.status, state.version, state.appealed) == ("pending", 3, True)
    assert (state.can_appeal, state.edit_until, pending(rt, "demo")) == (False, None, 1)
    with rt.store.reading() as tx:
        (item,) = queue.page(tx, Asked(["demo"], rule="appeal"), None).items
    (found,) = [each for each in item.findings if each.rule == "appeal"]
    assert (found.code, found.data["by"]) == ("appeal-person", "Mira")
    assert found.data["words"].startswith("A joke.")
    assert "john" not in found.data["words"]
    last: Any = rows(rt, journal)[-1]
    assert (last.action, last.actor, last.before, last.after, last.reason) == (
        "appealed", "author", "rejected", "pending", None,
    )  # fmt: skip
    decide(rt, receipt, Decision.APPROVE, version=3)
    state = own_comment.look(rt, receipt)
    assert (state.status, state.appealed, pending(rt, "demo")) == ("approved", True, 0)


def test_a_second_rejection_stands(rt: Runtime) -> None:
    receipt = sent(rt)
    decide(rt, receipt, Decision.REJECT)
    appeal(rt, receipt)
    with pytest.raises(Settled):
        appeal(rt, receipt, version=3)
    decide(rt, receipt, Decision.REJECT, version=3)
    state = own_comment.look(rt, receipt)
    assert (state.status, state.can_appeal, state.appealed) == ("rejected", False, True)
    with pytest.raises(Settled):
        appeal(rt, receipt, version=4)


def test_what_was_decided_before_is_not_undone_past_the_second_look(rt: Runtime) -> None:
    receipt = sent(rt)
    decide(rt, receipt, Decision.APPROVE)
    decide(rt, receipt, Decision.REJECT, version=2)
    appeal(rt, receipt, version=3)
    (outcome,) = review.decide(rt, MIRA, [Ruling(receipt[:16], 4, Decision.UNDO)], "r")
    assert outcome.result == "illegal"
    decide(rt, receipt, Decision.REJECT, version=4)
    decide(rt, receipt, Decision.UNDO, version=5)
    assert own_comment.look(rt, receipt).status == "pending"


def test_a_refusal_by_rules_may_be_contested_once_it_is_told(rt: Runtime, clock: Clock) -> None:
    receipt = sent(rt)
    with rt.store.writing() as tx:
        tx.execute(sa.update(comments).values(status="spam"))
    with pytest.raises(Settled):
        appeal(rt, receipt, version=1)
    clock.advance(minutes=61)
    assert appeal(rt, receipt, version=1).status == "pending"
    (row,) = rows(rt, comments)
    assert [found["code"] for found in row.findings if found["rule"] == "appeal"] == ["appeal"]


def test_only_what_was_rejected_is_contested_in_its_time_and_as_it_stands(rt: Runtime, clock: Clock) -> None:
    waiting, shown = sent(rt, 1), sent(rt, 2, site="open")
    for receipt in (waiting, shown):
        with pytest.raises(Settled):
            appeal(rt, receipt, version=1)
    decide(rt, waiting, Decision.REJECT)
    with pytest.raises(Conflict):
        appeal(rt, waiting, version=1)
    clock.advance(days=182)
    assert own_comment.look(rt, waiting).can_appeal
    clock.advance(days=2)
    with pytest.raises(Settled):
        appeal(rt, waiting)


def test_a_second_look_costs_what_a_comment_costs_and_can_be_switched_off(make_runtime: Callable[..., Runtime]) -> None:
    rules = '[sites.demo.limits]\naddress = ["3/hour"]\nburst = 3\n[sites.open.receipt]\nappeal_days = 0\n'
    rt = make_runtime(rules)
    one, other, off = sent(rt, 1), sent(rt, 2), sent(rt, 3, site="open")
    for receipt in (one, other, off):
        decide(rt, receipt, Decision.REJECT)
    assert not own_comment.look(rt, off).can_appeal
    appeal(rt, one)
    with pytest.raises(TooFast):
        appeal(rt, other)
    assert own_comment.look(rt, other).can_appeal


def test_the_words_are_handed_out_and_forgotten_with_the_author_and_stand_in_no_record(rt: Runtime) -> None:
    receipt = sent(rt)
    decide(rt, receipt, Decision.REJECT)
    appeal(rt, receipt, words="It was a quotation, marzipan.")
    told: dict[str, Any] = privacy.export(rt, COMMAND_LINE, "reader1@example.org", "asked")
    assert told["comments"][0]["asked_for_a_second_look"] == ["It was a quotation, marzipan."]
    assert "Mira" not in str(told)
    assert "marzipan" not in str(rows(rt, journal)) + str(rows(rt, outbox))
    privacy.erase(rt, COMMAND_LINE, "reader1@example.org", "asked")
    assert "marzipan" not in str(rows(rt, comments))
