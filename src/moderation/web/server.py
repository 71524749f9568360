"""gunicorn around the application: its settings, and what each worker opens after the fork.

The settings follow reliability's policies: gthread, few workers with many threads, no control socket, headers that
look like forwarding refused, small request lines and fields. Put nginx in front of it on the open internet.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from prometheus_client import multiprocess

from moderation.clock import Clock
from moderation.environment import Environment
from moderation.runtime import Runtime
from moderation.web.app import create_app
from moderation.web.loop import Crowd, Worker
from moderation.worker import Housekeeping, background


class Server(BaseApplication):  # type: ignore[misc]
    """`Server(env, ready).run()` serves until a signal ends it. `ready` is called once the port is bound,
    `look_after` about once a second in the main thread."""

    def __init__(
        self, env: Environment, ready: Callable[[], None], look_after: Callable[[], None] | None = None
    ) -> None:
        self._env = env
        self._ready = ready
        self._look_after = look_after
        self._clock = Clock()
        super().__init__()

    def run(self) -> None:
        look_after, clock = self._look_after, self._clock

        class Watchful(Arbiter):  # type: ignore[misc]
            def murder_workers(self) -> None:
                super().murder_workers()
                clock.now()  # workers that are forked later go on with it
                if look_after:
                    look_after()

            def spawn_worker(self) -> Any:
                master = os.getpid()
                try:
                    return super().spawn_worker()
                except SystemExit as end:
                    if os.getpid() != master:
                        _leave(end)
                    raise

        Watchful(self).run()

    def load_config(self) -> None:
        env = self._env
        settings: dict[str, Any] = {
            "bind": [f"{env.host}:{env.port}" if ":" not in env.host else f"[{env.host}]:{env.port}"],
            "workers": env.workers,
            "worker_class": Worker,
            "threads": env.threads,
            "worker_connections": 1000,
            "backlog": 512,
            "keepalive": 30,
            "timeout": 30,
            "graceful_timeout": 30,
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108 - heartbeat files only
            "control_socket_disable": True,
            "forwarded_allow_ips": ",".join(env.trusted_proxies) or "127.0.0.1",
            "secure_scheme_headers": {},
            "header_map": "refuse",
            "limit_request_line": 4094,  # a front page asks for many counts at once
            "limit_request_fields": 60,
            "limit_request_field_size": 4096,
            "accesslog": None,
            "logger_class": JsonLog,
            "proc_name": "moderation",
            "pre_fork": Crowd(env.workers).enter,
            "when_ready": lambda _: self._bound(),
            "child_exit": lambda _, worker: multiprocess.mark_process_dead(worker.pid),  # type: ignore[no-untyped-call]
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def _bound(self) -> None:
        """Before the first fork. Workers share what is loaded, and none looks through it for garbage."""
        gc.freeze()
        gc.enable()
        self._ready()

    def load(self) -> Any:
        """In the worker, after fork: everything is opened here and nowhere before."""
        _die_with(os.getppid())
        _share_memory()
        wsgi.Response = Unnamed
        rt = Runtime(self._env, now=self._clock.now)
        rt.follow_rules()
        Housekeeping(rt).start()
        for work in background(rt):
            work.start()
        app = create_app(rt)
        _stay(10_000)
        return app


def _leave(end: SystemExit) -> None:
    """A worker ends here: what stands further up the stack (the folder of the metrics, the embedded Redis) is the
    master's to clear away, and others still use it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(end.code if isinstance(end.code, int) else 0)


def _stay(threshold: int) -> None:
    """What is in memory now (modules, word lists) stays for good: collections of garbage need not walk through it,
    which takes longer than a request. A comment leaves some 17 objects, so new ones are looked through every few
    hundred comments; not less often, for a page leaves a circle with its request and all that was typed in it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(threshold, 20, 20)


class Unnamed(wsgi.Response):  # type: ignore[misc]
    """gunicorn's answers without the line that names the program: nobody who reads it needs it."""

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


def _die_with(parent: int) -> None:
    """On Linux: end at once when the master is killed, so that the next start finds the port free. What was answered
    is on disk by then. 1 is PR_SET_PDEATHSIG (linux/prctl.h)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def _share_memory() -> None:
    """glibc gives each thread a heap of its own, up to eight a core, and raises the size from which memory is borrowed
    apart and given back: both keep what a large request once needed. So two heaps for all, and 64 KiB for good. -8 is
    M_ARENA_MAX, -3 M_MMAP_THRESHOLD (malloc.h); other C libraries have no `mallopt`."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(-8, 2)
        mallopt(-3, 64 * 1024)


class JsonLog(Logger):  # type: ignore[misc]
    """gunicorn's own messages as JSON lines, like all others; requests are logged by the application."""

    def setup(self, cfg: Any) -> None:
        self.error_log.propagate = True
        self.error_log.handlers = []
        self.error_log.setLevel(logging.INFO)
        self.access_log.handlers = []
