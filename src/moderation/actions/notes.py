"""Moderators write notes about a comment for each other, and take their own away. The record says that, not what."""

from __future__ import annotations

from moderation.edges import journal, notes, queries
from moderation.edges.schema import Tx
from moderation.errors import FieldProblem, Forbidden, Invalid, NotFound
from moderation.runtime import Runtime
from moderation.text.redact import holds_address
from moderation.values import Moderator, Right

LONGEST = 1000
"""Characters of a note."""
MOST = 100
"""Notes of one comment."""


def add(rt: Runtime, who: Moderator, comment_id: str, text: str, request_id: str) -> None:
    """Raises Forbidden, NotFound, Invalid."""
    _check_right(who)
    text = _checked(text)
    with rt.store.writing() as tx:
        site = _site(tx, who, comment_id)
        if notes.count(tx, comment_id) >= MOST:
            raise Invalid([FieldProblem("/text", "too-many", {"most": MOST})])
        now = rt.now()
        notes.add(tx, comment_id, who.id, who.name, text, now)
        journal.write(tx, [journal.Entry(now, who.name, who.role, "note", site, comment_id, request_id=request_id)])


def drop(rt: Runtime, who: Moderator, comment_id: str, note_id: int, request_id: str) -> None:
    """Raises Forbidden, NotFound: also for a note that is somebody else's."""
    _check_right(who)
    with rt.store.writing() as tx:
        site = _site(tx, who, comment_id)
        if not notes.drop(tx, comment_id, note_id, who.id):
            raise NotFound("note")
        entry = journal.Entry(rt.now(), who.name, who.role, "note-dropped", site, comment_id, request_id=request_id)
        journal.write(tx, [entry])


def _check_right(who: Moderator) -> None:
    if not who.may(Right.DECIDE):
        raise Forbidden(Right.DECIDE.value)


def _site(tx: Tx, who: Moderator, comment_id: str) -> str:
    seen = queries.standing(tx, comment_id)
    if seen is None or not who.may(Right.DECIDE, seen.site):
        raise NotFound("comment")
    return seen.site


def _checked(text: str) -> str:
    """Plain lines without an e-mail address, which would stand there for those who may not see it."""
    text = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n"))
    if not text:
        raise Invalid([FieldProblem("/text", "required")])
    if len(text) > LONGEST:
        raise Invalid([FieldProblem("/text", "too-long", {"most": LONGEST, "length": len(text)})])
    if holds_address(text):
        raise Invalid([FieldProblem("/text", "note-address")])
    if not all(char.isprintable() or char in "\n\t\u200c\u200d" for char in text):
        raise Invalid([FieldProblem("/text", "unseen")])
    return text
