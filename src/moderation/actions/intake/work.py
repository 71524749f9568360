"""One submission on its way through a batch: what each step (prepare, gather, judge, record) has found out about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from moderation import forms, proof_of_work
from moderation.edges import authors
from moderation.edges.idempotency import Claim
from moderation.edges.queries import Parent
from moderation.judge.ruleset import SiteRules
from moderation.rates import Answer, Question, ratelimit_headers
from moderation.values import Article, AuthorRecord, Ban, Case, Receipt, Status, Submission, Verdict


@dataclass(slots=True)
class Work:
    """`prepare` fills in what has no default; what has one is found out by the steps after it."""

    id: str
    submission: Submission
    site: SiteRules
    now: datetime
    indexes: Sequence[bytes]  # the author's, under every live key; new rows get the first
    sealed: str | None
    address_hash: bytes
    address_prefix: str
    text_key: bytes
    question: Question
    claims: Sequence[Claim]  # the Idempotency-Key under every live key; the first is what is stored
    form: forms.Form
    proof: authors.Proof | None
    solution: proof_of_work.Solution
    author: bytes | None = None  # who that is
    author_known: bool = False
    form_used: bool = False
    answer: Answer | None = None
    article: Article | None = None
    parent: Parent | None = None
    record: AuthorRecord = field(default_factory=AuthorRecord)
    bans: tuple[Ban, ...] = ()
    case: Case | None = None
    verdict: Verdict | None = None
    language: str | None = None
    html: str = ""
    words: list[str] = field(default_factory=list)


Answers = dict[str, Receipt | BaseException]
"""By the id of the work."""


def receipt(work: Work) -> Receipt:
    """What is told about a comment that is stored."""
    assert work.verdict is not None
    assert work.article is not None
    assert work.answer is not None
    # Nobody learns by a typed address what its owner earned: only who is verified is told that a rule let them through.
    is_told = work.site.settings.mode == "post" or (work.case is not None and work.case.verified)
    published = work.verdict.status is Status.APPROVED and is_told
    return Receipt(work.id, work.article.key, work.article.url, published, ratelimit_headers(work.answer))
