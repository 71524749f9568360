"""Cases and sites for the judge's tests: ordinary ones, of which a test changes what it is about."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from moderation.edges import rules_file
from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules, build
from moderation.values import AuthorRecord, Case, Limited

ORDINARY = Case(
    site="news",
    body="I was at the meeting, and the mayor did answer that question.",
    author_name="Ana",
    author_url=None,
    has_email=True,
    disposable_email=False,
    verified=False,
    is_reply=False,
    article_closed=None,
    record=AuthorRecord(),
    limited=Limited(),
    at=datetime(2026, 11, 25, 12, tzinfo=UTC),
)
"""A comment that nothing speaks against."""


def case(**over: Any) -> Case:
    """The ordinary case with some facts changed."""
    return dataclasses.replace(ORDINARY, **over)


def site(settings: str = "", mode: str = "post") -> SiteRules:
    """The rules of a site, which publishes unless something objects; `settings` stand under it."""
    text = f"[sites.news]\nmode = '{mode}'\n{settings}\n"
    return build(rules_file.check_text(text, "moderation.toml").rules, text).sites["news"]


def reading(**over: Any) -> Reading:
    """The ordinary case with some facts changed, as checks take it."""
    return Reading(case(**over))
