"""The second step of signing in, on SQLite and PostgreSQL with a real Redis: codes, replays, guessing, recovery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pyotp
import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from tests.conftest import Clock

from moderation import passwords, sessions
from moderation.actions import accounts, second_step
from moderation.edges import schema
from moderation.edges.limits import Limits
from moderation.errors import Forbidden, Invalid, NotFound, NotSignedIn, SecondStepMissing, SignInRefused
from moderation.runtime import Runtime
from moderation.values import Moderator, Role

PASSWORD = "three plain words in a row"  # made up for tests
OTHER = "another three plain words"  # made up for tests
HERE = "192.0.2.7"


@pytest.fixture(autouse=True)
def light_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real hash with little memory: how much it takes is not what is tried here."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime], clock: Clock, redis_url: str) -> Runtime:
    """With the default: admins need a second step. Its Redis goes by the test's clock."""
    made = make_runtime(totp_required="admin")
    made.limits.close()
    made.limits = Limits(redis_url, workers=1, timeout=5, server_time=lambda: int(clock.time.timestamp() * 1e6))
    for name, role in (("Ada", Role.ADMIN), ("Mo", Role.MODERATOR)):
        accounts.create_person(made, accounts.SERVICE, name, role, None, PASSWORD)
    return made


def sign_in(rt: Runtime, name: str = "Ada", password: str = PASSWORD) -> tuple[str, Moderator]:
    return accounts.sign_in(rt, name, password, HERE)


def missing(rt: Runtime, secret: str, *, fresh: bool = False) -> str | None:
    return sessions.missing_step(rt, sessions.alive(rt, secret), fresh)


def is_over(rt: Runtime, secret: str) -> bool:
    try:
        sessions.alive(rt, secret)
    except NotSignedIn:
        return True
    return False


class Phone:
    """Somebody's authenticator app."""

    def __init__(self, seed: str, clock: Clock) -> None:
        self._totp, self._clock = pyotp.TOTP(seed), clock

    def code(self, late: int = 0) -> str:
        return self._totp.at(self._clock.time, counter_offset=late)

    def wrong(self) -> str:
        near = {self.code(late) for late in range(-3, 4)}
        return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777")
                    if code not in near)  # fmt: skip


def with_phone(rt: Runtime, clock: Clock, name: str = "Ada") -> tuple[Phone, str, list[str]]:
    """(the phone, the session's secret, the recovery codes); the code that set it up is no longer of now."""
    _, who = sign_in(rt, name)
    phone = Phone(second_step.offer(rt, who).seed, clock)
    secret, codes = second_step.set_up(rt, who, phone.code())
    clock.advance(seconds=90)
    return phone, secret, codes


def confirm(rt: Runtime, secret: str, code: str, **over: str) -> str:
    return second_step.confirm(rt, secret, code, HERE, **over)[0]


def refused(rt: Runtime, secret: str, code: str, **over: str) -> None:
    with pytest.raises(SignInRefused):
        second_step.confirm(rt, secret, code, HERE, **over)


def actions_of(rt: Runtime) -> Counter[str]:
    with rt.store.reading() as tx:
        return Counter(tx.execute(sa.select(schema.journal.c.action)).scalars())


# ---- who needs one ----


@pytest.mark.parametrize(
    ("required", "of_admin", "of_moderator"),
    [("admin", "set-up", None), ("all", "set-up", "set-up"), ("none", None, None)],
)
def test_the_setting_says_who_needs_one(
    rt: Runtime, make_runtime: Callable[..., Runtime], required: str, of_admin: str | None, of_moderator: str | None
) -> None:
    ada, mo = sign_in(rt)[0], sign_in(rt, "Mo")[0]
    other = make_runtime(totp_required=required)
    assert (missing(other, ada), missing(other, mo)) == (of_admin, of_moderator)


def test_who_becomes_an_admin_needs_one_at_the_next_request(rt: Runtime) -> None:
    accounts.change_person(rt, accounts.SERVICE, "Mo", role=Role.ADMIN)
    secret, _ = sign_in(rt, "Mo")
    with pytest.raises(SecondStepMissing) as error:
        sessions.moderator_of(rt, secret)
    assert error.value.what == "set-up"


