"""The tables of SQLite and PostgreSQL, and what their columns hold. How they are reached is `store`.

Comment ids are 16 characters that sort by time, so a keyset on `id` is a keyset on age. No query lives here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect

from moderation.values import Article, Effect, Finding, Span


class Utc(sa.types.TypeDecorator[datetime]):
    """Aware UTC datetimes. SQLite keeps them as text without an offset, which sorts by time."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(sa.types.TypeDecorator[list[str]]):
    """The words of a text in order: on PostgreSQL a vector, elsewhere a line of text."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(postgresql.TSVECTOR() if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str | None:
        return None if value is None else words_line(value, dialect.name)


def words_line(words: list[str], dialect: str) -> str:
    """Words as `Words` stores them. They are letters and digits only (`text.search`), so that nothing needs quoting."""
    if dialect != "postgresql":
        return " ".join(words)
    return " ".join(f"'{word}':{at}" for at, word in enumerate(words, 1))


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")

articles = Table(
    "articles",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("site", sa.String(40), nullable=False),
    Column("key", sa.String(500), nullable=False),
    Column("url", sa.String(2000)),
    Column("title", sa.String(300)),
    Column("closed", sa.Boolean, nullable=False, default=False),
    Column("created_at", Utc, nullable=False),
    Column("version", sa.Integer, nullable=False, default=0),  # grows with every change the public can see
    Column("approved", sa.Integer, nullable=False, default=0),  # kept, not counted
    # Whether the articles API has told title and address, whether somebody at the desk has approved a comment that is
    # public under the article, and one that calls it so: what submissions tell is for moderators until then.
    Column("title_told", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("url_told", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("endorsed", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("title_approved", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("tags", sa.JSON(none_as_null=True)),  # what the content system says of it, for rules
    UniqueConstraint("site", "key"),
)

comments = Table(
    "comments",
    metadata,
    Column("id", sa.String(16), primary_key=True),
    Column("site", sa.String(40), nullable=False),
    Column("article_id", Serial, ForeignKey("articles.id"), nullable=False),
    Column("article_title", sa.String(300)),  # what its sender called the article
    Column("parent_id", sa.String(16), ForeignKey("comments.id")),
    Column("root_id", sa.String(16), nullable=False),  # the first comment of its branch, itself for a first one
    Column("depth", sa.SmallInteger, nullable=False, default=0),
    Column("status", sa.String(10), nullable=False),
    Column("version", sa.Integer, nullable=False, default=1),
    Column("author_name", sa.String(200), nullable=False),
    Column("author_url", sa.String(2000)),
    Column("email_sealed", sa.Text),
    Column("email_index", sa.LargeBinary(17)),  # key id byte + 16 bytes
    Column("email_masked", sa.String(40)),
    Column("author_id", sa.LargeBinary(17)),  # of one who proved who they are
    Column("verified", sa.Boolean, nullable=False, default=False),
    Column("address_hash", sa.LargeBinary(16)),
    Column("address_prefix", sa.String(45)),
    Column("body", sa.Text, nullable=False),  # as sent
    Column("html", sa.Text, nullable=False),  # as shown, rendered once
    Column("masks", sa.JSON, nullable=False),
    Column("findings", sa.JSON, nullable=False),
    Column("facts", sa.JSON(none_as_null=True)),  # what else the judge knew when it came, for backtests
    Column("verdict", sa.String(10), nullable=False),
    Column("revision", sa.String(16), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("decided_at", Utc),
    Column("decided_by", sa.String(80)),
    Column("reason", sa.String(200)),
    Column("gravity", sa.SmallInteger, nullable=False, server_default="0"),  # `values.gravity`, to sort by
    Column("language", sa.String(3)),  # ISO 639, where the site asks for it and it is sure
    Column("reports", sa.SmallInteger, nullable=False, server_default="0"),  # those of readers that are open
    Index("ix_comments_queue", "site", "status", "id"),
    Index("ix_comments_gravity", "site", "status", "gravity", "id"),
    Index("ix_comments_article", "site", "status", "article_id", "id"),
    Index("ix_comments_thread", "article_id", "status", "root_id", "id"),
    Index("ix_comments_author", "site", "email_index", "id"),
    Index(
        "ix_comments_author_id",
        "author_id",
        "id",
        sqlite_where=sa.text("author_id IS NOT NULL"),
        postgresql_where=sa.text("author_id IS NOT NULL"),
    ),
    Index("ix_comments_parent", "parent_id"),
    Index(
        "ix_comments_decided_by",
        "site",
        "status",
        "decided_by",
        "id",
        sqlite_where=sa.text("decided_by IS NOT NULL"),
        postgresql_where=sa.text("decided_by IS NOT NULL"),
    ),
    *(
        Index(
            f"ix_comments_language{also}",
            *("site", "status", "language", *columns),
            sqlite_where=sa.text("language IS NOT NULL"),
            postgresql_where=sa.text("language IS NOT NULL"),
        )
        for also, columns in (("", ["id"]), ("_gravity", ["gravity", "id"]))
    ),
    Index(  # few are reported, so that the others pay nothing for it
        "ix_comments_reports",
        "site",
        "status",
        "reports",
        "id",
        sqlite_where=sa.text("reports > 0"),
        postgresql_where=sa.text("reports > 0"),
    ),
    Index(  # those whose network address is still there
        "ix_comments_addressed",
        "id",
        sqlite_where=sa.text("address_hash IS NOT NULL"),
        postgresql_where=sa.text("address_hash IS NOT NULL"),
    ),
)

AUTHOR = sa.func.coalesce(comments.c.author_id, comments.c.email_index)
"""Whose record a comment counts for: an author who proved who they are, else whoever typed this e-mail address."""

authors = Table(  # who has proved to which site who they are
    "authors",
    metadata,
    Column("id", sa.LargeBinary(17), primary_key=True),  # a zero and 16 random bytes: no blind index is like it
    Column("site", sa.String(40), nullable=False),
    Column("kind", sa.String(5), nullable=False),  # `login`: by a token of the publisher's; `mail`: by a letter of ours
    Column("key", sa.LargeBinary(17), nullable=False),  # blind index of the name there, or of the address
    Column("sealed", sa.Text, nullable=False),  # that name or address
    Column("proved_at", Utc, nullable=False),
    UniqueConstraint("site", "kind", "key"),
    Index("ix_authors_proved_at", "proved_at"),
)

search_rows = Table(  # what a comment is found by; SQLite's index over it, `search_words`, is made by revision 0008
    "search_rows",
    metadata,
    Column("n", Serial, primary_key=True, autoincrement=True),
    Column("comment_id", sa.String(16), ForeignKey("comments.id", ondelete="CASCADE"), nullable=False),
    Column("words", Words, nullable=False),
    UniqueConstraint("comment_id"),
    Index("ix_search_rows_words", "words", postgresql_using="gin").ddl_if(dialect="postgresql"),
)

comment_rules = Table(  # which rules told something about which comment; the queue is filtered by it
    "comment_rules",
    metadata,
    Column("comment_id", sa.String(16), ForeignKey("comments.id", ondelete="CASCADE"), primary_key=True),
    Column("rule", sa.String(80), primary_key=True),
    Column("site", sa.String(40), nullable=False),
    Column("status", sa.String(10), nullable=False),  # these three as in `comments`, so that one index serves
    Column("gravity", sa.SmallInteger, nullable=False),
    Column("failed", sa.Boolean, nullable=False, server_default=sa.false()),  # it broke instead of telling something
    Index("ix_comment_rules_queue", "site", "rule", "status", "comment_id"),
    Index("ix_comment_rules_gravity", "site", "rule", "status", "gravity", "comment_id"),
)

earlier_texts = Table(  # what an author has written anew since
    "earlier_texts",
    metadata,
    Column("comment_id", sa.String(16), ForeignKey("comments.id", ondelete="CASCADE"), primary_key=True),
    Column("version", sa.Integer, primary_key=True),  # of the comment, while it had this text
    Column("body", sa.Text, nullable=False),
    Column("until", Utc, nullable=False),
)

escalations = Table(  # who left which comment to a senior; it stays when the senior has decided
    "escalations",
    metadata,
    Column("comment_id", sa.String(16), ForeignKey("comments.id", ondelete="CASCADE"), primary_key=True),
    Column("raised_by", sa.String(80), nullable=False),
    Column("raised_at", Utc, nullable=False),
    Column("why", sa.String(200)),
)

reports = Table(  # what readers have against a public comment
    "reports",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("comment_id", sa.String(16), ForeignKey("comments.id", ondelete="CASCADE"), nullable=False),
    Column("reporter", sa.LargeBinary(16)),  # keyed hash of household and comment, so that no two can be joined
    Column("reason", sa.String(40), nullable=False),
    Column("words", sa.Text),
    Column("at", Utc, nullable=False),
    Column("settled", sa.String(40)),  # the request that decided about the comment; open where null
    UniqueConstraint("comment_id", "reporter"),
    Index(
        "ix_reports_remembered",
        "id",
        sqlite_where=sa.text("reporter IS NOT NULL"),
        postgresql_where=sa.text("reporter IS NOT NULL"),
    ),
    Index(
        "ix_reports_settled",
        "at",
        sqlite_where=sa.text("settled IS NOT NULL"),
        postgresql_where=sa.text("settled IS NOT NULL"),
    ),
)

report_mails = Table(  # to whom it is told what came of a report (`edges.report_mails`)
    "report_mails",
    metadata,
    Column("id", sa.String(16), primary_key=True),  # the number that the reader was given
    Column("site", sa.String(40), nullable=False),
    Column("report_id", Serial, ForeignKey("reports.id", ondelete="SET NULL")),  # null where it went with its comment
    Column("sealed", sa.Text, nullable=False),  # the address
    Column("email_index", sa.LargeBinary(17), nullable=False),
    Column("mail_id", sa.String(16)),  # the letter that says what was decided, or that the comment is gone
    Index("ix_report_mails_report_id", "report_id", unique=True),
    Index("ix_report_mails_email_index", "email_index"),
)

holds = Table(  # legal holds (`edges.holds`)
    "holds",
    metadata,
    Column("id", sa.String(16), primary_key=True),
    Column("site", sa.String(40), nullable=False),
    Column("comment_id", sa.String(16), nullable=False),  # that it was placed on
    Column("whole_author", sa.Boolean, nullable=False),
    Column("reason", sa.String(200), nullable=False),
    Column("placed_by", sa.String(80), nullable=False),
    Column("placed_at", Utc, nullable=False),
)

held_comments = Table(  # what holds keep: no deletion cascades past it
    "held_comments",
    metadata,
    Column("comment_id", sa.String(16), ForeignKey("comments.id"), primary_key=True),
    Column("hold_id", sa.String(16), ForeignKey("holds.id"), primary_key=True),
    Column("erase_asked_at", Utc),  # when its author wanted it gone
    Index("ix_held_comments_hold_id", "hold_id"),
)

comment_leases = Table(  # who has which card on the screen
    "comment_leases",
    metadata,
    Column("comment_id", sa.String(16), ForeignKey("comments.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", Serial, nullable=False),
    Column("name", sa.String(80), nullable=False),
    Column("until", Utc, nullable=False),
)

likenesses = Table(  # keys that near copies share (`text.signals.sketch`), for a day
    "likenesses",
    metadata,
    Column("comment_id", sa.String(16), ForeignKey("comments.id", ondelete="CASCADE"), primary_key=True),
    Column("key", sa.BigInteger, primary_key=True, autoincrement=False),
    Index("ix_likenesses_key", "key", "comment_id"),
    sqlite_with_rowid=False,
)

notes = Table(  # what moderators have written about a comment for each other
    "notes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("comment_id", sa.String(16), ForeignKey("comments.id", ondelete="CASCADE"), nullable=False),
    Column("person_id", Serial, nullable=False),
    Column("name", sa.String(80), nullable=False),
    Column("text", sa.Text, nullable=False),
    Column("at", Utc, nullable=False),
    Index("ix_notes_comment_id", "comment_id", "id"),
)

bulk_jobs = Table(  # decisions about many comments, worked off in the background
    "bulk_jobs",
    metadata,
    Column("id", sa.String(16), primary_key=True),
    Column("person_id", Serial, nullable=False),
    Column("name", sa.String(80), nullable=False),
    Column("role", sa.String(20), nullable=False),
    Column("sites", sa.JSON),
    Column("decision", sa.String(10), nullable=False),
    Column("reason", sa.String(200)),
    Column("undoes", sa.String(16)),
    Column("request_id", sa.String(40), nullable=False),
    Column("total", sa.Integer, nullable=False),
    Column("done", sa.Integer, nullable=False),
    Column("decided", sa.Integer, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Index("ix_bulk_jobs_finished_at", "finished_at", "id"),
)

bulk_items = Table(
    "bulk_items",
    metadata,
    Column("job_id", sa.String(16), ForeignKey("bulk_jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("comment_id", sa.String(16), primary_key=True),
    Column("version", sa.Integer, nullable=False),  # the one that was seen
    Column("result", sa.String(10)),  # null until the comment was looked at
    Index("ix_bulk_items_open", "job_id", "result", "comment_id"),
)

backtests = Table(  # rules tried on past comments from the desk, one a person
    "backtests",
    metadata,
    Column("id", sa.String(16), primary_key=True),
    Column("person_id", Serial, nullable=False),
    Column("draft", sa.Text, nullable=False),  # with its word lists
    Column("mark", sa.String(32), nullable=False),  # of the rules file that it was made from
    Column("since", sa.String(10), nullable=False),
    Column("state", sa.String(12), nullable=False),
    Column("total", sa.Integer, nullable=False),
    Column("done", sa.Integer, nullable=False),
    Column("report", sa.JSON(none_as_null=True)),
    Column("created_at", Utc, nullable=False),
    Column("began_at", Utc),
    Column("seen_at", Utc),  # the last sign of life
    Column("finished_at", Utc),
    UniqueConstraint("person_id"),
)

author_records = Table(
    "author_records",
    metadata,
    Column("site", sa.String(40), primary_key=True),
    Column("email_index", sa.LargeBinary(17), primary_key=True),  # or the id of one who proved who they are
    Column("pending", sa.Integer, nullable=False, default=0),
    Column("approved", sa.Integer, nullable=False, default=0),
    Column("rejected", sa.Integer, nullable=False, default=0),
    Column("spam", sa.Integer, nullable=False, default=0),
    Column("first_seen", Utc, nullable=False),
)

counters = Table(  # comments by status; sharded by process so that no row is hot, and summed when read
    "counters",
    metadata,
    Column("site", sa.String(40), primary_key=True),
    Column("status", sa.String(10), primary_key=True),
    Column("shard", sa.SmallInteger, primary_key=True),
    Column("count", sa.BigInteger, nullable=False, default=0),
)

recent_texts = Table(  # what was said a moment ago, to refuse it the second time
    "recent_texts",
    metadata,
    Column("key", sa.LargeBinary(16), primary_key=True),
    Column("comment_id", sa.String(16), nullable=False),
    Column("until", Utc, nullable=False),
    Index("ix_recent_texts_until", "until"),
)

bans = Table(  # senders whose comments are rejected or held, each on one site
    "bans",
    metadata,
    Column("id", sa.String(16), primary_key=True),
    Column("site", sa.String(40), nullable=False),
    Column("key", sa.LargeBinary(45), nullable=False),  # `bans.keys_of`: what a sender is found by
    Column("network", sa.String(45), nullable=False),  # that the sender must be in; empty where the key says all
    Column("whom", sa.String(10), nullable=False),
    Column("shown", sa.String(60), nullable=False),  # what people see of the one it is on
    Column("effect", sa.String(10), nullable=False),
    Column("reason", sa.String(200), nullable=False),
    Column("email_sealed", sa.Text),
    Column("comment_id", sa.String(16)),  # from whose card it was made; it may be gone
    Column("known_at", Utc, nullable=False),  # when the key was made
    Column("made_by", sa.String(80), nullable=False),
    Column("made_at", Utc, nullable=False),
    Column("until", Utc),
    UniqueConstraint("key", "site", "network"),
    Index("ix_bans_site", "site", "id"),
    Index("ix_bans_comment_id", "comment_id"),
    Index("ix_bans_until", "until"),
)

idempotency_keys = Table(  # what became of submissions that came with an Idempotency-Key, for a day
    "idempotency_keys",
    metadata,
    Column("key", sa.LargeBinary(16), primary_key=True),
    Column("payload", sa.LargeBinary(16), nullable=False),
    Column("comment_id", sa.String(16), nullable=False),
    Column("article_key", sa.String(500), nullable=False),
    Column("article_url", sa.String(2000)),
    Column("published", sa.Boolean, nullable=False),
    Column("until", Utc, nullable=False),
    Index("ix_idempotency_keys_until", "until"),
    Index("ix_idempotency_keys_comment_id", "comment_id"),
)

journal = Table(  # append-only: triggers (revision 0003) refuse the rest
    "journal",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("at", Utc, nullable=False),
    Column("actor", sa.String(80), nullable=False),
    Column("role", sa.String(20), nullable=False),
    Column("action", sa.String(40), nullable=False),
    Column("site", sa.String(40)),
    Column("target", sa.String(80)),
    Column("before", sa.String(40)),
    Column("after", sa.String(40)),
    Column("reason", sa.String(200)),
    Column("request_id", sa.String(40)),
    Column("mac", sa.LargeBinary(33)),  # key id byte + HMAC-SHA256 over the row before and this one
    Index("ix_journal_target", "target", "seq"),
    Index("ix_journal_at", "at"),
)

journal_head = Table(  # one row: where the journal's chain begins and ends (`chain`)
    "journal_head",
    metadata,
    Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    Column("first", sa.BigInteger, nullable=False),
    Column("anchor", sa.LargeBinary(33), nullable=False),
    Column("seq", sa.BigInteger, nullable=False),
    Column("mac", sa.LargeBinary(33), nullable=False),
    Column("seal", sa.LargeBinary(33), nullable=False),
)

outbox = Table(  # letters to the outside, written in the transaction of what they tell
    "outbox",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("site", sa.String(40), nullable=False),
    Column("kind", sa.String(40), nullable=False),
    Column("comment_id", sa.String(16), nullable=False),
    Column("payload", sa.JSON, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("attempts", sa.Integer, nullable=False, default=0),
    Column("done_at", Utc),
    Index("ix_outbox_due", "site", "kind", "done_at", "due_at"),
    Index("ix_outbox_comment_id", "comment_id"),
)

webhooks = Table(  # receivers that want nothing more: until their address changes, or somebody starts them again
    "webhooks",
    metadata,
    Column("site", sa.String(40), primary_key=True),
    Column("url", sa.Text, nullable=False),
    Column("stopped_at", Utc, nullable=False),
)

external_checks = Table(  # comments that a check outside is asked about, or was
    "external_checks",
    metadata,
    Column("comment_id", sa.String(16), ForeignKey("comments.id", ondelete="CASCADE"), primary_key=True),
    Column("site", sa.String(40), nullable=False),
    Column("version", sa.Integer, nullable=False),  # of the comment when it came to this text
    Column("may_publish", sa.Boolean, nullable=False),
    Column("address", sa.Text),  # sealed; while it waits, where the site sends it
    Column("due_at", Utc),  # null where nothing is left to do
    Column("attempts", sa.Integer, nullable=False),
    Column("said", sa.String(10)),  # `ham` or `spam`: what it takes the comment for, as far as we know
    Index(
        "ix_external_checks_due",
        "site",
        "due_at",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    ),
)

tallies = Table(  # counts by site and hour (`edges.tallies`): what the page of numbers adds up
    "tallies",
    metadata,
    Column("site", sa.String(40), primary_key=True),
    Column("what", sa.String(10), primary_key=True),
    Column("hour", Utc, primary_key=True),
    Column("name", sa.String(80), primary_key=True),
    Column("outcome", sa.String(40), primary_key=True),
    Column("count", sa.BigInteger, nullable=False),
    Index("ix_tallies_hour", "hour"),
)

tally_head = Table(  # one row: up to which row of the journal has been counted
    "tally_head",
    metadata,
    Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    Column("seq", sa.BigInteger, nullable=False),
)

broken_promises = Table(  # sites where a comment waits for longer than promised, and which were told of it
    "broken_promises",
    metadata,
    Column("site", sa.String(40), primary_key=True),
    Column("since", Utc, nullable=False),
)

mails = Table(  # letters by e-mail; what they say is sealed, and gone once they are done with
    "mails",
    metadata,
    Column("id", sa.String(16), primary_key=True),
    Column("kind", sa.String(40), nullable=False),
    Column("sealed", sa.Text),
    Column("email_index", sa.LargeBinary(17)),  # of the one it goes to
    Column("created_at", Utc, nullable=False),
    Column("due_at", Utc, nullable=False),
    Column("attempts", sa.Integer, nullable=False),
    Column("done_at", Utc),
    Column("result", sa.String(20)),
    Index("ix_mails_due", "done_at", "due_at"),
    Index("ix_mails_email_index", "email_index"),
)

privacy_links = Table(  # by which readers get or delete their data
    "privacy_links",
    metadata,
    Column("id", sa.String(16), primary_key=True),
    Column("token", sa.LargeBinary(32), nullable=False),  # SHA-256 of the link's secret
    Column("wish", sa.String(5), nullable=False),
    Column("site", sa.String(40), nullable=False),  # on which it was asked for
    Column("sealed", sa.Text, nullable=False),  # the address
    Column("email_index", sa.LargeBinary(17), nullable=False),
    Column("expires_at", Utc, nullable=False),
    UniqueConstraint("token"),
)

people = Table(
    "people",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("name", sa.String(80), nullable=False),
    Column("password", sa.String(200)),
    Column("role", sa.String(20), nullable=False),
    Column("sites", sa.JSON),  # a list of ids, or null for all
    Column("disabled", sa.Boolean, nullable=False, default=False),
    Column("failures", sa.Integer, nullable=False, default=0),
    Column("next_try_at", Utc),
    Column("created_at", Utc, nullable=False),
    Column("desk_keys", sa.JSON(none_as_null=True)),  # null for the usual ones
    UniqueConstraint("name"),
)

identities = Table(  # accounts at a provider of single sign-on
    "identities",
    metadata,
    Column("key", sa.LargeBinary(17), primary_key=True),  # keyed hash of provider, kind and name
    Column("person_id", Serial, ForeignKey("people.id"), nullable=False),
    Index("ix_identities_person_id", "person_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token", sa.LargeBinary(32), primary_key=True),  # SHA-256 of the cookie's value
    Column("person_id", Serial, ForeignKey("people.id"), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("seen_at", Utc, nullable=False),
    Column("confirmed_at", Utc),  # when the second step was done
    Index("ix_sessions_person_id", "person_id"),
)

views = Table(  # views of the queue that a moderator has kept under a name
    "views",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("person_id", Serial, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("name", sa.String(80), nullable=False),
    Column("query", sa.String(2000), nullable=False),
    UniqueConstraint("person_id", "name"),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("person_id", Serial, ForeignKey("people.id"), primary_key=True, autoincrement=False),
    Column("seed", sa.Text, nullable=False),  # sealed
    Column("step", sa.BigInteger, nullable=False),  # the last one whose code was used
    Column("since", Utc, nullable=False),
    Column("failures", sa.Integer, nullable=False, default=0),
    Column("next_try_at", Utc),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("code", sa.LargeBinary(32), primary_key=True),  # SHA-256
    Column("person_id", Serial, ForeignKey("people.id"), nullable=False),
    Index("ix_recovery_codes_person_id", "person_id"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", sa.String(12), primary_key=True),
    Column("secret", sa.LargeBinary(32), nullable=False),  # SHA-256 of the secret part
    Column("name", sa.String(80), nullable=False),
    Column("scopes", sa.JSON, nullable=False),
    Column("sites", sa.JSON),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc),
    Column("used_at", Utc),
)

links = Table(  # one-time links: set a first password
    "links",
    metadata,
    Column("token", sa.LargeBinary(32), primary_key=True),  # SHA-256 of the link's secret
    Column("purpose", sa.String(20), nullable=False),
    Column("person_id", Serial, ForeignKey("people.id")),
    Column("expires_at", Utc, nullable=False),
)

leases = Table(  # who does a job that only one process should do
    "leases",
    metadata,
    Column("name", sa.String(40), primary_key=True),
    Column("holder", sa.String(80), nullable=False),
    Column("until", Utc, nullable=False),
)

loaded_rules = Table(  # every revision of the rules that took effect
    "loaded_rules",
    metadata,
    Column("revision", sa.String(16), primary_key=True),
    Column("source", sa.Text, nullable=False),
    Column("loaded_at", Utc, nullable=False),
)


def article_of(row: Iterable[Any]) -> Article:
    """A row of `articles` as a value."""
    columns = list(row)
    columns[-1] = tuple(columns[-1] or ())
    return Article(*columns)


def finding_of(row: Mapping[str, Any]) -> Finding:
    """A finding as it is kept with a comment, as a value."""
    spans = tuple(Span(*span) for span in row["spans"])
    return Finding(row["rule"], Effect(row["effect"]), row["code"], row["field"], spans, row["data"])


def upsert(dialect: str, table: Table) -> Any:
    """`INSERT … ON CONFLICT` has no common spelling in SQLAlchemy; both dialects' own take the same arguments."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


Tx = Connection
"""What the functions of the other edges take: a connection, inside a transaction where they write."""
