"""Measures a backtest: generated past comments in a fresh SQLite store, judged again under an old and a new file.

    .venv/bin/python -m bench.backtest --comments 100000

Prints comments a second of the clock and of processor time (user and system, all processes), and the largest process.
A tenth of the comments shows whether memory grows; and another, what those cost that were judged by another version.
"""

from __future__ import annotations

import os
import random
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from bench import comments as sent
from moderation import ids
from moderation.actions import backtest
from moderation.edges import comments, migrate
from moderation.edges.comments import NewComment
from moderation.edges.schema import comments as table
from moderation.edges.search import words_of
from moderation.edges.store import Store
from moderation.judge.cases import remember
from moderation.judge.pipeline import judge
from moderation.judge.ruleset import Ruleset
from moderation.rules_loading import load_text
from moderation.text.markup import render
from moderation.values import ArticleRef, AuthorRecord, Case, Limited, UnderArticle

BEFORE = "[sites.desk]\nmode = 'post'\n"
RULES = """
[[rules]]
id = "newcomer-links"
when = 'author.approved == 0 && size(comment.links) >= 1'
then = "hold"

[[rules]]
id = "sorry"
when = 'comment.body.matches(r"(?i)\\bsorry\\b") && comment.words > 20'
then = "reject"

[[rules]]
id = "minutes"
when = 'comment.links.exists(l, l.domain == "example.org")'
then = "tag"
"""
SPAN = timedelta(days=29)
BATCH = 500


def fill(database: str, number: int, rules: Ruleset, seed: int = 1, now: datetime | None = None) -> None:
    """Store `number` comments of the 29 days before `now` with their findings and facts, a tenth of them decided by
    people. The same seed and time make the same comments."""
    store = Store(database)
    chance = random.Random(seed)
    site = rules.sites["desk"]
    now = now or datetime.now(UTC)
    begin = now - SPAN
    with store.writing() as tx:
        refs = [ArticleRef(f"article-{each}") for each in range(sent.ARTICLES)]
        articles = comments.make_articles(tx, "desk", refs, begin)
    for first in range(0, number, BATCH):
        new = []
        for each in range(first, min(first + BATCH, number)):
            at = begin + SPAN * each / number
            said = sent.comment(chance)
            case = _case(said, at, chance)
            verdict = judge(case, site)
            new.append(_new(said, case, verdict, articles[said["article"]].id, ids.make(at, chance.randbytes(4))))
        with store.writing() as tx:
            comments.store(tx, new, 0)
            decided = [each.id for each in new if chance.random() < 0.1]
            tx.execute(sa.update(table).where(table.c.id.in_(decided)).values(decided_by="Ana", decided_at=now))
    store.close()


def _case(said: dict[str, Any], at: datetime, chance: random.Random) -> Case:
    return Case(
        site="desk", body=said["body"], author_name=said["author"]["name"], author_url=None, has_email=True,
        disposable_email=False, verified=False, is_reply=False, article_closed=None,
        record=AuthorRecord(approved=chance.randrange(6)), limited=Limited(), at=at,
        article=UnderArticle(said["article"], chance.randrange(90), at - timedelta(days=1)),
    )  # fmt: skip


def _new(said: dict[str, Any], case: Case, verdict: Any, article: int, comment_id: str) -> NewComment:
    return NewComment(
        id=comment_id, site="desk", article_id=article, parent_id=None, root_id=comment_id, depth=0,
        author_name=case.author_name, author_url=None, email_sealed=None, email_index=None, email_masked=None,
        verified=False, address_hash=b"0" * 16, address_prefix="203.0.113.0/24", body=case.body,
        html=render(case.body, ()), verdict=verdict, facts=remember(case), created_at=case.at,
        words=words_of(case.author_name, case.body),
    )  # fmt: skip


@click.command()
@click.option("--comments", "number", type=click.IntRange(1000), default=100_000, show_default=True)
@click.option("--processes", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True)
def main(number: int, processes: int) -> None:
    """Print the figures of a backtest as Markdown."""
    before = load_text(BEFORE, "before").rules
    after = load_text(BEFORE + RULES, "after").rules
    click.echo(
        "| Comments | Judged under | Processes | Seconds | A second | A processor second | Largest process, MiB |"
    )
    click.echo("| --- | --- | --- | --- | --- | --- | --- |")
    for each, is_older in ((number // 10, False), (number, False), (number // 10, True)):
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            database = f"sqlite:///{Path(name) / 'past.db'}"
            migrate.migrate(database, Path(name) / "lock")
            fill(database, each, before)
            if is_older:
                _age(database)
            now = datetime.now(UTC)
            began, worked = time.perf_counter(), _worked()
            done = backtest.run(database, before, after, None, now - SPAN * 2, now, processes=processes)
            took, worked = time.perf_counter() - began, _worked() - worked
            assert done.tally.counted == each, "a comment was left out"
        largest = max(used.ru_maxrss / 1024 for used in _used())
        rates = f"{each / took:,.0f} | {each / worked:,.0f}"
        judged = "unknown rules" if is_older else "the rules of now"
        click.echo(f"| {each:,} | {judged} | {processes} | {took:.1f} | {rates} | {largest:.0f} |")


def _used() -> list[resource.struct_rusage]:
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]


def _worked() -> float:
    """Processor seconds of this process and of those that it started and that have ended."""
    return sum(used.ru_utime + used.ru_stime for used in _used())


def _age(database: str) -> None:
    """As if all had been judged under rules that are not known any more, so that they are judged twice now."""
    store = Store(database)
    with store.writing() as tx:
        tx.execute(sa.update(table).values(revision="0" * 16))
    store.close()


if __name__ == "__main__":
    main()
