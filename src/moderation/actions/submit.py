"""One submission in, one receipt out: limited, judged, stored with its findings, its journal row and its letter.

Submissions that come together are worked together (`Batches`): one Redis trip, one read, one transaction. A receipt
means that the comment is on disk. What goes wrong with one submission is that one's own answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import structlog

from moderation.batches import Batches, Overdue
from moderation.edges import comments, journal, queries
from moderation.edges.comments import NewComment
from moderation.edges.queries import Parent
from moderation.edges.schema import Tx
from moderation.edges.vault import mask
from moderation.errors import (
    Closed,
    Duplicate,
    ModerationError,
    NotFound,
    ParentNotPublic,
    StoreError,
    TooFast,
    Unavailable,
)
from moderation.judge.pipeline import judge
from moderation.judge.ruleset import Ruleset, SiteRules
from moderation.rates import Answer, Bucket, Question, address_prefixes, coarse, ratelimit_headers
from moderation.runtime import Runtime
from moderation.text.markup import render
from moderation.values import Article, AuthorRecord, Case, Limited, Receipt, Status, Submission, Verdict

WAIT = 4.0
"""Seconds a submission may wait for its turn before it is told to come back."""

SHORTEST_SEEN = 12
"""Texts with fewer letters are not compared with others: many readers write "Thank you"."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Work:
    """One submission on its way through a batch."""

    id: str
    submission: Submission
    site: SiteRules
    now: datetime
    index: bytes | None
    sealed: str | None
    question: Question
    answer: Answer | None = None
    article: Article | None = None
    parent: Parent | None = None
    record: AuthorRecord = field(default_factory=AuthorRecord)
    verdict: Verdict | None = None
    html: str = ""


_Answers = dict[str, Receipt | BaseException]
_Step = Callable[[Runtime, Sequence[_Work]], _Answers]


class Intake:
    """Where submissions come together. One for each process, made after fork."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._batches: Batches[_Work, Receipt] = Batches(lambda works: _work(rt, works))

    def submit(self, submission: Submission) -> Receipt:
        """Raises NotFound (site), Closed, ParentNotPublic, Duplicate, TooFast, Unavailable."""
        work = _prepare(self._rt, self._rt.rules, submission)
        try:
            return self._batches.ask(work, WAIT)
        except Overdue:
            raise Unavailable(2, "busy") from None


def _prepare(rt: Runtime, rules: Ruleset, submission: Submission) -> _Work:
    """What needs nobody else: done in the request's own thread."""
    site = rules.sites.get(submission.site)
    if site is None:
        raise NotFound("site")
    if site.settings.closed:
        raise Closed("site")
    comment_id = rt.new_id()
    email = submission.email
    sealed = rt.vault.seal(email, comment_id) if email else None
    now = rt.now()
    index = rt.vault.index(email.lower()) if email else None
    return _Work(comment_id, submission, site, now, index, sealed, _question(rt, submission, site, now.date()))


def _work(rt: Runtime, works: Sequence[_Work]) -> list[Receipt | BaseException]:
    """Limit all, gather for all, judge each, record all. Answers in the order of `works`."""
    answers: _Answers = {}
    for work, answer in zip(works, rt.limits.check([work.question for work in works]), strict=True):
        work.answer = answer
        if not answer.allowed:
            answers[work.id] = _too_fast(answer)
    left = [work for work in works if work.id not in answers]
    answers.update(_together_or_alone(rt, left, _gather))
    left = [work for work in left if work.id not in answers]
    for work in left:
        work.verdict = judge(_case(work), work.site)
        work.html = render(work.submission.body, work.verdict.masks)
    answers.update(_together_or_alone(rt, left, _record))
    return [answers[work.id] for work in works]


