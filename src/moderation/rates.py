"""The words of rate limiting: a window, what is asked about a submission, what is answered, what headers say of it; and
a limiter for one process alone.

No clock and no connection: the limits that all workers share are in `edges/limits`.
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network
from typing import Literal

from moderation.frozen import value

SEEN_SECONDS = 3600  # how long a fingerprint is remembered after it was first let through
LOCAL_KEYS = 50_000
UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_RATE = re.compile(r"\s*(\d{1,9})\s*/\s*(\d{1,6})?\s*(second|minute|hour|day)s?\s*", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")  # also safe in a key and in a structured header field


@dataclass(frozen=True)
class Window:
    """`limit` uses in `period` seconds, at most `burst` of them at once."""

    name: str
    limit: int
    period: float
    burst: int

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not a name for a limit: use small letters, digits, '-', '_' and '.'.")
        if self.limit < 1 or self.burst < 1 or not 0 < self.period <= 366 * 86400:
            raise ValueError("A limit and its burst must be at least 1, its period above 0 and at most 366 days.")

    @cached_property
    def interval(self) -> int:
        """Microseconds that one use takes to come back, rounded up so that the rate is never exceeded."""
        return max(1, math.ceil(self.period * 1e6 / self.limit))

    @cached_property
    def tolerance(self) -> int:
        """Microseconds in which a bucket used up comes back whole."""
        return self.interval * self.burst

    @cached_property
    def policy(self) -> str:
        """What the header RateLimit-Policy says of it."""
        return f'"{self.name}";q={self.limit};w={math.ceil(self.period)}'


@value
class Bucket:
    """One counter: `key` is already hashed (it goes to Redis as it is), `weight` is what one submission costs.

    `visible` buckets appear in response headers. A `soft` bucket only reports: when it is empty the submission still
    counts as allowed and still uses up the other buckets, so that a comment which is held for it is not free. What does
    not fit is charged to its own bucket all the same, up to `penalty` uses beyond the burst: to a hard one what it
    refused, to a soft one what was let through.
    """

    scope: str
    key: str
    window: Window
    visible: bool
    weight: int = 1
    soft: bool = False
    penalty: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.weight <= self.window.burst:
            raise ValueError("The weight of a bucket must be between 1 and its burst.")
        if self.penalty < 0:
            raise ValueError("A penalty must be 0 or more.")


@value
class Question:
    """All limits of one submission, and the fingerprints of which it wants to know how often they were seen."""

    site: str
    buckets: tuple[Bucket, ...]
    seen: tuple[str, ...] = ()

    def keys(self) -> list[str]:
        """One key a bucket, then one a fingerprint.

        The site is the Redis Cluster hash tag: all buckets of a submission, also those of its article and of the whole
        site, lie in one slot, so that one script can charge them together.
        """
        keys = [f"limits:{{{self.site}}}:{b.scope}:{b.window.name}:{b.key}" for b in self.buckets]
        return keys + [f"limits:{{{self.site}}}:seen:{fingerprint}" for fingerprint in self.seen]


@value
class BucketAnswer:
    """What is left after this submission. `retry_after`: seconds until it would be allowed, 0 if it was;
    `reset_after`: seconds until the bucket is whole again."""

    bucket: Bucket
    allowed: bool
    remaining: int
    retry_after: float
    reset_after: float


@value
class Answer:
    """`allowed`: no bucket refused, soft ones apart. `seen[i]`: how often that fingerprint was let through in the last
    hour, this submission not counted. `source` is "local" when Redis could not be asked."""

    allowed: bool
    buckets: tuple[BucketAnswer, ...]
    seen: tuple[int, ...]
    source: Literal["redis", "local"]

    @property
    def retry_after(self) -> float:
        """Seconds until every bucket that refused would allow this submission; 0 when it was allowed."""
        return max((b.retry_after for b in self.buckets if not b.allowed and not b.bucket.soft), default=0.0)


def answer_of(question: Question, numbers: Sequence[int], source: Literal["redis", "local"]) -> Answer:
    """From numbers in microseconds: (wait, uses left, time until whole) a bucket, then a count a fingerprint."""
    end = 3 * len(question.buckets)
    each = zip(question.buckets, numbers[0:end:3], numbers[1:end:3], numbers[2:end:3], strict=True)
    buckets = tuple(
        [BucketAnswer(bucket, wait == 0, left, wait / 1e6, whole / 1e6) for bucket, wait, left, whole in each]
    )
    allowed = all(answer.allowed or answer.bucket.soft for answer in buckets)
    return Answer(allowed, buckets, tuple(numbers[end:]), source)


def parse_rate(text: str) -> tuple[int, float]:
    """`"5/minute"`, `"5/10minutes"` -> (uses, seconds). Raises ValueError with a sentence for the admin."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(
            f'"{text}" is not a rate. Write a number, a slash and a time: "5/minute", "5/10minutes", "300/day".'
        )
    limit, many = int(match[1]), int(match[2] or 1)
    period = many * UNITS[match[3]]
    if limit < 1 or many < 1:
        raise ValueError(f'"{text}" is not a rate: both numbers must be at least 1.')
    if period > 366 * 86400:
        raise ValueError(f'"{text}" is not a rate: the time must not be longer than 366 days.')
    return limit, period


