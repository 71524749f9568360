"""What `moderation doctor` looks at: files, store, Redis, and the running service. Changes nothing."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from moderation.edges import akismet, backups, chain, login_keys, redis_server, vault
from moderation.edges.outside import fetch
from moderation.edges.store import Store, make_engine, sqlite_file, sqlite_module
from moderation.environment import Environment
from moderation.errors import DeliveryError, KeysInvalid, ModerationError
from moderation.rules_loading import load, refuse_failures

SAFE_SQLITE = (3, 51, 3)
"""Older ones can corrupt a WAL database with two writers (sqlite.org/wal.html, "the WAL-reset bug")."""
LAST_ROWS = 1000
"""Rows of the record that are looked at, from its end."""
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
        ("authors", lambda: _authors(env)),
        ("checks outside", lambda: _checks(env)),
        ("SQLite", lambda: _sqlite(env)),
        ("store", lambda: _store(env)),
        ("record", lambda: _record(env)),
        ("copies", lambda: _copies(env)),
        ("Redis", lambda: _redis(env)),
        ("service", lambda: _ready(base)),
    ]
    found = []
    for part, look in parts:
        try:
            found.append(look())
        except (ModerationError, OSError, sa.exc.SQLAlchemyError) as error:
            sentence = str(error).partition("\n")[0] or type(error).__name__
            if all(sentence != each.sentence for each in found):  # a fault is told where it is met first
                found.append(Found(part, False, sentence))
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
    loaded = refuse_failures(load(env.rules_path, env.inside), env.rules_path.name)
    return Found("rules", True, f"{env.rules_path} is good, revision {loaded.rules.revision}.")


def _authors(env: Environment) -> Found:
    """How sites let authors prove who they are, and whether that can work."""
    sites = load(env.rules_path).rules.sites
    ways, faults = [], []
    for name, site in sites.items():
        login = site.settings.login
        if site.settings.verify == "mail":
            ways.append(f"{name} by a letter")
            faults += [] if env.smtp_host else [f'{name} has verify = "mail", but there is no MODERATION_SMTP_HOST.']
        if login.issuer:
            ways.append(f"{name} by its login")
            path = env.login_keys_path / f"{name}.json"
            try:
                if login.keys:
                    login_keys.parse(fetch(login.keys, env.inside, login_keys.MOST_BYTES))
                else:
                    login_keys.read_file(path, path.stat().st_mode)
            except (KeysInvalid, DeliveryError, OSError) as error:
                faults.append(f"{name}: no keys from {login.keys or path}: {getattr(error, 'why', error)}")
    if not ways:
        return Found("authors", None, "prove nowhere who they are.")
    return Found("authors", not faults, " ".join(faults) or f"can prove who they are: {', '.join(ways)}.")


def _checks(env: Environment) -> Found:
    """Which sites ask a check outside, and whether it can be asked."""
    asked, faults = [], []
    for name, site in load(env.rules_path).rules.sites.items():
        external = site.settings.external
        if external.kind == "off":
            continue
        asked.append(f"{name} {external.name}")
        try:
            if external.kind == "akismet" and not akismet.knows(akismet.account_of(env, site.id, site.settings)):
                faults.append(f"{name}: Akismet does not know its key (MODERATION_AKISMET_KEYS).")
        except DeliveryError as error:
            faults.append(f"{name}: {external.name} cannot be asked: {error.why}. Its comments wait for people.")
    if not asked:
        return Found("checks outside", None, "none is asked.")
    return Found("checks outside", not faults, " ".join(faults) or f"asked by {', '.join(asked)}.")


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
    engine = make_engine(_there(env))
    try:
        with engine.connect() as connection:
            revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    finally:
        engine.dispose()
    return Found("store", True, f"{engine.dialect.name}, schema {revision}.")


def _there(env: Environment) -> str:
    """The store's URL. Raises FileNotFoundError where opening it would make it."""
    file = sqlite_file(env.database)
    if file is not None and not file.exists():
        raise FileNotFoundError(f"there is no database at {file}. `moderation serve` makes it.")
    return env.database


def _record(env: Environment) -> Found:
    store = Store(_there(env))
    try:
        with store.snapshot() as tx:
            report = chain.verify(tx, vault.Vault(vault.load_keys(env.keys_path)), LAST_ROWS)
    finally:
        store.close()
    if report.broken:
        told = f"row {report.broken.seq} is not as it was written. `moderation audit verify` looks at all of it."
        return Found("record", False, told)
    return Found("record", True, f"rows {report.first} to {report.last} are as they were written.")


def _copies(env: Environment) -> Found:
    file = sqlite_file(env.database)
    kept = ", ".join(map(str, backups.kept_aside(file))) if file else ""
    if not kept:
        return Found("copies", None, "no restore has left one.")
    return Found("copies", None, f"{kept}: kept by a restore, and erasing does not reach them. Delete them in time.")


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
