"""The one place that opens things: the store, Redis, the keys, the rules. Made in each process after fork.

The rules are swapped as one reference: take `rt.rules` once at the top of an action. Reloading never leaves a
service without rules: a file with problems changes nothing, and the problems can be seen in `rules_problems`.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog

from moderation import chance, ids
from moderation.clock import Clock
from moderation.edges import chain, journal, mail, revisions, rules_file
from moderation.edges.limits import Limits
from moderation.edges.login_keys import LoginKeys
from moderation.edges.store import Store
from moderation.edges.vault import Vault, load_keys
from moderation.environment import Environment
from moderation.errors import KeysInvalid, RulesInvalid
from moderation.judge.ruleset import Ruleset
from moderation.rules_loading import load, load_text, refuse_failures
from moderation.turns import Turns

RELOAD_EVERY = 0.5
"""Seconds between looks at the rules file and the key file. Promised are 2 s until every worker has a change."""

log = structlog.get_logger()


class Runtime:
    """Everything an action may need from outside itself. `now` and `random` are replaced in tests."""

    def __init__(
        self,
        env: Environment,
        *,
        now: Callable[[], datetime] | None = None,
        random: Callable[[int], bytes] = chance.some,
    ) -> None:
        self.env = env
        self.now = now or Clock().now
        self.random = random
        self.process = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self.trusted_proxies = tuple(ipaddress.ip_network(network) for network in env.trusted_proxies)
        self._keys_seen = _stamp(env.keys_path)
        self.vault = Vault(load_keys(env.keys_path))
        self.turns = Turns()
        self.store = Store(env.database, lambda tx: chain.append(tx, self.vault), self.turns.waiting)
        self.mail_server = _mail_server(env)
        self.inside = env.inside
        self.login_keys = LoginKeys(env.login_keys_path, self.inside)
        self.limits = Limits(env.redis_url, workers=env.workers)
        self.rules_problems: RulesInvalid | None = None
        self.rules_loaded_at = self.now()
        self._watch = rules_file.Watch(env.rules_path)
        self._reloading = threading.Lock()
        self._stopped = threading.Event()
        self._reader: threading.Thread | None = None
        self.rules: Ruleset = self._first_rules()

    def new_id(self) -> str:
        """An id for a comment or a request that comes now."""
        return ids.make(self.now(), self.random(4))

    def reload(self) -> bool:
        """Read the rules file if it has changed since the last look. True when new rules took effect."""
        with self._reloading:
            if not self._watch.changed():
                return False
            try:
                rules = self._read()
            except RulesInvalid as problems:
                self.rules_problems = problems
                log.error("rules-refused", problems=[problem.sentence(problems.name) for problem in problems.problems])
                return False
            self.rules_problems = None
            is_new, self.rules = rules.revision != self.rules.revision, rules
            self.rules_loaded_at = self.now()
            log.info("rules-loaded", revision=rules.revision, changed=is_new)
            return True

    def reload_keys(self) -> bool:
        """Read the key file if it has changed since the last look. True when its keys took effect; a file with a
        fault changes nothing."""
        with self._reloading:
            stamp = _stamp(self.env.keys_path)
            if stamp == self._keys_seen:
                return False
            self._keys_seen = stamp
            try:
                self.vault = Vault(load_keys(self.env.keys_path))
            except KeysInvalid as problem:
                log.error("keys-refused", problem=str(problem))
                return False
            log.info("keys-loaded")
            return True

    def follow_rules(self) -> None:
        """Look at the rules file and the key file every `RELOAD_EVERY` seconds from now on, in a thread of its own."""
        self._reader = threading.Thread(target=self._follow, name="rules", daemon=True)
        self._reader.start()

    def close(self) -> None:
        self._stopped.set()
        if self._reader is not None:
            self._reader.join(timeout=5)
        self.limits.close()
        self.store.close()

    def _follow(self) -> None:
        while not self._stopped.wait(RELOAD_EVERY):
            for look in (self.reload, self.reload_keys):
                try:
                    look()
                except Exception:
                    log.exception("reload-failed", of=look.__name__)

    def _first_rules(self) -> Ruleset:
        """The rules on disk; where those are broken, the last ones that took effect; else the file's problems."""
        self._watch.changed()
        try:
            return self._read()
        except RulesInvalid as problems:
            with self.store.reading() as connection:
                last = revisions.latest(connection)
            if last is None:
                raise
            self.rules_problems = problems
            log.error("rules-refused", problems=[problem.sentence(problems.name) for problem in problems.problems])
            return load_text(last, "the last good rules").rules  # whatever its examples say under a newer word list

    def _read(self) -> Ruleset:
        loaded = refuse_failures(load(self.env.rules_path, self.inside), self.env.rules_path.name)
        with self.store.writing() as tx:
            now = self.now()
            if revisions.keep(tx, loaded.rules.revision, loaded.source.whole, now):
                told = {"target": "rules", "reason": f"revision {loaded.rules.revision}"}
                journal.write(tx, [journal.Entry(now, "rules file", "service", "rules-changed", **told)])
        return loaded.rules


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What tells one content of a file from the next, which replaces it. None while there is no file."""
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_ino, told.st_mtime_ns, told.st_size


def _mail_server(env: Environment) -> mail.Server | None:
    if not env.smtp_host:
        return None
    return mail.Server(
        env.smtp_host,
        env.smtp_port,
        env.smtp_security,
        env.smtp_user,
        env.smtp_password.get_secret_value(),
        env.mail_from,
    )
