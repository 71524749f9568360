"""Which sites' promises are broken, and since when, so that each is told of once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from moderation.edges.schema import Tx, broken_promises, upsert


def broken(tx: Tx) -> set[str]:
    """The sites that were told of."""
    return set(tx.execute(select(broken_promises.c.site)).scalars())


def break_(tx: Tx, site: str, now: datetime) -> bool:
    """Note it. False where it is known already."""
    row = upsert(tx.dialect.name, broken_promises).values(site=site, since=now).on_conflict_do_nothing()
    return tx.execute(row.returning(broken_promises.c.site)).first() is not None


def keep(tx: Tx, sites: Sequence[str]) -> None:
    """Forget that these were broken: they are kept again."""
    tx.execute(delete(broken_promises).where(broken_promises.c.site.in_(list(sites))))
