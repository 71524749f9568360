"""Notes about a comment: written, taken away, handed out and forgotten with it; on SQLite and PostgreSQL."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from tests.actions.test_review import ANA, BOB, rule, send

from moderation.actions import notes as actions
from moderation.actions import privacy
from moderation.commands import COMMAND_LINE
from moderation.edges import notes, queries
from moderation.edges import schema as tables
from moderation.errors import Forbidden, Invalid, NotFound
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Decision, Moderator, Role

EMAIL = "jo@forgotten.example"


def kept(rt: Runtime, comment_id: str) -> list[notes.Note]:
    with rt.store.reading() as tx:
        return notes.of_comments(tx, [comment_id]).get(comment_id, [])


def test_a_note_is_kept_with_who_and_when_and_the_record_says_that_not_what(rt: Runtime) -> None:
    sent = send(rt)
    actions.add(rt, ANA, sent, "  Called the editor.\r\nWait for her. ", "r")
    actions.add(rt, BOB, sent, "She agrees.", "r")
    first, second = kept(rt, sent)
    assert (first.name, first.text, second.name) == ("Ana", "Called the editor.\nWait for her.", "Bob")
    with rt.store.reading() as tx:
        rows = [row for row in queries.journal_of(tx, sent) if row["action"] == "note"]
    assert [(row["actor"], row["reason"], row["after"]) for row in rows] == [("Bob", None, None), ("Ana", None, None)]
    assert rule(rt, sent, 1, Decision.APPROVE).result == "decided", "a note changes no version"


def test_only_ones_own_note_is_taken_away(rt: Runtime) -> None:
    sent = send(rt)
    actions.add(rt, ANA, sent, "Mine.", "r")
    (note,) = kept(rt, sent)
    with pytest.raises(NotFound):
        actions.drop(rt, BOB, sent, note.id, "r")
    with pytest.raises(NotFound):
        actions.drop(rt, ANA, send(rt, 2), note.id, "r")
    actions.drop(rt, ANA, sent, note.id, "r")
    assert kept(rt, sent) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" \n ", "required"),
        ("x" * 1001, "too-long"),
        ("It is jo@mail.example.org", "note-address"),
        ("jo (at) mail dot example dot org", "note-address"),
        ("a\x07b", "unseen"),
        ("a\u202eb", "unseen"),
    ],
)
def test_a_note_that_cannot_be_is_refused(rt: Runtime, text: str, code: str) -> None:
    sent = send(rt)
    with pytest.raises(Invalid) as refused:
        actions.add(rt, ANA, sent, text, "r")
    assert [each.code for each in refused.value.problems] == [code]
    actions.add(rt, ANA, sent, "x" * 1000, "r")


def test_who_may_not_decide_writes_none(rt: Runtime) -> None:
    sent = send(rt)
    with pytest.raises(Forbidden):
        actions.add(rt, Moderator(3, "Ada", RIGHTS[Role.AUDITOR], None, "auditor"), sent, "Hm.", "r")
    elsewhere = Moderator(4, "Lena", RIGHTS[Role.MODERATOR], frozenset({"open"}), "moderator")
    with pytest.raises(NotFound):
        actions.add(rt, elsewhere, sent, "Hm.", "r")


@pytest.mark.parametrize("answered", [False, True])
def test_notes_are_handed_out_to_the_author_and_forgotten_with_them(rt: Runtime, answered: bool) -> None:
    sent = send(rt, 1, email=EMAIL)
    rule(rt, sent, 1, Decision.APPROVE, BOB)
    if answered:
        send(rt, 2, parent=sent)
    actions.add(rt, BOB, sent, "He wrote: I live in Elm Street.", "r")
    (told,) = privacy.export(rt, COMMAND_LINE, EMAIL, "asked")["comments"]
    assert [each["text"] for each in told["notes"]] == ["He wrote: I live in Elm Street."]
    assert "Bob" not in json.dumps(told)
    privacy.erase(rt, COMMAND_LINE, EMAIL, "asked")
    with rt.store.reading() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(tables.notes)).scalar() == 0
