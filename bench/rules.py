"""Measures what rules of one's own cost: 200 of them, of five kinds, on a comment of 200 characters.

    .venv/bin/python -m bench.rules

Prints microseconds of processor time: of the rules alone, of the whole judgement with them and without.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import click

from moderation.judge.pipeline import judge
from moderation.judge.reading import Reading
from moderation.judge.rules import ask_rules
from moderation.judge.ruleset import SiteRules
from moderation.rules_loading import load_text
from moderation.values import AuthorRecord, Case, Limited, UnderArticle

NUMBER = 200
ROUNDS = 500
KINDS = (
    "author.approved < {n} && size(comment.links) > 3",
    'comment.body.matches(r"\\bword{n}\\w+\\b") && comment.length > 20',
    'comment.links.exists(l, l.domain == "shop{n}.example")',
    "comment.uppercase > 0.7 || comment.longest_run > 2{n}",
    "time.hour < 3 && article.comments > {n} && !request.reply",
)
BODY = (
    "The council promised this bridge four years ago, and we are still waiting for it. You can find the minutes of the "
    "meeting at https://council.example.org/minutes, if you want to check what was said there."
)[:200]
CASE = Case(
    site="news", body=BODY, author_name="Ana", author_url=None, has_email=True, disposable_email=False, verified=False,
    is_reply=False, article_closed=None, record=AuthorRecord(approved=500), limited=Limited(),
    at=datetime(2026, 11, 25, 12, tzinfo=UTC), article=UnderArticle("first"),
)  # fmt: skip


def site(number: int) -> SiteRules:
    """A site with `number` rules, none of which fires."""
    rules = "".join(
        f"[[rules]]\nid = 'r{n}'\nwhen = '''{KINDS[n % len(KINDS)].replace('{n}', str(n))}'''\nthen = 'hold'\n"
        for n in range(number)
    )
    return load_text(f"[sites.news]\n{rules}", "rules").rules.sites["news"]


@click.command()
def main() -> None:
    """Print the figures as Markdown."""
    many, none = site(NUMBER), site(0)
    click.echo(f"| {NUMBER} rules, {len(BODY)} characters | median µs | 99th percentile µs |")
    click.echo("| --- | --- | --- |")
    for name, work in (
        ("The rules alone, text read anew", lambda: ask_rules(Reading(CASE), many)),
        ("The whole judgement with them", lambda: judge(CASE, many)),
        ("The whole judgement without rules", lambda: judge(CASE, none)),
    ):
        median, high = _cost(work)
        click.echo(f"| {name} | {median:,.0f} | {high:,.0f} |")


def _cost(work: Callable[[], object]) -> tuple[float, float]:
    took = []
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        work()
        took.append((time.process_time_ns() - began) / 1000)
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


if __name__ == "__main__":
    main()