def _together_or_alone(rt: Runtime, works: Sequence[_Work], step: _Step) -> _Answers:
    """`step` for all at once; if that fails, for each alone, so that one bad row never takes the others down."""
    if not works:
        return {}
    try:
        return step(rt, works)
    except StoreError as error:
        if len(works) == 1 or error.is_outage:
            log.error("store-failed", error=error.kind, submissions=len(works))
            return dict.fromkeys((work.id for work in works), Unavailable(2, "store"))
    answers: _Answers = {}
    for work in works:
        answers.update(_together_or_alone(rt, [work], step))
    return answers


def _question(rt: Runtime, submission: Submission, site: SiteRules, today: date) -> Question:
    """Every limit of one submission. The e-mail limit is soft: over it the comment is held, and nobody is told."""
    limits = site.windows
    prefixes = address_prefixes(submission.address)
    keys = [("address", prefixes[0], True, False)]
    if len(prefixes) > 1:
        keys.append(("network", prefixes[1], False, False))
    if submission.email:
        mailbox = _mailbox(submission.email)
        keys.append(("pair", f"{mailbox} {prefixes[0]}", False, False))
        keys.append(("email", mailbox, False, True))
    keys.append(("article", submission.article.key, False, False))
    keys.append(("site", submission.site, False, False))
    buckets = []
    for scope, key, visible, soft in keys:
        hashed = rt.vault.limit_key(scope, submission.site, key, day=today)
        buckets += [Bucket(scope, hashed, window, visible=visible, soft=soft) for window in limits[scope]]
    letters = _NO_LETTERS.sub("", submission.body.casefold())
    seen = (_fingerprint(letters),) if len(letters) >= SHORTEST_SEEN else ()
    return Question(submission.site, tuple(buckets), seen)


def _mailbox(email: str) -> str:
    """Where mail to this address ends up: a `+tag` earns no limit of its own."""
    local, _, domain = email.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


_NO_LETTERS = re.compile(r"[\W\d_]+")


def _fingerprint(letters: str) -> str:
    """What texts have in common that differ only in case, numbers, blanks and punctuation."""
    return hashlib.blake2b(letters.encode("utf-8", "replace"), digest_size=12).hexdigest()


def _too_fast(answer: Answer) -> TooFast:
    refused = [bucket for bucket in answer.buckets if not bucket.allowed and not bucket.bucket.soft]
    return TooFast(
        retry_after=max(bucket.retry_after for bucket in refused),
        policies=tuple(bucket.bucket.window.name for bucket in refused if bucket.bucket.visible),
        headers=ratelimit_headers(answer),
    )


def _gather(rt: Runtime, works: Sequence[_Work]) -> _Answers:
    """The article, the parent and the author's record of each; answers those that are refused."""
    refused: _Answers = {}
    with rt.store.reading() as connection:
        public = queries.parents(connection, {work.submission.parent for work in works if work.submission.parent})
        for site in {work.submission.site for work in works}:
            here = [work for work in works if work.submission.site == site]
            known = comments.find_articles(connection, site, {work.submission.article.key for work in here})
            records = queries.records(connection, site, {work.index for work in here if work.index})
            for work in here:
                work.article = known.get(work.submission.article.key)
                work.parent = public.get(work.submission.parent) if work.submission.parent else None
                work.record = records.get(work.index, work.record) if work.index else work.record
                error = _refusal(work)
                if error:
                    refused[work.id] = error
    return refused


def _refusal(work: _Work) -> ModerationError | None:
    article, settings = work.article, work.site.settings
    if article is None:
        if settings.articles == "listed":
            return NotFound("article")
        return ParentNotPublic() if work.submission.parent else None
    if why := article.closed_why(settings.close_after_days, work.now):
        return Closed(why)
    if work.submission.parent and (work.parent is None or work.parent.article_id != article.id):
        return ParentNotPublic()
    return None


