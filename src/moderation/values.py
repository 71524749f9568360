"""The words we speak: frozen values that travel between the floors, and the table of legal status moves.

No behaviour lives here beyond what a value can say about itself. Times are aware UTC; spans are half-open
`[start, end)` in Unicode code points of the *original* text of their field.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where a comment stands. Only `approved` is public."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    SPAM = "spam"


class Decision(StrEnum):
    """What a moderator (or the judge) decides."""

    APPROVE = "approve"
    REJECT = "reject"
    SPAM = "spam"
    HOLD = "hold"
    UNDO = "undo"


class Effect(StrEnum):
    """What a finding proposes. The judge combines them: reject over spam over hold over approve."""

    PASS = "pass"  # noqa: S105 - an effect
    TAG = "tag"
    APPROVE = "approve"
    HOLD = "hold"
    SPAM = "spam"
    REJECT = "reject"


STATUS_AFTER: Mapping[Decision, Status] = {
    Decision.APPROVE: Status.APPROVED,
    Decision.REJECT: Status.REJECTED,
    Decision.SPAM: Status.SPAM,
    Decision.HOLD: Status.PENDING,
}

MOVES: Mapping[Status, frozenset[Decision]] = {
    Status.PENDING: frozenset({Decision.APPROVE, Decision.REJECT, Decision.SPAM}),
    Status.APPROVED: frozenset({Decision.REJECT, Decision.SPAM, Decision.HOLD, Decision.UNDO}),
    Status.REJECTED: frozenset({Decision.APPROVE, Decision.SPAM, Decision.HOLD, Decision.UNDO}),
    Status.SPAM: frozenset({Decision.APPROVE, Decision.REJECT, Decision.HOLD, Decision.UNDO}),
}
"""The legal moves: what may be decided about a comment in each status. `undo` takes back the last decision."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the original text, and in one or two words what stands there."""

    start: int
    end: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, also when it found nothing (`effect` is then `pass`).

    `rule` is the id an admin can look up; `code` names the sentence; `data` holds the numbers that decided.
    A `final` finding allows later, costlier checks to be skipped, and they say so.
    """

    rule: str
    effect: Effect = Effect.PASS
    code: str = "passed"
    field: str = "body"
    spans: tuple[Span, ...] = ()
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArticleRef:
    """How a submission names its article: by the publisher's id or by URL. `key` is the one it is found by."""

    key: str
    url: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Submission:
    """A reader's comment as validated at the door. Holds the e-mail address, so its repr does not show it.

    `email` is the normal form that is sealed; `address` is the client's network address.
    """

    site: str
    article: ArticleRef
    parent: str | None
    author_name: str
    author_url: str | None
    email: str | None
    body: str
    address: str
    request_id: str

    def __repr__(self) -> str:
        return f"Submission(site={self.site!r}, article={self.article.key!r}, request_id={self.request_id!r})"


@dataclass(frozen=True, slots=True)
class Article:
    """An article as stored."""

    id: int
    site: str
    key: str
    url: str | None
    title: str | None
    closed: bool
    created_at: datetime
    version: int

    def closed_why(self, close_after_days: int, now: datetime) -> str | None:
        """`hand` or `age` where no comments are taken any more, else None."""
        if self.closed:
            return "hand"
        too_old = close_after_days and now - self.created_at > timedelta(days=close_after_days)
        return "age" if too_old else None


@dataclass(frozen=True, slots=True)
class AuthorRecord:
    """What this site's moderators decided about an author's earlier comments."""

    approved: int = 0
    rejected: int = 0
    spam: int = 0
    pending: int = 0
    first_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class Limited:
    """What the rate limits said. `available` is false when Redis could not be asked and a local limiter answered."""

    allowed: bool = True
    available: bool = True
    email_exceeded: bool = False
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """All facts the judge may use, and nothing else: no clock, no connection. Equal cases get equal verdicts.

    `verified` is true only for an author with a signed token, never for a typed address.
    """

    site: str
    body: str
    author_name: str
    author_url: str | None
    email_domain: str | None
    has_email: bool
    verified: bool
    is_reply: bool
    article_closed: str | None
    record: AuthorRecord
    limited: Limited
    at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judge's opinion: a decision, every finding, and the revision of the rules it was formed under.

    `masks` are the spans of `body` that the public does not see.
    """

    decision: Decision
    findings: tuple[Finding, ...]
    masks: tuple[Span, ...]
    revision: str

    @property
    def status(self) -> Status:
        return STATUS_AFTER[self.decision]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender of a submission is told. `published` is the one thing it says about the verdict."""

    comment_id: str
    article_key: str
    article_url: str | None
    published: bool
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ruling:
    """One decision of a moderator about one comment, in the version that was seen."""

    comment_id: str
    version: int
    decision: Decision
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as moderators see it. `email_masked` looks like `j•••@e•••.org`; the address itself stays sealed."""

    id: str
    site: str
    article: Article
    parent_id: str | None
    status: Status
    version: int
    author_name: str
    author_url: str | None
    email_masked: str | None
    verified: bool
    body: str
    html: str
    masks: tuple[Span, ...]
    findings: tuple[Finding, ...]
    verdict: Decision
    revision: str
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    parent: ParentExcerpt | None = None
    record: AuthorRecord = AuthorRecord()


@dataclass(frozen=True, slots=True)
class ParentExcerpt:
    """What a reply answers, for the card: who wrote it, the text, and where it stands."""

    id: str
    author_name: str
    body: str
    status: Status


class Role(StrEnum):
    """What a person may do. Rights are spelled out in `RIGHTS`; an auditor only reads."""

    MODERATOR = "moderator"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Right(StrEnum):
    """One thing a person or a token may be allowed to do. Token scopes use the same words."""

    READ_QUEUE = "queue:read"
    DECIDE = "decisions:write"
    MANAGE_ARTICLES = "articles:write"
    MANAGE_PEOPLE = "people:write"
    READ_JOURNAL = "journal:read"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.MODERATOR: frozenset({Right.READ_QUEUE, Right.DECIDE, Right.MANAGE_ARTICLES}),
    Role.ADMIN: frozenset(Right),
    Role.AUDITOR: frozenset({Right.READ_QUEUE, Right.READ_JOURNAL}),
}


@dataclass(frozen=True, slots=True)
class Moderator:
    """Who acts: a person or a token. `sites` is None for all sites, `session` the stored hash of the session."""

    id: int
    name: str
    rights: frozenset[Right]
    sites: frozenset[str] | None
    role: str
    session: str | None = None

    def may(self, right: Right, site: str | None = None) -> bool:
        return right in self.rights and (site is None or self.sites is None or site in self.sites)
