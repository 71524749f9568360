"""Who is counted: headers that claim another address change nothing, and nobody is many by choosing addresses of a /64.

Counted by what the service itself says: `RateLimit` falls by exactly one with every comment of the same client.
"""

from __future__ import annotations

import http.client
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv6Address

import pytest
from tests.service import RULES, Service, running_service

HEADERS = (
    "X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP",
    "X-Cluster-Client-IP", "X-Forwarded", "Client-IP", "X-Originating-IP", "X-ProxyUser-Ip", "Fastly-Client-IP",
)  # fmt: skip
VALUES = (
    "198.51.100.1", "127.0.0.1", "10.0.0.1", "0.0.0.0", "255.255.255.255", "169.254.169.254", "198.51.100.1:4711",
    "198.51.100.1, 203.0.113.9", "203.0.113.9,127.0.0.1", "127.0.0.1, 127.0.0.1, 127.0.0.1", " 198.51.100.1 ",
    ",198.51.100.1,", ", , ,", "", "unknown", "_hidden", "localhost", "example.org", "198.51.100.0/24", "0177.0.0.1",
    "0x7f000001", "2130706433", "127.1", "198.51.100.1%eth0", "::1", "2001:db8::1", "[2001:db8::1]:443",
    "::ffff:198.51.100.1", "::ffff:127.0.0.1", "fe80::1%lo", "2001:db8:0:1:1:1:1:1, ::1", "for=198.51.100.1",
    'for="[2001:db8::1]:4711";proto=https;by=203.0.113.43', "for=_gazonk, for=198.51.100.2", '"198.51.100.1"',
    "198.51.100.1 203.0.113.9", "198.51.100.1;203.0.113.9", "9" * 2000,
)  # fmt: skip
MOST = 500
SITES = f"""
[sites.slow.limits]
address = ["{MOST}/360days"]
burst = {MOST}
[sites.five.limits]
address = ["5/360days"]
burst = 5
"""
CLIENT = "203.0.113.77"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that trusts no proxy, so that everybody before it is one client."""
    with running_service(tmp_path_factory.mktemp("alone") / "state", rules=RULES + SITES) as running:
        yield running


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service behind a proxy on this machine, which is listed and appends its client to X-Forwarded-For."""
    env = {"MODERATION_TRUSTED_PROXIES": "127.0.0.1"}
    with running_service(tmp_path_factory.mktemp("behind") / "state", rules=RULES + SITES, env=env) as running:
        yield running


class Sender:
    """Posts comments with headers as they are given, over one connection."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._connection = http.client.HTTPConnection(service.base.removeprefix("http://"), timeout=15)

    def post(self, site: str, headers: dict[str, str]) -> tuple[int, int]:
        """The status, and how many more this client may send."""
        body = json.dumps(self._service.comment())
        given = {"Content-Type": "application/json"} | headers
        self._connection.request("POST", f"/v1/{site}/comments", body, given)
        answer = self._connection.getresponse()
        answer.read()
        left = re.match(r'"address";r=(\d+);', answer.headers["RateLimit"] or "")
        assert left, answer.headers.items()
        return answer.status, int(left[1])

    def close(self) -> None:
        self._connection.close()


def test_there_are_twelve_headers_and_thirty_eight_values() -> None:
    assert (len(set(HEADERS)), len(set(VALUES))) == (12, 38)


def test_before_a_proxy_that_is_not_listed_no_header_makes_somebody_else(alone: Service) -> None:
    with closing(Sender(alone)) as sender:
        claims = [{name: value} for name in HEADERS for value in VALUES]
        assert [sender.post("slow", claim) for claim in claims] == [
            (202, MOST - number) for number in range(1, len(claims) + 1)
        ]


def test_behind_a_listed_proxy_one_is_whom_the_proxy_saw_last(behind: Service) -> None:
    """A client's own X-Forwarded-For stands to the left of what the proxy adds; other headers pass as they are."""
    claims = [
        {"X-Forwarded-For": f"{value}, {CLIENT}"}
        if name == "X-Forwarded-For"
        else {name: value, "X-Forwarded-For": CLIENT}
        for name in HEADERS
        for value in VALUES
    ]
    with closing(Sender(behind)) as sender:
        assert [sender.post("slow", claim) for claim in claims] == [
            (202, MOST - number) for number in range(1, len(claims) + 1)
        ]
        assert sender.post("slow", {"X-Forwarded-For": "203.0.113.78"}) == (202, MOST - 1), "another client is another"


def test_a_thousand_addresses_of_one_network_are_one(behind: Service) -> None:
    chance, network = random.Random(64), int(IPv6Address("2001:db8:1:2::"))
    addresses = {str(IPv6Address(network + chance.getrandbits(64))) for _ in range(1000)}
    with closing(Sender(behind)) as sender:
        told = Counter(sender.post("five", {"X-Forwarded-For": address})[0] for address in addresses)
        assert told == {202: 5, 429: 995}
        assert sender.post("five", {"X-Forwarded-For": "2001:db8:1:3::1"}) == (202, 4), "the next /64 is another"
