"""Signing in and out, guessing, links, people and tokens, on SQLite and PostgreSQL with a real Redis."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.conftest import Clock

from moderation import passwords, sessions
from moderation.actions import accounts
from moderation.edges import schema
from moderation.edges.limits import Limits
from moderation.edges.people import Person
from moderation.edges.schema import journal, links, people, tokens
from moderation.errors import Forbidden, Invalid, ModerationError, NotFound, NotSignedIn, SignInRefused, Unavailable
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Moderator, Right, Role

OWNER = Moderator(0, "command line", frozenset(Right), None, "owner")
PASSWORD = "three plain words in a row"  # made up for tests
HERE = "192.0.2.7"


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime], clock: Clock, redis_url: str) -> Runtime:
    """A runtime whose Redis goes by the test's clock as well, with Ana in it."""
    made = make_runtime()
    made.limits.close()
    made.limits = Limits(redis_url, workers=1, timeout=5, server_time=lambda: int(clock.time.timestamp() * 1e6))
    accounts.create_person(made, OWNER, "Ana", Role.MODERATOR, None, PASSWORD)
    return made


def sign_in(rt: Runtime, name: str = "Ana", password: str = PASSWORD, address: str = HERE, **over: str) -> str:
    return accounts.sign_in(rt, name, password, address, **over)[0]


def refused(rt: Runtime, name: str = "Ana", password: str = "wrong", address: str = HERE, **over: str) -> SignInRefused:
    with pytest.raises(SignInRefused) as error:
        accounts.sign_in(rt, name, password, address, **over)
    return error.value


def is_signed_in(rt: Runtime, secret: str) -> bool:
    try:
        sessions.moderator_of(rt, secret)
    except NotSignedIn:
        return False
    return True


def ana_of(rt: Runtime) -> Person:
    return next(person for person in accounts.list_people(rt) if person.name == "Ana")


def actions_of(rt: Runtime) -> Counter[str]:
    with rt.store.reading() as connection:
        return Counter(connection.execute(sa.select(journal.c.action)).scalars())


