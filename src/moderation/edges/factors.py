"""Second steps of people and their recovery codes, as rows. Seeds are sealed; of a code only a SHA-256 is stored.

Every function takes a connection, inside a transaction where it writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, or_, select, update

from moderation.edges.schema import Tx, recovery_codes, second_factors


@dataclass(frozen=True, slots=True)
class Factor:
    """A person's second step. `seed` is as the vault sealed it, `codes` how many recovery codes are left."""

    seed: str = field(repr=False)
    since: datetime
    codes: int


def get(tx: Tx, person_id: int) -> Factor | None:
    """The person's second step, if there is one."""
    row = tx.execute(select(second_factors).where(second_factors.c.person_id == person_id)).first()
    if row is None:
        return None
    left = tx.execute(select(func.count()).where(recovery_codes.c.person_id == person_id)).scalar()
    return Factor(row.seed, row.since, left or 0)


def people_with(tx: Tx) -> set[int]:
    """Who has one."""
    return set(tx.execute(select(second_factors.c.person_id)).scalars())


def put(tx: Tx, person_id: int, seed: str, step: int, now: datetime) -> None:
    """Set or replace the second step. `step` is the one whose code proved it: it is used."""
    drop(tx, person_id)
    row = {"person_id": person_id, "seed": seed, "step": step, "since": now, "failures": 0}
    tx.execute(insert(second_factors).values(**row))


def put_codes(tx: Tx, person_id: int, hashes: Sequence[bytes]) -> None:
    """New recovery codes; the former ones stop working."""
    tx.execute(delete(recovery_codes).where(recovery_codes.c.person_id == person_id))
    tx.execute(insert(recovery_codes), [{"code": code, "person_id": person_id} for code in hashes])


def drop(tx: Tx, person_id: int) -> bool:
    """Forget the second step with its recovery codes. False where there was none."""
    tx.execute(delete(recovery_codes).where(recovery_codes.c.person_id == person_id))
    return tx.execute(delete(second_factors).where(second_factors.c.person_id == person_id)).rowcount == 1


def claim_try(tx: Tx, person_id: int, now: datetime, longest: timedelta) -> int | None:
    """As `people.claim_try`, for codes: the failures in a row with this try, or None while it has to wait."""
    waits_until = second_factors.c.next_try_at
    is_due = or_(waits_until.is_(None), waits_until <= now, waits_until > now + longest)
    counted = update(second_factors).where(second_factors.c.person_id == person_id, is_due)
    counted = counted.values(failures=second_factors.c.failures + 1)
    return tx.execute(counted.returning(second_factors.c.failures)).scalar()


def wait_until(tx: Tx, person_id: int, next_try_at: datetime) -> None:
    """No code is looked at before then."""
    tx.execute(update(second_factors).where(second_factors.c.person_id == person_id).values(next_try_at=next_try_at))


def forgive(tx: Tx, person_id: int) -> None:
    """Guessing starts anew."""
    blank = {"failures": 0, "next_try_at": None}
    tx.execute(update(second_factors).where(second_factors.c.person_id == person_id).values(**blank))


def use_step(tx: Tx, person_id: int, step: int) -> bool:
    """Use up a time step and all before it. False when it was used already: a code works once."""
    unused = (second_factors.c.person_id == person_id, second_factors.c.step < step)
    return tx.execute(update(second_factors).where(*unused).values(step=step)).rowcount == 1


def use_code(tx: Tx, person_id: int, code: bytes) -> bool:
    """Use up a recovery code. False when there is no such code any more."""
    mine = (recovery_codes.c.person_id == person_id, recovery_codes.c.code == code)
    return tx.execute(delete(recovery_codes).where(*mine)).rowcount == 1
