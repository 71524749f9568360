"""The facts a condition may use: one table with name, type and meaning. `docs/rules.md` shows it, `judge/fact_values`
fills it; a test holds all three equal.

Every fact always has a value. What is not known stands as zero, as an empty text or list, or, for a time, as the time
of the comment itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moderation.conditions.language import BOOL, DOUBLE, INT, STRING, TIMESTAMP, Type, list_of

LINK = Type("link", fields={"host": STRING, "domain": STRING})
TERM = Type("term", fields={"text": STRING, "language": STRING, "category": STRING, "severity": STRING, "maybe": BOOL})


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. `is_quoted` is false where its value is not repeated beside a finding: texts that readers wrote."""

    name: str
    type: Type
    meaning: str
    is_quoted: bool = True


FACTS: tuple[Fact, ...] = (
    Fact("comment.body", STRING, "The text as it was sent.", is_quoted=False),
    Fact(
        "comment.folded",
        STRING,
        "The text as the word list reads it: small letters without accents, look-alikes undone.",
        is_quoted=False,
    ),
    Fact("comment.length", INT, "Characters of the text."),
    Fact("comment.words", INT, "Words of the text: what stands between blanks."),
    Fact("comment.lines", INT, "Lines of the text that are not empty."),
    Fact(
        "comment.links",
        list_of(LINK),
        "The links. Each has `host` (in small letters) and `domain` (what was registered: `example.co.uk`).",
    ),
    Fact("comment.uppercase", DOUBLE, "Share of capitals among the letters that have them, from 0.0 to 1.0."),
    Fact("comment.longest_run", INT, "The longest row of one character."),
    Fact("comment.contacts", INT, "E-mail addresses and phone numbers in the text."),
    Fact(
        "comment.terms",
        list_of(TERM),
        "Words of the lists found in the text. Each has `text`, `language`, `category`, `severity` (`mild`, `strong` "
        "or `severe`) and `maybe` (true where it only may be meant).",
    ),
    Fact("comment.seen", INT, "How often the same text came in the hour before, by whomever."),
    Fact(
        "comment.similar", INT, "How many texts much like it came in the hour before, by whomever, under any article."
    ),
    Fact("comment.link_share", DOUBLE, "Share of the text that is links, from 0.0 to 1.0."),
    Fact("comment.disguised_links", INT, "Links that show one site and lead to another."),
    Fact("comment.phrase_share", DOUBLE, "Share of runs of three words that came before in the text, from 0.0 to 1.0."),
    Fact("comment.script", STRING, "The script of most letters: `Latin`, `Cyrillic`, `Han` …; empty without letters."),
    Fact(
        "comment.language",
        STRING,
        "The language, as `en`, `de`, `fr` …; empty where that is not sure, and always where nothing is installed that "
        "tells it.",
    ),
    Fact("author.name", STRING, "The name as it was sent.", is_quoted=False),
    Fact("author.website", STRING, "The website as it was sent, or empty.", is_quoted=False),
    Fact("author.has_email", BOOL, "Whether an e-mail address was given."),
    Fact("author.disposable_email", BOOL, "Whether the address is of a throw-away kind."),
    Fact("author.verified", BOOL, "Whether the author proved who they are. A typed address proves nothing."),
    Fact("author.approved", INT, "Comments of this author that are approved on this site."),
    Fact("author.rejected", INT, "Comments of this author that are rejected."),
    Fact("author.spam", INT, "Comments of this author that are spam."),
    Fact("author.rejected_share", DOUBLE, "Rejected and spam among the decided comments, from 0.0 to 1.0."),
    Fact("author.first_seen", TIMESTAMP, "When this author's first comment came. The time now, for a new one."),
    Fact("article.id", STRING, "The publisher's id of the article, or its address."),
    Fact("article.closed", BOOL, "Whether the article takes no comments any more."),
    Fact("article.comments", INT, "Comments under the article that the public sees."),
    Fact("article.first_seen", TIMESTAMP, "When the article became known. The time now, with its first comment."),
    Fact("article.recent", INT, "Comments under the article that its shortest rate limit remembers."),
    Fact("article.tags", list_of(STRING), "Tags that the site's content system sent with the article."),
    Fact("request.reply", BOOL, "Whether it answers another comment."),
    Fact("request.address_recent", INT, "Comments from this network address that its longest rate limit remembers."),
    Fact(
        "request.seconds_to_submit",
        INT,
        "Seconds from when the form was handed out until the comment came, at least 1; 0 where the form did not say.",
    ),
    Fact("site", STRING, "The site's id."),
    Fact("time.now", TIMESTAMP, "When the comment came."),
    Fact("time.hour", INT, "The hour, from 0 to 23, in the site's time zone."),
    Fact("time.weekday", STRING, "`mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`, in the site's time zone."),
)
BY_NAME: Mapping[str, Fact] = {fact.name: fact for fact in FACTS}


def _types() -> dict[str, Type]:
    """The table as the language wants it: objects with fields, and bare facts."""
    fields: dict[str, dict[str, Type]] = {}
    bare: dict[str, Type] = {}
    for fact in FACTS:
        owner, _, name = fact.name.partition(".")
        if name:
            fields.setdefault(owner, {})[name] = fact.type
        else:
            bare[owner] = fact.type
    return {owner: Type(owner, fields=inner) for owner, inner in fields.items()} | bare


TYPES: Mapping[str, Type] = _types()
