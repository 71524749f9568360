"""Asks an address on the internet that an admin has written down, or tells it something short. It leads nowhere else:
not into our own networks, unless they are named, not on by a redirect, and not for longer or more than was said.
"""

from __future__ import annotations

import http.client
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from moderation.errors import DeliveryError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

WHOLE = 10.0
"""Seconds for all of it, the name server's answer included."""
MOST_LOOKING = 8
"""Names that are looked up at once, those included whose name server does not answer: nothing can stop these."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: `body` is sent by POST, where there is one. The answer may take `seconds`, else `WHOLE`."""

    headers: Mapping[str, str] = field(default_factory=lambda: {"Accept": "application/json"})
    body: bytes | None = None
    seconds: float | None = None


class Answer(NamedTuple):
    """The names of `headers` are in small letters."""

    status: int
    body: bytes
    headers: Mapping[str, str]


def objection(url: str, inside: Sequence[Network]) -> str | None:
    """Why this address can never be asked, in words, as far as it says so itself: names are looked up only when it is
    asked."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return "an address of the web"
    literal = _literal(host)
    if literal is not None and not _may_ask(literal, inside):
        return (
            "an address on the internet: this leads into a network of your own (MODERATION_INSIDE_NETWORKS names them)"
        )
    is_ours = literal is not None and any(literal in network for network in inside)
    if parts.scheme != "https" and not (is_ours or (literal is None and inside)):
        return "an address with https"
    return None


def _literal(host: str) -> Address | None:
    """The address that a host is in itself, however it is spelt; None for a name."""
    if host == "localhost" or host.endswith(".localhost"):
        return ipaddress.IPv4Address("127.0.0.1")
    with suppress(ValueError):
        return ipaddress.ip_address(host.partition("%")[0])
    with suppress(OSError):
        return ipaddress.IPv4Address(socket.inet_aton(host)) if re.fullmatch(_NUMBERS, host) else None
    return None


_NUMBERS = r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}"
"""What systems take for an IPv4 address, though it is not spelt as one."""


def fetch(url: str, inside: Sequence[Network], most: int) -> bytes:
    """The body of an answer 200, at most `most` bytes. Raises DeliveryError as `ask` does, and for another answer."""
    answer = ask(url, inside, most, Ask())
    if answer.status != 200:
        raise DeliveryError(f"answer-{answer.status}", permanent=False)
    return answer.body


def ask(url: str, inside: Sequence[Network], most: int, what: Ask) -> Answer:
    """The answer; its body is read of a 200 only, at most `most` bytes. `inside` are networks of ours that may be asked
    as well; without TLS only those. Raises DeliveryError. Never call it while somebody waits."""
    end = time.monotonic() + (what.seconds or WHOLE)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise DeliveryError("address", permanent=True) from None
    addresses = _resolved(host, port, end)
    if not all(_may_ask(address, inside) for address in addresses):
        raise DeliveryError("address", permanent=True)
    is_ours = all(any(address in network for network in inside) for address in addresses)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_ours):
        raise DeliveryError("not-https", permanent=True)
    try:
        return _ask(parts, host, _connected(addresses, port, end), most, what, end)
    except (OSError, ssl.SSLError, http.client.HTTPException, ValueError):
        raise DeliveryError("connection", permanent=False) from None


def _ask(parts: SplitResult, host: str, sock: socket.socket, most: int, what: Ask, end: float) -> Answer:
    with sock, _within(_left(end), sock):
        if parts.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        line = http.client.HTTPConnection(host, parts.port, timeout=WHOLE)
        line.sock = sock
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        method = "GET" if what.body is None else "POST"
        line.request(method, path, what.body, {"User-Agent": "moderation", **what.headers})
        answer = line.getresponse()
        body = answer.read(most + 1) if answer.status == 200 else b""
        told = {name.lower(): value for name, value in answer.getheaders()}
        line.close()
    if len(body) > most:
        raise DeliveryError("too-long", permanent=False)
    if answer.status == 200 and answer.length:
        raise http.client.IncompleteRead(body, answer.length)
    return Answer(answer.status, body, told)


@contextmanager
def _within(seconds: float, sock: socket.socket) -> Iterator[None]:
    """However slowly the other side talks, the connection is cut when its time is over. Raises TimeoutError then."""
    raw, over = sock.dup(), threading.Event()

    def cut() -> None:
        over.set()
        with suppress(OSError):
            raw.shutdown(socket.SHUT_RDWR)

    end = threading.Timer(seconds, cut)
    end.daemon = True
    end.start()
    try:
        yield
    finally:
        end.cancel()
        raw.close()
    if over.is_set():
        raise TimeoutError


def _resolved(host: str, port: int, end: float) -> list[Address]:
    """By the system's resolver, in a thread of its own: it takes its time, and cannot be told to end."""
    told: queue.SimpleQueue[list[Address]] = queue.SimpleQueue()

    def look() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            told.put([ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found])
        except (OSError, ValueError):
            told.put([])
        finally:
            _looking.release()

    if not _looking.acquire(timeout=max(0.0, end - time.monotonic())):
        raise DeliveryError("name", permanent=False)
    threading.Thread(target=look, name="resolver", daemon=True).start()
    try:
        addresses = told.get(timeout=max(0.0, end - time.monotonic()))
    except queue.Empty:
        addresses = []
    if not addresses:
        raise DeliveryError("name", permanent=False)
    return addresses


_looking = threading.BoundedSemaphore(MOST_LOOKING)


def _connected(addresses: Sequence[Address], port: int, end: float) -> socket.socket:
    """To the addresses that were looked at, not to what the name may mean by now."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((str(address), port), timeout=_left(end) / 2)
        except OSError:
            continue
    return socket.create_connection((str(addresses[-1]), port), timeout=_left(end))


def _left(end: float) -> float:
    """Raises TimeoutError when there is no time left."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _may_ask(address: Address, inside: Sequence[Network]) -> bool:
    return any(address in network for network in inside) or _is_public(address)


def _is_public(address: Address) -> bool:
    """Whether it leads to the internet, also where an IPv4 address is wrapped in it."""
    if isinstance(address, ipaddress.IPv6Address):
        within = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
        wrapped = address.ipv4_mapped or address.sixtofour or within
        if wrapped is not None:
            return _is_public(wrapped)
    return address.is_global and not address.is_multicast and not address.is_reserved
