"""What happens beside requests: housekeeping now and then, by whichever process holds the lease; decisions about many
comments, backtests and letters by e-mail as they come.

Every worker of the service does it. `moderation worker` does the same in a process of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import count

import structlog

from moderation.actions import backtest_jobs, bulk, external, mailing, numbers, promise, reports, webhooks
from moderation.actions.audit import checkpoint
from moderation.actions.retention import tidy
from moderation.edges import telemetry
from moderation.errors import StoreError
from moderation.runtime import Runtime

EVERY = 60.0
BULK_EVERY = 1.0
MAIL_EVERY = 2.0
NUMBERS_EVERY = 20.0
KEYS_EVERY = 1.0
HOOKS_EVERY = 1.0
CHECKS_EVERY = 0.5
CHECKPOINTS_EVERY = 0.1
PAUSE = 0.02
MOST_SITES = 8
"""Sites of one kind of work that a process works for at once."""
HOUR = 60
"""Turns between two checkpoints."""

log = structlog.get_logger()


class Work:
    """A thread that looks for work `every` so many seconds and does it step by step, with room for others in between,
    until it is stopped. `step` says whether there may be more."""

    def __init__(self, name: str, every: float, step: Callable[[], bool]) -> None:
        self._name = name
        self._every = every
        self._step = step
        self._stopped = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self.run, name=self._name, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        while not self._stopped.wait(self._every):
            _try(self._name, self._turn)

    def _turn(self) -> None:
        while self._step() and not self._stopped.wait(PAUSE):
            pass


class Sites:
    """Work that waits for somebody outside, for many sites beside each other: `turn` starts a thread for each site that
    has something due, one at most, and `MOST_SITES` at once. So who does not answer holds up their own site alone;
    where there are more of them, those come first that have waited longest for a turn."""

    def __init__(self, name: str, due: Callable[[], Sequence[str]], work: Callable[[str], object]) -> None:
        self._name = name
        self._due = due
        self._work = work
        self.busy: set[str] = set()
        self._turns = count(1)
        self._last: dict[str, int] = {}

    def turn(self) -> bool:
        """Never more at once: what is left is due at the next turn."""
        free = [site for site in self._due() if site not in self.busy]
        for site in sorted(free, key=lambda site: self._last.get(site, 0))[: MOST_SITES - len(self.busy)]:
            self.busy.add(site)
            self._last[site] = next(self._turns)
            try:
                threading.Thread(target=self._one, args=(site,), name=f"{self._name}-{site}", daemon=True).start()
            except RuntimeError:  # no more threads can be had
                self.busy.discard(site)
                raise
        return False

    def _one(self, site: str) -> None:
        try:
            _try(self._name, lambda: self._work(site))
        finally:
            self.busy.discard(site)


def _try(name: str, turn: Callable[[], object]) -> None:
    """A turn may fail, in whatever way; the thread is there for the next one."""
    try:
        turn()
    except StoreError as error:
        log.warning("work-failed", work=name, error=error.kind)
    except Exception as error:  # noqa: BLE001 - the log says what it was
        log.error("work-failed", work=name, error=type(error).__name__, where=telemetry.places(error))


def background(rt: Runtime) -> list[Work]:
    """What is worked off beside requests: decisions about many comments, backtests, counts, keys of publishers' logins,
    webhooks, checks outside, SQLite's log, and letters where there is a mail server."""
    hooks = Sites("webhooks", lambda: webhooks.sites_due(rt), lambda site: webhooks.send_site(rt, site))
    checks = Sites("external-checks", lambda: external.sites_due(rt), lambda site: external.ask_site(rt, site))
    work = [
        Work("bulk", BULK_EVERY, lambda: bulk.work(rt) is not None),
        Work("backtests", BULK_EVERY, lambda: backtest_jobs.work(rt)),
        Work("numbers", NUMBERS_EVERY, lambda: numbers.count(rt)),
        Work("login-keys", KEYS_EVERY, lambda: fetch_login_keys(rt)),
        Work("webhooks", HOOKS_EVERY, hooks.turn),
        Work("external-checks", CHECKS_EVERY, checks.turn),
        Work("checkpoints", CHECKPOINTS_EVERY, rt.store.checkpoint),
    ]
    if rt.mail_server is not None:
        work.append(Work("mail", MAIL_EVERY, lambda: mailing.send_due(rt) > 0))
    return work


def fetch_login_keys(rt: Runtime) -> bool:
    """Fetch the keys of publishers' logins that are due. Never more at once: a moment later is as good."""
    logins = {name: site.settings.login for name, site in rt.rules.sites.items() if site.settings.login.issuer}
    rt.login_keys.refresh({login.keys for login in logins.values() if login.keys})
    are_there = all(rt.login_keys.are_there(name, login.keys) for name, login in logins.items())
    telemetry.login_keys_ok.set(1 if are_there else 0)
    return False


class Housekeeping:
    """A thread that tidies until it is stopped."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._stopped = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self.run, name="housekeeping", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        """Tidy every minute until stopped, and tell the journal's end every hour. A store that is away is tried again
        at the next turn."""
        for turn in count():
            if self._stopped.wait(EVERY):
                return
            try:
                reports.tell_of_gone(self._rt)
                done = tidy(self._rt)
                numbers.look(self._rt)
                promise.watch(self._rt)
                if turn % HOUR == 0:
                    seq, mac = checkpoint(self._rt)
                    log.info("journal-checkpoint", seq=seq, mac=mac)
            except StoreError as error:
                log.warning("housekeeping-failed", error=error.kind)
                continue
            if done:
                log.info("tidied", **done)