def _case(work: _Work) -> Case:
    submission, answer = work.submission, work.answer
    assert answer is not None
    email_exceeded = any(bucket.bucket.scope == "email" and not bucket.allowed for bucket in answer.buckets)
    return Case(
        site=submission.site,
        body=submission.body,
        author_name=submission.author_name,
        author_url=submission.author_url,
        email_domain=submission.email.rpartition("@")[2] if submission.email else None,
        has_email=submission.email is not None,
        verified=False,
        is_reply=submission.parent is not None,
        article_closed=None,
        record=work.record,
        limited=Limited(True, answer.source == "redis", email_exceeded, max(answer.seen, default=0)),
        at=work.now,
    )


def _record(rt: Runtime, works: Sequence[_Work]) -> _Answers:
    """One transaction for all: articles, comments, counts, journal, outbox. Answers a receipt or Duplicate for each."""
    with rt.store.writing() as tx:
        _open_articles(tx, works)
        late = comments.said_before(
            tx,
            {work.id: _text_key(rt, work) for work in works},
            works[0].now,
            {work.id: work.now + timedelta(minutes=work.site.settings.duplicates.window_minutes) for work in works},
        )
        fresh = [work for work in works if work.id not in late]
        comments.store(tx, [_new(rt, work) for work in fresh], rt.store.shard)
        journal.write(tx, [_entry(work) for work in fresh])
        journal.post(tx, [_letter(work) for work in fresh])
    return {work.id: Duplicate() if work.id in late else _receipt(work) for work in works}


def _open_articles(tx: Tx, works: Sequence[_Work]) -> None:
    unknown = [work for work in works if work.article is None]
    for site in {work.submission.site for work in unknown}:
        here = [work for work in unknown if work.submission.site == site]
        made = comments.make_articles(tx, site, [work.submission.article for work in here], here[0].now)
        for work in here:
            work.article = made[work.submission.article.key]


def _text_key(rt: Runtime, work: _Work) -> bytes:
    """What the same words by the same author under the same article have in common. Without an e-mail, the address."""
    who = work.index or rt.vault.address_hash(work.submission.address)
    said = " ".join(work.submission.body.split()).casefold()
    parts = (work.submission.site, work.submission.article.key, work.submission.parent or "", said)
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), key=who, digest_size=16).digest()


def _new(rt: Runtime, work: _Work) -> NewComment:
    submission, parent = work.submission, work.parent
    assert work.article is not None
    assert work.verdict is not None
    return NewComment(
        id=work.id,
        site=submission.site,
        article_id=work.article.id,
        parent_id=parent.id if parent else None,
        root_id=parent.root_id if parent else work.id,
        depth=parent.depth + 1 if parent else 0,
        author_name=submission.author_name,
        author_url=submission.author_url,
        email_sealed=work.sealed,
        email_index=work.index,
        email_masked=mask(submission.email) if submission.email else None,
        verified=False,
        address_hash=rt.vault.address_hash(submission.address),
        address_prefix=coarse(submission.address),
        body=submission.body,
        html=work.html,
        verdict=work.verdict,
        created_at=work.now,
    )


def _entry(work: _Work) -> journal.Entry:
    assert work.verdict is not None
    decided = next(
        (found.rule for found in work.verdict.findings if found.effect.value == work.verdict.decision.value), None
    )
    return journal.Entry(
        at=work.now,
        actor="rules",
        role="service",
        action="received",
        site=work.submission.site,
        target=work.id,
        after=work.verdict.status.value,
        reason=decided,
        request_id=work.submission.request_id,
    )


def _letter(work: _Work) -> journal.Letter:
    assert work.verdict is not None
    return journal.Letter(work.now, work.submission.site, "comment.received", work.id, work.verdict.status.value, 1)


def _receipt(work: _Work) -> Receipt:
    assert work.verdict is not None
    assert work.article is not None
    assert work.answer is not None
    published = work.verdict.status is Status.APPROVED
    return Receipt(work.id, work.article.key, work.article.url, published, ratelimit_headers(work.answer))
