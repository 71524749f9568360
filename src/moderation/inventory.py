"""What the database holds of people, column by column, for a record of processing activities (GDPR article 30). A test
holds this complete: each column of `edges/schema.py` stands in `PERSONAL` or in `OTHER`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from moderation.tables import markdown


class Item(NamedTuple):
    """Columns of a table with the same content, purpose and end. Where an end names a setting, it is one of
    `[retention]`."""

    table: str
    columns: str
    what: str
    why: str
    until: str


_COMMENT = "with the comment: pending_days, rejected_days, approved_days; at any time when its author erases"
_DESK = "as long as the account, or until taken away"
_BAN = "the ban ends, is lifted, or its author erases"

PERSONAL = (
    Item("comments", "author_name author_url", "name and website, as typed", "shown with the comment", _COMMENT),
    Item("comments", "body html masks article_title", "text, what is hidden of it, what it calls the article",
         "publication and moderation", _COMMENT),
    Item("comments", "email_sealed", "e-mail address, encrypted", "to write back; shown for a reason only", _COMMENT),
    Item("comments", "email_masked", "e-mail address, masked", "to tell authors apart at the desk", _COMMENT),
    Item("comments", "email_index author_id verified", "keyed hash of the address, id of a verified author",
         "to know an author again: record, bans, erasing", _COMMENT),
    Item("comments", "address_hash address_prefix", "keyed hash of the network address, its /24 or /48",
         "against abuse", "address_days"),
    Item("comments", "findings facts language", "what rules found, and knew of the author",
         "moderation; also why its author asks for a second look", _COMMENT),
    Item("comments", "created_at", "when it was sent", "shown with the comment", _COMMENT),
    Item("comments", "decided_at decided_by reason", "which moderator decided, when and why", "moderation", _COMMENT),
    Item("search_rows", "words", "the words of text, name and website", "search at the desk", _COMMENT),
    Item("earlier_texts", "body", "texts that the author has replaced since", "moderation", _COMMENT),
    Item("likenesses", "key", "hashes of parts of the text", "to find copies", "a day"),
    Item("recent_texts", "key", "keyed hash of author and text", "to refuse a second sending",
         "window_minutes of [duplicates]"),
    Item("idempotency_keys", "key payload", "keyed hashes of a request", "to store it once", "idempotency_hours"),
    Item("outbox", "payload", "the comment without any address, for webhooks", "to tell your systems",
         "letters_days"),
    Item("external_checks", "address", "network address, encrypted, where a site sends it", "a check for spam",
         "until it was asked; address_days at most"),
    Item("author_records", "email_index pending approved rejected spam first_seen",
         "how many comments an author has in which state", "trust, moderation",
         "age deletes the last comment counted in it, or its author erases; rejected_days where all were taken back"),
    Item("authors", "id key sealed proved_at", "name at the publisher's login or address, encrypted; when proved",
         "to know verified authors", "authors_days after the last time, if no comment is left"),
    Item("bans", "key network shown email_sealed", "what a banned sender is known by; an address encrypted",
         "bans", _BAN),
    Item("bans", "reason made_by made_at", "who banned, when and why", "moderation", _BAN),
    Item("reports", "reporter", "keyed hash by which a reporting reader is known again", "one report each",
         "address_days"),
    Item("reports", "reason words at", "what a reader says against a comment", "moderation", "reports_days"),
    Item("report_mails", "sealed email_index", "address of a reader who reported, encrypted; its keyed hash",
         "to tell what came of it", "that was told, or the reader erases"),
    Item("mails", "sealed email_index", "a letter and its address, encrypted; its keyed hash", "to send it",
         "until sent; the row letters_days more"),
    Item("privacy_links", "token sealed email_index", "address of one who asked for their data, encrypted",
         "to answer them", "30 minutes"),
    Item("holds", "reason placed_by placed_at", "who placed a legal hold, when and why", "legal duty", "it is lifted"),
    Item("held_comments", "erase_asked_at", "when an author asked for deletion", "to carry it out", "it is lifted"),
    Item("escalations", "raised_by raised_at why", "which moderator escalated, when and why", "moderation", _COMMENT),
    Item("notes", "person_id name text at", "what moderators note about a comment", "moderation", _COMMENT),
    Item("comment_leases", "person_id name until", "which moderator has which card open", "working together",
         "minutes"),
    Item("bulk_jobs", "person_id name role reason created_at finished_at", "decisions about many comments",
         "moderation", "jobs_days"),
    Item("backtests", "person_id draft report", "rules tried by a moderator; the report quotes comments",
         "moderation", "backtests_days"),
    Item("journal", "at actor role action reason", "what moderators did, when and why", "accountability",
         "journal_days"),
    Item("tallies", "name", "moderators' names, beside counts by hour", "the page of numbers", "journal_days"),
    Item("people", "name password role sites disabled failures next_try_at created_at desk_keys",
         "moderators' accounts; the password hashed", "access", "for good: accounts are switched off, never deleted"),
    Item("identities", "key person_id", "keyed hash of an account at the single sign-on", "access", _DESK),
    Item("sessions", "token person_id created_at seen_at confirmed_at", "who is signed in, since when", "access",
         "session_hours (a setting of the service)"),
    Item("views", "person_id name query", "views of the queue that a moderator kept", "moderation", _DESK),
    Item("second_factors", "person_id seed step since failures next_try_at", "second steps; the seed encrypted",
         "access", _DESK),
    Item("recovery_codes", "code person_id", "recovery codes, hashed", "access", "until used"),
    Item("links", "token purpose person_id expires_at", "one-time links of moderators, hashed", "access",
         "expires_at (its own time)"),
)  # fmt: skip
"""The columns that hold something about a reader, an author or a moderator."""

OTHER = {
    "articles": "id site key url title closed created_at version approved title_told url_told endorsed title_approved "
    "tags",
    "comments": "id site article_id parent_id root_id depth status version verdict revision gravity reports",
    "authors": "site kind",
    "search_rows": "n comment_id",
    "comment_rules": "comment_id rule site status gravity failed",
    "earlier_texts": "comment_id version until",
    "escalations": "comment_id",
    "reports": "id comment_id settled",
    "report_mails": "id site report_id mail_id",
    "holds": "id site comment_id whole_author",
    "held_comments": "comment_id hold_id",
    "comment_leases": "comment_id",
    "likenesses": "comment_id",
    "notes": "id comment_id",
    "bulk_jobs": "id sites decision undoes request_id total done decided",
    "bulk_items": "job_id comment_id version result",
    "backtests": "id mark since state total done created_at began_at seen_at finished_at",
    "author_records": "site",
    "counters": "site status shard count",
    "recent_texts": "comment_id until",
    "bans": "id site whom effect comment_id known_at until",
    "idempotency_keys": "comment_id article_key article_url published until",
    "journal": "seq site target before after request_id mac",
    "journal_head": "id first anchor seq mac seal",
    "outbox": "id site kind comment_id created_at due_at attempts done_at",
    "webhooks": "site url stopped_at",
    "external_checks": "comment_id site version may_publish due_at attempts said",
    "tallies": "site what hour outcome count",
    "tally_head": "id seq",
    "broken_promises": "site since",
    "mails": "id kind created_at due_at attempts done_at result",
    "privacy_links": "id wish site expires_at",
    "people": "id",
    "views": "id",
    "tokens": "id secret name scopes sites created_at expires_at used_at",
    "leases": "name holder until",
    "loaded_rules": "revision source loaded_at",
}
"""The columns that hold nothing about a person of themselves: numbers, states, what machines are called."""


def named() -> Iterator[tuple[str, str]]:
    """Table and column, each as often as it stands here."""
    for table, columns in [*((item.table, item.columns) for item in PERSONAL), *OTHER.items()]:
        for column in columns.split():
            yield table, column


def page() -> str:
    """What is personal, as a table in Markdown."""
    head = ["Where", "What", "Why", "Until"]
    rows = ([f"{each.table}: {', '.join(each.columns.split())}", each.what, each.why, each.until] for each in PERSONAL)
    return markdown(head, rows)
