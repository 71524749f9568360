"""A reader reports a public comment. Whoever it is, and whatever comes of it, is told the same.

So many open reports as the site says have a comment wait again, once: what a moderator has kept in spite of reports is
shown to moderators when more come, and stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from moderation import report_letters
from moderation.actions import again
from moderation.buckets import letter_buckets, letters_allowed, report_buckets
from moderation.edges import journal, mails, queries, report_mails, reports
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
    """What a reader reports: one of the site's reasons by its code, and words of their own, validated. `email`, in its
    normal form, where they want to hear of it."""

    comment_id: str
    reason: str
    words: str
    address: str
    email: str | None = field(default=None, repr=False)


def report(rt: Runtime, site: SiteRules, wish: Wish, request_id: str) -> Result:
    """What came of it, for the metrics alone. Raises TooManyReports."""
    now = rt.now()
    asked = report_buckets(rt.vault, site, now.date(), wish.address)
    email = wish.email if answers_by_mail(rt) else None
    if email:
        asked += letter_buckets(rt.vault, site, now.date(), email, scope="report-letter")
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
        is_new = reports.add(tx, seen.id, reporter, wish.reason, words, now)
        if email and letters_allowed(answer):
            _confirm(rt, tx, site, seen.id, reporter, email)
        if not is_new:
            return "repeated"
        entry = journal.Entry(now, "reader", "reader", "reported", site.id, seen.id, reason=wish.reason)
        journal.write(tx, [entry])
        most = site.settings.reports_hold
        if not most or seen.reports + 1 < most or reports.was_settled(tx, seen.id):
            return "kept"
        finding = Finding("reports", Effect.HOLD, "reported", data={"count": seen.reports + 1})
        before, after = seen.status.value, Status.PENDING.value
        held = journal.Entry(now, "rules", "rules", "held", seen.site, seen.id, before, after, finding.rule)
        again.back_to_pending(rt, tx, seen, finding, held)
        return "held"


def answers_by_mail(rt: Runtime) -> bool:
    """Only where letters can be sent."""
    return rt.mail_server is not None


def _confirm(rt: Runtime, tx: Tx, site: SiteRules, comment_id: str, reporter: bytes, email: str) -> None:
    """One letter a report, for its household's first address."""
    number = rt.new_id()
    if report_mails.keep(tx, rt.vault, comment_id, reporter, number, site.id, email):
        link = f"{rt.env.public_url}/t/{site.id}/reports/{comment_id}"
        subject, text = report_letters.receipt(site, number, link)
        mails.post(tx, rt.vault, rt.new_id(), "report-receipt", email, subject, text, rt.now())


def answer(
    rt: Runtime, tx: Tx, seen: queries.Standing, after: Status, request_id: str, *, automated: bool, now: datetime
) -> None:
    """The decision of this request answers all open reports of a comment. Who gave an address is told after the site's
    grace time."""
    reports.settle(tx, seen.id, request_id)
    site = rt.rules.sites.get(seen.site)
    if site is None or not answers_by_mail(rt):
        return
    due_at = now + timedelta(seconds=site.settings.grace_seconds)
    for reader in report_mails.to_tell(tx, rt.vault, seen.id, request_id):
        if reader.email is None:
            continue
        mail_id, stays = rt.new_id(), after is Status.APPROVED
        subject, text = report_letters.decision(site, reader.number, stays=stays, automated=automated)
        mails.post(tx, rt.vault, mail_id, "report-decision", reader.email, subject, text, now, due_at)
        report_mails.told_by(tx, reader.number, mail_id)


def tell_of_gone(rt: Runtime) -> int:
    """Who reported a comment that was deleted before anybody decided is told so. How many were."""
    if not answers_by_mail(rt):
        return 0
    with rt.store.reading() as tx:
        if not report_mails.are_left_over(tx):
            return 0
    told = 0
    with rt.store.writing() as tx:
        for reader in report_mails.left_over(tx, rt.vault):
            site = rt.rules.sites.get(reader.site)
            if site is None or reader.email is None:
                report_mails.drop(tx, reader.number)
                continue
            mail_id, (subject, text) = rt.new_id(), report_letters.gone(site, reader.number)
            mails.post(tx, rt.vault, mail_id, "report-decision", reader.email, subject, text, rt.now())
            report_mails.told_by(tx, reader.number, mail_id)
            told += 1
    return told


def ask_again(tx: Tx, comment_id: str, request_id: str) -> None:
    """That decision was undone: the reports are open again, and letters about it that wait are none."""
    report_mails.take_back(tx, comment_id, request_id)
    reports.reopen(tx, comment_id, request_id)
