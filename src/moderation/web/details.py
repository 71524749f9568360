"""All that the desk knows of one comment, on a page of its own, part by part: as it was sent, its thread, its author,
its history. A card opens each part by a link, and the page's script puts it under the card instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from moderation.actions import notes as noting
from moderation.actions import redact as redacting
from moderation.catalogue import _, counted
from moderation.edges import around, earlier, likeness, live, notes, queries, reports
from moderation.edges import queue as store
from moderation.edges.queue import Asked, Author
from moderation.edges.schema import Tx
from moderation.errors import NotFound
from moderation.text.markup import REDACTED
from moderation.values import Comment, Moderator, Right, Sort
from moderation.web import auth, sentences
from moderation.web.answers import private
from moderation.web.ban_lines import ban_part
from moderation.web.cards import excerpt, spans
from moderation.web.context import rt
from moderation.web.decisions import COMMENT_ID, card_for
from moderation.web.differences import difference
from moderation.web.history import lines
from moderation.web.hosts import hosts
from moderation.web.marks import abbreviation, pieces
from moderation.web.reasons import reason_words
from moderation.web.views import View, settings_of, zone_of

details = Blueprint("details", __name__, url_prefix="/desk/comments")

LAST = 5
"""Comments of the same author that are shown."""
MOST_COMPARED = 5
"""Earlier texts that are compared with what they became, the newest."""
MOST_ROWS = 200
"""Rows of the record that are shown, the newest."""


@details.get("/<comment_id>")
@auth.signed_in(Right.READ_QUEUE)
def page(comment_id: str) -> str:
    """The card, and every part under it."""
    return shown(comment_id, list(PARTS), with_card=True)


@details.get("/<comment_id>/<part>")
@auth.signed_in(Right.READ_QUEUE)
def one_part(comment_id: str, part: str) -> str:
    """One part alone; `done` names what was just done to it. Raises NotFound."""
    if part not in PARTS:
        raise NotFound("page")
    return shown(comment_id, [part], said=_(DONE[done]) if (done := request.args.get("done", "")) in DONE else "")


DONE: Mapping[str, str] = {
    "redacted": "Taken out of what the public sees.",
    "noted": "Noted.",
    "dropped": "The note is gone.",
    "restored": "Put back: the public sees it again.",
    "banned": "Banned: what they send from now on is rejected.",
    "pre-moderated": "Pre-moderated: what they send from now on waits.",
    "lifted": "Lifted. What was rejected meanwhile stays so.",
}
"""What was done to a comment here, in words."""


def told(done: str, comment_id: str, part: str) -> AnyResponse:
    """The answer to a form of a part: for a script in words, for a page the way back to it."""
    if is_asked_by_script():
        return private({"sentence": _(DONE[done])})
    return redirect(f"/desk/comments/{comment_id}/{part}?done={done}", 303)


def is_asked_by_script() -> bool:
    """Whether the page's script sent the form, not the browser by itself."""
    return "application/json" in request.headers.get("Accept", "")


