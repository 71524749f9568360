"""Housekeeping: what has to happen now and then, done by whichever process holds the lease.

Every worker of the service looks once a minute; one wins. `moderation worker` does the same in a process of its own.
"""

from __future__ import annotations

import threading

import structlog

from moderation.actions.retention import tidy
from moderation.errors import StoreError
from moderation.runtime import Runtime

EVERY = 60.0
log = structlog.get_logger()


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
        """Tidy every minute until stopped. A store that is away is tried again at the next turn."""
        while not self._stopped.wait(EVERY):
            try:
                done = tidy(self._rt)
            except StoreError as error:
                log.warning("housekeeping-failed", error=error.kind)
                continue
            if done:
                log.info("tidied", **done)
