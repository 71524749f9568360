"""What the API answers, as pydantic models: for the OpenAPI document, and for the tests that hold real answers to it.

What comes in is in `wire`. The answers themselves are built as plain dictionaries, which is quicker.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """Nothing more than what is named here is sent."""

    model_config = ConfigDict(extra="forbid")


class ReceiptOut(Shape):
    """A comment was stored. The words are the same whatever the rules thought of it."""

    id: str = Field(examples=["06h0pvy2kgjwykzc"])
    status: Literal["pending", "approved"]
    message: str = Field(examples=["Your comment is awaiting moderation."])
    receipt: str = Field(description="A page for the author alone: how it stands, to take it back, to write it anew.")


class ArticleOut(Shape):
    """An article as the public sees it. `title` and `url` are null until the articles API told them, or a moderator has
    approved a comment under it. `closed` says why it takes no comments: by hand, by age, or the whole site."""

    key: str
    url: str | None
    title: str | None
    closed: Literal["hand", "age", "site"] | None


class PublicAuthorOut(Shape):
    """Who wrote, as everybody sees it."""

    name: str
    url: str | None


class PublicCommentOut(Shape):
    """An approved comment. `html` is safe to insert; `nodes` is the same as a tree, for pages with Trusted Types."""

    id: str
    parent: str | None
    depth: int = Field(ge=0)
    author: PublicAuthorOut
    html: str
    nodes: list[Any]
    created_at: datetime


class ReasonOut(Shape):
    """Something a comment can be reported for."""

    code: str
    label: str


class ReportedOut(Shape):
    """The same whatever comes of a report."""

    message: str = Field(examples=["Thank you. A moderator will look at it."])


class FormOut(Shape):
    """What a form must know."""

    language: Literal["en", "de"]
    email: Literal["required", "optional"]
    verify: Literal["off", "mail"]
    proof: Literal["off", "suspicion", "always"]
    name_max: int
    body_max: int
    url_max: int
    depth: int
    receipt_days: int = Field(description="How long the widget keeps the receipts of its reader's own comments.")
    privacy: str = Field(description="The page on which readers ask for their data, or read whom to ask.")
    reasons: list[ReasonOut] = Field(description="What a comment can be reported for; none where it cannot.")
    report_mail: bool = Field(description="Whether who reports can have it told by e-mail what came of it.")


class ThreadOut(Shape):
    """A page of a thread in reading order. `next` is the cursor of the next page."""

    article: ArticleOut
    count: int
    comments: list[PublicCommentOut]
    next: str | None
    form: FormOut


class ChallengeOut(Shape):
    """A challenge in ALTCHA's format: find the `number` from 0 to `maxnumber` for which the SHA-256 of `salt` with it
    behind is `challenge`. `form.altcha` of the comment is a JSON object with `algorithm`, `challenge`, `number`, `salt`
    and `signature`, in Base64."""

    algorithm: Literal["SHA-256"]
    challenge: str
    maxnumber: int
    salt: str
    signature: str


class FormTokenOut(Shape):
    """Goes back as `form.token` of the comment. It says when, and for which article, it was handed out."""

    token: str


class OwnOut(Shape):
    """How a comment stands, for its author. `reason` is told where the site does; `edit_until` is null where it can no
    longer be written anew; `redress` is told where a second look has left it rejected."""

    id: str
    status: Literal["pending", "approved", "rejected"]
    message: str
    version: int
    reason: str | None
    edit_until: datetime | None
    can_withdraw: bool
    can_appeal: bool
    redress: str | None


class CountsOut(Shape):
    """Approved comments by article, as it was asked for."""

    counts: dict[str, int]


class FindingOut(Shape):
    """What one check found. `spans` are [start, end, label] in code points of the field as sent."""

    rule: str
    effect: Literal["pass", "observe", "tag", "approve", "hold", "spam", "reject"]
    code: str
    field: str
    spans: list[tuple[int, int, str]]
    data: dict[str, Any]


class ExplanationOut(Shape):
    """Why it is where it is: the verdict, the revision of the rules, and every finding, passed or not."""

    verdict: Literal["approve", "hold", "reject", "spam"]
    revision: str
    findings: list[FindingOut]


class RecordOut(Shape):
    """What was decided about the author's comments on this site."""

    approved: int
    rejected: int
    spam: int


class QueuedAuthorOut(Shape):
    """`email` is masked."""

    name: str
    url: str | None
    email: str | None = Field(examples=["j•••@e•••.org"])
    verified: bool
    record: RecordOut


class QueuedArticleOut(Shape):
    """The article a comment belongs to."""

    key: str
    url: str | None
    title: str | None


class ParentOut(Shape):
    """The comment that this one answers."""

    id: str
    author: str
    body: str


class DecidedOut(Shape):
    """The last decision; `by` is null for the judge."""

    by: str | None
    at: datetime
    reason: str | None


class EscalatedOut(Shape):
    """Who left it to a senior, when and why."""

    by: str
    at: datetime
    why: str | None


class ReportOut(Shape):
    """What a reader has against it. Contact data in the explanation is masked."""

    reason: str
    explanation: str | None
    at: datetime


class QueuedOut(Shape):
    """A comment as a moderator sees it."""

    id: str
    version: int
    status: Literal["pending", "approved", "rejected", "spam"]
    created_at: datetime
    article: QueuedArticleOut
    parent: ParentOut | None
    author: QueuedAuthorOut
    body: str
    html: str
    masked: list[tuple[int, int, str]]
    explanation: ExplanationOut
    decided: DecidedOut | None
    escalated: EscalatedOut | None
    reports: list[ReportOut] = Field(description="Open ones, the newest first.")


class QueueOut(Shape):
    """A page of the queue: pending ones oldest first, reported ones most reported first, others newest first."""

    counts: dict[Literal["pending", "approved", "rejected", "spam"], int]
    items: list[QueuedOut]
    next: str | None


class OutcomeOut(Shape):
    """What became of one decision. After `conflict`, the other fields say who decided what and when; `escalated`: only
    a senior may decide it; `withheld`: its author wants it deleted and a legal hold keeps it, so nobody approves it."""

    id: str
    result: Literal["decided", "conflict", "illegal", "escalated", "withheld", "not-found"]
    status: Literal["pending", "approved", "rejected", "spam"] | None
    version: int | None
    decided_by: str | None
    decided_at: datetime | None


class ArticleStateOut(Shape):
    """How an article stands."""

    key: str
    url: str | None
    title: str | None
    closed: bool


class BanOut(Shape):
    """A ban in force. `shown` tells whom it is on: a masked e-mail address, or a network."""

    id: str
    whom: Literal["author", "address", "network"]
    shown: str = Field(examples=["j•••@e•••.org"])
    effect: Literal["reject", "hold"]
    reason: str
    comment: str | None
    by: str
    at: datetime
    until: datetime | None


class BansOut(Shape):
    """Bans in force, the newest first. `next` is the cursor of the next page."""

    items: list[BanOut]
    next: str | None


class ReadinessOut(Shape):
    """`degraded`: comments are taken in and held. `unavailable`: the store is away."""

    status: Literal["ok", "degraded", "unavailable"]
    store: str
    limits: str
    rules: str
    revision: str


class LivenessOut(Shape):
    """The process answers."""

    status: Literal["ok"]
    version: str


class FieldProblemOut(Shape):
    """`pointer` is a JSON pointer (RFC 6901) into the body as documented."""

    pointer: str
    code: str
    detail: str


class ProblemOut(BaseModel):
    """Problem details (RFC 9457). `errors` lists every bad field; other members depend on the type."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldProblemOut] = []
