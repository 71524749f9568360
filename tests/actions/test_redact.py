"""Words are taken out of what the public sees, and put back; on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.actions.test_review import ANA, BOB, rule, send
from tests.conftest import Clock

from moderation.actions import privacy, redact
from moderation.actions.redact import Wish
from moderation.commands import COMMAND_LINE
from moderation.edges import queries
from moderation.edges.schema import articles, comments, outbox
from moderation.errors import Conflict, Forbidden, Invalid, NotFound
from moderation.runtime import Runtime
from moderation.text.markup import REDACTED
from moderation.values import RIGHTS, Comment, Decision, Moderator, Role, Span, Status

BODY = "Ask John Doe, he knows. John Doe lives in Elm Street."
WHY = "a private person"


def comment(rt: Runtime, comment_id: str) -> Comment:
    with rt.store.reading() as tx:
        found = queries.comment(tx, comment_id)
    assert found
    return found


def public(rt: Runtime) -> list[str]:
    with rt.store.reading() as tx:
        article = queries.article(tx, "demo", "first")
        assert article
        return [each.html for each in queries.thread(tx, article.id, None, 10).comments]


def article_version(rt: Runtime) -> int:
    with rt.store.reading() as tx:
        return int(tx.execute(sa.select(articles.c.version)).scalar_one())


def letters(rt: Runtime) -> list[tuple[str, int]]:
    """What waits to be told: kind and version."""
    with rt.store.reading() as tx:
        rows = tx.execute(sa.select(outbox).where(outbox.c.kind != "comment.received").order_by(outbox.c.id))
        return [(row.kind, row.payload["version"]) for row in rows]


def take_out(rt: Runtime, comment_id: str, version: int, who: Moderator = ANA, **over: object) -> redact.Redacted:
    wish: dict[str, object] = {"reason": WHY, "words": "John Doe"}
    return redact.redact(rt, who, Wish(comment_id, version, **(wish | over)), "r")  # type: ignore[arg-type]


def test_the_public_sees_a_mark_and_the_record_keeps_the_text(rt: Runtime) -> None:
    sent = send(rt, body=BODY)
    rule(rt, sent, 1, Decision.APPROVE)
    before = article_version(rt)
    done = take_out(rt, sent, 2)
    assert done.spans == (Span(4, 12, REDACTED), Span(24, 32, REDACTED))
    assert public(rt) == ['<p dir="auto">Ask [removed], he knows. [removed] lives in Elm Street.</p>\n']
    kept = comment(rt, sent)
    assert (kept.body, kept.version, kept.status) == (BODY, 3, Status.APPROVED)
    assert article_version(rt) > before, "cached threads are dropped"
    with rt.store.reading() as tx:
        rows = [row for row in queries.journal_of(tx, sent) if row["action"] == "redact"]
    assert [(row["actor"], row["after"], row["reason"]) for row in rows] == [
        ("Ana", "24-32", WHY),
        ("Ana", "4-12", WHY),
    ]


def test_one_span_alone_is_taken_out_and_put_back(rt: Runtime) -> None:
    sent = send(rt, body=BODY)
    rule(rt, sent, 1, Decision.APPROVE)
    former = public(rt)
    take_out(rt, sent, 2, span=(24, 32), words="")
    assert public(rt) == ['<p dir="auto">Ask John Doe, he knows. [removed] lives in Elm Street.</p>\n']
    assert redact.restore(rt, BOB, sent, 3, (24, 32), "r").version == 4
    assert public(rt) == former, "byte for byte"
    assert comment(rt, sent).masks == ()
    with pytest.raises(NotFound):
        redact.restore(rt, BOB, sent, 4, (24, 32), "r")


def test_what_is_taken_out_stays_out_whatever_is_decided_later(rt: Runtime) -> None:
    sent = send(rt, body=BODY)
    take_out(rt, sent, 1)
    rule(rt, sent, 2, Decision.APPROVE)
    rule(rt, sent, 3, Decision.REJECT)
    rule(rt, sent, 4, Decision.UNDO)
    assert "John" not in public(rt)[0]
    take_out(rt, sent, 5, words="Elm Street")
    assert public(rt) == ['<p dir="auto">Ask [removed], he knows. [removed] lives in [removed].</p>\n']


def test_overlapping_places_hide_what_any_of_them_hides(rt: Runtime) -> None:
    sent = send(rt, body="Write to jo@mail.example.org or call.")
    rule(rt, sent, 1, Decision.APPROVE)
    assert [mask.label for mask in comment(rt, sent).masks] == ["email"]
    take_out(rt, sent, 2, span=(0, 12))
    assert public(rt) == ['<p dir="auto">[removed][e-mail hidden] or call.</p>\n']
    take_out(rt, sent, 3, span=(10, 37))
    assert public(rt) == ['<p dir="auto">[removed][e-mail hidden][removed]</p>\n']


def test_a_redaction_of_a_stale_version_answers_like_a_stale_decision(rt: Runtime) -> None:
    sent = send(rt, body=BODY)
    rule(rt, sent, 1, Decision.APPROVE)
    with pytest.raises(Conflict) as stale:
        take_out(rt, sent, 1, BOB)
    assert (stale.value.status, stale.value.version, stale.value.decided_by) == ("approved", 2, "Ana")
    take_out(rt, sent, 2)
    with pytest.raises(Conflict):
        redact.restore(rt, BOB, sent, 2, (4, 12), "r")
    assert rule(rt, sent, 2, Decision.REJECT, BOB).result == "conflict", "it is not the text that Bob saw"


@pytest.mark.parametrize(
    ("over", "pointers"),
    [
        ({"words": "Jane Doe"}, ["/words"]),
        ({"words": "  "}, ["/words"]),
        ({"words": "", "reason": ""}, ["/words", "/reason"]),
        ({"span": (3, 4)}, ["/words"]),
        ({"span": (4, 99)}, ["/words"]),
        ({"span": (9, 9)}, ["/words"]),
        ({"reason": "ask jo@mail.example.org"}, ["/reason"]),
        ({"reason": "x" * 201}, ["/reason"]),
        ({"words": "Jane", "reason": "a\x07b c"}, ["/words", "/reason"]),
    ],
)
def test_every_bad_field_is_told_and_nothing_changes(rt: Runtime, over: dict[str, Any], pointers: list[str]) -> None:
    sent = send(rt, body=BODY)
    with pytest.raises(Invalid) as refused:
        take_out(rt, sent, 1, **over)
    assert [each.pointer for each in refused.value.problems] == pointers
    assert comment(rt, sent).version == 1


def test_the_same_words_are_not_taken_out_twice_and_not_everything_piecemeal(rt: Runtime) -> None:
    sent = send(rt, body=BODY + " x" * 60)
    take_out(rt, sent, 1)
    with pytest.raises(Invalid):
        take_out(rt, sent, 2)
    with pytest.raises(Invalid):
        take_out(rt, sent, 2, words=" x")


def test_who_may_not_decide_takes_nothing_out(rt: Runtime) -> None:
    sent = send(rt, body=BODY)
    with pytest.raises(Forbidden):
        take_out(rt, sent, 1, Moderator(3, "Ada", RIGHTS[Role.AUDITOR], None, "auditor"))
    with pytest.raises(NotFound):
        take_out(rt, sent, 1, Moderator(4, "Lena", RIGHTS[Role.MODERATOR], frozenset({"open"}), "moderator"))


def test_what_is_put_back_within_the_grace_time_is_never_told(rt: Runtime, clock: Clock) -> None:
    sent = send(rt, body=BODY)
    rule(rt, sent, 1, Decision.APPROVE)
    assert letters(rt) == [("comment.decided", 2)]
    take_out(rt, sent, 2, words="Elm Street")
    assert letters(rt) == [("comment.decided", 3), ("comment.changed", 3)], "the outside learns the version that holds"
    redact.restore(rt, ANA, sent, 3, (42, 52), "r")
    assert letters(rt) == [("comment.decided", 4)]
    take_out(rt, sent, 4, words="Elm Street")
    rule(rt, sent, 5, Decision.UNDO)
    assert letters(rt) == [], "nothing was ever public, as far as the outside knows"


def test_what_is_put_back_later_is_told(rt: Runtime, clock: Clock) -> None:
    sent = send(rt, body=BODY)
    rule(rt, sent, 1, Decision.APPROVE)
    take_out(rt, sent, 2, words="Elm Street")
    clock.advance(hours=1)
    redact.restore(rt, ANA, sent, 3, (42, 52), "r")
    assert letters(rt) == [("comment.decided", 3), ("comment.changed", 3), ("comment.changed", 4)]


def test_nobody_is_told_about_what_is_not_public(rt: Runtime) -> None:
    sent = send(rt, body=BODY)
    take_out(rt, sent, 1)
    assert letters(rt) == []


def test_forgetting_the_author_leaves_no_place_of_the_old_text(rt: Runtime) -> None:
    sent = send(rt, 1, body=BODY, email="jo@forgotten.example")
    rule(rt, sent, 1, Decision.APPROVE)
    send(rt, 2, parent=sent)
    take_out(rt, sent, 2)
    assert privacy.erase(rt, COMMAND_LINE, "jo@forgotten.example", "asked") == 1
    with rt.store.reading() as tx:
        row = tx.execute(sa.select(comments).where(comments.c.id == sent)).one()
    assert row.masks == []
    assert "removed at the author" in row.html
