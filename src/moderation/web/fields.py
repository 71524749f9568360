"""Single fields in their normal form: names, e-mail addresses, addresses of the web, articles, times. What is wrong
with one is added to `problems`, so that all are told at once."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from email_validator import EmailNotValidError, validate_email

from moderation.errors import FieldProblem, Invalid
from moderation.settings import Site
from moderation.text.redact import find_contacts, holds_address, mask_contacts


def looks_like_url(value: object) -> bool:
    """Whether somebody means an address of the web, good or not."""
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def body(text: str, site: Site, problems: list[FieldProblem]) -> str:
    """A comment's text with line ends of one kind, and none around it."""
    body = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    check_length("/body", body, site.lengths.body_min, site.lengths.body_max, problems)
    return body


def check_length(pointer: str, text: str, least: int, most: int, problems: list[FieldProblem]) -> bool:
    """Whether something can be seen of `text`, and it has `least` to `most` characters."""
    if not _is_visible(text):
        problems.append(FieldProblem(pointer, "required"))
    elif len(text) < least:
        problems.append(FieldProblem(pointer, "too-short", {"least": least, "length": len(text)}))
    elif len(text) > most:
        problems.append(FieldProblem(pointer, "too-long", {"most": most, "length": len(text)}))
    else:
        return True
    return False


def _is_visible(text: str) -> bool:
    """Whether anything would be seen: a letter, number, punctuation mark or symbol that is not blank."""
    return any(unicodedata.category(c)[0] in "LNPS" and c not in _BLANKS for c in text)


_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols that look like nothing


def name(text: str, most: int, problems: list[FieldProblem]) -> str:
    """A name on one line, NFC, without controls and marks that reorder what stands around it (Trojan Source), and
    without an e-mail address: everybody will see it."""
    name = unicodedata.normalize("NFC", text).strip()
    if check_length("/author/name", name, 1, most, problems):
        if not _is_plain(name) and any(unicodedata.category(c) in ("Cc", "Zl", "Zp") or c in _REORDERING for c in name):
            problems.append(FieldProblem("/author/name", "control-character"))
        elif holds_address(name):
            problems.append(FieldProblem("/author/name", "address-shown"))
    return name


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def email(text: str | None, need: Literal["required", "optional"], problems: list[FieldProblem]) -> str | None:
    """The sender's address in its normal form."""
    given = (text or "").strip(" ")  # line breaks are no part of an address, and never end up in a letter's head
    if not given:
        if need == "required":
            problems.append(FieldProblem("/author/email", "required"))
        return None
    normal = normal_email(given)
    if normal is None:
        problems.append(FieldProblem("/author/email", "email"))
    return normal


_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*\Z")


def normal_email(text: str) -> str | None:
    """The normal form: NFC, the domain as A-label in lower case. None for what is no address (RFC 5321, 6531).

    DNS is never asked.
    """
    local, at, domain = text.rpartition("@")
    if at and len(local) <= 64 and len(text) <= 254 and _PLAIN_LOCAL.match(local):
        normal_domain = _normal_domain(domain)
        return f"{local}@{normal_domain}" if normal_domain else None
    return _validated(text)


@lru_cache(maxsize=4096)
def _normal_domain(domain: str) -> str | None:
    """The part of validation that costs (IDNA), done once for each domain."""
    whole = _validated(f"a@{domain}")
    return whole.rpartition("@")[2] if whole else None


def _validated(text: str) -> str | None:
    try:
        found = validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError:
        return None
    return f"{found.local_part}@{found.ascii_domain or found.domain}"


def website(text: str | None, most: int, problems: list[FieldProblem]) -> str | None:
    """An http or https address, without a user part; a bare host gets `https://`."""
    given = (text or "").strip()
    if not given:
        return None
    url = web_address(given)
    if url is None:
        problems.append(FieldProblem("/author/url", "url"))
    elif len(url) > most:
        problems.append(FieldProblem("/author/url", "too-long", {"most": most, "length": len(url)}))
    elif holds_address(url):
        problems.append(FieldProblem("/author/url", "address-shown"))
    return url


_HOST = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}\.?\Z|localhost\Z|\d{1,3}(?:\.\d{1,3}){3}\Z")
_BARE = re.compile(r"[\w-]+(\.[\w-]+)+(/\S*)?\Z")


def web_address(text: str) -> str | None:
    """`text` as an http(s) URL with an ASCII-only path and no hidden parts, else None."""
    if any(
        c <= " " or c in "\\<>\"'`{}|^" or c == "\x7f" or unicodedata.category(c) in ("Cc", "Cf", "Zs", "Zl", "Zp")
        for c in text
    ):
        return None
    if _BARE.match(text):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or port == 0:
        return None
    if not (_HOST.match(host) or re.fullmatch(r"\[[0-9a-f:.]+\]", parts.netloc.partition("]")[0] + "]")):
        return None
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path, parts.query, parts.fragment))


def shown_title(text: str | None) -> str:
    """A title as everybody sees it: on one line, e-mail addresses and telephone numbers hidden."""
    title = " ".join((text or "").split())
    return mask_contacts(title, find_contacts(title)) if title else ""


def is_article_id(text: str) -> bool:
    """1 to 200 visible characters, no space at either end, nothing that controls or reorders, no e-mail address."""
    return (
        0 < len(text) <= 200
        and text == text.strip()
        and (
            _is_plain(text)
            or all(unicodedata.category(c) not in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp") for c in text)
        )
        and not holds_address(text)
    )


def article_url(text: str, origins: tuple[str, ...]) -> str | None:
    """The URL without its fragment, when it stands on one of `origins`; else None.

    Newsletters put a reader's address into their links: such parts of the query are dropped, so that it is the same
    article for everybody and nobody's address is told. An address in the path is refused.
    """
    url = web_address(text)
    if url is None or len(url) > 450:
        return None
    parts = urlsplit(url)
    if f"{parts.scheme}://{parts.netloc}" not in origins:
        return None
    query = parts.query
    if holds_address(url):
        query = "&".join(part for part in query.split("&") if not holds_address(part))
        if holds_address(parts.path):
            return None
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


def article_key(given: str, origins: tuple[str, ...]) -> str:
    """What an article that somebody asks for is found by. Raises Invalid."""
    key = article_url(given, origins) or given
    is_elsewhere = looks_like_url(key) and len(key) <= 450 and not holds_address(key)
    if not (is_article_id(key) or is_elsewhere):
        raise Invalid([FieldProblem("/article", "article-id" if given else "required")])
    return key


LAST_YEAR = 2999
"""No ban ends later. One that is to last for good has no end; near the year 9999 calendars themselves end."""


def time_of(text: str) -> datetime | None:
    """A time with its zone (RFC 3339), in UTC; None for what is none."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
