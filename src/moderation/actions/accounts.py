"""People and tokens: sign in and out, set passwords, make accounts and tokens. All of it stands in the journal.

The numbers follow OWASP ASVS 5.0 and NIST SP 800-63B: argon2id, at least 12 characters, a list of common passwords,
delays instead of locks, so that nobody can lock a moderator out.
"""

from __future__ import annotations

import base64
import hmac
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import resources

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from moderation.edges import journal, people
from moderation.edges.people import Person, Token, fingerprint
from moderation.edges.schema import Tx
from moderation.errors import FieldProblem, Forbidden, Invalid, NotFound, NotSignedIn, SignInRefused, Unavailable
from moderation.rates import Answer, Bucket, LocalLimiter, Question, Window, address_prefixes
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Moderator, Right, Role

SHORTEST, LONGEST = 12, 128
"""Characters of a password (ASVS 6.2.1, 6.2.9)."""

LINK_LASTS = timedelta(hours=24)
SEEN_EVERY = timedelta(minutes=1)
"""How often a session or token writes down that it was used."""

DELAYS = (0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900)
"""Seconds to wait after that many wrong passwords in a row; the last for all further ones."""

PER_NETWORK = Window("sign-in", 20, 60, 20)
OVERALL = Window("sign-in-all", 300, 60, 25)
"""Sign-ins an address may try, and all together: 20 a minute, 5 a second."""

_hasher = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)  # ASVS appendix C
_hashing = threading.BoundedSemaphore(2)
_waiting = threading.BoundedSemaphore(12)
_tries = LocalLimiter(workers=1)


def sign_in(rt: Runtime, name: str, password: str, address: str, device: str | None = None) -> tuple[str, Moderator]:
    """The new session's secret and who it is for. Raises SignInRefused, Unavailable. A name nobody has costs the same.

    `device` is the name that this browser signed in as before, proven by a signed cookie: it skips the account's delay.
    """
    _limit_tries(rt, address)
    now = rt.now()
    with rt.store.reading() as connection:
        person = people.find(connection, name)
    if person and person.next_try_at and person.next_try_at > now and device != person.name:
        raise SignInRefused(max(1, int((person.next_try_at - now).total_seconds()) + 1))
    is_right = _verify(person.password if person and person.password else _nobody(), password)
    if person is None or person.password is None or person.disabled or not is_right:
        if person is not None:
            _count_failure(rt, person, now)
        raise SignInRefused
    with rt.store.writing() as tx:
        if _hasher.check_needs_rehash(person.password):
            people.set_password(tx, person.id, _hash(password))
        elif person.failures:
            people.count_failure(tx, person.id, 0, None)
        return _begin_session(rt, tx, person, now, "sign-in")


def _limit_tries(rt: Runtime, address: str) -> None:
    key = rt.vault.address_hash(address_prefixes(address)[0]).hex()
    buckets = (Bucket("address", key, PER_NETWORK, False), Bucket("all", "all", OVERALL, False))
    answer: Answer = _tries.ask(Question("desk", buckets), int(time.monotonic() * 1e6))
    if not answer.allowed:
        raise SignInRefused(max(1, int(answer.retry_after) + 1))


def _count_failure(rt: Runtime, person: Person, now: datetime) -> None:
    failures = person.failures + 1
    delay = DELAYS[min(failures, len(DELAYS) - 1)]
    with rt.store.writing() as tx:
        people.count_failure(tx, person.id, failures, now + timedelta(seconds=delay) if delay else None)
        if failures in (3, 10, 100, 1000):
            journal.write(tx, [_entry(now, person.name, person.role, "sign-in-failures", str(failures))])


def _begin_session(rt: Runtime, tx: Tx, person: Person, now: datetime, action: str) -> tuple[str, Moderator]:
    secret = _secret(rt)
    people.open_session(tx, fingerprint(secret), person.id, now)
    journal.write(tx, [_entry(now, person.name, person.role, action)])
    return secret, _moderator(person, secret)


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
        journal.write(tx, [_entry(rt.now(), who.name, who.role, "sign-out")])


def moderator_of_token(rt: Runtime, bearer: str) -> Moderator:
    """Who acts by this token, `cm_live_<id>_<secret>`. Raises NotSignedIn."""
    parts = bearer.split("_", 3)
    if len(parts) != 4 or parts[:2] != ["cm", "live"]:
        raise NotSignedIn
    now = rt.now()
    with rt.store.reading() as connection:
        token = people.token(connection, parts[2][:12])
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
    _require(who, Right.MANAGE_PEOPLE)
    _check_sites(rt, sites)
    token_id = rt.random(6).hex()
    secret, now = _secret(rt), rt.now()
    fixed = tuple(sites) if sites is not None else None
    token = Token(token_id, fingerprint(secret), name[:80], tuple(scopes), fixed, expires_at, None)
    with rt.store.writing() as tx:
        people.add_token(tx, token, now)
        told = " ".join(scope.value for scope in scopes)
        journal.write(tx, [_entry(now, who.name, who.role, "token-created", told, target=f"token:{token_id}")])
    return f"cm_live_{token_id}_{secret}"


def create_person(
    rt: Runtime, who: Moderator, name: str, role: Role, sites: Sequence[str] | None, password: str | None
) -> str | None:
    """Add somebody. Without a password: the secret of the one-time link that sets it. Raises Forbidden, Invalid."""
    _require(who, Right.MANAGE_PEOPLE)
    name = name.strip()
    if not 1 <= len(name) <= 80 or not name.isprintable() or "@" in name:
        raise Invalid([FieldProblem("/name", "person-name")])
    _check_sites(rt, sites)
    stored = _hash(_checked(password)) if password is not None else None
    now = rt.now()
    with rt.store.writing() as tx:
        if people.find(tx, name):
            raise Invalid([FieldProblem("/name", "taken")])
        person_id = people.add(tx, name, role, sites, stored, now)
        journal.write(tx, [_entry(now, who.name, who.role, "person-created", role.value, target=f"person:{person_id}")])
        return None if stored else _link(rt, tx, person_id, now)


