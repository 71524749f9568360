"""A backup is a folder: the SQLite database as it was at one moment, the rules file with its word lists behind it, and
`manifest.json` with the SHA-256 of each. Keys are not in it, so that a stolen backup tells no addresses. What is put
back is looked at first.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from moderation import __version__
from moderation.edges.migrate import SchemaTooNew, known_revisions
from moderation.edges.rules_bundle import is_list_name, unbundle, whole
from moderation.edges.store import sqlite_module

DATABASE = "moderation.db"
RULES = "moderation.toml"
MANIFEST = "manifest.json"


class BackupError(Exception):
    """A backup cannot be made, or this folder is no good one. The text is a sentence for people."""


def make(database: Path, rules: Path, folder: Path, at: datetime) -> None:
    """Copy both into the new folder `folder`, which appears whole or not at all. The service may be running: SQLite's
    backup reads one moment of the database (sqlite.org/backup.html). Raises BackupError."""
    if folder.exists():
        raise BackupError(f"{folder} is there already. Name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    _copy_database(database, unfinished / DATABASE)
    (unfinished / RULES).write_bytes(whole(rules))
    manifest = {
        "version": __version__,
        "schema": check_database(unfinished / DATABASE),
        "made_at": at.isoformat(),
        "sha256": {name: _digest(unfinished / name) for name in (DATABASE, RULES)},
    }
    (unfinished / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    for path in unfinished.iterdir():
        path.chmod(0o600)
        _sync(path)
    unfinished.rename(folder)
    _sync(folder.parent)


def _copy_database(source: Path, target: Path) -> None:
    with _opened(source) as old, _opened(target) as new:
        old.backup(new, pages=-1)
        new.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, not three


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with closing(sqlite_module().connect(path, timeout=10)) as connection:
        yield connection


def check(folder: Path) -> str:
    """The schema of the backup in `folder`, after a look at every byte of it. Raises BackupError, SchemaTooNew."""
    try:
        manifest = orjson.loads((folder / MANIFEST).read_bytes())
        digests, schema = dict(manifest["sha256"]), str(manifest["schema"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BackupError(f"{folder} is not a backup: it has no good {MANIFEST}.") from None
    for name in (DATABASE, RULES):
        if not (folder / name).is_file() or _digest(folder / name) != digests.get(name):
            raise BackupError(f"{folder / name} is not the file that was backed up.")
    if schema not in known_revisions():
        raise SchemaTooNew(schema)
    check_database(folder / DATABASE)
    return schema


def check_database(path: Path) -> str:
    """The schema's revision, if SQLite finds the file whole. Raises BackupError."""
    module = sqlite_module()
    try:
        with _opened(path) as connection:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            (schema,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (module.DatabaseError, TypeError) as error:
        raise BackupError(f"{path} is not a database of this service ({type(error).__name__}).") from None
    if found != "ok":
        raise BackupError(f"{path} is damaged: {found}.")
    return str(schema)


def put_back(folder: Path, database: Path, rules: Path, at: datetime) -> list[Path]:
    """Copy the backup to where the service looks. What stood there is kept beside it, and its places are returned.
    The service must not run."""
    suffix = f".before-{at:%Y%m%dT%H%M%S}"
    kept = []
    for path in (database, Path(f"{database}-wal"), Path(f"{database}-shm"), rules):
        if path.exists():
            aside = path.with_name(path.name + suffix)
            path.rename(aside)
            aside.chmod(0o600)
            kept.append(aside)
    _place(folder / DATABASE, database)
    text, lists = unbundle((folder / RULES).read_text("utf-8"))
    with tempfile.TemporaryDirectory() as apart:
        for path, content in [
            (rules, text),
            *((rules.parent / name, lists[name]) for name in lists if is_list_name(name)),
        ]:
            part = Path(apart) / "part"
            part.write_text(content, "utf-8")
            _place(part, path)
    return kept


def kept_aside(database: Path) -> list[Path]:
    """Databases that `put_back` kept beside this one. What is erased now is in them still."""
    return sorted(path for path in database.parent.glob(f"{database.name}.before-*") if path.is_file())


def _place(source: Path, path: Path) -> None:
    """Copy `source` to `path`, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.restoring")
    shutil.copyfile(source, fresh)
    fresh.chmod(0o600)
    _sync(fresh)
    fresh.rename(path)
    _sync(path.parent)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
