"""A backtest in a process of its own: judging a month of comments must not take the time of those who answer readers.

Nothing of it lies in a file: the draft goes in and the report comes out by pipes, so that a kill leaves nothing behind.
A process whose service was killed ends when it tells how far it is to nobody.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moderation.environment import Environment
from moderation.errors import BacktestFailed

EVERY = 1.0
"""Seconds between two looks at how far it is."""


class Run:
    """One backtest under way."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._said = bytearray()

    def progress(self) -> Iterator[tuple[int, int]]:
        """Comments that are judged, and all of them, every second until it ends."""
        told, last, far = bytearray(), time.monotonic(), (0, 0)
        with selectors.DefaultSelector() as ready:
            for stream, kept in ((self._process.stdout, self._said), (self._process.stderr, told)):
                assert stream is not None
                ready.register(stream, selectors.EVENT_READ, kept)
            while ready.get_map():
                for key, _ in ready.select(EVERY):
                    chunk = os.read(key.fd, 65536)
                    key.data.extend(chunk)
                    if not chunk:
                        ready.unregister(key.fileobj)
                if found := re.findall(rb"(\d+) of (\d+)\n", told):
                    far = (int(found[-1][0]), int(found[-1][1]))
                    del told[: told.rfind(b"\n") + 1]
                if time.monotonic() - last >= EVERY:
                    last = time.monotonic()
                    yield far
        yield far

    def report(self) -> dict[str, Any]:
        """What it found, after it ended. Raises BacktestFailed."""
        if self._process.wait() != 0:
            raise BacktestFailed(f"exit status {self._process.returncode}")
        found: dict[str, Any] = json.loads(self._said)
        return found


@contextmanager
def running(env: Environment, draft: str, since: str) -> Iterator[Run]:
    """Start `moderation backtest` on `draft`, rules with their word lists; it ends with the block. Raises
    BacktestFailed."""
    words = [sys.executable, "-m", "moderation", "backtest", "-", "--state", str(env.state)]
    words += ["--since", since, "--format", "json", "--progress", "lines"]
    settings = {"MODERATION_DATABASE_URL": env.database, "MODERATION_RULES": str(env.rules_path)}
    try:
        process = subprocess.Popen(  # noqa: S603 - our own command; what the admin typed goes in by a pipe
            words, env=os.environ | settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        raise BacktestFailed(error.strerror or "no process") from None
    with process:
        try:
            _hand_over(process, draft.encode())
            yield Run(process)
        finally:
            process.kill()


def _hand_over(process: subprocess.Popen[bytes], draft: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(draft)
        process.stdin.close()
    except BrokenPipeError:
        raise BacktestFailed("it ended at once") from None
