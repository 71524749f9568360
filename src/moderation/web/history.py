"""A comment's rows of the record in words: who did what to it, when and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from moderation.catalogue import _
from moderation.settings import Site
from moderation.values import Status
from moderation.web import sentences

RECEIVED: Mapping[str, str] = {
    Status.PENDING: "held it for a moderator",
    Status.APPROVED: "published it",
    Status.REJECTED: "rejected it",
    Status.SPAM: "took it for spam",
}
"""What the rules did with a comment that came in."""
ACTIONS: Mapping[str, str] = {
    "approve": "approved it",
    "reject": "rejected it",
    "spam": "marked it as spam",
    "hold": "put it back to pending",
    "escalate": "left it to a senior",
    "undo": "took the last decision back",
    "redact": "took words out of what the public sees",
    "restore": "put words back",
    "ban": "banned the sender",
    "pre-moderate": "had all of the sender's comments wait",
    "ban-lifted": "lifted a ban",
    "note": "wrote a note",
    "note-dropped": "took a note of their own away",
    "edited": "wrote it anew",
    "reported": "reported it",
    "held": "had it wait again",
    "withdrawn": "took it back",
    "appealed": "asked for a second look",
    "checked": "was asked about it",
    "corrected": "was told what a moderator thinks of it",
    "hold-placed": "placed a legal hold",
    "hold-lifted": "lifted a legal hold",
    "email-revealed": "looked at the author's e-mail address",
}
"""What people did, by the record's word for it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: `clock` and `iso` say when; `reason` is empty where none was given."""

    clock: str
    iso: str
    who: str
    what: str
    reason: str


def lines(rows: list[Mapping[str, Any]], site: Site, reader: str, now: datetime) -> list[Line]:
    """Rows of the journal about one comment, in their order. `reader` is who reads it, and is told `You`."""
    zone = ZoneInfo(site.timezone)
    return [
        Line(
            clock=sentences.clock(row["at"], now, zone),
            iso=row["at"].isoformat(timespec="seconds"),
            who={"rules": _("The rules"), "author": _("The author"), "reader": _("A reader"), reader: _("You")}.get(
                row["actor"], row["actor"]
            ),
            what=_what(row),
            reason=_reason(row, site),
        )
        for row in rows
    ]


def _what(row: Mapping[str, Any]) -> str:
    if row["action"] == "received":
        return _(RECEIVED[row["after"]])
    said = _(ACTIONS[row["action"]]) if row["action"] in ACTIONS else row["action"].replace("-", " ")
    if row["action"] != "undo":
        return said
    status = sentences.STATUSES.get(row["after"], row["after"])
    return _("{done}: it is {status} again").format(done=said, status=_(status).lower())


def _reason(row: Mapping[str, Any], site: Site) -> str:
    reason = row["reason"] or ""
    if row["action"] in ("received", "held"):
        return sentences.rule(reason)
    return next((known.words for known in site.reasons if known.code == reason), reason)
