"""The words we speak: frozen values that travel between the floors, and the table of legal status moves.

No behaviour lives here beyond what a value can say about itself. Times are aware UTC; spans are half-open
`[start, end)` in Unicode code points of the *original* text of their field.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from moderation.frozen import value


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
    ESCALATE = "escalate"


class Sort(StrEnum):
    """In which order the queue is shown. Of equally grave or reported ones the newest come first, of one article
    the oldest. `reported` shows only those that readers reported."""

    OLDEST = "oldest"
    NEWEST = "newest"
    GRAVEST = "gravest"
    ARTICLE = "article"
    REPORTED = "reported"


class Effect(StrEnum):
    """What a finding proposes. The judge combines them: reject over spam over hold over approve. `observe` only counts
    what a rule would have done."""

    PASS = "pass"  # noqa: S105 - an effect
    OBSERVE = "observe"
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
    Decision.ESCALATE: Status.PENDING,
}

MOVES: Mapping[Status, frozenset[Decision]] = {
    Status.PENDING: frozenset({Decision.APPROVE, Decision.REJECT, Decision.SPAM, Decision.UNDO, Decision.ESCALATE}),
    Status.APPROVED: frozenset({Decision.REJECT, Decision.SPAM, Decision.HOLD, Decision.UNDO}),
    Status.REJECTED: frozenset({Decision.APPROVE, Decision.SPAM, Decision.HOLD, Decision.UNDO}),
    Status.SPAM: frozenset({Decision.APPROVE, Decision.REJECT, Decision.HOLD, Decision.UNDO}),
}
"""The legal moves: what may be decided about a comment in each status. `undo` takes back the last decision,
`escalate` leaves it to a senior."""


def moves(status: Status, reports: int = 0) -> frozenset[Decision]:
    """The legal moves; a public comment that readers reported may be approved again, which answers the reports."""
    keeps = reports > 0 and status is Status.APPROVED
    return MOVES[status] | {Decision.APPROVE} if keeps else MOVES[status]


SETTLES = frozenset({Decision.APPROVE, Decision.REJECT, Decision.SPAM})
"""The decisions that answer reports of readers."""


@value
class Span:
    """A stretch of the original text, and in one or two words what stands there. `grade` is a word's severity where it
    is surely meant; known while judging, not kept."""

    start: int
    end: int
    label: str = ""
    grade: str = dataclasses.field(default="", compare=False)


@value
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


@cache
def passed(rule: str, field: str = "body") -> Finding:
    """That nothing was found: the same each time, since that is what most checks say."""
    return Finding(rule, field=field)


APPEAL = "appeal"
"""The finding that its author has asked for a second look."""
EXTERNAL = "external.check"
"""The rule that says what a check outside said."""
SITES_WISH = "mode"
"""The rule that says what the site itself wishes for a comment. It tells nothing about the comment."""


def telling(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that say something against a comment, or remark on it."""
    return [
        each for each in findings if each.effect is not _PASS and each.effect in _WEIGHT and each.rule != SITES_WISH
    ]


def noted(findings: Iterable[Finding]) -> list[Finding]:
    """Those, and each rule of the admin's own that fired, also one that only watches or approves."""
    return [
        each
        for each in findings
        if each.effect is not _PASS
        and (each.code in ("rule", "rule-observed") or (each.effect in _WEIGHT and each.rule != SITES_WISH))
    ]


def gravity(findings: Iterable[Finding]) -> int:
    """How grave what was found is, to sort by: first the gravest finding, then how many there are."""
    told = telling(findings)
    return max(_WEIGHT[each.effect] for each in told) * 10 + min(len(told), 9) if told else 0


_PASS = Effect.PASS
"""Looked up once: looking a member of an enum up takes ten times as long as comparing it, and most findings pass."""
_WEIGHT: Mapping[Effect, int] = {Effect.TAG: 1, Effect.HOLD: 2, Effect.SPAM: 3, Effect.REJECT: 4}


@value
class ArticleRef:
    """How a submission names its article: by the publisher's id or by URL. `key` is the one it is found by."""

    key: str
    url: str | None = None
    title: str | None = None


