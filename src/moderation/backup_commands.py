"""`moderation backup` and `moderation restore`, for a service on SQLite. The copying itself is `edges/backups`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moderation.commands import COMMAND_LINE, end, environment, must_have_store, options, using, with_runtime

if TYPE_CHECKING:
    from moderation.environment import Environment

ELSEWHERE = "The store is not SQLite. Use the database's own tools, for PostgreSQL `pg_dump` and `pg_restore`."


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@options("state")
def backup(folder: Path, **given: Any) -> None:
    """Copy database and rules into a new FOLDER, while the service runs.

    Keep the key file (keys.json) and erased.jsonl as well, in another place: without the keys the readers' addresses in
    a backup cannot be read, by a thief or by you.
    """
    from moderation.actions.privacy import LEDGER
    from moderation.edges import backups

    env = environment(**given)
    database = _database(env)
    must_have_store(env)
    try:
        backups.make(database, env.rules_path, folder, datetime.now(UTC))
    except (backups.BackupError, OSError) as error:
        end(str(error))
    erased = env.state / LEDGER
    click.echo(f"{folder} holds the database and the rules. Keep {env.keys_path} and {erased} as well, elsewhere.")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@options("state")
def restore(folder: Path, **given: Any) -> None:
    """Put a backup back. The service must be stopped; what is there is kept beside it.

    Checks every byte first, brings the database to this version's schema, and forgets again every reader who was
    forgotten since (erased.jsonl in the state folder).
    """
    from moderation.actions import privacy
    from moderation.catalogue import counted
    from moderation.edges import backups
    from moderation.edges.migrate import SchemaTooNew
    from moderation.edges.vault import load_keys
    from moderation.errors import KeysInvalid

    env = environment(**given)
    database = _database(env)
    with using(env.state, alone=True) as is_alone:
        if not is_alone:
            end("The service is running. Stop it first.")
        try:
            load_keys(env.keys_path)
            backups.check(folder)
            kept = backups.put_back(folder, database, env.rules_path, datetime.now(UTC))
        except KeysInvalid as error:
            end(f"{error} Without the keys of the time of the backup nobody's address can be read again.")
        except (backups.BackupError, SchemaTooNew, OSError) as error:
            end(str(error))
        gone = with_runtime(env, lambda rt: privacy.erase_again(rt, COMMAND_LINE))
    for path in kept:
        click.echo(f"Kept as {path}")
    if kept:
        click.echo("Readers whom you erase from now on stay in what was kept. Delete it when all is well.")
    again = f" Erased again: {counted('{n} comment', '{n} comments', gone)}." if gone else ""
    click.echo(f"Restored from {folder}.{again}")


def _database(env: Environment) -> Path:
    from moderation.edges.store import sqlite_file

    return sqlite_file(env.database) or end(ELSEWHERE)
