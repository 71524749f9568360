"""People and tokens: sign in and out, set passwords, make and change accounts and tokens. All of it stands in the
journal. How passwords are checked is `passwords`; cookies are the door's.

Sessions, tokens and delays follow OWASP ASVS 5.0, sections 6 to 8: delays instead of locks, so that nobody can lock a
moderator out.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain, count
from typing import Any, Literal

from moderation import passwords, sessions
from moderation.edges import factors, journal, people
from moderation.edges.people import Person, Token, fingerprint
from moderation.edges.schema import Tx
from moderation.errors import FieldProblem, Forbidden, Invalid, NotFound, NotSignedIn, SignInRefused
from moderation.runtime import Runtime
from moderation.sessions import entry, new_secret
from moderation.values import RIGHTS, Moderator, Right, Role

LINK_LASTS = timedelta(hours=24)
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
    is_known = sessions.check_rates(rt, address, device if sessions.is_mark_of(rt, person, device) else None)
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
        action = "password-given" if factors.get(tx, person.id) else "sign-in"
        return sessions.begin(rt, tx, person, now, action, told)


def _claim_try(rt: Runtime, person: Person | None, now: datetime) -> bool:
    """Whether the account's delay is over. The try counts as failed until the password proves right."""
    if person is None:
        return False
    with rt.store.writing() as tx:
        failures = people.claim_try(tx, person.id, now, sessions.LONGEST_DELAY)
        if failures is None:
            return False
        if wait := sessions.delay(failures):
            people.wait_until(tx, person.id, now + wait)
        if sessions.is_told(failures):
            told = f"{failures} in a row"
            journal.write(tx, [entry(now, person.name, person.role, "sign-in-failed", person.id, told)])
    return True


def sign_out(rt: Runtime, who: Moderator, secret: str) -> None:
    """End the session of this secret, and write it down."""
    with rt.store.writing() as tx:
        people.end_session(tx, fingerprint(secret))
        journal.write(tx, [entry(rt.now(), who.name, who.role, "sign-out", who.id)])


def list_sessions(rt: Runtime, who: Moderator) -> list[OpenSession]:
    """One's own."""
    with rt.store.reading() as connection:
        rows = people.sessions_of(connection, who.id)
    return [OpenSession(token.hex()[:16], begun, seen, token.hex() == who.session) for token, begun, seen in rows]


def change_password(rt: Runtime, who: Moderator, current: str, password: str) -> tuple[str, Moderator]:
    """Set one's own password: the new session's secret and who it is for. The others end.

    Raises Invalid, Unavailable.
    """
    now = rt.now()
    stored = _hashed(rt, password, who.name)
    with rt.store.reading() as tx:
        person = people.get(tx, who.id)
    may_try = _claim_try(rt, person, now)
    is_right = passwords.is_right(person.password if person else None, current)
    if person is None or not (may_try and is_right):
        raise Invalid([FieldProblem("/current", "wrong-password")])
    with rt.store.writing() as tx:
        session = people.session(tx, bytes.fromhex(who.session or ""))
        people.set_password(tx, person.id, stored)
        people.forgive(tx, person.id)
        people.end_sessions(tx, person.id)
        confirmed_at = session.confirmed_at if session else None
        return sessions.begin(rt, tx, person, now, "password-changed", confirmed_at=confirmed_at)


def desk_keys(rt: Runtime, who: Moderator) -> dict[str, Any] | None:
    """How they have the keys of the desk. None for the usual ones."""
    with rt.store.reading() as tx:
        return people.desk_keys(tx, who.id)


def set_desk_keys(rt: Runtime, who: Moderator, keys: Mapping[str, Any] | None) -> None:
    """Keep how they want them; a setting of their own, so no row of the record."""
    with rt.store.writing() as tx:
        people.set_desk_keys(tx, who.id, keys)


def end_session(rt: Runtime, who: Moderator, session_id: str) -> None:
    """End one of one's own sessions, by the id that `list_sessions` told. Raises NotFound."""
    with rt.store.writing() as tx:
        tokens = [token for token, _, _ in people.sessions_of(tx, who.id) if token.hex()[:16] == session_id]
        if not tokens:
            raise NotFound("session")
        people.end_session(tx, tokens[0])
        journal.write(tx, [entry(rt.now(), who.name, who.role, "sessions-ended", who.id, "1")])


def end_sessions(rt: Runtime, who: Moderator, name: str | None = None) -> int:
    """End all of one's own sessions, or with the right to manage people somebody else's. How many there were."""
    with rt.store.writing() as tx:
        person = _managed(tx, who, name) if name is not None else people.get(tx, who.id)
        if person is None:
            raise NotFound("person")
        count = people.end_sessions(tx, person.id)
        journal.write(tx, [entry(rt.now(), who.name, who.role, "sessions-ended", person.id, str(count))])
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
    if token.used_at is None or now - token.used_at > sessions.SEEN_EVERY:
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
    secret, now = new_secret(rt), rt.now()
    fixed = tuple(sites) if sites is not None else None
    token = Token(token_id, fingerprint(secret), name, tuple(scopes), fixed, expires_at, None)
    with rt.store.writing() as tx:
        people.add_token(tx, token, now)
        told = " ".join(scope.value for scope in scopes)
        journal.write(tx, [entry(now, who.name, who.role, "token-created", f"token:{token_id}", told)])
    return f"cm_live_{token_id}_{secret}"


def list_tokens(rt: Runtime, who: Moderator = SERVICE) -> list[Token]:
    """Those that `who` may end."""
    with rt.store.reading() as connection:
        return [token for token in people.every_token(connection) if _may_give(who, token.scopes, token.sites)]


