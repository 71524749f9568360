"""What signing in is made of, for the actions that do it: how many tries may come, new sessions, and who a session is.

Sessions and delays follow OWASP ASVS 5.0, sections 6 and 7: delays instead of locks, so that nobody can lock a
moderator out; and a new secret after each step of signing in.
"""

from __future__ import annotations

import base64
from datetime import date, datetime, timedelta
from math import ceil

from moderation.edges import journal, people
from moderation.edges.people import Person, Session, fingerprint
from moderation.edges.schema import Tx
from moderation.errors import NotSignedIn, SecondStepMissing, SignInRefused
from moderation.rates import Bucket, Question, Window, address_prefixes
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Moderator, Role

SEEN_EVERY = timedelta(minutes=1)
"""How often a session or token writes down that it was used. Idle time is known to this."""

FRESH = timedelta(minutes=15)
"""How long a second step counts for what asks for it again: changes of people, tokens, and one's own second step."""

DELAYS = (0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900)
"""Seconds to wait after that many wrong tries in a row; the last for all further ones."""
LONGEST_DELAY = timedelta(seconds=DELAYS[-1])

PER_NETWORK = Window("sign-in", 20, 60, 20)
PER_DEVICE = Window("sign-in-device", 10, 3600, 10)
OVERALL = Window("sign-in-all", 300, 60, 25)
"""Tries of one address (IPv6: /64), of one known device, and of all unknown ones together (5 a second)."""

DEVICE_LASTS = timedelta(days=180)


def check_rates(rt: Runtime, address: str, device: str | None) -> bool:
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


def delay(failures: int) -> timedelta | None:
    """How long to wait after so many failures in a row."""
    seconds = DELAYS[min(failures, len(DELAYS) - 1)]
    return timedelta(seconds=seconds) if seconds else None


def is_told(failures: int) -> bool:
    """Whether so many failures get a row in the journal: 4, 8, 16, …, so that it stays short."""
    return failures > 2 and failures.bit_count() == 1


def begin(
    rt: Runtime,
    tx: Tx,
    person: Person,
    now: datetime,
    action: str,
    told: str | None = None,
    confirmed_at: datetime | None = None,
) -> tuple[str, Moderator]:
    """A new session: its secret and who it is for. `confirmed_at` is when the second step was done."""
    secret = new_secret(rt)
    people.open_session(tx, fingerprint(secret), person.id, now, confirmed_at)
    journal.write(tx, [entry(now, person.name, person.role, action, person.id, told)])
    return secret, as_moderator(person, secret)


def moderator_of(rt: Runtime, secret: str) -> Moderator:
    """Who this session belongs to, with the rights of this moment. Raises NotSignedIn when it is over,
    SecondStepMissing."""
    session = alive(rt, secret)
    if missing := missing_step(rt, session):
        raise SecondStepMissing(missing)
    return as_moderator(session.person, secret)


def alive(rt: Runtime, secret: str) -> Session:
    """The session, seen. Raises NotSignedIn, also for one that a wrong clock began far ahead of now."""
    now, token = rt.now(), fingerprint(secret)
    with rt.store.reading() as connection:
        session = people.session(connection, token)
    if session is None or session.person.disabled:
        raise NotSignedIn
    idle = timedelta(minutes=rt.env.session_idle_minutes)
    whole = timedelta(hours=rt.env.session_hours)
    if abs(now - session.seen_at) > idle or abs(now - session.created_at) > whole:
        with rt.store.writing() as tx:
            people.end_session(tx, token)
        raise NotSignedIn
    if now - session.seen_at > SEEN_EVERY:
        with rt.store.writing() as tx:
            people.see_session(tx, token, now)
    return session


def missing_step(rt: Runtime, session: Session, fresh: bool = False) -> str | None:
    """`code` where a second step has to be done first, `set-up` where the role needs one and there is none."""
    if session.has_factor:
        done = session.confirmed_at
        return None if done is not None and not (fresh and rt.now() - done > FRESH) else "code"
    return "set-up" if needs_factor(rt, session.person.role) else None


def needs_factor(rt: Runtime, role: Role) -> bool:
    """Whether people of this role must have a second step."""
    required = rt.env.second_step_for
    return required == "all" or (required == "admin" and role is Role.ADMIN)


def device_mark(rt: Runtime, who: Moderator) -> str:
    """What a browser keeps to show that this person has signed in on it. Worth nothing after a new password."""
    with rt.store.reading() as connection:
        person = people.get(connection, who.id)
    today = rt.now().date().isoformat()
    return f"{today}.{rt.vault.sign('links', *_marked(person, today))}"


def is_mark_of(rt: Runtime, person: Person | None, mark: str | None) -> bool:
    """Whether `device_mark` gave this browser its mark, for this person."""
    if person is None or mark is None:
        return False
    day, _, signature = mark.partition(".")
    if not rt.vault.check(signature, "links", *_marked(person, day)):
        return False
    return rt.now().date() - date.fromisoformat(day) <= DEVICE_LASTS


def _marked(person: Person | None, day: str) -> tuple[str, ...]:
    return ("device", day, str(person.id), person.password or "") if person else ("device", day)


def as_moderator(person: Person, secret: str) -> Moderator:
    """Somebody by their session."""
    sites = frozenset(person.sites) if person.sites is not None else None
    return Moderator(person.id, person.name, RIGHTS[person.role], sites, person.role.value, fingerprint(secret).hex())


def entry(
    now: datetime, actor: str, role: str, action: str, target: int | str, told: str | None = None
) -> journal.Entry:
    """A row of the record about a person (by id) or a token."""
    target = f"person:{target}" if isinstance(target, int) else target
    return journal.Entry(now, actor, str(role), action, target=target, reason=told)


def new_secret(rt: Runtime) -> str:
    """256 bits as text."""
    return base64.urlsafe_b64encode(rt.random(32)).rstrip(b"=").decode()
