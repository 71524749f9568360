"""The second step of signing in: ask for a code, set it up, recovery codes, take it off again.

A code works once, also for two who send it at the same moment; guessing has delays of its own, which a right password
does not forgive. All of it stands in the journal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from moderation import sessions, totp
from moderation.edges import factors, journal, people
from moderation.edges.factors import Factor
from moderation.edges.people import Person, fingerprint
from moderation.edges.schema import Tx
from moderation.edges.vault import Unreadable
from moderation.errors import FieldProblem, Forbidden, Invalid, NotSignedIn, SignInRefused
from moderation.runtime import Runtime
from moderation.values import Moderator

NEEDED = "second-step"
"""Named by Forbidden where the role may not be without."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """What an authenticator app needs: the key as text, and as a picture (an SVG element)."""

    seed: str = field(repr=False)
    picture: str = field(repr=False)


def confirm(rt: Runtime, secret: str, code: str, address: str, device: str | None = None) -> tuple[str, Moderator]:
    """Do the second step of this session with a code of the app or a recovery code: the new session's secret and who
    it is for. Raises NotSignedIn, SignInRefused."""
    session, now = sessions.alive(rt, secret), rt.now()
    person = session.person
    if not session.has_factor:
        raise NotSignedIn
    is_known = sessions.check_rates(rt, address, device if sessions.is_mark_of(rt, person, device) else None)
    with rt.store.writing() as tx:
        may_try = is_known or _claim_try(tx, person, now)
        factor = factors.get(tx, person.id) if may_try else None
        how = _use(rt, tx, person.id, factor, code, now) if factor else None
        if how:
            factors.forgive(tx, person.id)
            people.end_session(tx, fingerprint(secret))
            return sessions.begin(rt, tx, person, now, "second-step", how, confirmed_at=now)
    raise SignInRefused


def _claim_try(tx: Tx, person: Person, now: datetime) -> bool:
    failures = factors.claim_try(tx, person.id, now, sessions.LONGEST_DELAY)
    if failures is None:
        return False
    if wait := sessions.delay(failures):
        factors.wait_until(tx, person.id, now + wait)
    if sessions.is_told(failures):
        told = f"{failures} in a row"
        journal.write(tx, [sessions.entry(now, person.name, person.role, "second-step-failed", person.id, told)])
    return True


def _use(rt: Runtime, tx: Tx, person_id: int, factor: Factor, code: str, now: datetime) -> str | None:
    """Use the code up; in words what it was, or None for a wrong one and one that was used."""
    if factors.use_code(tx, person_id, fingerprint(totp.plain(code))):
        return f"recovery code, {factor.codes - 1} left"
    try:
        step = totp.step_of(rt.vault.open_seed(factor.seed, person_id), code, now)
    except Unreadable:
        return None
    return "app" if step is not None and factors.use_step(tx, person_id, step) else None


def factor_of(rt: Runtime, who: Moderator) -> Factor | None:
    """One's own."""
    with rt.store.reading() as tx:
        return factors.get(tx, who.id)


def offer(rt: Runtime, who: Moderator) -> SetUp:
    """A key to set up, the same for a session however often it is looked at. Nothing is stored before it is proved."""
    seed = _seed(rt, who)
    host = urlsplit(rt.env.public_url).hostname or ""
    return SetUp(seed, totp.picture(totp.address(seed, who.name, host)))


def set_up(rt: Runtime, who: Moderator, code: str) -> tuple[str, list[str]]:
    """Take the offered key into use, proved by its first code: the new session's secret and the recovery codes, which
    are seen this once. Other sessions end. Raises Invalid."""
    now, seed = rt.now(), _seed(rt, who)
    step = totp.step_of(seed, code, now)
    if step is None:
        raise Invalid([FieldProblem("/code", "wrong-code")])
    codes = totp.recovery_codes(rt.random)
    with rt.store.writing() as tx:
        person = _person(tx, who)
        factors.put(tx, person.id, rt.vault.seal_seed(seed, person.id), step, now)
        factors.put_codes(tx, person.id, [fingerprint(totp.plain(each)) for each in codes])
        people.end_sessions(tx, person.id)
        fresh, _ = sessions.begin(rt, tx, person, now, "second-step-set-up", confirmed_at=now)
    return fresh, codes


def renew_codes(rt: Runtime, who: Moderator) -> list[str]:
    """New recovery codes; the former ones stop working. Raises Invalid where there is no second step."""
    codes = totp.recovery_codes(rt.random)
    with rt.store.writing() as tx:
        if factors.get(tx, who.id) is None:
            raise Invalid([FieldProblem("/code", "no-second-step")])
        factors.put_codes(tx, who.id, [fingerprint(totp.plain(each)) for each in codes])
        journal.write(tx, [sessions.entry(rt.now(), who.name, who.role, "recovery-codes-renewed", who.id)])
    return codes


def take_off(rt: Runtime, who: Moderator) -> None:
    """Go without a second step, where the role may. Raises Forbidden."""
    with rt.store.writing() as tx:
        person = _person(tx, who)
        if sessions.needs_factor(rt, person.role):
            raise Forbidden(NEEDED)
        if factors.drop(tx, person.id):
            journal.write(tx, [sessions.entry(rt.now(), who.name, who.role, "second-step-off", person.id)])


def is_needed(rt: Runtime, who: Moderator) -> bool:
    """Whether one's role may not be without."""
    with rt.store.reading() as tx:
        return sessions.needs_factor(rt, _person(tx, who).role)


def _person(tx: Tx, who: Moderator) -> Person:
    person = people.get(tx, who.id)
    if person is None:
        raise NotSignedIn
    return person


def _seed(rt: Runtime, who: Moderator) -> str:
    return totp.seed_of(rt.vault.derive("totp", "seed", str(who.id), who.session or ""))
