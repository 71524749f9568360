"""People and tokens: sign in and out, set passwords, make and change accounts and tokens. All of it stands in the
journal. How passwords are checked is `passwords`; cookies are the door's.

Sessions, tokens and delays follow OWASP ASVS 5.0, sections 6 to 8: delays instead of locks, so that nobody can lock a
moderator out.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain, count
from math import ceil

from moderation import passwords
from moderation.edges import journal, people
from moderation.edges.people import Person, Token, fingerprint
from moderation.edges.schema import Tx
from moderation.errors import FieldProblem, Forbidden, Invalid, NotFound, NotSignedIn, SignInRefused
from moderation.rates import Bucket, Question, Window, address_prefixes
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Moderator, Right, Role

LINK_LASTS = timedelta(hours=24)
SEEN_EVERY = timedelta(minutes=1)
"""How often a session or token writes down that it was used. Idle time is known to this."""

DELAYS = (0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900)
"""Seconds to wait after that many wrong passwords in a row; the last for all further ones."""

PER_NETWORK = Window("sign-in", 20, 60, 20)
PER_DEVICE = Window("sign-in-device", 10, 3600, 10)
OVERALL = Window("sign-in-all", 300, 60, 25)
"""Tries of one address (IPv6: /64), of one known device, and of all unknown ones together (5 a second)."""

DEVICE_LASTS = timedelta(days=180)

SERVICE = Moderator(0, "service", frozenset(Right), None, "service")
"""Who acts where nobody does."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its owner may see it: `id` is the start of its hash, which opens nothing."""

    id: str
    begun_at: datetime
    seen_at: datetime
    is_current: bool


def sign_in(
    rt: Runtime, name: str, password: str, address: str, device: str | None = None, replaces: str | None = None
) -> tuple[str, Moderator]:
    """The new session's secret and who it is for. Raises SignInRefused, Unavailable.

    A wrong name, a wrong password and a try too early cost the same work and get the same answer; `retry_after` is
    only ever told for the address. `device` is what `device_mark` gave this browser before: it skips the account's
    delay. `replaces` is the secret of a session that ends with this.
    """
    now = rt.now()
    with rt.store.reading() as connection:
        person = people.find(connection, name)
    is_known = _check_rates(rt, address, device if _is_mark_of(rt, person, device) else None)
    may_try = is_known or _claim_try(rt, person, now)
    is_right = passwords.is_right(person.password if person else None, password)
    if person is None or person.password is None or person.disabled or not (may_try and is_right):
        raise SignInRefused
    renewed = passwords.hashed(password) if passwords.is_outdated(person.password) else None
    with rt.store.writing() as tx:
        if renewed:
            people.set_password(tx, person.id, renewed)
        people.forgive(tx, person.id)
        if replaces:
            people.end_session(tx, fingerprint(replaces))
        told = f"after {person.failures} failed" if person.failures else None
        return _begin_session(rt, tx, person, now, "sign-in", told)


def _check_rates(rt: Runtime, address: str, device: str | None) -> bool:
    """Whether this device may skip the account's delay. Raises SignInRefused when too many tries come in."""
    today = rt.now().date()

    def bucket(window: Window, key: str, soft: bool = False) -> Bucket:
        return Bucket(window.name, rt.vault.limit_key(window.name, key, day=today), window, visible=False, soft=soft)

    network = bucket(PER_NETWORK, address_prefixes(address)[0])
    other = bucket(PER_DEVICE, device, soft=True) if device else bucket(OVERALL, "")
    (answer,) = rt.limits.check([Question("desk", (network, other))])
    if not answer.allowed:
        raise SignInRefused(max(1, ceil(answer.retry_after)))
    return device is not None and answer.buckets[1].allowed


def _claim_try(rt: Runtime, person: Person | None, now: datetime) -> bool:
    """Whether the account's delay is over. The try counts as failed until the password proves right."""
    if person is None:
        return False
    with rt.store.writing() as tx:
        failures = people.claim_try(tx, person.id, now)
        if failures is None:
            return False
        delay = DELAYS[min(failures, len(DELAYS) - 1)]
        if delay:
            people.wait_until(tx, person.id, now + timedelta(seconds=delay))
        if failures > 2 and failures.bit_count() == 1:  # 4, 8, 16, …: the journal stays short
            told = f"{failures} in a row"
            journal.write(tx, [_entry(now, person.name, person.role, "sign-in-failed", person.id, told)])
    return True