# ---- setting up ----


def test_setting_up_needs_a_right_code_and_begins_a_new_session(rt: Runtime, clock: Clock) -> None:
    first, who = sign_in(rt)
    other, _ = sign_in(rt)
    offered = second_step.offer(rt, who)
    assert second_step.offer(rt, who) == offered, "looking twice shows the same key"
    phone = Phone(offered.seed, clock)
    with pytest.raises(Invalid):
        second_step.set_up(rt, who, phone.wrong())
    assert missing(rt, first) == "set-up"
    secret, codes = second_step.set_up(rt, who, phone.code())
    assert missing(rt, secret) is None
    assert is_over(rt, first)
    assert is_over(rt, other)
    assert len(codes) == 10
    assert actions_of(rt)["second-step-set-up"] == 1


def test_another_session_is_offered_another_key(rt: Runtime) -> None:
    seeds = {second_step.offer(rt, sign_in(rt)[1]).seed for _ in range(3)}
    seeds.add(second_step.offer(rt, sign_in(rt, "Mo")[1]).seed)
    assert len(seeds) == 4


def test_neither_key_nor_codes_are_stored_in_the_clear(rt: Runtime, clock: Clock) -> None:
    _, who = sign_in(rt)
    offered = second_step.offer(rt, who)
    _, codes = second_step.set_up(rt, who, Phone(offered.seed, clock).code())
    tables = (schema.second_factors, schema.recovery_codes, schema.sessions, schema.journal)
    with rt.store.reading() as tx:
        stored = repr([tx.execute(sa.select(table)).all() for table in tables])
    assert offered.seed not in stored
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)


# ---- signing in with it ----


def test_a_password_alone_opens_nothing_and_a_code_does(rt: Runtime, clock: Clock) -> None:
    phone, _, _ = with_phone(rt, clock)
    half, _ = sign_in(rt)
    assert missing(rt, half) == "code"
    secret = confirm(rt, half, phone.code())
    assert sessions.moderator_of(rt, secret).name == "Ada"
    assert is_over(rt, half), "the secret changes with the step"


def test_a_new_password_by_link_still_asks_for_a_code(rt: Runtime, clock: Clock) -> None:
    with_phone(rt, clock)
    link = accounts.new_link(rt, accounts.SERVICE, "Ada")[0]
    secret, _ = accounts.set_password(rt, link, OTHER)
    assert missing(rt, secret) == "code"


