"""Every revision of the rules that took effect, so that a broken file never leaves a restart without rules."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from moderation.edges.schema import Tx, loaded_rules, upsert


def keep(tx: Tx, revision: str, source: str, now: datetime) -> None:
    """Remember `source` as the latest rules. Workers that load the same file at once keep one row."""
    statement = upsert(tx.dialect.name, loaded_rules).values(revision=revision, source=source, loaded_at=now)
    tx.execute(statement.on_conflict_do_update(index_elements=["revision"], set_={"source": source, "loaded_at": now}))


def latest(tx: Tx) -> str | None:
    """The source of the rules that took effect last."""
    return tx.execute(select(loaded_rules.c.source).order_by(loaded_rules.c.loaded_at.desc()).limit(1)).scalar()