def _begin_session(
    rt: Runtime, tx: Tx, person: Person, now: datetime, action: str, told: str | None = None
) -> tuple[str, Moderator]:
    secret = _secret(rt)
    people.open_session(tx, fingerprint(secret), person.id, now)
    journal.write(tx, [_entry(now, person.name, person.role, action, person.id, told)])
    return secret, _moderator(person, secret)


def device_mark(rt: Runtime, who: Moderator) -> str:
    """What a browser keeps to show that this person has signed in on it. Worth nothing after a new password."""
    with rt.store.reading() as connection:
        person = people.get(connection, who.id)
    today = rt.now().date().isoformat()
    return f"{today}.{rt.vault.sign('links', *_marked(person, today))}"


def _is_mark_of(rt: Runtime, person: Person | None, mark: str | None) -> bool:
    if person is None or mark is None:
        return False
    day, _, signature = mark.partition(".")
    if not rt.vault.check(signature, "links", *_marked(person, day)):
        return False
    return rt.now().date() - date.fromisoformat(day) <= DEVICE_LASTS


def _marked(person: Person | None, day: str) -> tuple[str, ...]:
    return ("device", day, str(person.id), person.password or "") if person else ("device", day)


def moderator_of_session(rt: Runtime, secret: str) -> Moderator:
    """Who this session belongs to, with the rights of this moment. Raises NotSignedIn when it is over."""
    now, token = rt.now(), fingerprint(secret)
    with rt.store.reading() as connection:
        session = people.session(connection, token)
    if session is None or session.person.disabled:
        raise NotSignedIn
    idle = timedelta(minutes=rt.env.session_idle_minutes)
    whole = timedelta(hours=rt.env.session_hours)
    if now - session.seen_at > idle or now - session.created_at > whole:
        with rt.store.writing() as tx:
            people.end_session(tx, token)
        raise NotSignedIn
    if now - session.seen_at > SEEN_EVERY:
        with rt.store.writing() as tx:
            people.see_session(tx, token, now)
    return _moderator(session.person, secret)


def sign_out(rt: Runtime, who: Moderator, secret: str) -> None:
    with rt.store.writing() as tx:
        people.end_session(tx, fingerprint(secret))
        journal.write(tx, [_entry(rt.now(), who.name, who.role, "sign-out", who.id)])


def list_sessions(rt: Runtime, who: Moderator) -> list[OpenSession]:
    """One's own."""
    with rt.store.reading() as connection:
        rows = people.sessions_of(connection, who.id)
    return [OpenSession(token.hex()[:16], begun, seen, token.hex() == who.session) for token, begun, seen in rows]


def end_sessions(rt: Runtime, who: Moderator, name: str | None = None) -> int:
    """End all of one's own sessions, or with the right to manage people somebody else's. How many there were."""
    with rt.store.writing() as tx:
        person = _managed(tx, who, name) if name is not None else people.get(tx, who.id)
        if person is None:
            raise NotFound("person")
        count = people.end_sessions(tx, person.id)
        journal.write(tx, [_entry(rt.now(), who.name, who.role, "sessions-ended", person.id, str(count))])
        return count


def moderator_of_token(rt: Runtime, bearer: str) -> Moderator:
    """Who acts by this token, `cm_live_<id>_<secret>`. Raises NotSignedIn."""
    parts = bearer.split("_", 3)
    if len(parts) != 4 or parts[:2] != ["cm", "live"] or not (parts[2].isascii() and parts[2].isalnum()):
        raise NotSignedIn
    now = rt.now()
    with rt.store.reading() as connection:
        token = people.token(connection, parts[2])
    known = token.secret if token else bytes(32)
    if not hmac.compare_digest(known, fingerprint(parts[3])) or token is None:
        raise NotSignedIn
    if token.expires_at and token.expires_at <= now:
        raise NotSignedIn
    if token.used_at is None or now - token.used_at > SEEN_EVERY:
        with rt.store.writing() as tx:
            people.use_token(tx, token.id, now)
    sites = frozenset(token.sites) if token.sites is not None else None
    return Moderator(0, token.name, frozenset(token.scopes), sites, "token")