def everything_stored(rt: Runtime) -> str:
    with rt.store.reading() as connection:
        rows = [
            connection.execute(sa.select(table)).all() for table in (people, schema.sessions, links, tokens, journal)
        ]
    return repr(rows)


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that passwords were checked against, by the real hasher."""
    seen: list[str] = []
    real = passwords._hasher

    class Counting:
        def verify(self, stored: str, password: bytes) -> bool:
            seen.append(stored)
            return real.verify(stored, password)

        hash = staticmethod(real.hash)
        check_needs_rehash = staticmethod(real.check_needs_rehash)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    return seen


# ---- signing in ----


def test_the_right_password_opens_a_session_with_the_roles_rights(rt: Runtime) -> None:
    secret, who = accounts.sign_in(rt, "ana", PASSWORD, HERE)
    assert len(secret) == 43
    assert (who.name, who.rights, who.role) == ("Ana", RIGHTS[Role.MODERATOR], "moderator")
    assert sessions.moderator_of(rt, secret) == who
    assert actions_of(rt)["sign-in"] == 1


def test_every_refusal_is_the_same(rt: Runtime) -> None:
    accounts.create_person(rt, OWNER, "Gone", Role.MODERATOR, None, PASSWORD)
    accounts.change_person(rt, OWNER, "Gone", disabled=True)
    accounts.create_person(rt, OWNER, "New", Role.MODERATOR, None, None)
    tries = [("Ana", "wrong"), ("nobody", "wrong"), ("Gone", PASSWORD), ("New", ""), ("New", "wrong"), ("", ""),
             ("\x00", "\x00"), ("Ana", "x" * 10_000), ("Ana", "\ud800"), ("Ana", PASSWORD.upper())]  # fmt: skip
    assert {(refusal.retry_after, str(refusal)) for refusal in (refused(rt, *each) for each in tries)} == {(0, "")}


def test_a_name_nobody_has_and_a_try_too_early_cost_the_same_work(rt: Runtime, verified: list[str]) -> None:
    for name in ("Ana", "nobody"):
        for _ in range(6):  # the later ones of Ana come too early
            refused(rt, name)
    assert len(verified) == 12
    assert {stored.rpartition("$")[0].rpartition("$")[0] for stored in verified} == {"$argon2id$v=19$m=47104,t=1,p=1"}


def test_passwords_are_the_same_however_the_keyboard_composes_them(rt: Runtime) -> None:
    accounts.create_person(rt, OWNER, "Zoë", Role.MODERATOR, None, "dix-huit caf\u00e9s noirs")
    assert sign_in(rt, "Zoë", "dix-huit cafe\u0301s noirs")


def test_a_hash_of_older_numbers_is_made_anew(rt: Runtime) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    with rt.store.writing() as tx:
        tx.execute(sa.update(people).values(password=weak))
    sign_in(rt)
    assert str(ana_of(rt).password).startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    sign_in(rt)


def test_only_two_hashes_run_at_once_and_ten_wait(rt: Runtime) -> None:
    held = [passwords._admitted.acquire(blocking=False) for _ in range(passwords.AT_ONCE + passwords.WAITING)]
    try:
        assert held == [True] * 12
        with pytest.raises(Unavailable):
            sign_in(rt)
    finally:
        for _ in held:
            passwords._admitted.release()
    assert sign_in(rt)


# ---- guessing ----


def test_delays_grow_and_never_become_a_lock(rt: Runtime, clock: Clock) -> None:
    waits = []
    for number in range(16):
        refused(rt, address=f"10.0.0.{number}")
        waits.append((ana_of(rt).next_try_at or clock.time) - clock.time)
        clock.advance(seconds=1000)
    seconds = [max(0, round(wait.total_seconds())) for wait in waits]
    assert seconds == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]
    assert sign_in(rt)
    assert ana_of(rt).failures == 0


def test_the_right_password_too_early_is_refused_and_does_not_extend_the_wait(rt: Runtime, clock: Clock) -> None:
    for number in range(6):
        refused(rt, address=f"10.0.0.{number}")
        clock.advance(seconds=10)
    refused(rt)
    before = ana_of(rt)
    refused(rt, password=PASSWORD)
    assert ana_of(rt) == before
    clock.advance(seconds=17)
    assert sign_in(rt)


def test_a_known_device_skips_the_delay_of_its_own_account_only(rt: Runtime, clock: Clock) -> None:
    _, who = accounts.sign_in(rt, "Ana", PASSWORD, HERE)
    mark = sessions.device_mark(rt, who)
    accounts.create_person(rt, OWNER, "Omar", Role.MODERATOR, None, PASSWORD)
    for name in ("Ana", "Omar"):
        for number in range(4):
            refused(rt, name, address=f"10.0.{len(name)}.{number}")
    refused(rt, "Ana", PASSWORD)
    refused(rt, "Omar", PASSWORD, device=mark)
    assert sign_in(rt, device=mark)


def test_a_device_mark_is_worth_nothing_when_old_forged_or_after_a_new_password(rt: Runtime, clock: Clock) -> None:
    _, who = accounts.sign_in(rt, "Ana", PASSWORD, HERE)
    mark = sessions.device_mark(rt, who)
    person = ana_of(rt)
    assert sessions.is_mark_of(rt, person, mark)
    for forged in ("", ".", mark[:-1], "2026-11-25" + mark[10:], mark + "x", "x" * 5000, "é.1.é", "2026-11-24.7."):
        assert not sessions.is_mark_of(rt, person, forged), forged
    clock.advance(days=180)
    assert sessions.is_mark_of(rt, person, mark)
    clock.advance(days=1)
    assert not sessions.is_mark_of(rt, person, mark)
    _, who = accounts.sign_in(rt, "Ana", PASSWORD, HERE)
    mark = sessions.device_mark(rt, who)
    accounts.set_password(rt, accounts.new_link(rt, OWNER, "Ana")[0], PASSWORD + "!")
    assert not sessions.is_mark_of(rt, ana_of(rt), mark)


def test_a_known_device_guesses_ten_times_an_hour_and_then_waits_like_any_other(rt: Runtime, clock: Clock) -> None:
    _, who = accounts.sign_in(rt, "Ana", PASSWORD, HERE)
    mark = sessions.device_mark(rt, who)
    for number in range(10):
        refused(rt, address=f"10.0.0.{number}", device=mark)
    assert ana_of(rt).failures == 0
    for number in range(10, 16):
        refused(rt, address=f"10.0.0.{number}", device=mark)
    assert ana_of(rt).failures == 3


def test_an_address_may_try_twenty_times_a_minute(rt: Runtime, clock: Clock) -> None:
    for number in range(20):
        assert refused(rt, f"somebody {number}").retry_after == 0
    assert 1 <= refused(rt, "somebody else").retry_after <= 3
    assert refused(rt, "Ana", PASSWORD).retry_after
    clock.advance(seconds=4)
    assert sign_in(rt)


def test_a_thousand_addresses_of_one_ipv6_network_share_their_tries(rt: Runtime) -> None:
    answers = [refused(rt, "nobody", address=f"2001:db8:1:2::{number:x}").retry_after for number in range(1, 40)]
    assert answers[:20] == [0] * 20
    assert all(answers[20:])
    assert refused(rt, "nobody", address="2001:db8:1:3::1").retry_after == 0


def test_all_together_may_try_five_times_a_second(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = sessions.device_mark(rt, accounts.sign_in(rt, "Ana", PASSWORD, HERE)[1])
    with monkeypatch.context() as quick:  # Redis forgets by its own clock what nobody uses for a fifth of a second
        quick.setattr(passwords, "is_right", lambda *_: False)
        answers = [refused(rt, "nobody", address=f"10.1.0.{number}").retry_after for number in range(30)]
    assert answers[:20] == [0] * 20
    assert answers[29] == 1
    assert sign_in(rt, device=mark), "a known device is not kept out by a crowd"


def test_many_guesses_at_once_are_not_all_the_first(rt: Runtime, verified: list[str]) -> None:
    with rt.store.writing() as tx:
        tx.execute(sa.update(people).values(failures=5))

    def guess(number: int) -> None:
        refused(rt, address=f"10.0.0.{number}")

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(guess, range(10)))
    assert ana_of(rt).failures == 6


def test_many_wrong_passwords_make_few_journal_rows_and_none_names_what_was_typed(rt: Runtime, clock: Clock) -> None:
    for number in range(9):
        refused(rt, password=f"guess-{number}", address=f"10.0.0.{number}")
        refused(rt, f"typed-{number}", address=f"10.0.1.{number}")
        clock.advance(seconds=1000)
    assert actions_of(rt)["sign-in-failed"] == 2  # at 4 and 8
    assert "typed-" not in everything_stored(rt)
    assert "guess-" not in everything_stored(rt)
    sign_in(rt)
    with rt.store.reading() as connection:
        last = connection.execute(sa.select(journal).where(journal.c.action == "sign-in")).one()
    assert last.reason == "after 9 failed"


# ---- sessions ----


def test_only_hashes_of_secrets_are_stored(rt: Runtime) -> None:
    secret = sign_in(rt)
    link = accounts.new_link(rt, OWNER, "Ana")[0]
    token = accounts.create_token(rt, OWNER, "cms", [Right.DECIDE], None, None)
    stored = everything_stored(rt)
    for one in (secret, link, token, token.split("_", 3)[3], PASSWORD):
        assert one not in stored
    assert repr(hashlib.sha256(secret.encode()).digest()) in stored


def test_each_sign_in_has_a_secret_of_its_own_and_replaces_the_browsers_last_session(rt: Runtime) -> None:
    first = sign_in(rt)
    second = sign_in(rt)
    assert first != second
    assert is_signed_in(rt, first)
    third = sign_in(rt, replaces=second)
    assert [is_signed_in(rt, each) for each in (first, second, third)] == [True, False, True]


def test_idle_and_absolute_time_end_a_session(rt: Runtime, clock: Clock) -> None:
    secret = sign_in(rt)
    clock.advance(minutes=59)
    assert is_signed_in(rt, secret)
    clock.advance(minutes=61)
    assert not is_signed_in(rt, secret)
    secret = sign_in(rt)
    for _ in range(12 * 4 - 1):
        clock.advance(minutes=15)
        assert is_signed_in(rt, secret)
    clock.advance(minutes=15)
    assert not is_signed_in(rt, secret)
    with rt.store.reading() as connection:
        assert connection.execute(sa.select(schema.sessions)).all() == []


def test_a_clock_that_was_wrong_for_a_while_leaves_no_endless_session_and_no_endless_wait(
    rt: Runtime, clock: Clock
) -> None:
    clock.advance(days=3652)
    secret = sign_in(rt)
    for number in range(8):
        refused(rt, address=f"10.0.0.{number}")
        clock.advance(seconds=100)
    clock.advance(days=-3652)
    assert not is_signed_in(rt, secret)
    assert sign_in(rt)


def test_being_seen_is_written_at_most_once_a_minute(rt: Runtime, clock: Clock) -> None:
    secret = sign_in(rt)

    def seen() -> object:
        with rt.store.reading() as connection:
            return connection.execute(sa.select(schema.sessions.c.seen_at)).scalar()

    begun = seen()
    clock.advance(seconds=30)
    sessions.moderator_of(rt, secret)
    assert seen() == begun
    clock.advance(seconds=31)
    sessions.moderator_of(rt, secret)
    assert seen() != begun


def test_signing_out_switching_off_and_a_new_role_work_at_the_next_request(rt: Runtime) -> None:
    secret, who = accounts.sign_in(rt, "Ana", PASSWORD, HERE)
    accounts.sign_out(rt, who, secret)
    assert not is_signed_in(rt, secret)

    secret = sign_in(rt)
    accounts.change_person(rt, OWNER, "ANA", role=Role.ADMIN)
    assert not is_signed_in(rt, secret)
    secret, who = accounts.sign_in(rt, "Ana", PASSWORD, HERE)
    assert who.may(Right.MANAGE_PEOPLE)

    accounts.create_person(rt, OWNER, "Ada", Role.ADMIN, None, PASSWORD)
    accounts.change_person(rt, OWNER, "Ana", disabled=True)
    assert not is_signed_in(rt, secret)
    refused(rt, password=PASSWORD)
    accounts.change_person(rt, OWNER, "Ana", disabled=False)
    assert sign_in(rt)


def test_a_new_password_ends_every_session_and_the_old_password(rt: Runtime) -> None:
    old = [sign_in(rt), sign_in(rt)]
    new, who = accounts.set_password(rt, accounts.new_link(rt, OWNER, "Ana")[0], "another plain sentence")
    assert [is_signed_in(rt, secret) for secret in (*old, new)] == [False, False, True]
    assert who.name == "Ana"
    refused(rt, password=PASSWORD)
    assert sign_in(rt, password="another plain sentence")


def test_people_see_and_end_their_own_sessions(rt: Runtime) -> None:
    first = sign_in(rt)
    second, who = accounts.sign_in(rt, "Ana", PASSWORD, HERE)
    listed = accounts.list_sessions(rt, who)
    assert [session.is_current for session in listed] == [False, True]
    assert not any(session.id in (first, second) for session in listed)
    assert accounts.end_sessions(rt, who) == 2
    assert not is_signed_in(rt, first)
    with pytest.raises(Forbidden):
        accounts.end_sessions(rt, who, "Ana")
    sign_in(rt)
    assert accounts.end_sessions(rt, OWNER, "ana") == 1


def test_what_is_no_session_is_refused(rt: Runtime) -> None:
    for secret in ("", "x", "x" * 43, "\x00", "\ud800", "é" * 43):
        assert not is_signed_in(rt, secret), secret


# ---- passwords ----


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "too-short"),
        ("short", "too-short"),
        ("x1y2z3w4v5u", "too-short"),
        ("é" * 5 + "e\u0301" * 6, "too-short"),
        ("x y" * 43, "too-long"),
        ("password1234", "common-password"),
        ("PASSWORD1234!", "common-password"),
        ("passwordpassword", "common-password"),
        ("monkeydragon", "common-password"),
        ("123456789012", "common-password"),
        ("109876543210", "common-password"),
        ("qwertyuiopas", "common-password"),
        ("aaaaaaaaaaaaaaa", "common-password"),
        ("abcabcabcabc", "common-password"),
        ("Moderation123", "common-password"),
        ("2026 moderation!", "common-password"),
    ],
)
def test_weak_passwords_are_refused_in_words(password: str, code: str) -> None:
    problem = passwords.problem(password)
    assert problem
    assert (problem.pointer, problem.code) == ("/password", code)


@pytest.mark.parametrize("password", ["Ana-Berger-2026", "berger berger 1", "tagblatt12345", "Das Tagblatt 1"])
def test_a_password_is_no_name_with_digits_and_signs(password: str) -> None:
    names = ("Ana Berger", "x", "Das Tagblatt")
    problem = passwords.problem(password, names)
    assert problem
    assert problem.code == "common-password"
    assert passwords.problem("a walk with Ana Berger", names) is None
    assert passwords.problem("4711-x-0815-33", names) is None


def test_nobody_takes_their_own_name_or_the_sites_as_a_password(rt: Runtime) -> None:
    accounts.create_person(rt, OWNER, "Cleopatra", Role.MODERATOR, None, PASSWORD)
    link, _ = accounts.new_link(rt, OWNER, "Cleopatra")
    who = Moderator(0, "Cleopatra", frozenset(), None, "moderator")
    for password in ("cleopatra2026!", f"{next(iter(rt.rules.sites))}-4711-4711"):
        with pytest.raises(Invalid):
            accounts.set_password(rt, link, password)
        with pytest.raises(Invalid) as refusal:
            accounts.change_password(rt, who, PASSWORD, password)
        assert refusal.value.problems[0].code == "common-password"
    accounts.set_password(rt, link, "cleopatra swims home")


@pytest.mark.parametrize(
    "password",
    ["x1y2z3w4v5u6", "a" * 50 + "bcd" * 26, "три слова подряд", "🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧", "            ab c d",
     PASSWORD, "\ud800" * 6 + "abcdef", "x\x00y\x00z\x00abcdefg"],
)  # fmt: skip
def test_any_characters_make_a_password(password: str) -> None:
    assert passwords.problem(password) is None
    assert passwords.is_right(passwords.hashed(password), password)


def test_the_list_holds_ten_thousand() -> None:
    assert len(passwords._common_passwords()) == 10_000


def test_no_password_is_the_one_of_nobody() -> None:
    assert not passwords.is_right(None, "")
    assert not passwords.is_right(None, "nobody")
    assert not passwords.is_right("no hash at all", "nobody")


# ---- links ----


def test_the_first_admin_gets_a_link_until_there_is_one(rt: Runtime, clock: Clock) -> None:
    lost = accounts.first_admin_link(rt)
    link = accounts.first_admin_link(rt)
    assert link
    assert lost
    assert lost != link
    with pytest.raises(NotFound):
        accounts.set_password(rt, lost, PASSWORD)
    assert accounts.person_of_link(rt, link) == "admin"
    _, who = accounts.set_password(rt, link, PASSWORD)
    assert who.may(Right.MANAGE_PEOPLE)
    assert accounts.first_admin_link(rt) is None
    with rt.store.writing() as tx:  # by other tools: ours keep the last admin
        tx.execute(sa.update(people).where(people.c.name == "admin").values(role=Role.MODERATOR.value))
    again = accounts.first_admin_link(rt)
    assert again
    assert accounts.person_of_link(rt, again) == "admin2"


def test_an_admin_who_waits_for_a_password_gets_the_link(rt: Runtime) -> None:
    accounts.create_person(rt, OWNER, "Boss", Role.ADMIN, None, None)
    link = accounts.first_admin_link(rt)
    assert link
    assert accounts.person_of_link(rt, link) == "Boss"


def test_a_link_works_once_and_for_a_day(rt: Runtime, clock: Clock) -> None:
    link = accounts.create_person(rt, OWNER, "Omar", Role.MODERATOR, None, None)
    assert link
    assert len(link) == 43
    with pytest.raises(Invalid):
        accounts.set_password(rt, link, "short")
    clock.advance(hours=23, minutes=59)
    accounts.set_password(rt, link, PASSWORD)
    with pytest.raises(NotFound):
        accounts.set_password(rt, link, PASSWORD + "!")
    late = accounts.new_link(rt, OWNER, "Omar")[0]
    clock.advance(hours=24)
    assert accounts.person_of_link(rt, late) is None
    with pytest.raises(NotFound):
        accounts.set_password(rt, late, PASSWORD)


def test_of_many_who_use_a_link_at_once_one_wins(rt: Runtime) -> None:
    link = accounts.new_link(rt, OWNER, "Ana")[0]

    def use(number: int) -> bool:
        try:
            accounts.set_password(rt, link, f"sentence number {number} of many")
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(use, range(6))) == 1


def test_a_link_that_does_not_work_costs_no_hash(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", None)
    for secret in ("", "x", "x" * 43, "\ud800"):
        with pytest.raises(NotFound):
            accounts.set_password(rt, secret, PASSWORD)


# ---- people ----


def test_a_name_is_one_visible_line_and_no_address(rt: Runtime) -> None:
    for name in ("", " ", "x" * 81, "two\nlines", "jane@example.org", "nul\x00", "\u202eana", "\ud800"):
        with pytest.raises(Invalid) as error:
            accounts.create_person(rt, OWNER, name, Role.MODERATOR, None, PASSWORD)
        assert error.value.problems[0].code == "person-name", name


def test_a_name_is_given_once_and_a_site_must_exist(rt: Runtime) -> None:
    for name, sites, code in (("ANA", None, "taken"), ("Omar", ["nowhere"], "choice")):
        with pytest.raises(Invalid) as error:
            accounts.create_person(rt, OWNER, name, Role.MODERATOR, sites, PASSWORD)
        assert error.value.problems[0].code == code


def test_nobody_gives_what_they_do_not_have(rt: Runtime) -> None:
    moderator = Moderator(1, "Ana", RIGHTS[Role.MODERATOR], None, "moderator")
    local = Moderator(2, "Lena", RIGHTS[Role.ADMIN], frozenset({"demo"}), "admin")
    script = Moderator(0, "script", frozenset({Right.MANAGE_PEOPLE}), None, "token")
    accounts.create_person(rt, OWNER, "Boss", Role.ADMIN, None, PASSWORD)
    accounts.create_person(rt, OWNER, "Lars", Role.MODERATOR, ["demo"], PASSWORD)
    token = accounts.create_token(rt, OWNER, "cms", [Right.DECIDE], None, None).split("_")[2]
    forbidden: list[Callable[[], object]] = [
        lambda: accounts.create_person(rt, moderator, "X", Role.MODERATOR, None, None),
        lambda: accounts.create_person(rt, local, "X", Role.MODERATOR, None, None),
        lambda: accounts.create_person(rt, local, "X", Role.MODERATOR, ["demo", "open"], None),
        lambda: accounts.create_person(rt, script, "X", Role.ADMIN, None, None),
        lambda: accounts.create_token(rt, moderator, "x", [Right.DECIDE], None, None),
        lambda: accounts.create_token(rt, local, "x", [Right.DECIDE], None, None),
        lambda: accounts.create_token(rt, script, "x", [Right.DECIDE], None, None),
        lambda: accounts.end_token(rt, local, token),
        lambda: accounts.change_person(rt, moderator, "Lars", disabled=True),
        lambda: accounts.change_person(rt, local, "Boss", disabled=True),
        lambda: accounts.new_link(rt, local, "Boss"),
        lambda: accounts.new_link(rt, moderator, "Lars"),
        lambda: accounts.end_sessions(rt, local, "Ana"),
    ]
    before = everything_stored(rt)
    for number, act in enumerate(forbidden):
        with pytest.raises(Forbidden):
            act()
        assert everything_stored(rt) == before, number
    accounts.create_person(rt, local, "Lou", Role.ADMIN, ["demo"], None)
    accounts.change_person(rt, local, "Lars", disabled=True)


def test_the_journal_says_who_did_what_to_whom(rt: Runtime) -> None:
    secret, who = accounts.sign_in(rt, "Ana", PASSWORD, HERE)
    accounts.sign_out(rt, who, secret)
    accounts.set_password(rt, accounts.new_link(rt, OWNER, "Ana")[0], PASSWORD)
    token = accounts.create_token(rt, OWNER, "cms", [Right.DECIDE], ["demo"], None)
    accounts.end_token(rt, OWNER, token.split("_")[2])
    accounts.change_person(rt, OWNER, "Ana", disabled=True)
    columns = (journal.c.actor, journal.c.action, journal.c.target)
    with rt.store.reading() as connection:
        rows = [tuple(row) for row in connection.execute(sa.select(*columns).order_by(journal.c.seq))]
    ana, cms = f"person:{who.id}", f"token:{token.split('_')[2]}"
    assert rows == [
        ("command line", "person-created", ana),
        ("Ana", "sign-in", ana),
        ("Ana", "sign-out", ana),
        ("command line", "link-created", ana),
        ("Ana", "password-set", ana),
        ("command line", "token-created", cms),
        ("command line", "token-ended", cms),
        ("command line", "person-changed", ana),
    ]


# ---- tokens ----


def test_a_token_acts_with_its_scopes_on_its_sites_until_its_time(rt: Runtime, clock: Clock) -> None:
    until = clock.time + timedelta(days=1)
    token = accounts.create_token(rt, OWNER, "cms", [Right.DECIDE], ["demo"], until)
    assert token.startswith("cm_live_")
    who = accounts.moderator_of_token(rt, token)
    assert (who.name, who.role, who.may(Right.DECIDE, "demo")) == ("cms", "token", True)
    assert not who.may(Right.DECIDE, "open")
    assert not who.may(Right.READ_QUEUE, "demo")
    clock.advance(days=1)
    with pytest.raises(NotSignedIn):
        accounts.moderator_of_token(rt, token)


def test_a_token_that_was_ended_stops_working(rt: Runtime) -> None:
    token = accounts.create_token(rt, OWNER, "cms", [Right.DECIDE], None, None)
    (listed,) = accounts.list_tokens(rt)
    accounts.end_token(rt, OWNER, listed.id)
    with pytest.raises(NotSignedIn):
        accounts.moderator_of_token(rt, token)
    with pytest.raises(NotFound):
        accounts.end_token(rt, OWNER, listed.id)


def test_use_of_a_token_is_written_at_most_once_a_minute(rt: Runtime, clock: Clock) -> None:
    token = accounts.create_token(rt, OWNER, "cms", [Right.DECIDE], None, None)

    def used() -> object:
        accounts.moderator_of_token(rt, token)
        return accounts.list_tokens(rt)[0].used_at

    first = used()
    clock.advance(seconds=30)
    assert used() == first
    clock.advance(seconds=31)
    assert used() != first


def test_what_is_no_token_is_refused(rt: Runtime) -> None:
    token = accounts.create_token(rt, OWNER, "cms", [Right.DECIDE], None, None)
    _, _, token_id, secret = token.split("_", 3)
    start = f"cm_live_{token_id}"
    wrong = ["", "_", "cm_live_", "cm_live__", start, f"{start}_", f"{start}_{secret}x", f"{start}_{secret[:-1]}",
             f"cm_test_{token_id}_{secret}", f"cm_live_x{token_id[1:]}_{secret}", f"cm_live_0_{secret}",
             f"{start}\x00_{secret}", f"cm_live_é_{secret}", "cm_live_\ud800_x", secret, f" {token}",
             "x" * 10_000]  # fmt: skip
    for each in wrong:
        with pytest.raises(NotSignedIn):
            accounts.moderator_of_token(rt, each)
    assert accounts.moderator_of_token(rt, token)


def test_no_error_of_ours_shows_a_secret(rt: Runtime) -> None:
    shown: list[str] = []
    for act in (
        lambda: accounts.sign_in(rt, "Ana", "a secret guess of mine", HERE),
        lambda: accounts.set_password(rt, "a secret link", "a secret guess of mine"),
        lambda: sessions.moderator_of(rt, "a secret cookie"),
        lambda: accounts.moderator_of_token(rt, "cm_live_a_secret"),
        lambda: accounts.create_person(rt, OWNER, "Omar", Role.MODERATOR, None, "secret"),
    ):
        with pytest.raises(ModerationError) as error:
            act()
        shown.append(repr(error.value))
    assert not any("secret" in each for each in shown)
