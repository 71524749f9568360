"""People, sessions, links and tokens as rows, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa

from moderation.edges import people
from moderation.edges.people import Person, Token, fingerprint
from moderation.edges.schema import Tx, links, sessions
from moderation.edges.schema import tokens as token_rows
from moderation.edges.store import Store
from moderation.values import Right, Role

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
T = TypeVar("T")


def make(store: Store, name: str = "Ana", role: Role = Role.MODERATOR, password: str | None = "hash") -> int:
    with store.writing() as tx:
        return people.add(tx, name, role, None, password, NOON)


def write(store: Store, do: Callable[[Tx], T]) -> T:
    with store.writing() as tx:
        return do(tx)


def found(store: Store, name: str) -> Person | None:
    with store.reading() as connection:
        return people.find(connection, name)


def test_a_person_comes_back_as_they_were_added(store: Store) -> None:
    with store.writing() as tx:
        person_id = people.add(tx, "Ana", Role.ADMIN, ["demo", "open"], None, NOON)
    assert found(store, "Ana") == Person(person_id, "Ana", None, Role.ADMIN, ("demo", "open"), False, 0, None)


def test_a_name_is_found_however_it_is_typed(store: Store) -> None:
    make(store, "Zoë")
    for typed in ("Zoë", "zoë", "ZOË", "Zoe\u0308"):
        person = found(store, typed)
        assert person, typed
        assert person.name == "Zoë"


def test_what_is_no_name_finds_nobody(store: Store) -> None:
    make(store, "Zoë")
    for typed in ("", "Zo", "Zoe", "Zoë ", "\x00", "\ud800", "%", "_oë", "' OR 1=1 --", "x" * 100_000):
        assert found(store, typed) is None, typed[:20]


def test_a_shown_person_shows_no_hash(store: Store) -> None:
    make(store, password="$argon2id$secret")
    assert "argon2" not in repr(found(store, "Ana"))


def test_only_an_admin_who_can_sign_in_counts_as_one(store: Store) -> None:
    def has_admin() -> bool:
        with store.reading() as connection:
            return people.has_admin(connection)

    make(store)
    assert not has_admin()
    person_id = make(store, "Boss", Role.ADMIN, None)
    assert not has_admin()
    write(store, lambda tx: people.set_password(tx, person_id, "hash"))
    assert has_admin()
    write(store, lambda tx: people.change(tx, person_id, Role.ADMIN, None, True))
    assert not has_admin()


def test_tries_are_counted_before_they_are_looked_at_and_wait_when_told(store: Store) -> None:
    person_id = make(store)

    def claim(at: datetime) -> int | None:
        return write(store, lambda tx: people.claim_try(tx, person_id, at, MINUTE))

    assert [claim(NOON), claim(NOON)] == [1, 2]
    write(store, lambda tx: people.wait_until(tx, person_id, NOON + MINUTE))
    assert claim(NOON + MINUTE / 2) is None
    assert claim(NOON + MINUTE) == 3
    write(store, lambda tx: people.forgive(tx, person_id))
    assert claim(NOON) == 1


def test_of_many_tries_at_once_only_one_is_looked_at(store: Store) -> None:
    person_id = make(store)

    def claim(_: int) -> bool:
        with store.writing() as tx:
            is_first = people.claim_try(tx, person_id, NOON, MINUTE) is not None
            if is_first:
                people.wait_until(tx, person_id, NOON + MINUTE)
            return is_first

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(24))) == 1


def test_a_session_is_found_by_the_hash_of_its_secret_only(store: Store) -> None:
    person_id = make(store)
    token = fingerprint("secret")
    write(store, lambda tx: people.open_session(tx, token, person_id, NOON))
    write(store, lambda tx: people.see_session(tx, token, NOON + MINUTE))
    with store.reading() as connection:
        session = people.session(connection, token)
        assert session
        assert (session.person.name, session.created_at, session.seen_at) == ("Ana", NOON, NOON + MINUTE)
        assert people.session(connection, fingerprint("Secret")) is None
        assert connection.execute(sa.select(sessions.c.token)).scalars().all() == [token]
        assert people.sessions_of(connection, person_id) == [(token, NOON, NOON + MINUTE)]
    write(store, lambda tx: people.end_session(tx, token))
    with store.reading() as connection:
        assert people.session(connection, token) is None


def test_all_sessions_of_one_person_end_and_no_others(store: Store) -> None:
    ana, omar = make(store), make(store, "Omar")
    for number, person_id in enumerate((ana, ana, omar)):
        with store.writing() as tx:
            people.open_session(tx, fingerprint(f"s{number}"), person_id, NOON)
    assert write(store, lambda tx: people.end_sessions(tx, ana)) == 2
    with store.reading() as connection:
        assert people.sessions_of(connection, ana) == []
        assert len(people.sessions_of(connection, omar)) == 1


def test_a_link_works_once_for_its_purpose_until_its_time(store: Store) -> None:
    person_id = make(store)
    token = fingerprint("link")
    write(store, lambda tx: people.add_link(tx, token, "password", person_id, NOON + MINUTE))

    def works(purpose: str, at: datetime) -> bool:
        with store.reading() as connection:
            return people.link(connection, token, purpose, at) is not None

    assert works("password", NOON)
    assert not works("other", NOON)
    assert not works("password", NOON + MINUTE)
    assert write(store, lambda tx: people.use_link(tx, token))
    assert not write(store, lambda tx: people.use_link(tx, token))
    assert not works("password", NOON)


def test_a_new_link_replaces_the_older_one(store: Store) -> None:
    person_id = make(store)
    for secret in ("old", "new"):
        with store.writing() as tx:
            people.add_link(tx, fingerprint(secret), "password", person_id, NOON + MINUTE)
    with store.reading() as connection:
        assert connection.execute(sa.select(links.c.token)).scalars().all() == [fingerprint("new")]


def test_a_link_of_somebody_switched_off_does_not_work(store: Store) -> None:
    person_id = make(store)
    write(store, lambda tx: people.add_link(tx, fingerprint("s"), "password", person_id, NOON + MINUTE))
    write(store, lambda tx: people.change(tx, person_id, Role.MODERATOR, None, True))
    with store.reading() as connection:
        assert people.link(connection, fingerprint("s"), "password", NOON) is None


def test_a_token_comes_back_as_it_was_made(store: Store) -> None:
    token = Token("abc123", fingerprint("t"), "cms", (Right.DECIDE,), ("demo",), NOON + MINUTE, None)
    write(store, lambda tx: people.add_token(tx, token, NOON))
    write(store, lambda tx: people.use_token(tx, "abc123", NOON))
    with store.reading() as connection:
        back = people.token(connection, "abc123")
        assert back
        assert (back.scopes, back.sites, back.used_at) == ((Right.DECIDE,), ("demo",), NOON)
        assert people.every_token(connection) == [back]
        assert connection.execute(sa.select(token_rows.c.secret)).scalar() == fingerprint("t")
    assert write(store, lambda tx: people.drop_token(tx, "abc123"))
    assert not write(store, lambda tx: people.drop_token(tx, "abc123"))