def address_prefixes(ip: str, ipv4: int = 32, ipv6: int = 64, network: int = 48) -> tuple[str, ...]:
    """The networks a client is counted under, by the lengths of their prefixes: one of IPv4, two of IPv6.

    One customer usually gets a /64 or a /48, so single IPv6 addresses are free to change. IPv4-mapped addresses count
    as IPv4, zone ids are dropped. Raises ValueError when `ip` is no address.
    """
    if ipv4 == 32 and _IPV4.fullmatch(ip):
        return (f"{ip}/32",)
    address: IPv4Address | IPv6Address = ip_address(ip.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    lengths = (ipv4,) if isinstance(address, IPv4Address) else (ipv6, network)
    return tuple(str(ip_network((address, bits), strict=False)) for bits in lengths)


def spelt(address: str) -> str:
    """`address` as `ipaddress` spells it. Raises ValueError when it is none."""
    return address if _IPV4.fullmatch(address) else str(ip_address(address))


def household(ip: str) -> str:
    """What a single sender has for long: an IPv4 address as it is, the /64 around an IPv6 one. Raises ValueError."""
    return address_prefixes(ip)[0].removesuffix("/32")


def is_within(ip: str, network: str) -> bool:
    """Whether `ip` is in `network`, which is no smaller than a household."""
    sender, around = ip_network(address_prefixes(ip)[0]), ip_network(network)
    return sender.version == around.version and sender.subnet_of(around)  # type: ignore[arg-type]  # the same version


def named_network(text: str) -> str | None:
    """The household or the network around it that `text` names: IPv4 from /24 on, IPv6 from /48 on. Else None."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    if network.prefixlen == network.max_prefixlen:
        return household(str(network.network_address))
    least, most = (24, 31) if isinstance(network, IPv4Network) else (48, 64)
    return str(network) if least <= network.prefixlen <= most else None


def mailbox(email: str) -> str:
    """Where mail to this address ends up: a `+tag` is nobody else."""
    local, _, domain = email.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")  # as `ip_address` reads it, which takes twenty times as long


def coarse(ip: str) -> str:
    """The /24 or /48 that `ip` is in: enough to see a pattern, too little to name a household."""
    if _IPV4.fullmatch(ip):
        return f"{ip.rpartition('.')[0]}.0/24"
    address = ip_address(ip)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ip_network((address, 24 if isinstance(address, IPv4Address) else 48), strict=False))


def ratelimit_headers(answer: Answer, *, jitter: int = 0) -> dict[str, str]:
    """RateLimit-Policy, RateLimit and, when refused, Retry-After (draft-ietf-httpapi-ratelimit-headers-10).

    Only visible buckets are named; of two with one window name the tighter one. Retry-After covers every bucket that
    refused, in whole seconds, never less than the true wait; `jitter` seconds are added so that clients told the same
    moment do not all come back in it. For a refused bucket `t` names the same moment as Retry-After, as the draft asks.
    """
    headers: dict[str, str] = {}
    shown = _tightest(answer.buckets)
    wait = math.ceil(answer.retry_after) + jitter
    if shown:
        headers["RateLimit-Policy"] = ", ".join([b.bucket.window.policy for b in shown])
        headers["RateLimit"] = ", ".join(
            f'"{b.bucket.window.name}";r={min(b.remaining, b.bucket.window.limit)}'
            f";t={math.ceil(b.reset_after) if b.allowed else wait}"
            for b in shown
        )
    if not answer.allowed:
        headers["Retry-After"] = str(max(1, wait))
    return headers


def _tightest(buckets: Sequence[BucketAnswer]) -> list[BucketAnswer]:
    shown: dict[str, BucketAnswer] = {}
    for answer in buckets:
        if not answer.bucket.visible:
            continue
        name = answer.bucket.window.name
        rival = shown.get(name)
        if rival is None or (answer.remaining, -answer.retry_after) < (rival.remaining, -rival.retry_after):
            shown[name] = answer
    return list(shown.values())


class LocalLimiter:
    """GCRA like the script's, in this process alone, each worker with its share of the rate.

    A share is the rate divided by `workers`, and of the burst at least the weight of one submission. Holds at most
    `capacity` keys; when it is full, those nearest to being whole are forgotten first. Not thread safe.
    """

    def __init__(self, workers: int, capacity: int = LOCAL_KEYS) -> None:
        self._workers = max(1, workers)
        self._capacity = capacity
        self._kept: dict[str, tuple[int, int]] = {}  # key -> (microseconds at which it may be forgotten, count)

    def __len__(self) -> int:
        return len(self._kept)

    def ask(self, question: Question, now: int) -> Answer:
        """`now` in microseconds; it never goes back."""
        keys = question.keys()
        asked, allowed = [], True
        for bucket, key in zip(question.buckets, keys, strict=False):
            interval = bucket.window.interval * self._workers
            tolerance = interval * max(bucket.weight, bucket.window.burst // self._workers)
            most = tolerance + interval * bucket.penalty
            full = max(self._kept.get(key, (0, 0))[0], now)
            if full > now + most:  # a window made shorter
                full = now + most
                self._keep(key, full, 0, now)
            charged = full + interval * bucket.weight
            wait = max(0, charged - now - tolerance)
            allowed = allowed and (wait == 0 or bucket.soft)
            asked.append((key, full, min(charged, now + most), wait, interval, tolerance, bucket))
        numbers: list[int] = []
        for key, full, charged, wait, interval, tolerance, bucket in asked:
            if (allowed and not wait) or (wait and bucket.penalty and allowed == bucket.soft):
                wait += charged - full if wait else 0
                full = charged
                self._keep(key, full, 0, now)
            numbers += (wait, max(0, now + tolerance - full) // interval, full - now)
        for key in keys[len(question.buckets) :]:
            until, seen = self._kept.get(key, (0, 0))
            if until <= now:
                until, seen = now + SEEN_SECONDS * 1_000_000, 0
            if allowed:
                self._keep(key, until, seen + 1, now)
            numbers.append(seen)
        return answer_of(question, numbers, "local")

    def _keep(self, key: str, until: int, count: int, now: int) -> None:
        if len(self._kept) >= self._capacity and key not in self._kept:
            self._kept = {k: v for k, v in self._kept.items() if v[0] > now}
            surplus = len(self._kept) - self._capacity * 9 // 10  # a tenth at once, so that it is paid rarely
            for k in heapq.nsmallest(surplus, self._kept, key=lambda k: self._kept[k][0]):
                del self._kept[k]
        self._kept[key] = (until, count)
