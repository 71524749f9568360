"""Windows, rates as people write them, networks of addresses, and header values."""

from __future__ import annotations

import math
import re
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.rates import Answer, Bucket, BucketAnswer, Window, address_prefixes, parse_rate, ratelimit_headers

POST = Window("post", 5, 60, 5)
HOUR = Window("hour", 60, 3600, 20)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5/minute", (5, 60)),
        ("60/hour", (60, 3600)),
        ("5/10minutes", (5, 600)),
        ("300/day", (300, 86400)),
        ("1/second", (1, 1)),
        (" 5 / 10 minutes ", (5, 600)),
        ("2/2days", (2, 172800)),
    ],
)
def test_a_rate_is_read(text: str, rate: tuple[int, float]) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "5/",
        "/minute",
        "0/minute",
        "5/0minutes",
        "-5/minute",
        "5/fortnight",
        "5/minute/hour",
        "1e3/hour",
        "5.5/hour",
        "5/999999days",
        "٥/minute",
        "5/min",
        "9999999999/day",
        "5//minute",
        "5/minute\n6/hour",
    ],
)
def test_a_wrong_rate_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r'(?s)^".*" is not a rate[.:] .*\.$') as caught:
        parse_rate(text)
    assert text in str(caught.value)


@given(st.integers(1, 10**9 - 1), st.integers(1, 300), st.sampled_from(["second", "minute", "hour", "day"]))
def test_every_rate_makes_a_window_that_is_never_faster(limit: int, many: int, unit: str) -> None:
    limit, period = parse_rate(f"{limit}/{many}{unit}s")
    window = Window("w", limit, period, 3)
    assert window.interval * limit >= period * 1_000_000
    assert window.interval == 1 or (window.interval - 1) * limit < period * 1_000_000
    assert window.tolerance == 3 * window.interval


@pytest.mark.parametrize(
    "wrong",
    [
        ("", 1, 1, 1),
        ('a"b', 1, 1, 1),
        ("w", 0, 1, 1),
        ("w", 1, 0, 1),
        ("w", 1, 1, 0),
        ("w", 1, math.inf, 1),
        ("w", 1, math.nan, 1),
        ("é", 1, 1, 1),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(wrong: tuple[str, int, float, int]) -> None:
    with pytest.raises(ValueError, match=r"[Ll]imit"):
        Window(*wrong)


@pytest.mark.parametrize("weight", [0, -1, 6])
def test_a_weight_that_could_never_pass_is_refused(weight: int) -> None:
    with pytest.raises(ValueError, match="weight"):
        Bucket("address", "k", POST, True, weight)


@pytest.mark.parametrize(
    ("ip", "networks"),
    [
        ("203.0.113.9", ("203.0.113.9/32",)),
        ("::ffff:203.0.113.9", ("203.0.113.9/32",)),
        ("::FFFF:cb00:7109", ("203.0.113.9/32",)),
        ("2001:db8:1:2:3:4:5:6", ("2001:db8:1:2::/64", "2001:db8:1::/48")),
        ("2001:0DB8:0001:0002::", ("2001:db8:1:2::/64", "2001:db8:1::/48")),
        ("fe80::1%eth0", ("fe80::/64", "fe80::/48")),
        ("::1", ("::/64", "::/48")),
    ],
)
def test_an_address_is_counted_under_its_networks(ip: str, networks: tuple[str, ...]) -> None:
    assert address_prefixes(ip) == networks


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_all_addresses_of_one_64_are_counted_together(address: object, host: int) -> None:
    prefix = int(ip_address(str(address))) >> 64 << 64
    if prefix:
        assert address_prefixes(str(ip_address(prefix + host))) == address_prefixes(str(ip_address(prefix)))
        assert all(ip_address(prefix + host) in ip_network(n) for n in address_prefixes(str(ip_address(prefix))))


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4:80", "[::1]", "::g"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        address_prefixes(text)


def bucket(window: Window, *, visible: bool = True, soft: bool = False) -> Bucket:
    return Bucket("address", "k", window, visible, soft=soft)


def answer(*buckets: BucketAnswer) -> Answer:
    return Answer(all(b.allowed or b.bucket.soft for b in buckets), buckets, (), "redis")


def test_the_lengths_of_the_prefixes_can_be_set() -> None:
    assert address_prefixes("203.0.113.77", ipv4=24) == ("203.0.113.0/24",)
    assert address_prefixes("::ffff:203.0.113.77", ipv4=28) == ("203.0.113.64/28",)
    assert address_prefixes("2001:db8:1:2ff::3", ipv6=56, network=32) == ("2001:db8:1:200::/56", "2001:db8::/32")
    assert address_prefixes("2001:db8::3", ipv6=128) == ("2001:db8::3/128", "2001:db8::/48")


def test_headers_of_an_allowed_submission_have_the_draft_s_form() -> None:
    allowed = answer(BucketAnswer(bucket(Window("post", 5, 600, 5)), True, 3, 0, 240.2))
    assert ratelimit_headers(allowed) == {"RateLimit-Policy": '"post";q=5;w=600', "RateLimit": '"post";r=3;t=241'}


def test_headers_of_a_refusal_name_one_moment_and_round_up() -> None:
    refused = answer(BucketAnswer(bucket(POST), False, 0, 11.000001, 59), BucketAnswer(bucket(HOUR), True, 7, 0, 780))
    assert ratelimit_headers(refused) == {
        "RateLimit-Policy": '"post";q=5;w=60, "hour";q=60;w=3600',
        "RateLimit": '"post";r=0;t=12, "hour";r=7;t=780',
        "Retry-After": "12",
    }
    assert ratelimit_headers(refused, jitter=3)["Retry-After"] == "15"


def test_hidden_buckets_are_not_named_but_their_wait_counts() -> None:
    refused = answer(
        BucketAnswer(bucket(POST), True, 4, 0, 12), BucketAnswer(bucket(HOUR, visible=False), False, 0, 99.5, 3000)
    )
    headers = ratelimit_headers(refused)
    assert headers == {"RateLimit-Policy": '"post";q=5;w=60', "RateLimit": '"post";r=4;t=12', "Retry-After": "100"}


def test_a_soft_bucket_asks_nobody_to_wait() -> None:
    held = answer(BucketAnswer(bucket(HOUR, visible=False, soft=True), False, 0, 99, 3000))
    assert held.allowed
    assert held.retry_after == 0
    assert ratelimit_headers(held) == {}


def test_of_two_buckets_with_one_name_the_tighter_speaks() -> None:
    both = answer(BucketAnswer(bucket(POST), True, 4, 0, 12), BucketAnswer(bucket(POST), True, 1, 0, 48))
    assert ratelimit_headers(both)["RateLimit"] == '"post";r=1;t=48'


def test_no_more_is_promised_than_the_quota() -> None:
    window = Window("post", 5, 60, 50)
    assert ratelimit_headers(answer(BucketAnswer(bucket(window), True, 49, 0, 12)))["RateLimit"] == '"post";r=5;t=12'


@given(st.floats(0.000001, 1e7), st.integers(0, 60))
def test_retry_after_is_whole_seconds_and_never_too_early(wait: float, jitter: int) -> None:
    headers = ratelimit_headers(answer(BucketAnswer(bucket(POST), False, 0, wait, wait)), jitter=jitter)
    assert re.fullmatch(r"[1-9]\d*", headers["Retry-After"])
    assert wait + jitter <= int(headers["Retry-After"]) < wait + jitter + 1.001
