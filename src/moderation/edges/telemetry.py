"""What the service tells about itself: one JSON log line a request, and metrics. No personal data in either.

Log lines are built from an allow-list of fields by those who log; exception texts are left out, only their classes
and places are written, since a text may quote what a reader sent.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

requests_total = Counter("moderation_requests_total", "Requests by route and status class.", ["route", "status"])
request_seconds = Histogram("moderation_request_seconds", "Time to answer by route.", ["route"], buckets=BUCKETS)
submissions_total = Counter(
    "moderation_submissions_total", "Submissions by site and what became of them.", ["site", "result"]
)
decisions_total = Counter("moderation_decisions_total", "Moderators' decisions by result.", ["decision", "result"])
policy_reports_total = Counter("moderation_csp_reports_total", "Reports of browsers that a page's policy was broken.")
rules_ok = Gauge(
    "moderation_rules_ok", "1 while the rules file on disk is the one in effect.", multiprocess_mode="livemostrecent"
)
rules_loaded = Gauge(
    "moderation_rules_loaded_seconds",
    "When the rules in effect were loaded, seconds since 1970.",
    multiprocess_mode="livemostrecent",
)
limits_ok = Gauge("moderation_limits_ok", "1 while rate limits are held in Redis.", multiprocess_mode="livemostrecent")
limits_fallbacks = Gauge(
    "moderation_limits_fallbacks", "Submissions limited by the local limiter since start.", multiprocess_mode="livesum"
)


class Waiting(Collector):
    """Comments waiting for a moderator, by site, asked of the store when somebody looks."""

    def __init__(self, count: Callable[[], dict[str, int]]) -> None:
        self._count = count

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily("moderation_pending_comments", "Comments waiting for a moderator.", labels=["site"])
        for site, waiting in self._count().items():
            family.add_metric([site], waiting)
        yield family


def exposition(waiting: Callable[[], dict[str, int]]) -> bytes:
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
            policy_reports_total,
            rules_ok,
            rules_loaded,
            limits_ok,
            limits_fallbacks,
        ):
            registry.register(metric)
    registry.register(Waiting(waiting))
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
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


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
    """What a library logs: its name, level and the message's template, never its arguments."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "event": str(record.msg)[:200],
            "logger": record.name,
            "level": record.levelname.lower(),
        }
        if record.exc_info and record.exc_info[1]:
            event["error"] = type(record.exc_info[1]).__name__
            event["where"] = places(record.exc_info[1])
        return _line(event).decode()
