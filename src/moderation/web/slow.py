"""How long a client may take to send its request. A thread waits for it, so one that sends it drop by drop holds that
thread; nginx in front keeps such clients away, and this is for where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gunicorn.http.unreader import SocketUnreader

PATIENCE = 10.0
"""Seconds from the first bytes to the end of a request, as nginx has them (deploy/nginx.conf), and more by `RATE`."""

RATE = 16 * 1024
"""Bytes for which a client gets a second more: half of what a slow mobile line carries (3G, 384 kbit/s)."""


class Unreader(SocketUnreader):  # type: ignore[misc]
    """What comes on a connection, which to the parser seems to end where its client takes too long."""

    gave_up = False
    """Whether that was so. What comes later is a part of that request, and no new one."""

    def __init__(self, sock: Any, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(sock)
        self._patience = patience
        self._clock = clock
        self._until = clock() + patience

    def begin(self) -> None:
        """From now on a request is waited for."""
        self._until = self._clock() + self._patience

    def chunk(self, size_hint: int | None = None) -> bytes:
        """What has come, at least a byte; none at the end. Raises OSError, and TimeoutError where the socket's own
        timeout is the shorter one."""
        left, own = self._until - self._clock(), self.sock.gettimeout()
        if own is not None and own < left:
            return self._read(size_hint)
        if left <= 0 or self.gave_up:
            self.gave_up = True
            return b""
        self.sock.settimeout(left)
        try:
            return self._read(size_hint)
        except TimeoutError:
            self.gave_up = True
            return b""
        finally:
            self.sock.settimeout(own)

    def _read(self, size_hint: int | None) -> bytes:
        data: bytes = super().chunk(size_hint)
        self._until += len(data) / RATE
        return data
