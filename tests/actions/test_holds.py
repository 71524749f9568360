"""A legal hold beats retention, erasure and taking back; what was asked for meanwhile is done when it is lifted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.actions.test_privacy import EMAIL, WHY, rows, tabs, written
from tests.actions.test_review import ANA, public_ids, rule, send
from tests.conftest import Clock

from moderation.actions import bulk, holds, own_comment, privacy
from moderation.actions.retention import tidy
from moderation.commands import COMMAND_LINE
from moderation.edges import held, queries
from moderation.edges.bulk_jobs import Item
from moderation.errors import Forbidden, Invalid, NotFound
from moderation.receipts import give
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Decision, Hold, Moderator, Role, Status
from moderation.web.cards import moves

FILE = "file 4711 of the police"


def place(rt: Runtime, comment_id: str, *, whole_author: bool = False) -> Hold:
    return holds.place(rt, COMMAND_LINE, comment_id, whole_author=whole_author, reason=FILE, request_id="")


def lift(rt: Runtime, hold: Hold) -> int:
    return holds.lift(rt, COMMAND_LINE, hold.id, reason="the file is closed", request_id="")


def test_erasing_leaves_what_is_held_out_of_sight_and_lifting_carries_it_out(rt: Runtime) -> None:
    kept, gone = written(rt, 1), written(rt, 2)
    rule(rt, kept, 1, Decision.APPROVE)
    hold = place(rt, kept)
    assert privacy.erase(rt, COMMAND_LINE, EMAIL, WHY) == 1
    (left,) = rows(rt)
    assert (left.id, left.status, left.body) == (kept, "rejected", "The words that only this reader wrote. 1")
    assert left.email_sealed is not None
    (why,) = privacy.kept(rt, EMAIL).values()
    assert (why.id, why.reason, why.erase_asked) == (hold.id, FILE, True)
    assert (tabs(rt)[Status.APPROVED], tabs(rt)[Status.REJECTED]) == (0, 1)
    assert gone not in {row.id for row in rows(rt)}
    assert lift(rt, hold) == 1
    assert not rows(rt)
    assert not any(tabs(rt).values())


def test_what_its_author_takes_back_is_kept_out_of_sight(rt: Runtime) -> None:
    comment = written(rt, 1)
    hold = place(rt, comment)
    own_comment.withdraw(rt, give(rt, comment), "")
    assert [row.status for row in rows(rt)] == ["rejected"]
    assert lift(rt, hold) == 1
    assert not rows(rt)


def test_what_its_author_wants_gone_is_never_public_again(rt: Runtime) -> None:
    comment = written(rt, 1)
    rule(rt, comment, 1, Decision.APPROVE)
    rule(rt, comment, 2, Decision.REJECT)
    hold = place(rt, comment)
    privacy.erase(rt, COMMAND_LINE, EMAIL, WHY)
    refused = rule(rt, comment, 3, Decision.APPROVE)
    assert (refused.result, refused.status, refused.version) == ("withheld", Status.REJECTED, 3)
    assert rule(rt, comment, 3, Decision.UNDO).result == "withheld", "back to approved"
    job = bulk.start(rt, ANA, bulk.Wish(Decision.APPROVE, picked=[Item(comment, 3)]), "r")
    assert job.decided == 0
    with rt.store.reading() as tx:
        found = queries.comment(tx, comment)
    assert found is not None
    assert not {Decision.APPROVE, Decision.UNDO} & moves(found, ANA)
    assert rule(rt, comment, 3, Decision.SPAM).result == "decided"
    later = place(rt, comment)
    assert lift(rt, hold) == 0
    assert rule(rt, comment, 4, Decision.APPROVE).result == "withheld", "the wish outlives the hold it was made under"
    assert (public_ids(rt), lift(rt, later), rows(rt)) == ([], 1, [])


def test_a_comment_goes_with_the_last_of_its_holds(rt: Runtime) -> None:
    comment = written(rt, 1)
    first, second = place(rt, comment), place(rt, comment, whole_author=True)
    privacy.erase(rt, COMMAND_LINE, EMAIL, WHY)
    assert (lift(rt, first), len(rows(rt)), lift(rt, second), len(rows(rt))) == (0, 1, 1, 0)


def test_a_hold_on_an_author_reaches_what_they_write_later_and_nobody_else(rt: Runtime) -> None:
    first, early = written(rt, 1), written(rt, 2)
    hold = place(rt, first, whole_author=True)
    assert hold.kept == 2
    late, other = written(rt, 3), send(rt, 4, email="other@example.org")
    assert privacy.erase(rt, COMMAND_LINE, EMAIL, WHY) == 0
    assert {row.id for row in rows(rt)} == {first, early, late, other}
    assert lift(rt, hold) == 3
    assert {row.id for row in rows(rt)} == {other}


def test_retention_leaves_text_address_and_record_while_a_hold_lasts(
    make_runtime: Callable[..., Runtime], clock: Clock
) -> None:
    keep = "[retention]\naddress_days = 1\npending_days = 30\nrejected_days = 30\njournal_days = 365\n[sites.demo]\n"
    rt = make_runtime(keep)
    kept, other = written(rt, 1), written(rt, 2)
    hold = place(rt, kept)
    clock.advance(days=400)
    tidy(rt)
    (left,) = rows(rt)
    assert (left.id, left.address_hash is None) == (kept, False)
    with rt.store.reading() as tx:
        assert queries.journal_of(tx, kept, 10)
        assert other not in held.of_comments(tx, [other])
    lift(rt, hold)
    clock.advance(seconds=100)
    tidy(rt)
    assert not rows(rt)


def test_holds_are_for_who_has_the_right_and_need_a_reason(rt: Runtime) -> None:
    comment = written(rt, 1)
    ana = Moderator(1, "Ana", RIGHTS[Role.SENIOR], None, "senior")
    with pytest.raises(Forbidden):
        holds.place(rt, ana, comment, whole_author=False, reason=FILE, request_id="")
    for reason in ("short", "write to a@example.org"):
        with pytest.raises(Invalid):
            holds.place(rt, COMMAND_LINE, comment, whole_author=False, reason=reason, request_id="")
    with pytest.raises(NotFound):
        holds.place(rt, COMMAND_LINE, "0" * 16, whole_author=False, reason=FILE, request_id="")
    hold = place(rt, comment)
    with rt.store.reading() as tx:
        (told, found) = (queries.journal_of(tx, comment, 10), queries.comment(tx, comment))
    assert [(row["action"], row["reason"]) for row in told if row["action"] == "hold-placed"] == [("hold-placed", FILE)]
    assert found is not None
    assert found.hold is not None
    assert found.hold.id == hold.id
