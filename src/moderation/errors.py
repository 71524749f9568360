"""The error tree. Each error carries its data; none knows HTTP, and none holds an e-mail address.

The table that turns these into statuses lives in `web/problems.py`, where a test holds it complete.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


class ModerationError(Exception):
    """Everything this service raises on purpose."""


@dataclass
class FieldProblem:
    """One thing wrong with one field: a JSON pointer (RFC 6901), a stable code, and the numbers a sentence needs."""

    pointer: str
    code: str
    data: dict[str, object] = field(default_factory=dict)


@dataclass
class Unparsable(ModerationError):
    """The body is not what its content type says. `code` is stable: `not-utf-8`, `not-json`, `too-deep`, …"""

    code: str


@dataclass
class UnsupportedContent(ModerationError):
    """The content type or content encoding is not taken here."""

    code: str


@dataclass
class TooLarge(ModerationError):
    """The body is longer than `limit` bytes; `characters` is what the text in it may have, where it holds one."""

    limit: int
    characters: int | None = None


@dataclass
class Invalid(ModerationError):
    """The fields are wrong; all of them are listed."""

    problems: list[FieldProblem]


@dataclass
class NotFound(ModerationError):
    """No such thing, or nothing the asker may know of. `what` is a noun: `site`, `article`, `comment`, …"""

    what: str


@dataclass
class Closed(ModerationError):
    """The article takes no comments (closed by hand, by age, or the whole site is)."""

    why: str


@dataclass
class Settled(ModerationError):
    """The author may not change this comment any more. `code`: `edit` (the time is over), `decided`, or `appeal`."""

    code: str


@dataclass
class ParentNotPublic(ModerationError):
    """A reply to a comment that is not public, or not under this article."""


@dataclass
class Duplicate(ModerationError):
    """The same words by the same author under the same article, within the site's window."""


@dataclass
class KeyReused(ModerationError):
    """The Idempotency-Key came with another comment before."""


@dataclass
class TooFast(ModerationError):
    """A rate limit refused. `retry_after` is in seconds; `headers` are for the visible limits only."""

    retry_after: float
    policies: tuple[str, ...]
    headers: dict[str, str]


@dataclass
class TooManyReports(TooFast):
    """The same for reports of readers."""


@dataclass
class OriginRefused(ModerationError):
    """A cross-origin request from an origin that the site does not list, or a request forged for a moderator."""

    code: str


@dataclass
class NotSignedIn(ModerationError):
    """No session or token, or one that is over."""


@dataclass
class SecondStepMissing(ModerationError):
    """Signed in by password only. `what`: a `code` has to be given, or a second step to be `set-up` first."""

    what: str


@dataclass
class Forbidden(ModerationError):
    """Signed in, but the role, the scope or the sites do not allow this. `needs` names the missing right, which some
    things need `on_all_sites`."""

    needs: str
    on_all_sites: bool = False


@dataclass
class SignInRefused(ModerationError):
    """Wrong name or password, or too early: `retry_after` seconds must pass before the next try is looked at."""

    retry_after: int = 0


@dataclass
class Conflict(ModerationError):
    """The comment is not in the version that the asker saw. Says what it is now, who decided it and when."""

    comment_id: str
    status: str
    version: int
    decided_by: str | None
    decided_at: datetime | None


@dataclass
class Outdated(Conflict):
    """The same for the comment's author, who is never told by whom."""


@dataclass
class RulesChanged(ModerationError):
    """The rules file is not the one that the asker saw."""


@dataclass
class RulesNotWritable(ModerationError):
    """The rules file cannot be written from here. `name` is the file's, `why` the system's words."""

    name: str
    why: str


@dataclass
class Busy(ModerationError):
    """Another backtest of theirs is under way. Each person has one at a time."""


@dataclass
class BacktestFailed(ModerationError):
    """The backtest ended without a report. `why` is for the log."""

    why: str


@dataclass
class IllegalMove(ModerationError):
    """The table of legal moves has no such step (`values.MOVES`)."""

    comment_id: str
    status: str
    decision: str


@dataclass
class Unavailable(ModerationError):
    """The store, or for `limits` Redis, cannot take it now; nothing was half done. Try again after `retry_after`
    seconds."""

    retry_after: int
    code: str


@dataclass
class StoreError(ModerationError):
    """The database refused. `kind` is the driver's class name; `is_outage` when trying other rows would not help."""

    kind: str
    is_outage: bool


@dataclass
class SingleSignOnFailed(ModerationError):
    """Nobody was signed in by the provider. `code` is stable: `state`, `refused`, `provider`, `id-token`,
    `email-not-verified`, `unknown-person`, `not-installed`."""

    code: str


@dataclass
class DeliveryError(ModerationError):
    """Something could not be handed over to the outside. `why` is a stable code; `permanent` when trying again would
    not help; `after`, the seconds for which the other side wishes not to be asked again."""

    why: str
    permanent: bool
    after: int = 0


@dataclass
class RulesProblem:
    """One thing wrong with the rules file. `line` and `column` count from 1 and are 0 where unknown."""

    line: int
    column: int
    key: str
    found: str
    allowed: str

    def sentence(self, name: str) -> str:
        place = f"{name}:{self.line}:{self.column}" if self.line else name
        found = f" found {self.found};" if self.found else ""
        key = f" {self.key}:" if self.key else ""
        return f"{place}:{key}{found} {self.allowed}"


@dataclass
class RulesInvalid(ModerationError):
    """The rules file cannot take effect. All problems are listed; the rules that ran before keep running."""

    name: str
    problems: list[RulesProblem]

    def __str__(self) -> str:
        return "\n".join(problem.sentence(self.name) for problem in self.problems)


@dataclass
class KeysInvalid(ModerationError):
    """The key file is weak, short, an example, readable by others, or lacks a purpose. `why` is a sentence."""

    why: str

    def __str__(self) -> str:
        return self.why
