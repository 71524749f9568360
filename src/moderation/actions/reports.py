"""A reader reports a public comment. Whoever it is, and whatever comes of it, is told the same.

So many open reports as the site says have a comment wait again, once: what a moderator has kept in spite of reports is
shown to moderators when more come, and stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from moderation.buckets import report_buckets
from moderation.edges import journal, queries, reports
from moderation.edges.comments import Change, count_changes
from moderation.edges.limits import too_fast
from moderation.edges.schema import Tx
from moderation.errors import TooManyReports
from moderation.judge.ruleset import SiteRules
from moderation.rates import Question, household
from moderation.runtime import Runtime
from moderation.text.redact import without_contacts
from moderation.values import Effect, Finding, Status

LONGEST = 500
"""Characters of an explanation."""

Result = Literal["kept", "held", "repeated", "not-public"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reader reports: one of the site's reasons by its code, and words of their own, validated."""

    comment_id: str
    reason: str
    words: str
    address: str


def report(rt: Runtime, site: SiteRules, wish: Wish, request_id: str) -> Result:
    """What came of it, for the metrics alone. Raises TooManyReports."""
    now = rt.now()
    asked = report_buckets(rt.vault, site, now.date(), wish.address)
    (answer,) = rt.limits.check([Question(site.id, asked)])
    if not answer.allowed:
        refused = too_fast(answer)
        raise TooManyReports(refused.retry_after, refused.policies, refused.headers)
    with rt.store.writing() as tx:
        seen = queries.standing(tx, wish.comment_id, lock=True)
        if seen is None or seen.site != site.id or seen.status is not Status.APPROVED:
            return "not-public"
        reporter = rt.vault.address_hash(f"{household(wish.address)} {seen.id}")
        words = without_contacts(wish.words, LONGEST) or None
        if not reports.add(tx, seen.id, reporter, wish.reason, words, now):
            return "repeated"
        entry = journal.Entry(now, "reader", "reader", "reported", site.id, seen.id, reason=wish.reason)
        journal.write(tx, [entry])
        most = site.settings.reports_hold
        if not most or seen.reports + 1 < most or reports.was_settled(tx, seen.id):
            return "kept"
        _hold(rt, tx, seen, Finding("reports", Effect.HOLD, "reported", data={"count": seen.reports + 1}), now)
        return "held"


def _hold(rt: Runtime, tx: Tx, seen: queries.Standing, finding: Finding, now: datetime) -> None:
    """Back to pending, and told so outside, unless what it was told to be was not told yet."""
    reports.hold(tx, seen.id, seen.version, finding)
    count_changes(
        tx, [Change(seen.site, seen.article_id, seen.author, seen.status, Status.PENDING, now)], rt.store.shard
    )
    held = journal.Entry(
        now, "rules", "rules", "held", seen.site, seen.id, seen.status.value, Status.PENDING.value, finding.rule
    )
    journal.write(tx, [held])
    journal.withdraw(tx, seen.id, seen.version, now, "comment.changed")
    if not journal.withdraw(tx, seen.id, seen.version, now):
        letter = journal.Letter(now, seen.site, "comment.decided", seen.id, Status.PENDING.value, seen.version + 1)
        journal.post(tx, [letter])
