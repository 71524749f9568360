"""What a moderator leaves to a senior; on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa
from tests.actions.test_queue import LINKS, decide, shown
from tests.actions.test_review import ANA, BOB, rule, send

from moderation.actions import review
from moderation.edges import queries
from moderation.edges.queue import Asked
from moderation.edges.schema import outbox
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Decision, Moderator, Role, Ruling, Sort, Status

SAM = Moderator(3, "Sam", RIGHTS[Role.SENIOR], None, "senior")


def escalation(rt: Runtime, comment: str) -> tuple[str, str | None] | None:
    """Who left it to a senior, and why."""
    with rt.store.reading() as connection:
        found = queries.comment(connection, comment)
    assert found
    return (found.escalation.by, found.escalation.why) if found.escalation else None


def test_what_is_escalated_only_seniors_decide(rt: Runtime) -> None:
    comment = send(rt)
    (raised,) = review.decide(rt, ANA, [Ruling(comment, 1, Decision.ESCALATE, "about the mayor")], "r")
    assert (raised.result, raised.status, raised.version) == ("decided", Status.PENDING, 2)
    assert escalation(rt, comment) == ("Ana", "about the mayor")
    with rt.store.reading() as connection:
        last = queries.journal_of(connection, comment)[0]
        assert (last["action"], last["before"], last["after"], last["reason"]) == (
            "escalate",
            "pending",
            "pending",
            "about the mayor",
        )
        letters = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.kind == "comment.decided")
        assert connection.execute(letters).scalar() == 0  # nothing has changed for those outside
    for who in (ANA, BOB):
        assert rule(rt, comment, 2, Decision.APPROVE, who).result == "escalated"
    assert rule(rt, comment, 2, Decision.UNDO, BOB).result == "escalated"
    assert rule(rt, comment, 2, Decision.ESCALATE, SAM).result == "illegal"
    assert rule(rt, comment, 1, Decision.APPROVE, SAM).result == "conflict"
    assert rule(rt, comment, 2, Decision.APPROVE, SAM).result == "decided"
    assert rule(rt, comment, 3, Decision.UNDO, ANA).result == "escalated"
    assert rule(rt, comment, 3, Decision.UNDO, SAM).status is Status.PENDING
    assert escalation(rt, comment) == ("Ana", "about the mayor")


def test_who_escalated_can_take_it_back(rt: Runtime) -> None:
    comment = send(rt)
    rule(rt, comment, 1, Decision.ESCALATE)
    assert rule(rt, comment, 2, Decision.UNDO).result == "decided"
    assert escalation(rt, comment) is None
    assert rule(rt, comment, 3, Decision.APPROVE, BOB).result == "decided"
    assert rule(rt, comment, 4, Decision.ESCALATE).result == "illegal"


def test_a_letter_that_waits_is_told_or_withdrawn_although_the_comment_is_escalated(rt: Runtime) -> None:
    comment = send(rt)
    rule(rt, comment, 1, Decision.APPROVE)
    rule(rt, comment, 2, Decision.HOLD)
    assert letters(rt) == [("approved", 2), ("pending", 3)]
    rule(rt, comment, 3, Decision.ESCALATE)
    assert letters(rt) == [("approved", 2), ("pending", 4)], "it tells of the version that is there"
    rule(rt, comment, 4, Decision.UNDO)
    assert letters(rt) == [("approved", 2), ("pending", 5)]
    rule(rt, comment, 5, Decision.UNDO)
    assert letters(rt) == [("approved", 2)], "what is undone within the time of grace is never told"


def letters(rt: Runtime) -> list[tuple[str, int]]:
    """Status and version of each letter about a decision."""
    with rt.store.reading() as connection:
        found = connection.execute(
            sa.select(outbox.c.payload).where(outbox.c.kind == "comment.decided").order_by(outbox.c.id)
        ).scalars()
        return [(each["status"], each["version"]) for each in found]


def test_what_was_escalated_is_found_alone_or_left_out(rt: Runtime) -> None:
    ids = [send(rt, number, body=f"{LINKS} {number}") for number in range(6)]
    for comment in (ids[1], ids[4]):
        decide(rt, comment, Decision.ESCALATE)
    for told in (None, "links"):
        assert shown(rt, Asked(None, rule=told)) == ids
        assert shown(rt, Asked(None, rule=told, escalated=True)) == [ids[1], ids[4]]
        assert shown(rt, Asked(None, rule=told, escalated=False)) == [ids[0], ids[2], ids[3], ids[5]]
    assert shown(rt, Asked(None, escalated=True, sort=Sort.NEWEST)) == [ids[4], ids[1]]
