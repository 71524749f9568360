"""Single values of settings, each with the sentence that a wrong one is answered with."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from moderation.durations import parse_duration
from moderation.rates import parse_rate

_ORIGIN = re.compile(r"(https?)://((?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]))(?::(\d{1,5}))?", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def _origin(text: str) -> str:
    """An exact web origin (RFC 6454) as browsers send it: in lower case, without the scheme's own port."""
    parts = _ORIGIN.fullmatch(text)
    port = int(parts[3]) if parts and parts[3] else None
    if not parts or (port is not None and not 1 <= port <= 65535):
        raise ValueError(
            'an exact origin such as "https://www.example.org", without a path or a wildcard (IDN as "xn--…")'
        )
    bare = f"{parts[1]}://{parts[2]}".lower()
    return bare if port in (None, _PORTS[parts[1].lower()]) else f"{bare}:{port}"


def _rate(text: str) -> str:
    try:
        parse_rate(text)
    except ValueError:
        raise ValueError('a rate such as "5/minute", "5/10minutes" or "300/day"') from None
    return text


def _term(text: str) -> str:
    text = " ".join(text.split())
    if not 1 <= len(text) <= 60 or not any(map(str.isalnum, text)):
        raise ValueError("a word or phrase with a letter or digit in it, of at most 60 characters")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('a time zone of the IANA database such as "Europe/Berlin"') from None
    return text


def _time(text: str) -> str:
    if text:
        try:
            parse_duration(text)
        except ValueError:
            raise ValueError('a time such as "30 minutes", "4 hours" or "2 days", of at most a year') from None
    return text


def _email(text: str) -> str:
    if (
        len(text) > 254
        or not re.fullmatch(r"[!-~]+@[a-z0-9-]+(\.[a-z0-9-]+)+", text)
        or re.search(r"[\s<>,;:\"]", text)
    ):
        raise ValueError('an e-mail address, its domain in lower case (IDN as "xn--…")')
    return text


def _domain(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", text):
        raise ValueError('a domain in lower case such as "example.org" (IDN as "xn--…")')
    return text


def address_such_as(example: str) -> AfterValidator:
    """An address of the web that the service asks or tells something, or nothing."""

    def check(text: str) -> str:
        if text and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s#]*)?", text):
            raise ValueError(f"an address such as {example}")
        return text

    return AfterValidator(check)


def _contact(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s@]+|[^\s@<>\"?&]+@[^\s@<>\"?&]+", text):
        raise ValueError("an address such as editors@example.org or https://www.example.org/contact")
    return text


def _list_name(text: str) -> str:
    """A file beside the rules file or in a folder there: no way leads up."""
    if len(text) > 100 or not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)*", text, re.ASCII):
        raise ValueError('the name of a file beside the rules file, such as "shop.txt"')
    return text


def _network(text: str) -> str:
    network = ipaddress.ip_network(text)
    if network.prefixlen == 0:
        raise ValueError("a network smaller than the whole internet")
    return str(network)


Origin = Annotated[str, AfterValidator(_origin)]
Rate = Annotated[str, AfterValidator(_rate)]
Zone = Annotated[str, AfterValidator(_zone)]
Time = Annotated[str, AfterValidator(_time)]
Email = Annotated[str, AfterValidator(_email)]
Domain = Annotated[str, AfterValidator(_domain)]
Contact = Annotated[str, AfterValidator(_contact)]
Term = Annotated[str, AfterValidator(_term)]
Rates = Annotated[list[Rate], Field(max_length=5)]
Terms = Annotated[list[Term], Field(max_length=5000)]
Domains = Annotated[list[Domain], Field(max_length=5000)]
Network = Annotated[str, AfterValidator(_network)]
SiteId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
ListName = Annotated[str, AfterValidator(_list_name)]
Event = Literal["comment.received", "comment.decided", "comment.changed", "comment.edited", "comment.withdrawn"]
Outcome = Literal["tag", "hold", "spam", "reject"]
"""What a rule may propose, mildest first. `tag` only marks the comment for moderators."""
Grade = Literal["off", "mild", "strong", "severe"]
"""How grave a word is; `off` is not a word to look for."""