HOLDER = "own."
"""How a token begins that we have handed out to a browser whose reader confirmed an e-mail address."""


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """What the publisher's login has signed about who writes. `email` as it was said there."""

    subject: str
    name: str | None = None
    email: str | None = None


@value
class Submission:
    """A reader's comment as validated at the door. Holds the e-mail address, so its repr does not show it.

    `email` is the normal form that is sealed; `address` is the client's network address. `form_token` is what the form
    says of itself, unread; `trapped`, whether a field was filled in that people do not see. `subject` is the author's
    name at the publisher's login, which has signed it; `holder`, unread, what a browser was handed out when its reader
    confirmed an e-mail address; `solution`, unread, that of a proof of work.
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
    idempotency_key: str | None = None
    form_token: str | None = None
    trapped: bool = False
    subject: str | None = None
    holder: str | None = None
    solution: str | None = None

    def __repr__(self) -> str:
        return f"Submission(site={self.site!r}, article={self.article.key!r}, request_id={self.request_id!r})"


@value
class Article:
    """An article as stored. `approved` counts its public comments; `tags` are the content system's. Anybody's comment
    may tell `title` and `url`, so the public sees them only where the content system told them (`title_told`,
    `url_told`), or the desk has approved a comment that is public under it: for the title one that calls it so
    (`title_approved`), for the address any (`endorsed`)."""

    id: int
    site: str
    key: str
    url: str | None
    title: str | None
    closed: bool
    created_at: datetime
    version: int
    approved: int = 0
    title_told: bool = False
    url_told: bool = False
    endorsed: bool = False
    title_approved: bool = False
    tags: tuple[str, ...] = ()

    @property
    def public_title(self) -> str | None:
        """The title, where the public may see it."""
        return self.title if self.title_told or self.title_approved else None

    @property
    def public_url(self) -> str | None:
        """The address, where the public may see it; one that is the key is no news to who asks by it."""
        return self.url if self.url_told or self.endorsed or self.url == self.key else None

    def closed_why(self, close_after_days: int, now: datetime) -> str | None:
        """`hand` or `age` where no comments are taken any more, else None."""
        if self.closed:
            return "hand"
        too_old = close_after_days and now - self.created_at > timedelta(days=close_after_days)
        return "age" if too_old else None


PURPOSES = ("email-enc", "email-index", "rate", "session-csrf", "audit", "totp", "links")
"""What the service's keys are for, each with keys of its own."""


@value
class AuthorRecord:
    """What this site's moderators decided about an author's earlier comments."""

    approved: int = 0
    rejected: int = 0
    spam: int = 0
    pending: int = 0
    first_seen: datetime | None = None

    @classmethod
    def of(cls, parts: Iterable[AuthorRecord]) -> AuthorRecord:
        """One author's record, which stands under several keys while these are rotated."""
        whole = cls()
        for part in parts:
            seen = [each for each in (whole.first_seen, part.first_seen) if each]
            whole = cls(
                whole.approved + part.approved,
                whole.rejected + part.rejected,
                whole.spam + part.spam,
                whole.pending + part.pending,
                min(seen, default=None),
            )
        return whole


class Wish(StrEnum):
    """What readers may ask for about their own data."""

    COPY = "copy"
    ERASE = "erase"


class Whom(StrEnum):
    """What a ban knows its sender by: the e-mail address or the proof of who they are, the network address, or the
    network around it. `EMAIL` is only asked for: the address that one who proved who they are has given, whoever types
    it. It is kept as a ban on an author."""

    AUTHOR = "author"
    EMAIL = "email"
    ADDRESS = "address"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Ban:
    """A moderator's ban in force on the sender of a comment. `effect`: `reject`, or `hold` for pre-moderation. It is
    `doubtful` where it is on a typed address, and the comment came from an author who proved who they are; or the other
    way round."""

    id: str
    whom: Whom
    effect: Effect
    reason: str
    doubtful: bool = False


@value
class Limited:
    """What the rate limits said. `available` is false when Redis could not be asked and a local limiter answered.
    `seen` counts the same text in the last hour, `near` texts much like it. `address_recent` and `article_recent` count
    earlier comments of the address and under the article that their longest and shortest limits remember, the latter of
    `article_most`. `fuse_blown`: the whole site gets more than it can look at."""

    allowed: bool = True
    available: bool = True
    email_exceeded: bool = False
    seen: int = 0
    address_recent: int = 0
    near: int = 0
    article_recent: int = 0
    article_most: int = 0
    fuse_blown: bool = False


