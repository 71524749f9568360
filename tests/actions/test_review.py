"""Moderators decide: versions, conflicts, undo, counts; on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from tests.actions.test_submit import submission

from moderation.actions import review
from moderation.actions.submit import Intake
from moderation.edges import queries
from moderation.edges.schema import articles, journal, metadata
from moderation.errors import Forbidden
from moderation.runtime import Runtime
from moderation.values import MOVES, RIGHTS, STATUS_AFTER, Decision, Moderator, Right, Role, Ruling, Status

ANA = Moderator(1, "Ana", RIGHTS[Role.MODERATOR], None, "moderator")
BOB = Moderator(2, "Bob", RIGHTS[Role.MODERATOR], None, "moderator")


def send(rt: Runtime, number: int = 1, **over: object) -> str:
    return Intake(rt).submit(submission(number, **over)).comment_id


def rule(rt: Runtime, comment_id: str, version: int, decision: Decision, who: Moderator = ANA) -> review.Outcome:
    (outcome,) = review.decide(rt, who, [Ruling(comment_id, version, decision)], "r")
    return outcome


def public_ids(rt: Runtime) -> list[str]:
    with rt.store.reading() as connection:
        article = queries.article(connection, "demo", "first")
        assert article
        return [comment.id for comment in queries.thread(connection, article.id, None, 100).comments]


def test_what_is_approved_is_public_and_the_record_says_who(rt: Runtime) -> None:
    comment = send(rt)
    assert public_ids(rt) == []
    outcome = rule(rt, comment, 1, Decision.APPROVE)
    assert (outcome.result, outcome.status, outcome.version) == ("decided", Status.APPROVED, 2)
    assert public_ids(rt) == [comment]
    with rt.store.reading() as connection:
        last = queries.journal_of(connection, comment)[0]
        assert (last["actor"], last["action"], last["before"], last["after"]) == (
            "Ana",
            "approve",
            "pending",
            "approved",
        )
        assert queries.tab_counts(connection, ["demo"])[Status.APPROVED] == 1
        assert queries.tab_counts(connection, ["demo"])[Status.PENDING] == 0
        row = connection.execute(sa.select(articles)).one()
        assert (row.version, row.approved) == (1, 1)


def test_the_second_of_two_learns_who_decided_and_when(rt: Runtime) -> None:
    comment = send(rt)
    first = rule(rt, comment, 1, Decision.APPROVE)
    late = rule(rt, comment, 1, Decision.REJECT, BOB)
    assert (late.result, late.status, late.decided_by) == ("conflict", Status.APPROVED, "Ana")
    assert late.decided_at == first.decided_at


def test_eight_moderators_on_the_same_comments_decide_each_once(rt: Runtime) -> None:
    waiting = [send(rt, number) for number in range(40)]
    people = [Moderator(number, f"M{number}", RIGHTS[Role.MODERATOR], None, "moderator") for number in range(8)]

    def work(who: Moderator) -> list[str]:
        return [review.decide(rt, who, [Ruling(comment, 1, Decision.APPROVE)], "r")[0].result for comment in waiting]

    with ThreadPoolExecutor(8) as pool:
        results = [result for results in pool.map(work, people) for result in results]
    assert results.count("decided") == 40
    assert results.count("conflict") == 280
    with rt.store.reading() as connection:
        approvals = sa.select(sa.func.count()).select_from(journal).where(journal.c.action == "approve")
        assert connection.execute(approvals).scalar() == 40
        assert queries.tab_counts(connection, ["demo"])[Status.APPROVED] == 40


def test_one_conflict_does_not_stop_the_others(rt: Runtime) -> None:
    ids = [send(rt, number) for number in range(3)]
    rule(rt, ids[1], 1, Decision.SPAM, BOB)
    rulings = [Ruling(comment, 1, Decision.APPROVE) for comment in ids]
    assert [each.result for each in review.decide(rt, ANA, rulings, "r")] == ["decided", "conflict", "decided"]


def test_undo_restores_what_was_and_its_author(rt: Runtime) -> None:
    comment = send(rt)
    rule(rt, comment, 1, Decision.APPROVE)
    rule(rt, comment, 2, Decision.REJECT, BOB)
    outcome = rule(rt, comment, 3, Decision.UNDO, BOB)
    assert (outcome.status, outcome.decided_by, outcome.version) == (Status.APPROVED, "Ana", 4)
    assert public_ids(rt) == [comment]


def test_each_undo_goes_one_decision_further_back(rt: Runtime) -> None:
    comment = send(rt)
    for version, decision in enumerate((Decision.APPROVE, Decision.HOLD, Decision.SPAM), 1):
        rule(rt, comment, version, decision)
    back = [rule(rt, comment, version, Decision.UNDO) for version in (4, 5, 6)]
    assert [(each.status, each.decided_by) for each in back] == [
        (Status.PENDING, "Ana"),
        (Status.APPROVED, "Ana"),
        (Status.PENDING, None),
    ]
    assert rule(rt, comment, 7, Decision.REJECT, BOB).result == "decided"
    assert rule(rt, comment, 8, Decision.UNDO).status is Status.PENDING
    assert rule(rt, comment, 9, Decision.UNDO).result == "illegal"


def test_undo_of_the_only_decision_makes_it_pending_again(rt: Runtime) -> None:
    comment = send(rt)
    rule(rt, comment, 1, Decision.SPAM)
    outcome = rule(rt, comment, 2, Decision.UNDO)
    assert (outcome.status, outcome.decided_by) == (Status.PENDING, None)
    assert rule(rt, comment, 3, Decision.UNDO).result == "illegal"
    assert rule(rt, comment, 3, Decision.APPROVE).result == "decided"


def test_what_the_rules_rejected_cannot_be_undone_only_decided(rt: Runtime) -> None:
    comment = send(rt, body="you are a nigger")
    assert rule(rt, comment, 1, Decision.UNDO).result == "illegal"
    assert rule(rt, comment, 1, Decision.APPROVE).status is Status.APPROVED


@pytest.mark.parametrize("decision", [each for each in Decision if each is not Decision.UNDO])
@pytest.mark.parametrize("status", list(Status))
def test_only_legal_moves_are_made(rt: Runtime, status: Status, decision: Decision) -> None:
    comment, version = send(rt), 1
    if status is not Status.PENDING:
        way = next(each for each, after in STATUS_AFTER.items() if after is status)
        version = rule(rt, comment, 1, way).version or 0
    outcome = rule(rt, comment, version, decision)
    assert (outcome.result == "decided") == (decision in MOVES[status])


def test_a_moderator_of_another_site_does_not_see_it(rt: Runtime) -> None:
    comment = send(rt)
    elsewhere = Moderator(3, "Eva", RIGHTS[Role.MODERATOR], frozenset({"open"}), "moderator")
    assert rule(rt, comment, 1, Decision.APPROVE, elsewhere).result == "not-found"
    assert review.decide(rt, ANA, [Ruling(comment, 1, Decision.APPROVE)], "r", site="open")[0].result == "not-found"


def test_without_the_right_nothing_is_decided(rt: Runtime) -> None:
    reader = Moderator(0, "script", frozenset({Right.READ_QUEUE}), None, "token")
    with pytest.raises(Forbidden):
        review.decide(rt, reader, [Ruling("0" * 16, 1, Decision.APPROVE)], "r")


def test_the_authors_record_follows_decisions_and_undo(rt: Runtime) -> None:
    comment = send(rt)
    index = rt.vault.index("reader1@example.org")

    def record() -> tuple[int, int, int, int]:
        with rt.store.reading() as connection:
            found = queries.records(connection, "demo", [index])[index]
        return found.pending, found.approved, found.rejected, found.spam

    assert record() == (1, 0, 0, 0)
    rule(rt, comment, 1, Decision.REJECT)
    assert record() == (0, 0, 1, 0)
    rule(rt, comment, 2, Decision.UNDO)
    assert record() == (1, 0, 0, 0)


@pytest.mark.parametrize("decision", [Decision.REJECT, Decision.ESCALATE])
def test_contact_data_typed_as_a_reason_is_kept_nowhere(rt: Runtime, decision: Decision) -> None:
    comment = send(rt)
    reason = "ana@reader.example.net again, or +49 30 901820"
    assert review.decide(rt, ANA, [Ruling(comment, 1, decision, reason)], "r")[0].result == "decided"
    with rt.store.reading() as connection:
        stored = [
            value
            for table in metadata.sorted_tables
            for row in connection.execute(sa.select(table))
            for value in row
            if isinstance(value, str) and " again, or " in value
        ]
    assert set(stored) == {"[e-mail hidden] again, or [phone number hidden]"}
    assert len(stored) >= 2, "it stands with the comment and in the record"
