"""What the service tells about itself: one JSON log line a request, and metrics. No personal data in either.

Log lines are built from an allow-list of fields by those who log; exception texts are left out, only their classes
and places are written, since a text may quote what a reader sent.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

log = structlog.get_logger()

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

requests_total = Counter("moderation_requests_total", "Requests by route and status class.", ["route", "status"])
request_seconds = Histogram("moderation_request_seconds", "Time to answer by route.", ["route"], buckets=BUCKETS)
submissions_total = Counter(
    "moderation_submissions_total", "Submissions by site and what became of them.", ["site", "result"]
)
decisions_total = Counter("moderation_decisions_total", "Moderators' decisions by result.", ["decision", "result"])
reports_total = Counter("moderation_reports_total", "Reports of readers by what became of them.", ["result"])
mails_total = Counter("moderation_mails_total", "Letters by e-mail by result: sent, later, given-up.", ["result"])
webhooks_total = Counter("moderation_webhooks_total", "Webhooks by result: sent, later, given-up.", ["result"])
external_checks_total = Counter(
    "moderation_external_checks_total", "Comments a check outside was asked about: sent, later, given-up.", ["result"]
)
external_corrections_total = Counter(
    "moderation_external_corrections_total", "Corrections told to a check outside: sent, later, given-up.", ["result"]
)
policy_reports_total = Counter("moderation_csp_reports_total", "Reports of browsers that a page's policy was broken.")
log_lines_lost = Counter("moderation_log_lines_lost_total", "Log lines that could not be written.")
rules_ok = Gauge(
    "moderation_rules_ok", "1 while the rules file on disk is the one in effect.", multiprocess_mode="livemostrecent"
)
rules_loaded = Gauge(
    "moderation_rules_loaded_seconds",
    "When the rules in effect were loaded, seconds since 1970.",
    multiprocess_mode="livemostrecent",
)
login_keys_ok = Gauge(
    "moderation_login_keys_ok",
    "1 while the keys of all publishers' logins are there, or none is set.",
    multiprocess_mode="livemostrecent",
)
limits_ok = Gauge("moderation_limits_ok", "1 while rate limits are held in Redis.", multiprocess_mode="livemostrecent")
limits_fallbacks = Counter("moderation_limits_fallbacks_total", "Submissions limited by the local limiter.")


def tell_request(
    request_id: str, method: str, route: str, site: str | None, status: int, seconds: float | None = None, **told: Any
) -> None:
    """The log line of a request, and its metrics. `seconds` is None where no route was found out."""
    _requests(route, status // 100).inc()
    if seconds is not None:
        _seconds(route).observe(seconds)
        told["ms"] = round(seconds * 1000, 2)
    log.info("request", request=request_id, method=method, route=route, site=site, status=status, **told)


def count_submission(site: str, result: str) -> None:
    """`result` is `held`, `published`, or why it was refused: `invalid`, `duplicate`, …"""
    _submissions(site, result).inc()


@cache
def _requests(route: str, kind: int) -> Counter:
    """Looking up a metric by its labels costs more than counting, so what was looked up is kept."""
    return requests_total.labels(route, f"{kind}xx")


@cache
def _seconds(route: str) -> Histogram:
    return request_seconds.labels(route)


@lru_cache(maxsize=1000)
def _submissions(site: str, result: str) -> Counter:
    return submissions_total.labels(site, result)


@dataclass(frozen=True, slots=True)
class SiteWaits:
    """How one site stands: comments that wait, seconds that the oldest has waited (0 where none does), seconds that are
    promised, and whether its fuse is blown."""

    site: str
    pending: int
    oldest: float
    promise: float | None
    fuse_blown: bool


class Waiting(Collector):
    """Comments waiting for a moderator, by site, asked of the store when somebody looks."""

    def __init__(self, look: Callable[[], list[SiteWaits]]) -> None:
        self._look = look

    def collect(self) -> Iterable[GaugeMetricFamily]:
        pending = GaugeMetricFamily("moderation_pending_comments", "Comments waiting for a moderator.", labels=["site"])
        oldest = GaugeMetricFamily(
            "moderation_oldest_pending_seconds", "How long the oldest of them has waited.", labels=["site"]
        )
        promise = GaugeMetricFamily(
            "moderation_promise_seconds", "How long a comment waits at most, where promised.", labels=["site"]
        )
        fuse = GaugeMetricFamily(
            "moderation_fuse_blown",
            "1 while the site gets more than its fuse bears, and holds everything.",
            labels=["site"],
        )
        for each in self._look():
            fuse.add_metric([each.site], each.fuse_blown)
            pending.add_metric([each.site], each.pending)
            oldest.add_metric([each.site], each.oldest)
            if each.promise is not None:
                promise.add_metric([each.site], each.promise)
        yield from (pending, oldest, promise, fuse)


class Ages(Collector):
    """How old the oldest row of each class of data is, in seconds, asked of the store when somebody looks."""

    def __init__(self, look: Callable[[], Mapping[str, float]]) -> None:
        self._look = look

    def collect(self) -> Iterable[GaugeMetricFamily]:
        told = "Age of the oldest row that retention has left, by class of data."
        ages = GaugeMetricFamily("moderation_oldest_row_seconds", told, labels=["class"])
        for name, seconds in self._look().items():
            ages.add_metric([name], seconds)
        yield ages


def exposition(waiting: Callable[[], list[SiteWaits]], ages: Callable[[], Mapping[str, float]]) -> bytes:
    """All metrics in Prometheus' text format, of all workers together."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        for metric in (
            requests_total,
            request_seconds,
            submissions_total,
            decisions_total,
            reports_total,
            mails_total,
            webhooks_total,
            external_checks_total,
            external_corrections_total,
            policy_reports_total,
            log_lines_lost,
            rules_ok,
            rules_loaded,
            limits_ok,
            limits_fallbacks,
            login_keys_ok,
        ):
            registry.register(metric)
    registry.register(Waiting(waiting))
    registry.register(Ages(ages))
    return generate_latest(registry)


