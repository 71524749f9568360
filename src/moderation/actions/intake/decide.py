"""The step between reading and writing: the case, from what was found out so far, its verdict, and how it is shown."""

from __future__ import annotations

import math
from datetime import datetime

from moderation import proof_of_work
from moderation.actions import external
from moderation.actions.intake.work import Work
from moderation.edges import search
from moderation.judge.pipeline import judge_reading, language_told
from moderation.judge.reading import Reading
from moderation.judge.ruleset import is_disposable
from moderation.rates import Answer, BucketAnswer
from moderation.text.markup import render
from moderation.values import Case, Limited, UnderArticle


def decide(work: Work) -> None:
    """What the judge says of it, and what follows from that and from its text alone."""
    submission, site = work.submission, work.site
    work.case = _case(work)
    reading = Reading(work.case)
    work.case, work.verdict = external.waiting(work.case, judge_reading(reading, site), site)
    work.language = language_told(reading, site)
    work.html = render(submission.body, work.verdict.masks)
    title = (work.article and work.article.title) or submission.article.title
    work.words = search.words_of(submission.author_name, title, submission.body)


def _case(work: Work) -> Case:
    submission, answer = work.submission, work.answer
    assert answer is not None
    return Case(
        site=submission.site,
        body=submission.body,
        author_name=submission.author_name,
        author_url=submission.author_url,
        has_email=submission.email is not None,
        disposable_email=submission.email is not None and is_disposable(submission.email.rpartition("@")[2]),
        verified=work.proof is not None,
        is_reply=submission.parent is not None,
        article_closed=None,
        record=work.record,
        limited=_limited(answer),
        at=work.now,
        article=_under(work),
        seconds_to_submit=_seconds(work.form.given_at, work.now),
        form="used" if work.form_used else work.form.found,
        trapped=submission.trapped,
        solution=_solution(work.solution, answer),
        bans=work.bans,
    )


def _solution(solution: proof_of_work.Solution, answer: Answer) -> str:
    """How it was found, now that Redis has told whether it was used before."""
    is_used = any(bucket.bucket.scope == "solution" and not bucket.allowed for bucket in answer.buckets)
    return "used" if is_used else solution.found


def _seconds(given: datetime | None, now: datetime) -> int | None:
    """Whole seconds, rounded up, at least 1: clocks of several machines differ a little."""
    return max(1, math.ceil((now - given).total_seconds())) if given else None


def _limited(answer: Answer) -> Limited:
    """What the limits tell the judge. The first fingerprint is the whole text's, the others are its sketch."""
    exceeded = {bucket.bucket.scope for bucket in answer.buckets if not bucket.allowed}
    of_address = [bucket for bucket in answer.buckets if bucket.bucket.scope == "address"]
    of_article = [bucket for bucket in answer.buckets if bucket.bucket.scope == "article"]
    longest = max(of_address, key=_period, default=None)
    shortest = min(of_article, key=_period, default=None)
    return Limited(
        available=answer.source == "redis",
        email_exceeded="email" in exceeded,
        seen=max(answer.seen[:1], default=0),
        near=max(answer.seen[1:], default=0),
        address_recent=_used(longest),
        article_recent=_used(shortest),
        article_most=shortest.bucket.window.burst if shortest else 0,
        fuse_blown="fuse" in exceeded,
    )


def _period(answered: BucketAnswer) -> float:
    return answered.bucket.window.period


def _used(answered: BucketAnswer | None) -> int:
    """Earlier comments that a limit still counts; 0 where there is none."""
    return max(0, answered.bucket.window.burst - answered.remaining - answered.bucket.weight) if answered else 0


def _under(work: Work) -> UnderArticle:
    known = work.article
    if known is None:
        return UnderArticle(work.submission.article.key)
    return UnderArticle(known.key, known.approved, known.created_at, known.tags)