def change_person(
    rt: Runtime, who: Moderator, name: str, *, role: Role | None = None, disabled: bool | None = None
) -> None:
    """Change somebody's role, or switch them off and on. It works at their next request; sessions end."""
    _require(who, Right.MANAGE_PEOPLE)
    now = rt.now()
    with rt.store.writing() as tx:
        person = people.find(tx, name)
        if person is None:
            raise NotFound("person")
        people.change(tx, person.id, role=role, disabled=disabled)
        people.end_sessions(tx, person.id)
        told = " ".join(
            filter(None, [role.value if role else "", {True: "disabled", False: "enabled", None: ""}[disabled]])
        )
        journal.write(tx, [_entry(now, who.name, who.role, "person-changed", told, target=f"person:{person.id}")])


def list_people(rt: Runtime) -> list[Person]:
    with rt.store.reading() as connection:
        return people.everyone(connection)


def first_admin_link(rt: Runtime) -> str | None:
    """The secret of a link that sets the first admin's password; None once there is an admin who has one."""
    now = rt.now()
    with rt.store.writing() as tx:
        if people.has_admin(tx):
            return None
        person = people.find(tx, "admin")
        person_id = person.id if person else people.add(tx, "admin", Role.ADMIN, None, None, now)
        return _link(rt, tx, person_id, now)


def person_of_link(rt: Runtime, secret: str) -> str | None:
    """The name of whom a one-time link is for, or None when it does not work any more. Changes nothing."""
    with rt.store.reading() as connection:
        person = people.link(connection, fingerprint(secret), "password", rt.now())
    return person.name if person else None


def set_password(rt: Runtime, secret: str, password: str) -> tuple[str, Moderator]:
    """Set the password by a one-time link and sign in: the new session's secret and who it is for. Older sessions end.

    Raises NotFound (the link is used up), Invalid (the password).
    """
    checked = _checked(password)
    if person_of_link(rt, secret) is None:
        raise NotFound("link")
    stored, now = _hash(checked), rt.now()
    with rt.store.writing() as tx:
        person = people.link(tx, fingerprint(secret), "password", now)
        if person is None or not people.use_link(tx, fingerprint(secret)):
            raise NotFound("link")
        people.set_password(tx, person.id, stored)
        people.end_sessions(tx, person.id)
        return _begin_session(rt, tx, person, now, "password-set")


def _link(rt: Runtime, tx: Tx, person_id: int, now: datetime) -> str:
    secret = _secret(rt)
    people.add_link(tx, fingerprint(secret), "password", person_id, now + LINK_LASTS)
    return secret


def _checked(password: str) -> str:
    """Raises Invalid for a password that is too short, too long or among the common ones."""
    if len(password) < SHORTEST:
        raise Invalid([FieldProblem("/password", "too-short", {"least": SHORTEST, "length": len(password)})])
    if len(password) > LONGEST:
        raise Invalid([FieldProblem("/password", "too-long", {"most": LONGEST, "length": len(password)})])
    known = common_passwords()
    if {password.casefold(), password.casefold().strip(_TAILS)} & known or len(set(password)) < 4:
        raise Invalid([FieldProblem("/password", "common-password")])
    return password


_TAILS = "0123456789!?.,-_+*#$@ "


@lru_cache(maxsize=1)
def common_passwords() -> frozenset[str]:
    """The 10,000 most common passwords, in lower case."""
    text = resources.files("moderation").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def _hash(password: str) -> str:
    with _Turn():
        return _hasher.hash(password)


def _verify(stored: str, password: str) -> bool:
    with _Turn():
        try:
            return _hasher.verify(stored, password[: LONGEST * 4])
        except (VerificationError, InvalidHashError):
            return False


@lru_cache(maxsize=1)
def _nobody() -> str:
    """The hash that a name nobody has is checked against, so that it costs the same."""
    return _hasher.hash("nobody has this password")


class _Turn:
    """Two hashes at once, ten waiting; who comes then is sent away, since each takes 46 MiB. Raises Unavailable."""

    def __enter__(self) -> None:
        if not _waiting.acquire(blocking=False):
            raise Unavailable(2, "busy")
        _hashing.acquire()

    def __exit__(self, *_: object) -> None:
        _hashing.release()
        _waiting.release()


def _moderator(person: Person, secret: str) -> Moderator:
    sites = frozenset(person.sites) if person.sites is not None else None
    return Moderator(person.id, person.name, RIGHTS[person.role], sites, person.role.value, fingerprint(secret).hex())


def _entry(
    now: datetime, actor: str, role: str, action: str, reason: str | None = None, target: str | None = None
) -> journal.Entry:
    return journal.Entry(now, actor, str(role), action, target=target or f"person:{actor}"[:80], reason=reason)


def _require(who: Moderator, right: Right) -> None:
    if not who.may(right):
        raise Forbidden(right.value)


def _check_sites(rt: Runtime, sites: Sequence[str] | None) -> None:
    if any(site not in rt.rules.sites for site in sites or ()):
        raise Invalid([FieldProblem("/sites", "choice")])


def _secret(rt: Runtime) -> str:
    """256 bits, as text without underscores at its start."""
    return base64.urlsafe_b64encode(rt.random(32)).rstrip(b"=").decode()