def configure_logging(level: str) -> None:
    """JSON lines on standard error, one an event; what libraries log goes the same way."""
    number = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_exception_text,
            structlog.processors.JSONRenderer(serializer=_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
    _catch_the_rest()


def _catch_the_rest() -> None:
    """Errors that nobody caught and Python's warnings, which would be printed with their text."""

    def uncaught(kind: type[BaseException], error: BaseException | None, frames: TracebackType | None) -> None:
        if not issubclass(kind, (KeyboardInterrupt, SystemExit)):
            log.error("uncaught", error=kind.__name__, where=places(error.with_traceback(frames)) if error else [])

    def warn(message: object, category: type[Warning], filename: str, lineno: int, *_: object, **__: object) -> None:
        log.warning("warning", kind=category.__name__, where=f"{Path(filename).name}:{lineno}")

    sys.excepthook = uncaught
    threading.excepthook = lambda told: uncaught(told.exc_type, told.exc_value, told.exc_traceback)
    sys.unraisablehook = lambda told: uncaught(told.exc_type, told.exc_value, told.exc_traceback)
    warnings.showwarning = warn


class Lines:
    """Writes lines to a file descriptor. Nobody waits for another's write: whoever finds one under way leaves the line
    to it. A lock around the write would make all threads of a worker queue up behind the disk. A line that cannot be
    written (a full disk) is lost and counted: the request it tells of was answered, and must not fail for it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._is_cut = False
        self._waiting: deque[bytes] = deque()
        self._writing = threading.Lock()
        self._thread = threading.local()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this thread tells within is written at the end, at once."""
        self._thread.gathers = True
        try:
            yield
        finally:
            self._thread.gathers = False
            self._flush()

    def msg(self, line: bytes) -> None:
        self._waiting.append(line)
        if not getattr(self._thread, "gathers", False):
            self._flush()

    def _flush(self) -> None:
        while self._waiting and self._writing.acquire(blocking=False):
            try:
                self._write()
            finally:
                self._writing.release()

    debug = info = warning = error = critical = exception = msg

    def _write(self) -> None:
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        whole = memoryview(b"\n" * self._is_cut + b"\n".join([*lines, b""]))
        try:
            while whole:
                whole = whole[os.write(self._fd, whole) :]
            self._is_cut = False
        except OSError:
            log_lines_lost.inc(len(lines))
            self._is_cut = True  # the next line must not go on where this one was cut off


def _lines(*_: object) -> Lines:
    return _STDERR


_STDERR = Lines(2)

together = _STDERR.together


def _line(event: dict[str, Any], **_: object) -> bytes:
    """JSON with C1 controls and the two line separators escaped too: terminals take them for more than text."""
    raw = orjson.dumps(event, default=str)
    if raw.isascii():
        return raw
    return "".join(f"\\u{ord(c):04x}" if c in _RISKY else c for c in raw.decode()).encode()


_RISKY = frozenset(
    [*map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\ufeff"]
)


def _without_exception_text(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    info = event.pop("exc_info", None)
    if info:
        error = info if isinstance(info, BaseException) else sys.exc_info()[1]
        if error is not None:
            event["error"] = type(error).__name__
            event["where"] = places(error)
    return event


def places(error: BaseException) -> list[str]:
    """The call stack of an error as `file:line function`, innermost last, without any text of the error itself."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


class _JsonLines(logging.Formatter):
    """What a library logs: its name, level and message; an ellipsis stands for what is neither number nor signal, but
    in messages of which all is ours."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "event": _filled(str(record.msg), record.args)[:200],
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        if record.exc_info and record.exc_info[1]:
            event["error"] = type(record.exc_info[1]).__name__
            event["where"] = places(record.exc_info[1])
        return _line(event).decode()


def _filled(template: str, given: object) -> str:
    """Which process ended, and by what: no more than that can be said without knowing what an argument holds, and that
    is known of `_OURS` alone."""
    if not isinstance(given, tuple) or not given:
        return template
    is_ours = template in _OURS
    try:
        return template % tuple(each if is_ours or type(each) is int or each in _SIGNALS else "…" for each in given)
    except (TypeError, ValueError):
        return template


_SIGNALS = frozenset(each.name for each in signal.Signals)

_OURS = frozenset([
    "Starting gunicorn %s",
    "Listening at: %s (%s)",
    "Listening at: %s",
    "Using worker: %s",
    "Connection in use: %s",
    "Invalid address: %s",
    "Can't connect to %s",
    "Handling signal: %s",
    "Unhandled signal: %s",
    "Hang up: %s",
    "Shutting down: %s",
    "Reason: %s",
])  # fmt: skip
"""What gunicorn's master says of its own start and end: the address it listens on, signals, its own name. It reads no
request."""
