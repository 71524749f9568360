"""Every revision of the rules that took effect, so that a broken file never leaves a restart without rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from moderation.edges.schema import Tx, journal, loaded_rules, upsert


def keep(tx: Tx, revision: str, source: str, now: datetime) -> bool:
    """Remember `source` as the latest rules. Whether others were in effect before: of workers that load the same file
    at once, one is told so."""
    statement = upsert(tx.dialect.name, loaded_rules).values(revision=revision, source=source, loaded_at=now)
    newest = select(func.max(loaded_rules.c.loaded_at)).scalar_subquery()
    changed = statement.on_conflict_do_update(
        index_elements=["revision"],
        set_={"source": source, "loaded_at": now},
        where=loaded_rules.c.loaded_at < newest,
    )
    is_change = tx.execute(changed.returning(loaded_rules.c.revision)).first() is not None
    others = select(func.count()).where(loaded_rules.c.revision != revision)
    return is_change and bool(tx.execute(others).scalar())


@dataclass(frozen=True, slots=True)
class Revision:
    """Rules that took effect. `by` is who put them there from the desk, if anybody did."""

    revision: str
    loaded_at: datetime
    source: str
    by: str | None


MOST = 100


def newest(tx: Tx, limit: int = MOST) -> list[Revision]:
    """The revisions that took effect last, newest first."""
    rows = tx.execute(select(loaded_rules).order_by(loaded_rules.c.loaded_at.desc()).limit(limit)).all()
    by = _actors(tx, [row.revision for row in rows])
    return [Revision(row.revision, row.loaded_at, row.source, by.get(row.revision)) for row in rows]


def find(tx: Tx, revision: str) -> Revision | None:
    """One revision."""
    row = tx.execute(select(loaded_rules).where(loaded_rules.c.revision == revision)).first()
    return Revision(row.revision, row.loaded_at, row.source, _actors(tx, [revision]).get(revision)) if row else None


def before(tx: Tx, at: datetime) -> Revision | None:
    """The revision that took effect last before `at`."""
    query = select(loaded_rules).where(loaded_rules.c.loaded_at < at).order_by(loaded_rules.c.loaded_at.desc())
    row = tx.execute(query.limit(1)).first()
    return Revision(row.revision, row.loaded_at, row.source, None) if row else None


def _actors(tx: Tx, revisions: Sequence[str]) -> dict[str, str]:
    rows = tx.execute(
        select(journal.c.target, journal.c.actor)
        .where(journal.c.target.in_([target_of(each) for each in revisions]), journal.c.action.in_(ACTIONS))
        .where(journal.c.before != journal.c.after)  # what was in force already was put there by nobody
        .order_by(journal.c.seq)
    )
    return {row.target.removeprefix(_TARGET): row.actor for row in rows}


ACTIONS = ("rules-activated", "rules-rolled-back")
_TARGET = "rules:"


def target_of(revision: str) -> str:
    """How the record names a revision."""
    return f"{_TARGET}{revision}"


def latest(tx: Tx) -> str | None:
    """The source of the rules that took effect last."""
    return tx.execute(select(loaded_rules.c.source).order_by(loaded_rules.c.loaded_at.desc()).limit(1)).scalar()
