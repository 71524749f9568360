"""The one place that opens things: the store, Redis, the keys, the rules. Made in each process after fork.

The rules are swapped as one reference: take `rt.rules` once at the top of an action. Reloading never leaves a
service without rules: a file with problems changes nothing, and the problems can be seen in `rules_problems`.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from moderation.edges import revisions, rules_file
from moderation.edges.limits import Limits
from moderation.edges.schema import Store
from moderation.edges.vault import Vault, load_keys
from moderation.errors import RulesInvalid
from moderation.judge.ruleset import Ruleset, build
from moderation.settings import Environment

RELOAD_EVERY = 0.5
"""Seconds between looks at the rules file. Promised are 2 s until every worker has a change."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
log = structlog.get_logger()


class Runtime:
    """Everything an action may need from outside itself. `now` and `random` are replaced in tests."""

    def __init__(
        self,
        env: Environment,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.env = env
        self.now = now
        self.random = random
        self.process = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self.trusted_proxies = tuple(ipaddress.ip_network(network) for network in env.trusted_proxies)
        self.vault = Vault(load_keys(env.keys_path))
        self.store = Store(env.database)
        self.limits = Limits(env.redis_url, workers=env.workers)
        self.rules_problems: RulesInvalid | None = None
        self.rules_loaded_at = now()
        self._watch = rules_file.Watch(env.rules_path)
        self._reloading = threading.Lock()
        self._stopped = threading.Event()
        self._reader: threading.Thread | None = None
        self.rules: Ruleset = self._first_rules()

    def new_id(self) -> str:
        """16 characters that sort by time: 48 bits of milliseconds, 32 bits of chance."""
        number = int(self.now().timestamp() * 1000) << 32 | int.from_bytes(self.random(4), "big")
        return "".join(_ALPHABET[number >> shift & 31] for shift in range(75, -1, -5))

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

    def follow_rules(self) -> None:
        """Look at the rules file every `RELOAD_EVERY` seconds from now on, in a thread of its own."""
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
            try:
                self.reload()
            except Exception:
                log.exception("rules-reload-failed")

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
            return build(rules_file.check_text(last, "the last good rules").rules, last)

    def _read(self) -> Ruleset:
        source = rules_file.read(self.env.rules_path)
        rules = build(source.rules, source.text)
        with self.store.writing() as tx:
            revisions.keep(tx, rules.revision, source.text, self.now())
        return rules
