"""What authors may do about their own comment: look at how it stands, write it anew for a while, take it back, ask once
for a second look at a rejection. They come by a receipt (`moderation.receipts`), without an account.

Nothing here hands out a text: what was not approved is at no address, and the author's own copy is in their browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from moderation.actions import again, external
from moderation.buckets import buckets, cost
from moderation.edges import authors, bans, external_checks, journal, own, queries
from moderation.edges.limits import too_fast
from moderation.edges.own import Own, Rewritten
from moderation.edges.schema import Tx
from moderation.edges.vault import Unreadable
from moderation.errors import Closed, NotFound, Outdated, Settled
from moderation.judge.cases import recall, remember
from moderation.judge.pipeline import judge_reading, language_told
from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules
from moderation.rates import Answer, Bucket, Question
from moderation.receipts import comment_of
from moderation.runtime import Runtime
from moderation.text.markup import render
from moderation.text.redact import without_contacts
from moderation.text.signals import seen_keys
from moderation.values import APPEAL, Article, Case, Effect, Finding, Status

APPEAL_MOST = 500
"""Characters with which an author asks for a second look."""

Told = Literal["pending", "approved", "rejected"]


@dataclass(frozen=True, slots=True)
class State:
    """How a comment stands, as its author is told. `reason` is the label of the site's reason for a rejection, where
    the site tells it. `edit_until` is None where it can no longer be written anew. `appealed`: its author has asked for
    a second look."""

    id: str
    site: str
    article: Article
    status: Told
    version: int
    reason: str | None
    edit_until: datetime | None
    can_appeal: bool
    appealed: bool


def look(rt: Runtime, receipt: str, *, site: str | None = None) -> State:
    """Raises NotFound: for no receipt of ours, one of another site than `site`, or a comment that is gone."""
    found, rules = _find(rt, receipt, site)
    return _state(rt, found, rules)


def edit(rt: Runtime, receipt: str, version: int, body: str, address: str, request_id: str) -> State:
    """Judge the new text from the start, and hold it. `body` has been validated. Raises NotFound, Settled, Closed,
    TooFast, and Outdated where `version` is no longer the one that stands."""
    found, rules = _find(rt, receipt, None)
    state, now = _state(rt, found, rules), rt.now()
    if state.version != version:
        raise _outdated(state)
    if state.edit_until is None:
        raise Settled("decided" if state.status == "rejected" else "edit")
    if rules.settings.closed or (why := found.article.closed_why(rules.settings.close_after_days, now)):
        raise Closed("site" if rules.settings.closed else str(why))
    asked = Question(found.site, _buckets(rt, rules, body, address, now), seen_keys(body))
    (answer,) = rt.limits.check([asked])
    if not answer.allowed:
        raise too_fast(answer)
    case = _case(rt, found, body, address, answer, now)
    reading = Reading(case)
    case, verdict = external.waiting(case, judge_reading(reading, rules), rules)
    new = Rewritten(
        body=body,
        html=render(body, verdict.masks),
        status=Status.PENDING if verdict.status is Status.APPROVED else verdict.status,
        verdict=verdict,
        language=language_told(reading, rules),
        facts=remember(case),
        at=now,
    )
    with rt.store.writing() as tx:
        if not own.rewrite(tx, found, new, rt.store.shard):
            stands = own.find(tx, found.id)
            raise _outdated(_state(rt, stands, rules)) if stands else NotFound("own-comment")
        external_checks.drop(tx, found.id)
        if case.opinion:
            external_checks.ask(tx, [external.new(rt, rules, found.id, address, now, found.version + 1)])
        after = new.status.value
        journal.write(tx, [_entry(found, "edited", after, now, request_id)])
        journal.post(tx, [journal.Letter(now, found.site, "comment.edited", found.id, after, found.version + 1)])
    changed = replace(found, status=new.status, version=found.version + 1, decided_by=None, reason=None)
    return _state(rt, changed, rules)


def withdraw(rt: Runtime, receipt: str, request_id: str) -> None:
    """Take the comment back, whatever a moderator is doing with it or has decided. Raises NotFound."""
    comment_id, now = comment_of(rt, receipt), rt.now()
    with rt.store.writing() as tx:
        found = own.find(tx, comment_id, lock=True)
        if found is None or found.site not in rt.rules.sites:
            raise NotFound("own-comment")
        own.withdraw(tx, found, now, rt.store.shard)
        journal.write(tx, [_entry(found, "withdrawn", None, now, request_id)])
        journal.post(tx, [journal.Letter(now, found.site, "comment.withdrawn", found.id, "gone", found.version + 1)])


def appeal(rt: Runtime, receipt: str, version: int, words: str, address: str, request_id: str) -> State:
    """Have a moderator look once more at what was rejected, for `words`, which have been validated and are kept without
    contact data, with the comment. Never decided by rules. Raises NotFound, Settled, TooFast, and Outdated where
    `version` is no longer the one that stands."""
    found, rules = _find(rt, receipt, None)
    state, now = _state(rt, found, rules), rt.now()
    if state.version != version:
        raise _outdated(state)
    if not state.can_appeal:
        raise Settled("appeal")
    (answer,) = rt.limits.check([Question(found.site, _buckets(rt, rules, words, address, now))])
    if not answer.allowed:
        raise too_fast(answer)
    code = "appeal-person" if found.decided_by else "appeal"
    told = {"words": without_contacts(words, APPEAL_MOST)} | ({"by": found.decided_by} if found.decided_by else {})
    with rt.store.writing() as tx:
        seen = queries.standing(tx, found.id, lock=True)
        if seen is None:
            raise NotFound("own-comment")
        entry = _entry(found, "appealed", Status.PENDING.value, now, request_id)
        stands = replace(seen, version=found.version, status=found.status)
        if not again.back_to_pending(rt, tx, stands, Finding(APPEAL, Effect.HOLD, code, data=told), entry):
            raise _outdated(_state(rt, own.find(tx, found.id) or found, rules))
    return look(rt, receipt)


def _find(rt: Runtime, receipt: str, site: str | None) -> tuple[Own, SiteRules]:
    comment_id = comment_of(rt, receipt)
    with rt.store.reading() as connection:
        found = own.find(connection, comment_id)
    rules = rt.rules.sites.get(found.site) if found else None
    if found is None or rules is None or site not in (None, found.site):
        raise NotFound("own-comment")
    return found, rules


def _state(rt: Runtime, found: Own, rules: SiteRules) -> State:
    """What the author is told. A refusal by rules alone counts as waiting for a while, so that nobody can try out by
    receipts what the rules let pass."""
    settings, now = rules.settings.receipt, rt.now()
    refused = found.status in (Status.REJECTED, Status.SPAM)
    quiet = found.decided_by is None and now < found.created_at + timedelta(minutes=settings.quiet_minutes)
    status: Told = "approved" if found.status is Status.APPROVED else "rejected" if refused and not quiet else "pending"
    until = found.created_at + timedelta(minutes=settings.edit_minutes)
    appeal_until = (found.decided_at or found.created_at) + timedelta(days=settings.appeal_days)
    return State(
        id=found.id,
        site=found.site,
        article=found.article,
        status=status,
        version=found.version,
        reason=_reason(found, rules) if status == "rejected" else None,
        edit_until=until if status != "rejected" and not found.appealed and now < until else None,
        can_appeal=status == "rejected" and not found.appealed and now < appeal_until,
        appealed=found.appealed,
    )


def _reason(found: Own, rules: SiteRules) -> str | None:
    if not rules.settings.receipt.tell_reasons:
        return None
    language = rules.settings.language  # a receipt's address does not name the site, so nobody has spoken yet
    return next((each.said_in(language) for each in rules.settings.reasons if each.code == found.reason), None)


def _buckets(rt: Runtime, rules: SiteRules, text: str, address: str, now: datetime) -> tuple[Bucket, ...]:
    """The limits of the address: what an author writes here costs what a comment costs."""
    return buckets(rt.vault, rules, now.date(), address=address, cost=cost(rules, text))


def _case(rt: Runtime, found: Own, body: str, address: str, answer: Answer, now: datetime) -> Case:
    """The comment's case with the new text, and what is known of its author and article by now."""
    case = recall(
        found.facts or _UNKNOWN,
        site=found.site,
        body=body,
        author_name=found.author_name,
        author_url=found.author_url,
        verified=found.verified,
        is_reply=found.is_reply,
        at=now,
    )
    limited = replace(
        case.limited,
        available=answer.source == "redis",
        seen=max(answer.seen[:1], default=0),
        near=max(answer.seen[1:], default=0),
    )
    record = case.record
    with rt.store.reading() as connection:
        if found.author:
            record = queries.records(connection, found.site, {found.author}).get(found.author, record)
        author, email = found.author if found.verified else None, _email(rt, connection, found.id)
        keys = bans.keys_of(rt.vault, address, email=email, author=author)
        if email:
            typed = {*rt.vault.indexes(email.lower()), *bans.author_keys(rt.vault, email)}
            keys += authors.by_mail(connection, found.site, typed).values()
        in_force = bans.in_force(connection, keys, now)
        banned = bans.on(in_force, found.site, keys, address, proved=found.verified, author=author)
    return replace(case, limited=limited, record=record, bans=banned, opinion=None)


def _email(rt: Runtime, tx: Tx, comment_id: str) -> str | None:
    """None where no key opens it any more."""
    sealed = queries.sealed_email(tx, comment_id)
    try:
        return rt.vault.open(sealed.email, comment_id) if sealed else None
    except Unreadable:
        return None


_UNKNOWN: Mapping[str, Any] = {
    "closed": None,
    "has_email": False,
    "disposable_email": False,
    "record": [0, 0, 0, 0, None],
    "limited": [True, False, 0, 0],
    "article": ["", 0, None, []],
}
"""The facts of comments that came before facts were kept."""


def _outdated(state: State) -> Outdated:
    return Outdated(state.id, state.status, state.version, None, None)


def _entry(found: Own, action: str, after: str | None, now: datetime, request_id: str) -> journal.Entry:
    return journal.Entry(
        now, "author", "author", action, found.site, found.id, found.status.value, after, None, request_id
    )
