"""Bring the store to this version's schema. Alembic is imported only when there is something to do: it costs half a
second. Revisions are named by four digits, in order.

Run before the workers fork; two processes that start at once wait for each other.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import sqlalchemy as sa

from moderation.edges.store import make_engine

SCRIPTS = Path(__file__).parent / "migrations"


class SchemaTooNew(Exception):
    """The store was made by a newer version of this service. Running on could lose what that version wrote."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"The store has schema {revision}, which this version does not know. "
            "Start the newer version again, or restore a backup."
        )


def migrate(url: str, lock: Path) -> None:
    """Upgrade the store at `url` to the newest schema. `lock`: a file that starting processes on one machine share;
    PostgreSQL also takes an advisory lock, for those on other machines. Raises SchemaTooNew."""
    engine = make_engine(url)
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SET statement_timeout = 0"))  # a large table takes its time
                connection.execute(sa.text("SET lock_timeout = 0"))
                connection.execute(sa.text("SELECT pg_advisory_lock(7203846)"))
                connection.execute(sa.text("SET lock_timeout = '5s'"))  # all else queues behind a table's lock
                connection.commit()
            current = _revision(connection)
            known = known_revisions()
            if current is not None and current not in known:
                raise SchemaTooNew(current)
            if current != known[-1]:
                _upgrade(connection)
    finally:
        os.close(fd)
        engine.dispose()


def known_revisions() -> list[str]:
    """Every schema this version knows, oldest first."""
    return sorted(path.name[:4] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def _revision(connection: sa.Connection) -> str | None:
    """The schema that is there. Asked without Alembic, which most starts then need not import."""
    if not sa.inspect(connection).has_table("alembic_version"):
        connection.rollback()
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    connection.rollback()
    return found
