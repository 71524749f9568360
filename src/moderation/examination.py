"""What `moderation doctor` looks at: files, store, Redis, and the running service. Changes nothing."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from moderation.edges import redis_server, rules_file, vault
from moderation.edges.schema import make_engine, sqlite_module
from moderation.errors import ModerationError
from moderation.judge.ruleset import build
from moderation.settings import Environment

SAFE_SQLITE = (3, 51, 3)
"""Older ones can corrupt a WAL database with two writers (sqlite.org/wal.html, "the WAL-reset bug")."""
LEAST_FREE = 200 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """`ok` is None for something worth knowing that is no fault."""

    part: str
    ok: bool | None
    sentence: str


def whole(env: Environment, base: str) -> list[Found]:
    """Everything, in the order in which it would fail."""
    parts: list[tuple[str, Callable[[], Found]]] = [
        ("state folder", lambda: _folder(env)),
        ("keys", lambda: _keys(env)),
        ("rules", lambda: _rules(env)),
        ("SQLite", lambda: _sqlite(env)),
        ("store", lambda: _store(env)),
        ("Redis", lambda: _redis(env)),
        ("service", lambda: _ready(base)),
    ]
    found = []
    for part, look in parts:
        try:
            found.append(look())
        except (ModerationError, OSError, sa.exc.SQLAlchemyError) as error:
            found.append(Found(part, False, str(error).partition("\n")[0] or type(error).__name__))
    return found


def live(base: str) -> Found:
    """Whether the process answers."""
    try:
        status, _ = _get(f"{base}/livez")
    except (OSError, ValueError):
        return Found("service", False, f"nothing answers at {base}.")
    return Found("service", status == 200, f"{base} answers {status}.")


def _get(url: str) -> tuple[int, bytes]:
    """Status and body, whatever the status, past any proxy of the environment. Raises OSError, ValueError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=3) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


def _ready(base: str) -> Found:
    try:
        state = json.loads(_get(f"{base}/readyz")[1])
    except (OSError, ValueError):
        return Found("service", False, f"nothing answers at {base}. Start it with `moderation serve`.")
    parts = ", ".join(f"{name} {value}" for name, value in state.items() if name != "status")
    return Found("service", state["status"] == "ok", f"{state['status']} ({parts}).")


def _folder(env: Environment) -> Found:
    if not env.state.is_dir():
        return Found("state folder", False, f"{env.state} is missing. `moderation serve` makes it.")
    free = shutil.disk_usage(env.state).free
    return Found("state folder", free > LEAST_FREE, f"{env.state}, {free // 2**20} MiB free.")


def _keys(env: Environment) -> Found:
    vault.load_keys(env.keys_path)
    return Found("keys", True, f"{env.keys_path} holds a key for every purpose and is private.")


def _rules(env: Environment) -> Found:
    source = rules_file.read(env.rules_path)
    rules = build(source.rules, source.text)
    return Found("rules", True, f"{env.rules_path} is good, revision {rules.revision}.")


def _sqlite(env: Environment) -> Found:
    if not env.database.startswith("sqlite"):
        return Found("SQLite", None, "not used.")
    module = sqlite_module()
    is_safe = module.sqlite_version_info >= SAFE_SQLITE
    advice = (
        "" if is_safe else " Install the wheel `pysqlite3` or use PostgreSQL: this version can corrupt the database."
    )
    return Found("SQLite", is_safe, f"version {module.sqlite_version}.{advice}")


def _store(env: Environment) -> Found:
    engine = make_engine(env.database)
    try:
        with engine.connect() as connection:
            revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    finally:
        engine.dispose()
    return Found("store", True, f"{engine.dialect.name}, schema {revision}.")


def _redis(env: Environment) -> Found:
    import redis

    client = redis.Redis.from_url(
        env.redis_url or redis_server.socket_url(env.state), socket_timeout=1, socket_connect_timeout=1
    )
    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
        is_safe = policy == "noeviction"
        advice = "" if is_safe else " Set maxmemory-policy to noeviction, or limits may be forgotten."
        return Found("Redis", is_safe, f"answers, {policy}.{advice}")
    except redis.RedisError as error:
        return Found("Redis", False, f"does not answer ({type(error).__name__}). Comments are held meanwhile.")
    finally:
        client.close()