def create_token(
    rt: Runtime,
    who: Moderator,
    name: str,
    scopes: Sequence[Right],
    sites: Sequence[str] | None,
    expires_at: datetime | None,
) -> str:
    """A new token; this is the only time it is seen. Raises Forbidden, Invalid."""
    name = _checked_name(name)
    _check_sites(rt, sites)
    _check_gift(who, scopes, sites)
    token_id = rt.random(6).hex()
    secret, now = _secret(rt), rt.now()
    fixed = tuple(sites) if sites is not None else None
    token = Token(token_id, fingerprint(secret), name, tuple(scopes), fixed, expires_at, None)
    with rt.store.writing() as tx:
        people.add_token(tx, token, now)
        told = " ".join(scope.value for scope in scopes)
        journal.write(tx, [_entry(now, who.name, who.role, "token-created", f"token:{token_id}", told)])
    return f"cm_live_{token_id}_{secret}"


def list_tokens(rt: Runtime) -> list[Token]:
    with rt.store.reading() as connection:
        return people.every_token(connection)


def end_token(rt: Runtime, who: Moderator, token_id: str) -> None:
    """A token stops working. Raises Forbidden, NotFound."""
    with rt.store.writing() as tx:
        token = people.token(tx, token_id)
        if token is None:
            raise NotFound("token")
        _check_gift(who, token.scopes, token.sites)
        people.drop_token(tx, token_id)
        journal.write(tx, [_entry(rt.now(), who.name, who.role, "token-ended", f"token:{token_id}")])


def create_person(
    rt: Runtime, who: Moderator, name: str, role: Role, sites: Sequence[str] | None, password: str | None
) -> str | None:
    """Add somebody. Without a password: the secret of the one-time link that sets it. Raises Forbidden, Invalid."""
    name = _checked_name(name)
    _check_sites(rt, sites)
    _check_gift(who, RIGHTS[role], sites)
    stored = _hashed(password) if password is not None else None
    now = rt.now()
    with rt.store.writing() as tx:
        if people.find(tx, name):
            raise Invalid([FieldProblem("/name", "taken")])
        person_id = people.add(tx, name, role, sites, stored, now)
        journal.write(tx, [_entry(now, who.name, who.role, "person-created", person_id, role.value)])
        return None if stored else _link(rt, tx, who, person_id, now)


def change_person(
    rt: Runtime, who: Moderator, name: str, *, role: Role | None = None, disabled: bool | None = None
) -> None:
    """Change somebody's role, or switch them off and on. Their sessions end. Raises Forbidden, NotFound."""
    now = rt.now()
    with rt.store.writing() as tx:
        person = _managed(tx, who, name)
        new = role or person.role
        _check_gift(who, RIGHTS[new], person.sites)
        is_off = person.disabled if disabled is None else disabled
        people.change(tx, person.id, new, person.sites, is_off)
        people.end_sessions(tx, person.id)
        told = f"{new.value}, {'disabled' if is_off else 'enabled'}"
        journal.write(tx, [_entry(now, who.name, who.role, "person-changed", person.id, told)])


def list_people(rt: Runtime) -> list[Person]:
    with rt.store.reading() as connection:
        return people.everyone(connection)


def new_link(rt: Runtime, who: Moderator, name: str) -> str:
    """The secret of a one-time link for somebody who forgot their password. Raises Forbidden, NotFound."""
    with rt.store.writing() as tx:
        return _link(rt, tx, who, _managed(tx, who, name).id, rt.now())


