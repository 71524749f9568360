"""Keys are rotated while comments come in, and cut short at any moment; on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from tests.actions.test_review import rule, send
from tests.actions.test_submit import submission

from moderation.actions import bans, keys, privacy
from moderation.actions.submit import Intake
from moderation.commands import COMMAND_LINE
from moderation.edges import chain, erasure, key_file, mails, reencryption, schema
from moderation.edges.authors import LOGIN, by_login, new_id, prove
from moderation.edges.schema import author_records, authors, comments, journal, second_factors
from moderation.edges.vault import load_keys
from moderation.errors import KeysInvalid, TooFast
from moderation.runtime import Runtime
from moderation.values import PURPOSES, RIGHTS, Decision, Effect, Moderator, Role

KILLS = int(os.environ.get("MODERATION_KILLS", "3"))
"""How often the rewriting is killed; the long run asks for 50."""

EMAIL = "reader1@example.org"


def rotate(rt: Runtime, purpose: str) -> None:
    keys.rotate(rt, COMMAND_LINE, purpose, pause=lambda _: None)


def reencrypt(rt: Runtime, purpose: str) -> list[reencryption.Batch]:
    return list(keys.reencrypt(rt, COMMAND_LINE, purpose))


def rows(rt: Runtime, table: sa.Table) -> list[sa.Row[tuple[object, ...]]]:
    with rt.store.reading() as connection:
        return list(connection.execute(sa.select(table)))


def states(rt: Runtime, purpose: str) -> list[str]:
    return [key.state for key in load_keys(rt.env.keys_path).all if key.purpose == purpose]


def test_a_new_key_of_each_purpose_is_active_and_the_former_one_still_reads(rt: Runtime) -> None:
    for purpose in PURPOSES:
        before = rt.vault.active_id(purpose)
        signed = rt.vault.sign(purpose, "a form")
        rotate(rt, purpose)
        assert rt.vault.active_id(purpose) > before
        assert rt.vault.check(signed, purpose, "a form")
        assert states(rt, purpose) == ["decrypt", "active"]
        last = rows(rt, journal)[-1]
        assert (last.action, last.target, last.before) == ("keys-rotate", purpose, f"key {before}")


def test_everybody_can_read_with_a_key_before_anybody_writes_with_it(rt: Runtime) -> None:
    seen: list[list[str]] = []
    keys.rotate(rt, COMMAND_LINE, "email-enc", pause=lambda _: seen.append(states(rt, "email-enc")))
    assert seen == [["active", "decrypt"], ["decrypt", "active"]]


def test_a_rotation_that_was_cut_short_goes_on_with_the_key_it_had_added(rt: Runtime) -> None:
    added = key_file.add(rt.env.keys_path, "links")
    rotate(rt, "links")
    assert rt.vault.active_id("links") == added.id
    assert states(rt, "links") == ["decrypt", "active"]


def test_a_key_file_that_went_bad_changes_nothing(rt: Runtime) -> None:
    vault = rt.vault
    rt.env.keys_path.write_bytes(b"[]")
    assert not rt.reload_keys()
    assert rt.vault is vault


def test_a_worker_that_runs_takes_up_the_keys_by_itself(rt: Runtime, make_runtime: Callable[..., Runtime]) -> None:
    other = make_runtime()
    other.follow_rules()
    before = other.vault.active_id("email-enc")
    rotate(rt, "email-enc")
    end = time.monotonic() + 30
    while other.vault.active_id("email-enc") == before:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_author_is_one_author_under_old_and_new_keys(rt: Runtime) -> None:
    rule(rt, send(rt, 1, email=EMAIL), 1, Decision.APPROVE)
    rotate(rt, "email-index")
    send(rt, 2, email=EMAIL)
    send(rt, 3, email=EMAIL)
    assert [row.facts["record"][:4] for row in rows(rt, comments)] == [[0, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 1]]
    assert len(rows(rt, author_records)) == 2
    assert reencrypt(rt, "email-index")[0].written == 1
    (record,) = rows(rt, author_records)
    assert (record.email_index, record.approved, record.pending) == (rt.vault.index(EMAIL), 1, 2)
    assert {row.email_index for row in rows(rt, comments)} == {rt.vault.index(EMAIL)}
    send(rt, 4, email=EMAIL)
    assert rows(rt, comments)[-1].facts["record"][:4] == [1, 0, 0, 2]


def test_two_rows_of_one_author_become_one(rt: Runtime) -> None:
    first = send(rt, 1, email=None, subject="jo-1")
    (former,) = rows(rt, authors)
    rotate(rt, "email-index")
    proof, twin = by_login(rt.vault, "demo", "jo-1"), new_id(b"another worker's")
    row = {"id": twin, "site": "demo", "kind": LOGIN, "proved_at": rt.now()}
    with rt.store.writing() as tx:
        tx.execute(sa.insert(authors).values(**row, key=proof.keys[0], sealed=rt.vault.seal_name("jo-1", twin)))
        assert prove(tx, rt.vault, LOGIN, "demo", "jo-1", new_id(bytes(16)), rt.now()) == twin
    second = send(rt, 2, email=None, subject="jo-1")
    assert [row.author_id for row in rows(rt, comments)] == [former.id, twin]
    for comment_id in (first, second):
        wish = bans.Wish(Effect.HOLD, "Sells pills", None, comment_id=comment_id)
        newest = bans.make(rt, Moderator(1, "Ana", RIGHTS[Role.MODERATOR], None, "moderator"), None, wish, "r")
    reencrypt(rt, "email-index")
    (author,) = rows(rt, authors)
    assert (author.id, author.key) == (twin, proof.keys[0])
    assert {row.author_id for row in rows(rt, comments)} == {twin}
    (record,) = rows(rt, author_records)
    assert (record.email_index, record.pending) == (twin, 2)
    assert [(row.id, row.key) for row in rows(rt, schema.bans)] == [(newest.ban.id, twin)]
    assert keys.retire(rt, COMMAND_LINE, "email-index")


def test_a_decision_after_the_record_moved_is_counted_once_the_comment_follows(rt: Runtime) -> None:
    ids = [send(rt, number, email=EMAIL) for number in range(3)]
    rotate(rt, "email-index")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reencryption, "BATCH", 1)
        steps = keys.reencrypt(rt, COMMAND_LINE, "email-index")
        next(steps)
        rule(rt, ids[2], 1, Decision.APPROVE)
        list(steps)
    (record,) = rows(rt, author_records)
    assert (record.approved, record.pending) == (1, 2)


def test_limits_are_not_reset_and_begin_under_the_new_key_with_the_next_day(rt: Runtime) -> None:
    for number in range(5):
        send(rt, number, site="strict")
    rotate(rt, "rate")
    with pytest.raises(TooFast):
        send(rt, 6, site="strict")
    today = rt.now().date()
    by_day = {rt.vault.limit_key("address", "x", day=today.replace(day=day)) for day in (today.day, today.day + 1)}
    assert len(by_day) == 2
    assert load_keys(rt.env.keys_path).active("rate").since == today.replace(day=today.day + 1)


def test_a_comment_sent_again_over_a_rotation_is_stored_once(rt: Runtime) -> None:
    intake = Intake(rt)
    first = intake.submit(submission(1, idempotency_key="once"))
    rotate(rt, "rate")
    assert intake.submit(submission(1, idempotency_key="once")).comment_id == first.comment_id
    assert len(rows(rt, comments)) == 1


def test_seeds_and_letters_are_written_anew_and_open(rt: Runtime) -> None:
    with rt.store.writing() as tx:
        person = tx.execute(
            sa.text("INSERT INTO people (name, role, disabled, failures, created_at) "
                    "VALUES ('Ana', 'admin', :no, 0, :now) RETURNING id"),
            {"no": False, "now": rt.now().isoformat(" ")},
        ).scalar_one()  # fmt: skip
        seed = {"person_id": person, "seed": rt.vault.seal_seed("a seed", person), "step": 1, "failures": 0}
        tx.execute(sa.insert(second_factors), seed | {"since": rt.now()})
        mails.post(tx, rt.vault, rt.new_id(), "receipt", EMAIL, "Yours", "It waits.", rt.now())
    for purpose in ("totp", "email-enc", "email-index"):
        rotate(rt, purpose)
    assert [batch.written for batch in reencrypt(rt, "totp")] == [1, 0]
    assert sum(batch.written for batch in reencrypt(rt, "email-enc")) == 1
    for purpose in ("totp", "email-enc", "email-index"):
        assert keys.retire(rt, COMMAND_LINE, purpose)
    (factor,) = rows(rt, second_factors)
    assert rt.vault.open_seed(factor.seed, person) == "a seed"
    with rt.store.writing() as tx:
        (due,) = mails.due(tx, rt.now(), 10)
        letter = mails.claim(tx, rt.vault, due, rt.now(), rt.now())
    assert letter
    assert (letter.to, letter.text) == (EMAIL, "It waits.")


def test_a_key_that_a_row_needs_is_not_retired(rt: Runtime) -> None:
    send(rt)
    for purpose in ("email-enc", "email-index", "audit"):
        rotate(rt, purpose)
        with pytest.raises(KeysInvalid, match="cannot be retired: rows of "):
            keys.retire(rt, COMMAND_LINE, purpose)
        assert states(rt, purpose) == ["decrypt", "active"]


def test_a_record_whose_comments_are_gone_goes_with_its_key(rt: Runtime) -> None:
    gone = send(rt, 1, email="gone@example.org")
    rule(rt, gone, 1, Decision.REJECT)
    stays = send(rt, 2)
    with rt.store.writing() as tx:
        erasure.remove(tx, gone)
    rotate(rt, "email-index")
    reencrypt(rt, "email-index")
    (comment,) = rows(rt, comments)
    (record,) = rows(rt, author_records)
    assert (comment.id, record.email_index, record.pending) == (stays, comment.email_index, 1)
    keys.retire(rt, COMMAND_LINE, "email-index")
    assert states(rt, "email-index") == ["retired", "active"]


def test_a_key_that_made_what_may_come_back_is_not_retired_yet(rt: Runtime) -> None:
    for purpose in ("rate", "session-csrf", "links"):
        rotate(rt, purpose)
        with pytest.raises(KeysInvalid, match="cannot be retired before 20"):
            keys.retire(rt, COMMAND_LINE, purpose)


def test_the_record_is_whole_under_two_keys(rt: Runtime) -> None:
    send(rt, 1)
    rotate(rt, "audit")
    send(rt, 2)
    with rt.store.reading() as connection:
        report = chain.verify(connection, rt.vault)
    assert report.broken is None


def test_erasing_again_reaches_rows_that_a_retired_key_made(rt: Runtime) -> None:
    send(rt, 1, email=EMAIL)
    (old,) = rows(rt, comments)
    rotate(rt, "email-index")
    reencrypt(rt, "email-index")
    keys.retire(rt, COMMAND_LINE, "email-index")
    privacy.erase(rt, COMMAND_LINE, EMAIL, "asked")
    send(rt, 2, email=EMAIL)
    with rt.store.writing() as tx:  # as a copy from before the rotation would hold it
        tx.execute(sa.update(comments).values(email_index=old.email_index))
    assert privacy.erase_again(rt, COMMAND_LINE) == 1


@pytest.mark.timeout(600)
def test_killed_at_random_moments_under_load_nothing_is_unreadable_and_no_author_is_split(rt: Runtime) -> None:
    chance = random.Random(6)
    intake = Intake(rt)
    for number in range(600):
        intake.submit(submission(number, email=f"reader{number % 40}@example.org"))
    rotate(rt, "email-enc")
    rotate(rt, "email-index")
    with load(rt, intake):
        for _ in range(KILLS):
            before, process = progress(rt), started(rt)
            while progress(rt) == before and process.poll() is None:
                time.sleep(0.005)
            time.sleep(0.2 * chance.random())
            process.kill()
            process.wait()
    reencrypt(rt, "email-enc")
    assert keys.retire(rt, COMMAND_LINE, "email-enc")
    assert keys.retire(rt, COMMAND_LINE, "email-index")
    held: dict[bytes, list[str]] = {}
    for row in rows(rt, comments):
        address = rt.vault.open(row.email_sealed, row.id)
        assert row.email_index == rt.vault.index(address)
        held.setdefault(row.email_index, []).append(row.status)
    records = {row.email_index: row.pending + row.approved for row in rows(rt, author_records)}
    assert records == {index: len(statuses) for index, statuses in held.items()}
    assert len(held) == 40


MANY = 4000
AIM = 5000
"""Rows of which an address is sealed anew in a second."""


def test_comments_come_in_and_are_decided_while_keys_rotate(rt: Runtime, tell: Callable[[str], None]) -> None:
    intake = Intake(rt)
    for number in range(10):
        intake.submit(submission(number, email=f"reader{number}@example.org"))
    _copy(rt, MANY)
    with load(rt, intake):
        for purpose in ("email-enc", "email-index"):
            keys.rotate(rt, COMMAND_LINE, purpose, pause=lambda _: time.sleep(0.05))
        begun = time.perf_counter()
        batches = reencrypt(rt, "email-enc")
        took = time.perf_counter() - begun
    written = sum(batch.written for batch in batches)
    assert written >= MANY
    assert not sum(batch.unreadable for batch in batches)
    reencrypt(rt, "email-enc")  # what the load wrote behind its back
    for purpose in ("email-enc", "email-index"):
        assert keys.retire(rt, COMMAND_LINE, purpose)
    found = rows(rt, comments)
    assert {rt.vault.index(rt.vault.open(row.email_sealed, row.id)) == row.email_index for row in found} == {True}
    decided = sum(row.status == "approved" for row in found)
    assert decided > 0
    rotate(rt, "email-enc")
    begun = time.perf_counter()
    quiet = sum(batch.written for batch in reencrypt(rt, "email-enc")) / (time.perf_counter() - begun)
    tell(
        f"reencrypt on {rt.store.engine.dialect.name}: {quiet:,.0f} rows/s alone (aim {AIM:,}), "
        f"{written / took:,.0f} while {decided} comments came in and were decided"
    )


def _copy(rt: Runtime, many: int) -> None:
    """So many more rows with addresses of their own, as the intake would write them."""
    like = dict(rows(rt, comments)[0]._mapping)
    new = []
    for number in range(many):
        comment_id, address = rt.new_id(), f"reader{number % 40}@example.org"
        sealed = {"email_sealed": rt.vault.seal(address, comment_id), "email_index": rt.vault.index(address)}
        new.append(like | sealed | {"id": comment_id, "root_id": comment_id})
    with rt.store.writing() as tx:
        tx.execute(sa.insert(comments), new)


@contextmanager
def load(rt: Runtime, intake: Intake) -> Iterator[None]:
    """Comments come in and are decided while the block runs."""
    stopped = threading.Event()
    failures: list[Exception] = []

    def work() -> None:
        number = 10_000
        while not stopped.is_set():
            number += 1
            try:
                receipt = intake.submit(submission(number, email=f"reader{number % 40}@example.org"))
                rule(rt, receipt.comment_id, 1, Decision.APPROVE)
            except Exception as error:  # noqa: BLE001 - told by the block's end
                failures.append(error)
                return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
    assert not failures


def progress(rt: Runtime) -> int:
    """What changes with every batch that is done."""
    path = rt.env.state / keys.CHECKPOINT
    return path.stat().st_mtime_ns if path.exists() else 0


def started(rt: Runtime) -> subprocess.Popen[bytes]:
    """`moderation keys reencrypt`, many short transactions long."""
    code = "from moderation.edges import reencryption; reencryption.BATCH = 20\nfrom moderation.cli import main; main()"
    env = os.environ | {"MODERATION_DATABASE_URL": rt.env.database, "MODERATION_REDIS_URL": rt.env.redis_url or ""}
    words = ["keys", "reencrypt", "email-enc", "--state", str(rt.env.state)]
    return subprocess.Popen([sys.executable, "-c", code, *words], env=env, stdout=subprocess.DEVNULL)