@value
class UnderArticle:
    """What is known of the article a comment came to: `comments` are the public ones. No `first_seen` for a new one."""

    key: str = ""
    comments: int = 0
    first_seen: datetime | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a check outside said about a comment: `waiting` for its answer, `ham`, `spam`, `blatant` (spam beyond
    doubt), `hold`, or `unanswered` for good. `answer` as it came, `because` its reason, after `tries`."""

    by: str
    said: str
    answer: str = ""
    because: str = ""
    tries: int = 0


@value
class Case:
    """All facts the judge may use, and nothing else: no clock, no connection. Equal cases get equal verdicts.

    `verified` is true only for an author who proved who they are, never for a typed address. `disposable_email` is
    known where `has_email`; the domain itself is not kept. `form` is how the form's token was found: `none`, `good`,
    `forged` or, with another comment before, `used`. `seconds_to_submit`, at least 1, is None where no good token says
    when the form was handed out. `trapped`: a field was filled in that people do not see. `solution` is how the
    proof of work was found: `none`, `good`, `wrong`, `late` or, with another comment before, `used`. `bans` are those
    in force on who sent it; `opinion` is that of a check outside, where one is asked.
    """

    site: str
    body: str
    author_name: str
    author_url: str | None
    has_email: bool
    disposable_email: bool
    verified: bool
    is_reply: bool
    article_closed: str | None
    record: AuthorRecord
    limited: Limited
    at: datetime
    article: UnderArticle = UnderArticle()
    seconds_to_submit: int | None = None
    form: str = "none"
    trapped: bool = False
    solution: str = "none"
    bans: tuple[Ban, ...] = ()
    opinion: Opinion | None = None


@value
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


@value
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
    """A comment as moderators see it. `email_masked` looks like `j•••@e•••.org`; the address itself stays sealed.
    `article_title` is what its sender called the article."""

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
    record: AuthorRecord = dataclasses.field(default_factory=AuthorRecord)
    escalation: Escalation | None = None
    hold: Hold | None = None
    language: str | None = None
    reports: int = 0
    article_title: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold in force: placed on which comment, by whom, why. `kept`: how many comments it keeps. `erase_asked`:
    the author wants the comment that is looked at gone."""

    id: str
    site: str
    comment_id: str
    whole_author: bool
    reason: str
    by: str
    at: datetime
    kept: int
    erase_asked: bool


@dataclass(frozen=True, slots=True)
class Escalation:
    """A moderator has left the decision to a senior: who, when, and why where they said so."""

    by: str
    at: datetime
    why: str | None


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
    SENIOR = "senior"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Right(StrEnum):
    """One thing a person or a token may be allowed to do. Token scopes use the same words."""

    READ_QUEUE = "queue:read"
    DECIDE = "decisions:write"
    DECIDE_ESCALATED = "escalations:write"
    REVEAL_EMAIL = "emails:read"
    MANAGE_ARTICLES = "articles:write"
    BAN = "bans:write"
    MANAGE_PEOPLE = "people:write"
    READ_JOURNAL = "journal:read"
    MANAGE_RULES = "rules:write"
    HOLD = "holds:write"


RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.MODERATOR: frozenset({Right.READ_QUEUE, Right.DECIDE, Right.MANAGE_ARTICLES, Right.BAN}),
    Role.SENIOR: frozenset(
        {Right.READ_QUEUE, Right.DECIDE, Right.DECIDE_ESCALATED, Right.REVEAL_EMAIL, Right.MANAGE_ARTICLES, Right.BAN}
    ),
    Role.ADMIN: frozenset(Right),
    Role.AUDITOR: frozenset({Right.READ_QUEUE, Right.READ_JOURNAL}),
}


SCOPES = (Right.READ_QUEUE, Right.DECIDE, Right.DECIDE_ESCALATED, Right.MANAGE_ARTICLES, Right.BAN)
"""What the API has addresses for, and so what a token may be given."""


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
