"""The full-text index: the words of each comment, of its author's name and of its article's title.

A row of `search_rows` is written in the transaction of its comment and goes with it. SQLite keeps an FTS5 index over
the rows by triggers, PostgreSQL a GIN index over their vectors. What is a word is `text.search`, for both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    String,
    and_,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal,
    select,
    table,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import TSQUERY

from moderation.edges.bulk import Bulk
from moderation.edges.schema import Tx, articles, comments, search_rows
from moderation.text.search import runs, words

STEP = 200


def words_of(*texts: str | None) -> list[str]:
    """What a comment is found by: the words of its author's name, of its article's title and of its text."""
    return [word for text in texts if text for word in words(text)]


def add(tx: Tx, found_by: Iterable[tuple[str, list[str]]]) -> None:
    """Make comments findable: each by its id and its words."""
    _ROWS.run(tx, [{"comment_id": comment_id, "words": said} for comment_id, said in found_by])


def retitle(tx: Tx, article_id: int) -> None:
    """Find an article's comments by the title that it has now."""
    last = ""
    while found := tx.execute(_OF_ARTICLE, {"article": article_id, "last": last}).all():
        last = found[-1].id
        tx.execute(_UPDATE, [_new_words(each) for each in found])


def read_again(tx: Tx, comment_id: str) -> None:
    """Find a comment by the text that it has now."""
    tx.execute(_UPDATE, [_new_words(each) for each in tx.execute(_TEXTS.where(comments.c.id == comment_id))])


def _new_words(found: Any) -> dict[str, Any]:
    return {"at_id": found.id, "words": words_of(found.author_name, found.title, found.body)}


def holding(tx: Tx, query: str) -> ColumnElement[bool] | None:
    """Whether a row of `search_rows` holds all words and quoted phrases of `query`, a last word that is not quoted
    perhaps not to its end. It is looked up in the row itself. None where the query holds no word."""
    asked = _Asked.of(query)
    if not asked.runs:
        return None
    if tx.dialect.name == "postgresql":
        return _matches(asked)
    line = literal(" ").concat(search_rows.c.words).concat(" ")
    ends = [" "] * (len(asked.runs) - 1) + ["" if asked.is_open else " "]
    return and_(*(func.instr(line, f" {' '.join(run)}{end}") > 0 for run, end in zip(asked.runs, ends, strict=True)))


def held(tx: Tx, query: str, most: int) -> list[str]:
    """The ids of comments whose rows `holding` is true of, in no order, from the index of words: all, or `most`."""
    asked = _Asked.of(query)
    if not asked.runs:
        return []
    if tx.dialect.name != "postgresql":
        phrases = " AND ".join(f'"{" ".join(run)}"' for run in asked.runs) + (" *" if asked.is_open else "")
        hits = select(_FTS.c.rowid).where(_FTS.c.search_words.op("MATCH", is_comparison=True)(phrases)).limit(most)
        return list(tx.execute(select(search_rows.c.comment_id).where(search_rows.c.n.in_(hits))).scalars())
    # PostgreSQL takes any beginning of a word for a fiftieth of all rows, and would rather read all of them.
    tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
    found = list(tx.execute(select(search_rows.c.comment_id).where(_matches(asked)).limit(most)).scalars())
    tx.exec_driver_sql("SET LOCAL enable_seqscan = on")
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """What stands together, each as its words; `is_open`: the last one is still being typed, perhaps."""

    runs: list[list[str]]
    is_open: bool

    @classmethod
    def of(cls, query: str) -> _Asked:
        parts = _QUOTE.split(query)
        quoted = range(1, len(parts) - 1, 2)  # a quotation mark without its other one is none
        asked = [[words(part)] if number in quoted else runs(part) for number, part in enumerate(parts)]
        found = [(run, number in quoted) for number, several in enumerate(asked) for run in several if run]
        found = found[:MOST_ASKED]
        return cls([run for run, _ in found], bool(found) and not found[-1][1])


def _matches(asked: _Asked) -> ColumnElement[bool]:
    phrases = [" <-> ".join(f"'{word}'" for word in run) for run in asked.runs]
    phrases[-1] += ":*" if asked.is_open else ""
    vector = cast(" & ".join(f"({phrase})" for phrase in phrases), TSQUERY)
    return search_rows.c.words.op("@@", is_comparison=True)(vector)


MOST_ASKED = 20
"""Words of a query that count."""
_QUOTE = re.compile('["„“”«»]')

_FTS = table("search_words", column("rowid", Integer), column("search_words", String))
_ROWS = Bulk(["comment_id", "words"], lambda _: insert(search_rows))
_UPDATE = update(search_rows).where(search_rows.c.comment_id == bindparam("at_id")).values(words=bindparam("words"))
_TEXTS = select(comments.c.id, comments.c.author_name, comments.c.body, articles.c.title).join(articles)
_OF_ARTICLE = (
    _TEXTS.where(comments.c.article_id == bindparam("article"), comments.c.id > bindparam("last"))
    .order_by(comments.c.id)
    .limit(STEP)
)