def end_token(rt: Runtime, who: Moderator, token_id: str) -> None:
    """A token stops working. Raises Forbidden, NotFound."""
    with rt.store.writing() as tx:
        token = people.token(tx, token_id)
        if token is None:
            raise NotFound("token")
        _check_gift(who, token.scopes, token.sites)
        people.drop_token(tx, token_id)
        journal.write(tx, [entry(rt.now(), who.name, who.role, "token-ended", f"token:{token_id}")])


def create_person(
    rt: Runtime, who: Moderator, name: str, role: Role, sites: Sequence[str] | None, password: str | None
) -> str | None:
    """Add somebody. Without a password: the secret of the one-time link that sets it. Raises Forbidden, Invalid."""
    name = _checked_name(name)
    _check_sites(rt, sites)
    _check_gift(who, RIGHTS[role], sites)
    stored = _hashed(rt, password, name) if password is not None else None
    now = rt.now()
    with rt.store.writing() as tx:
        if people.find(tx, name):
            raise Invalid([FieldProblem("/name", "taken")])
        person_id = people.add(tx, name, role, sites, stored, now)
        journal.write(tx, [entry(now, who.name, who.role, "person-created", person_id, role.value)])
        return None if stored else _link(rt, tx, who, person_id, now)


def change_person(
    rt: Runtime,
    who: Moderator,
    name: str,
    *,
    role: Role | None = None,
    sites: Sequence[str] | Literal["same"] | None = "same",
    disabled: bool | None = None,
) -> None:
    """Change somebody's role and sites (None: all), or switch them off and on. Their sessions end.

    Raises Forbidden, NotFound, Invalid.
    """
    now = rt.now()
    with rt.store.writing() as tx:
        person = _managed(tx, who, name)
        new = role or person.role
        theirs = person.sites if sites == "same" else sites
        _check_sites(rt, theirs if theirs != person.sites else None)
        _check_gift(who, RIGHTS[new], theirs)
        is_off = person.disabled if disabled is None else disabled
        stays = new is Role.ADMIN and theirs is None and not is_off
        if not stays and people.able_admins(tx) == {person.id}:
            raise Invalid([FieldProblem("/name", "last-admin")])
        people.change(tx, person.id, new, theirs, is_off)
        people.end_sessions(tx, person.id)
        told = entry(now, who.name, who.role, "person-changed", person.id, _words(theirs, is_off))
        journal.write(tx, [replace(told, before=person.role.value, after=new.value)])


def _words(sites: Sequence[str] | None, is_off: bool) -> str:
    state = "disabled" if is_off else "enabled"
    return f"{state}, on {' '.join(sites)}"[:200] if sites is not None else state


def forget_factor(rt: Runtime, who: Moderator, name: str) -> None:
    """Take somebody's second step away, who lost their phone and their codes. Their sessions end. Raises Forbidden,
    NotFound."""
    with rt.store.writing() as tx:
        person = _managed(tx, who, name)
        if not factors.drop(tx, person.id):
            raise NotFound("second-step")
        people.end_sessions(tx, person.id)
        journal.write(tx, [entry(rt.now(), who.name, who.role, "second-step-forgotten", person.id)])


def list_people(rt: Runtime, who: Moderator = SERVICE) -> list[Person]:
    """Those whom `who` may change."""
    with rt.store.reading() as connection:
        return [person for person in people.everyone(connection) if _may_give(who, RIGHTS[person.role], person.sites)]


def people_with_factor(rt: Runtime) -> set[int]:
    """The ids of those who have a second step."""
    with rt.store.reading() as connection:
        return factors.people_with(connection)


def new_link(rt: Runtime, who: Moderator, name: str) -> tuple[str, bool]:
    """The secret of a one-time link for somebody who forgot their password, and whether they are switched off: then it
    works only once they are on again. Raises Forbidden, NotFound."""
    with rt.store.writing() as tx:
        person = _managed(tx, who, name)
        return _link(rt, tx, who, person.id, rt.now()), person.disabled


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
    name = person_of_link(rt, secret)
    if name is None:
        raise NotFound("link")
    stored, now = _hashed(rt, password, name), rt.now()
    with rt.store.writing() as tx:
        person = people.link(tx, fingerprint(secret), "password", now)
        if person is None or not people.use_link(tx, fingerprint(secret)):
            raise NotFound("link")
        people.set_password(tx, person.id, stored)
        people.forgive(tx, person.id)
        people.end_sessions(tx, person.id)
        return sessions.begin(rt, tx, person, now, "password-set")


def _link(rt: Runtime, tx: Tx, who: Moderator, person_id: int, now: datetime) -> str:
    secret = new_secret(rt)
    people.add_link(tx, fingerprint(secret), "password", person_id, now + LINK_LASTS)
    journal.write(tx, [entry(now, who.name, who.role, "link-created", person_id)])
    return secret


def _free_name(tx: Tx, wish: str) -> str:
    names = chain([wish], (f"{wish}{number}" for number in count(2)))
    return next(name for name in names if not people.find(tx, name))


def _hashed(rt: Runtime, password: str, name: str) -> str:
    """The hash to store of the password of `name`. Raises Invalid, Unavailable."""
    sites = (word for site_id, site in rt.rules.sites.items() for word in (site_id, site.settings.name))
    problem = passwords.problem(password, (name, *sites))
    if problem:
        raise Invalid([problem])
    return passwords.hashed(password)


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
    if not _may_give(who, rights, sites):
        raise Forbidden(Right.MANAGE_PEOPLE.value)


def _may_give(who: Moderator, rights: Collection[Right], sites: Collection[str] | None) -> bool:
    has_sites = who.sites is None or (sites is not None and who.sites.issuperset(sites))
    return who.may(Right.MANAGE_PEOPLE) and who.rights.issuperset(rights) and has_sites