@pytest.mark.parametrize(("late", "is_taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_one_step_of_skew_is_borne(rt: Runtime, clock: Clock, late: int, is_taken: bool) -> None:
    phone, _, _ = with_phone(rt, clock)
    half, _ = sign_in(rt)
    if is_taken:
        assert missing(rt, confirm(rt, half, phone.code(late))) is None
    else:
        refused(rt, half, phone.code(late))


def test_a_code_works_once_and_so_does_the_one_that_set_it_up(rt: Runtime, clock: Clock) -> None:
    _, who = sign_in(rt)
    phone = Phone(second_step.offer(rt, who).seed, clock)
    first = phone.code()
    second_step.set_up(rt, who, first)
    refused(rt, sign_in(rt)[0], first)
    clock.advance(seconds=30)
    code, earlier = phone.code(), phone.code(-1)
    confirm(rt, sign_in(rt)[0], code)
    refused(rt, sign_in(rt)[0], code)
    refused(rt, sign_in(rt)[0], earlier)


def test_of_two_who_send_the_same_code_at_once_one_gets_in(rt: Runtime, clock: Clock) -> None:
    phone, _, _ = with_phone(rt, clock)
    halves = [sign_in(rt)[0] for _ in range(2)]
    code = phone.code()

    def give(half: str) -> bool:
        try:
            confirm(rt, half, code)
        except SignInRefused:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(give, halves)) == [False, True]


def test_a_recovery_code_works_once_however_it_is_typed(rt: Runtime, clock: Clock) -> None:
    _, _, codes = with_phone(rt, clock)
    secret = confirm(rt, sign_in(rt)[0], f" {codes[3].upper()} ")
    factor = second_step.factor_of(rt, sessions.moderator_of(rt, secret))
    assert factor
    assert factor.codes == 9
    refused(rt, sign_in(rt)[0], codes[3])
    confirm(rt, sign_in(rt)[0], codes[4].replace("-", ""))


def test_new_recovery_codes_end_the_former_ones(rt: Runtime, clock: Clock) -> None:
    _, secret, former = with_phone(rt, clock)
    new = second_step.renew_codes(rt, sessions.moderator_of(rt, secret))
    refused(rt, sign_in(rt)[0], former[0])
    confirm(rt, sign_in(rt)[0], new[0])
    with pytest.raises(Invalid):
        second_step.renew_codes(rt, sign_in(rt, "Mo")[1])


def test_another_persons_code_and_sealed_key_open_nothing(rt: Runtime, clock: Clock) -> None:
    phone, _, codes = with_phone(rt, clock)
    mos, _, _ = with_phone(rt, clock, "Mo")
    refused(rt, sign_in(rt, "Mo")[0], codes[0])
    refused(rt, sign_in(rt, "Mo")[0], phone.code())
    table = schema.second_factors
    with rt.store.writing() as tx:
        seeds = {row.person_id: row.seed for row in tx.execute(sa.select(table))}
        for mine, other in zip(seeds, reversed(list(seeds.values())), strict=True):
            tx.execute(sa.update(table).where(table.c.person_id == mine).values(seed=other))
    refused(rt, sign_in(rt)[0], mos.code())


# ---- guessing ----


def test_after_three_wrong_codes_even_the_right_one_has_to_wait(rt: Runtime, clock: Clock) -> None:
    phone, _, _ = with_phone(rt, clock)
    half, _ = sign_in(rt)
    for _ in range(3):
        refused(rt, half, phone.wrong())
    refused(rt, half, phone.code())
    clock.advance(seconds=1)
    confirm(rt, half, phone.code())


def test_delays_grow_and_a_right_password_does_not_forgive_them(rt: Runtime, clock: Clock) -> None:
    phone, _, _ = with_phone(rt, clock)
    waited: list[timedelta] = []
    for _ in range(9):
        half, _ = sign_in(rt)
        refused(rt, half, phone.wrong())
        with rt.store.reading() as tx:
            due: datetime | None = tx.execute(sa.select(schema.second_factors.c.next_try_at)).scalar()
        waited.append(due - clock.time if due else timedelta())
        clock.advance(seconds=max(10, waited[-1].total_seconds() + 1))
    assert [round(wait.total_seconds()) for wait in waited] == [0, 0, 1, 2, 4, 8, 16, 32, 64]
    assert actions_of(rt)["second-step-failed"] == 2


def test_who_knows_the_password_cannot_keep_the_owner_out_of_a_known_browser(rt: Runtime, clock: Clock) -> None:
    phone, secret, _ = with_phone(rt, clock)
    mark = sessions.device_mark(rt, sessions.moderator_of(rt, secret))
    for _ in range(6):
        clock.advance(seconds=20)
        refused(rt, sign_in(rt)[0], phone.wrong())
    half, _ = sign_in(rt)
    refused(rt, half, phone.code())
    confirm(rt, half, phone.code(), device=mark)


def test_a_session_without_a_second_step_takes_no_code(rt: Runtime) -> None:
    with pytest.raises(NotSignedIn):
        confirm(rt, sign_in(rt, "Mo")[0], "123456")


# ---- doing it again, and taking it off ----


def test_what_asks_again_wants_a_code_of_late(rt: Runtime, clock: Clock) -> None:
    phone, _, _ = with_phone(rt, clock)
    secret = confirm(rt, sign_in(rt)[0], phone.code())
    assert missing(rt, secret, fresh=True) is None
    clock.advance(minutes=16)
    assert missing(rt, secret) is None
    assert missing(rt, secret, fresh=True) == "code"
    assert missing(rt, confirm(rt, secret, phone.code()), fresh=True) is None


def test_an_admin_may_not_go_without_and_a_moderator_may(rt: Runtime, clock: Clock) -> None:
    _, secret, _ = with_phone(rt, clock)
    with pytest.raises(Forbidden):
        second_step.take_off(rt, sessions.moderator_of(rt, secret))
    _, mos, _ = with_phone(rt, clock, "Mo")
    second_step.take_off(rt, sessions.moderator_of(rt, mos))
    assert missing(rt, sign_in(rt, "Mo")[0]) is None


def test_an_admin_takes_away_what_was_lost_with_a_phone(rt: Runtime, clock: Clock) -> None:
    _, secret, _ = with_phone(rt, clock, "Mo")
    with pytest.raises(Forbidden):
        accounts.forget_factor(rt, sessions.moderator_of(rt, secret), "Ada")
    accounts.forget_factor(rt, accounts.SERVICE, "Mo")
    assert is_over(rt, secret)
    assert missing(rt, sign_in(rt, "Mo")[0]) is None
    with pytest.raises(NotFound):
        accounts.forget_factor(rt, accounts.SERVICE, "Mo")


def test_a_changed_password_keeps_the_second_step_of_this_session_only(rt: Runtime, clock: Clock) -> None:
    phone, secret, _ = with_phone(rt, clock)
    other = confirm(rt, sign_in(rt)[0], phone.code())
    who = sessions.moderator_of(rt, secret)
    with pytest.raises(Invalid):
        accounts.change_password(rt, who, "not my password", OTHER)
    with pytest.raises(Invalid):
        accounts.change_password(rt, who, PASSWORD, "short")
    fresh, _ = accounts.change_password(rt, who, PASSWORD, OTHER)
    assert missing(rt, fresh) is None
    assert is_over(rt, secret)
    assert is_over(rt, other)
    with pytest.raises(SignInRefused):
        sign_in(rt)
    assert missing(rt, sign_in(rt, password=OTHER)[0]) == "code"


def test_a_wrong_password_while_changing_it_counts_as_a_guess(rt: Runtime, clock: Clock) -> None:
    _, who = sign_in(rt, "Mo")
    for _ in range(3):
        with pytest.raises(Invalid):
            accounts.change_password(rt, who, "not my password", OTHER)
    with pytest.raises(Invalid):
        accounts.change_password(rt, who, PASSWORD, OTHER)
    clock.advance(seconds=1)
    accounts.change_password(rt, who, PASSWORD, OTHER)


def test_one_session_is_ended_and_the_others_go_on(rt: Runtime) -> None:
    (first, who), (second, _) = sign_in(rt, "Mo"), sign_in(rt, "Mo")
    theirs = next(each for each in accounts.list_sessions(rt, who) if not each.is_current)
    accounts.end_session(rt, who, theirs.id)
    assert is_over(rt, second)
    assert not is_over(rt, first)
    with pytest.raises(NotFound):
        accounts.end_session(rt, sign_in(rt)[1], accounts.list_sessions(rt, who)[0].id)


def test_sites_change_within_what_one_has_oneself(rt: Runtime) -> None:
    accounts.create_person(rt, accounts.SERVICE, "Sue", Role.ADMIN, ["demo", "open"], PASSWORD)
    _, sue = sign_in(rt, "Sue")
    accounts.create_person(rt, sue, "Kim", Role.MODERATOR, ["demo"], None)
    accounts.change_person(rt, sue, "Kim", sites=["open", "demo"])
    for sites in (None, ["demo", "strict"]):
        with pytest.raises(Forbidden):
            accounts.change_person(rt, sue, "Kim", sites=sites)
    with pytest.raises(Invalid):
        accounts.change_person(rt, accounts.SERVICE, "Kim", sites=["nowhere"])
    assert {person.name for person in accounts.list_people(rt, sue)} == {"Sue", "Kim"}
