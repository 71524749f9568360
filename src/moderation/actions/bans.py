"""Ban the sender of comments on a site, or have all of theirs wait for a moderator; lift it again. The sender learns
nothing of it: their comments are taken in as ever, and the judge finds the ban (`judge.checks.ban`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from moderation.edges import bans, journal
from moderation.edges.bans import Kept, NewBan, Sender
from moderation.edges.schema import Tx
from moderation.edges.vault import Unreadable, mask
from moderation.errors import FieldProblem, Forbidden, Invalid, NotFound
from moderation.rates import coarse, household, mailbox, named_network
from moderation.runtime import Runtime
from moderation.text.redact import holds_address
from moderation.values import Ban, Effect, Moderator, Right, Whom

LONGEST = 150
"""Characters of a reason."""
ACTIONS = {Effect.REJECT: "ban", Effect.HOLD: "pre-moderate"}
"""What a ban is called in the record, by its effect."""


@dataclass(frozen=True, slots=True, repr=False)
class Wish:
    """A ban as somebody wants it: on the sender of a comment, as `whom`, and as each of `also`; or where no comment is
    named, on `email` (in its normal form) or `network`. Its repr shows no address."""

    effect: Effect
    reason: str
    until: datetime | None
    whom: Whom = Whom.AUTHOR
    also: tuple[Whom, ...] = ()
    comment_id: str | None = None
    email: str | None = None
    network: str | None = None


def make(rt: Runtime, who: Moderator, site: str | None, wish: Wish, request_id: str) -> Kept:
    """In place of a former one on the same sender. The first of them where it is on several things that tell the
    sender. `site` may be None where a comment is named. Raises Forbidden, NotFound (site, comment), Invalid."""
    if not who.may(Right.BAN, site):
        raise Forbidden(Right.BAN.value)
    if site is not None and site not in rt.rules.sites:
        raise NotFound("site")
    now = rt.now()
    reason = _reason(wish, now)
    made = []
    with rt.store.writing() as tx:
        for whom in dict.fromkeys((wish.whom, *wish.also)):
            ban_id = rt.new_id()
            if wish.comment_id:
                target = _of_comment(rt, tx, who, site, wish.comment_id, whom, ban_id)
            else:
                target = _named(rt, site, wish, ban_id)
            new = NewBan(
                Ban(ban_id, target.whom, wish.effect, reason), target.site, target.keys, target.shown,
                target.known_at or now, who.name, now, wish.until, target.network, target.email_sealed, wish.comment_id,
            )  # fmt: skip
            former = bans.put(tx, new)
            journal.write(tx, [_entry(who, ACTIONS[wish.effect], new, former, request_id)])
            made.append(new)
    first = made[0]
    return Kept(first.ban, first.site, first.shown, first.comment_id, first.made_by, now, first.until)


def lift(rt: Runtime, who: Moderator, ban_id: str, request_id: str, site: str | None = None) -> Kept:
    """The one that was lifted. Raises Forbidden, NotFound."""
    if not who.may(Right.BAN):
        raise Forbidden(Right.BAN.value)
    with rt.store.writing() as tx:
        found = bans.find(tx, ban_id, rt.now())
        if found is None or not who.may(Right.BAN, found.site) or site not in (None, found.site):
            raise NotFound("ban")
        bans.lift(tx, ban_id)
        told = {"site": found.site, "target": _target(found.comment_id, ban_id), "before": ban_id}
        entry = journal.Entry(rt.now(), who.name, who.role, "ban-lifted", **told, request_id=request_id)
        journal.write(tx, [entry])
    return found


@dataclass(frozen=True, slots=True)
class _Target:
    site: str
    whom: Whom
    keys: list[bytes]
    shown: str
    network: str = ""
    email_sealed: str | None = None
    known_at: datetime | None = None


def _of_comment(
    rt: Runtime, tx: Tx, who: Moderator, site: str | None, comment_id: str, whom: Whom, ban_id: str
) -> _Target:
    sender = bans.sender_of(tx, comment_id)
    if sender is None or not who.may(Right.BAN, sender.site) or site not in (None, sender.site):
        raise NotFound("comment")
    if whom is Whom.AUTHOR and sender.author_id:
        return _Target(sender.site, Whom.AUTHOR, [sender.author_id], "")
    if whom in (Whom.AUTHOR, Whom.EMAIL):
        return _author(rt, sender.site, _email_of(rt, sender, comment_id), ban_id)
    if sender.address_hash is None or sender.address_prefix is None:
        raise Invalid([FieldProblem("/whom", "address-gone")])
    if whom is Whom.ADDRESS:
        shown, keys = sender.address_prefix, [sender.address_hash]
        return _Target(sender.site, Whom.ADDRESS, keys, shown, known_at=sender.created_at)
    return _Target(sender.site, Whom.NETWORK, [bans.network_key(sender.address_prefix)], sender.address_prefix)


def _email_of(rt: Runtime, sender: Sender, comment_id: str) -> str:
    if sender.email_sealed is None:
        raise Invalid([FieldProblem("/whom", "no-email")])
    try:
        return rt.vault.open(sender.email_sealed, comment_id)
    except Unreadable:
        raise Invalid([FieldProblem("/whom", "email-unreadable")]) from None


def _named(rt: Runtime, site: str | None, wish: Wish, ban_id: str) -> _Target:
    if site is None:
        raise NotFound("site")
    if wish.email is not None:
        return _author(rt, site, wish.email, ban_id)
    network = named_network(wish.network or "")
    if network is None:
        raise Invalid([FieldProblem("/network", "network")])
    around = coarse(network.partition("/")[0])
    if network == household(network.partition("/")[0]):
        return _Target(site, Whom.ADDRESS, bans.address_keys(rt.vault, network), around)
    narrower = "" if network == around else network
    return _Target(site, Whom.NETWORK, [bans.network_key(around)], network, narrower)


def _author(rt: Runtime, site: str, email: str, ban_id: str) -> _Target:
    email = mailbox(email)
    sealed = rt.vault.seal(email, ban_id)
    return _Target(site, Whom.AUTHOR, bans.author_keys(rt.vault, email), mask(email), email_sealed=sealed)


def _reason(wish: Wish, now: datetime) -> str:
    """One line that stands in the record for good, so it holds no e-mail address. Raises Invalid, also for an end that
    has come."""
    reason = " ".join(wish.reason.split())
    problems = []
    if not reason:
        problems.append(FieldProblem("/reason", "required"))
    elif len(reason) > LONGEST:
        problems.append(FieldProblem("/reason", "too-long", {"most": LONGEST, "length": len(reason)}))
    elif not reason.isprintable() or holds_address(reason):
        problems.append(FieldProblem("/reason", "reveal-reason"))
    if wish.until is not None and wish.until <= now:
        problems.append(FieldProblem("/until", "past"))
    if problems:
        raise Invalid(problems)
    return reason


def _entry(who: Moderator, action: str, new: NewBan, former: str | None, request_id: str) -> journal.Entry:
    target, reason = _target(new.comment_id, new.ban.id), new.ban.reason
    return journal.Entry(
        new.made_at, who.name, who.role, action, new.site, target, former, new.ban.id, reason, request_id
    )


def _target(comment_id: str | None, ban_id: str) -> str:
    """What the row stands under: the comment from whose card it was made."""
    return comment_id or f"ban:{ban_id}"
