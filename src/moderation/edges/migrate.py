"""Bring the store to this version's schema. Alembic is imported only here, since that costs half a second.

Run before the workers fork; two processes that start at once wait for each other.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.config import Config

from moderation.edges.schema import make_engine

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
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _config()
    engine = make_engine(url)
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_lock(7203846)"))
                connection.commit()
            current = _revision(connection)
            known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
            if current is not None and current not in known:
                raise SchemaTooNew(current)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    finally:
        os.close(fd)
        engine.dispose()


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return config


def _revision(connection: sa.Connection) -> str | None:
    from alembic.runtime.migration import MigrationContext

    found = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    return found