def shown(
    comment_id: str,
    names: list[str],
    *,
    with_card: bool = False,
    said: str = "",
    problems: Sequence[str] = (),
    wrong: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The page with these parts. `problems` are why a form of theirs was refused, `wrong` the same by field; what was
    typed is kept."""
    who, now = auth.current(), rt().now()
    with rt().store.reading() as tx:
        comment = seen_by(tx, who, comment_id)
        asking = _Asking(tx, who, comment, now)
        parts = {name: PARTS[name].gather(asking) for name in names}
        counts = around.counts(tx, {comment.id: comment.parent_id})
        written = notes.of_comments(tx, [comment.id])
        reported = reports.of_comments(tx, [comment.id] if comment.reports else [])
        edited = earlier.counts(tx, [comment.id])
        alike = likeness.counts(tx, {comment.id: comment.body}, None if who.sites is None else sorted(who.sites), now)
        held = live.held(tx, None if who.sites is None else sorted(who.sites), who.id, now)
    return render_template(
        "desk/comment.html",
        who=who,
        card=card_for(comment, who),
        with_card=with_card,
        state={"view": View(status="all"), "tab": "all", "token": auth.csrf_token(), "many_sites": True, "alone": True},
        parts={name: {"title": _(PARTS[name].title), **gathered} for name, gathered in parts.items()},
        around=counts,
        edited=edited,
        alike=alike_words(alike),
        notes={comment.id: note_lines(written, who, now, comment)},
        reported={comment.id: report_lines(reported, now, comment)} if comment.reports else {},
        held=held,
        said=said,
        problems=problems,
        wrong=wrong,
        typed=request.form,
        abbreviation=abbreviation,
        statuses={status: _(words) for status, words in sentences.STATUSES.items()},
    )


def seen_by(tx: Tx, who: Moderator, comment_id: str) -> Comment:
    """The comment, for who may see it. Raises NotFound."""
    comment = queries.comment(tx, comment_id) if COMMENT_ID.match(comment_id) else None
    if comment is None or not who.may(Right.READ_QUEUE, comment.site):
        raise NotFound("comment")
    return comment


@dataclass(frozen=True, slots=True)
class _Asking:
    """Who asks about what, when, inside which transaction."""

    tx: Tx
    who: Moderator
    comment: Comment
    now: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what is known: its heading, and what its template needs."""

    title: str
    gather: Callable[[_Asking], dict[str, Any]]


def _as_sent(asking: _Asking) -> dict[str, Any]:
    comment = asking.comment
    return {
        "text": pieces(comment.body, spans(comment, "body"), comment.masks, all_unseen=True),
        "name": pieces(comment.author_name, spans(comment, "author.name"), all_unseen=True),
        "website": pieces(comment.author_url or "", spans(comment, "author.url"), all_unseen=True),
        "hosts": hosts(comment.body, comment.author_url),
    }


def _thread(asking: _Asking) -> dict[str, Any]:
    comment = asking.comment
    found = around.thread(asking.tx, comment.id, comment.parent_id)
    return {
        "above": [_look(asking, each, whole=True) for each in found.above],
        "answers": [_look(asking, each) for each in found.answers],
        "counts": found.counts,
        "article": comment.article,
    }


def _author(asking: _Asking) -> dict[str, Any]:
    comment = asking.comment
    wrote: Author | None = store.author_of(asking.tx, comment.id)
    sites = None if asking.who.sites is None else sorted(asking.who.sites)
    asked = Asked(sites, status=None, author=wrote, sort=Sort.NEWEST)
    found = store.page(asking.tx, asked, None, LAST + 1).items
    return {
        "others": [_look(asking, each) for each in found if each.id != comment.id][:LAST],
        "record": comment.record,
        "known": comment.email_masked is not None,
    }


def _history(asking: _Asking) -> dict[str, Any]:
    comment, zone = asking.comment, zone_of(asking.comment.site)
    rows = queries.journal_of(asking.tx, comment.id, MOST_ROWS)
    before = earlier.of(asking.tx, comment.id)
    after = [*(version.body for version in before[1:]), comment.body]
    whole = len(before) - MOST_COMPARED  # comparing two long texts takes a while: older ones are shown as they were
    edits = [
        {
            "clock": sentences.clock(version.until, asking.now, zone),
            "iso": version.until.isoformat(timespec="seconds"),
            "stretches": [(each.kind, pieces(each.text, [])) for each in stretches],
        }
        for number, (version, text) in enumerate(zip(before, after, strict=False))
        for stretches in [difference(version.body, text if number >= whole else version.body)]
    ]
    told = lines(list(rows), settings_of(comment.site), asking.who.name, asking.now)
    return {"lines": told, "edits": edits[::-1]}


def _notes(asking: _Asking) -> dict[str, Any]:
    return {
        "notes": note_lines(notes.of_comments(asking.tx, [asking.comment.id]), asking.who, asking.now, asking.comment),
        "may": asking.who.may(Right.DECIDE, asking.comment.site),
        "most": noting.LONGEST,
    }


def note_lines(
    found: Mapping[str, Sequence[notes.Note]], who: Moderator, now: datetime, comment: Comment
) -> list[dict[str, Any]]:
    """A comment's notes, oldest first, each with its time in words and whether it is the reader's own."""
    zone = zone_of(comment.site)
    return [
        {
            "id": note.id,
            "name": "You" if note.person_id == who.id else note.name,
            "text": note.text,
            "clock": sentences.clock(note.at, now, zone),
            "iso": note.at.isoformat(timespec="seconds"),
            "mine": note.person_id == who.id,
        }
        for note in found.get(comment.id, ())
    ]


def report_lines(found: Mapping[str, Sequence[reports.Report]], now: datetime, comment: Comment) -> dict[str, Any]:
    """What readers have against a comment: how many of them and why in one line, and what they said, newest first."""
    site, zone = settings_of(comment.site), zone_of(comment.site)
    given = found.get(comment.id, ())
    by_reason = Counter(reason_words(each.reason, site.reasons) for each in given).most_common()
    why = [f"{label} ({count})" if count > 1 else label for label, count in by_reason]
    many = counted("Reported by {n} reader", "Reported by {n} readers", comment.reports)
    return {
        "sentence": f"{many}: {', '.join(why)}" if why else many,
        "said": [
            {
                "label": reason_words(each.reason, site.reasons),
                "words": each.words,
                "clock": sentences.clock(each.at, now, zone),
                "iso": each.at.isoformat(timespec="seconds"),
            }
            for each in given
            if each.words
        ],
    }


def alike_words(found: Mapping[str, likeness.Alike]) -> dict[str, str]:
    """How many are like each comment, in words."""
    return {
        comment_id: sentences.alike(each.last_hour, each.last_day, likeness.MOST_COUNTED)
        for comment_id, each in found.items()
    }


def _redact(asking: _Asking) -> dict[str, Any]:
    """The places that were taken out, each with its latest row of the record."""
    comment, site = asking.comment, settings_of(asking.comment.site)
    rows = queries.journal_of(asking.tx, comment.id, MOST_ROWS)
    written = {row["after"]: row for row in reversed(rows) if row["action"] == "redact"}
    places = []
    for mask in comment.masks:
        row = written.get(f"{mask.start}-{mask.end}")
        told_of = lines([row] if row else [], site, asking.who.name, asking.now)
        if mask.label == REDACTED:
            places.append({"span": mask, "words": comment.body[mask.start : mask.end], "lines": told_of})
    return {
        "text": pieces(comment.body, spans(comment, "body"), comment.masks),
        "places": places,
        "may": asking.who.may(Right.DECIDE, comment.site),
        "reasons": site.reasons,
        "least": redacting.SHORTEST,
        "most": redacting.LONGEST,
    }


def _ban(asking: _Asking) -> dict[str, Any]:
    return ban_part(asking.tx, asking.who, asking.comment, asking.now)


def _look(asking: _Asking, other: Comment | around.Neighbour, *, whole: bool = False) -> dict[str, Any]:
    """Another comment, as a line that leads to it."""
    return {
        "id": other.id,
        "name": other.author_name,
        "text": other.body if whole else excerpt(other.body),
        "status": other.status,
        "clock": sentences.clock(other.created_at, asking.now, zone_of(asking.comment.site)),
        "iso": other.created_at.isoformat(timespec="seconds"),
    }


PARTS: Mapping[str, Part] = {
    "as-sent": Part("As sent", _as_sent),
    "thread": Part("Thread", _thread),
    "author": Part("Author", _author),
    "notes": Part("Notes", _notes),
    "redact": Part("Remove words", _redact),
    "ban": Part("Ban", _ban),
    "history": Part("History", _history),
}
"""The parts in their order, by their word in an address."""