def first_admin_link(rt: Runtime) -> str | None:
    """The secret of a link that sets the first admin's password; None once there is an admin who has one."""
    now = rt.now()
    with rt.store.writing() as tx:
        if people.has_admin(tx):
            return None
        able = (person.id for person in people.everyone(tx) if person.role is Role.ADMIN and not person.disabled)
        person_id = next(able, None) or people.add(tx, _free_name(tx, "admin"), Role.ADMIN, None, None, now)
        return _link(rt, tx, SERVICE, person_id, now)


def person_of_link(rt: Runtime, secret: str) -> str | None:
    """The name of whom a one-time link is for, or None when it does not work any more. Changes nothing."""
    with rt.store.reading() as connection:
        person = people.link(connection, fingerprint(secret), "password", rt.now())
    return person.name if person else None


def set_password(rt: Runtime, secret: str, password: str) -> tuple[str, Moderator]:
    """Set the password by a one-time link and sign in: the new session's secret and who it is for. Older sessions end.

    Raises NotFound (the link is used up), Invalid (the password), Unavailable.
    """
    if person_of_link(rt, secret) is None:
        raise NotFound("link")
    stored, now = _hashed(password), rt.now()
    with rt.store.writing() as tx:
        person = people.link(tx, fingerprint(secret), "password", now)
        if person is None or not people.use_link(tx, fingerprint(secret)):
            raise NotFound("link")
        people.set_password(tx, person.id, stored)
        people.forgive(tx, person.id)
        people.end_sessions(tx, person.id)
        return _begin_session(rt, tx, person, now, "password-set")


def _link(rt: Runtime, tx: Tx, who: Moderator, person_id: int, now: datetime) -> str:
    secret = _secret(rt)
    people.add_link(tx, fingerprint(secret), "password", person_id, now + LINK_LASTS)
    journal.write(tx, [_entry(now, who.name, who.role, "link-created", person_id)])
    return secret


def _free_name(tx: Tx, wish: str) -> str:
    names = chain([wish], (f"{wish}{number}" for number in count(2)))
    return next(name for name in names if not people.find(tx, name))


def _hashed(password: str) -> str:
    problem = passwords.problem(password)
    if problem:
        raise Invalid([problem])
    return passwords.hashed(password)


def _moderator(person: Person, secret: str) -> Moderator:
    sites = frozenset(person.sites) if person.sites is not None else None
    return Moderator(person.id, person.name, RIGHTS[person.role], sites, person.role.value, fingerprint(secret).hex())


def _entry(
    now: datetime, actor: str, role: str, action: str, target: int | str, told: str | None = None
) -> journal.Entry:
    target = f"person:{target}" if isinstance(target, int) else target
    return journal.Entry(now, actor, str(role), action, target=target, reason=told)


def _checked_name(name: str) -> str:
    """It stands in the journal, so it is one visible line and no e-mail address. Raises Invalid."""
    name = name.strip()
    if not 1 <= len(name) <= 80 or not name.isprintable() or "@" in name:
        raise Invalid([FieldProblem("/name", "person-name")])
    return name


def _check_sites(rt: Runtime, sites: Sequence[str] | None) -> None:
    if any(site not in rt.rules.sites for site in sites or ()):
        raise Invalid([FieldProblem("/sites", "choice")])


def _managed(tx: Tx, who: Moderator, name: str) -> Person:
    """Somebody whom `who` may change. Raises Forbidden, NotFound."""
    if not who.may(Right.MANAGE_PEOPLE):
        raise Forbidden(Right.MANAGE_PEOPLE.value)
    person = people.find(tx, name)
    if person is None:
        raise NotFound("person")
    _check_gift(who, RIGHTS[person.role], person.sites)
    return person


def _check_gift(who: Moderator, rights: Collection[Right], sites: Collection[str] | None) -> None:
    """Nobody gives or takes away what they do not have themselves. Raises Forbidden."""
    has_sites = who.sites is None or (sites is not None and who.sites.issuperset(sites))
    if not who.may(Right.MANAGE_PEOPLE) or not who.rights.issuperset(rights) or not has_sites:
        raise Forbidden(Right.MANAGE_PEOPLE.value)


def _secret(rt: Runtime) -> str:
    """256 bits as text."""
    return base64.urlsafe_b64encode(rt.random(32)).rstrip(b"=").decode()
