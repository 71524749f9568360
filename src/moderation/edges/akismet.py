"""Akismet's protocol (akismet.com/developers): is a comment spam, and telling where it was wrong. It is told neither
the author's e-mail address nor, unless that is given, their network address; nor any contact data in what they wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode

from moderation import __version__
from moderation.edges import outside
from moderation.edges.external_checks import Claimed
from moderation.edges.outside import Answer, Ask, Network
from moderation.environment import Environment
from moderation.errors import DeliveryError
from moderation.settings import Site
from moderation.text.redact import holds_address, without_any_contact
from moderation.values import Opinion

NAME = "Akismet"
HOME = "https://rest.akismet.com"
NOBODY = "127.0.0.1"
"""Told in the place of the sender's address, which the protocol does not let out."""
MOST_ANSWERED = 4096
"""Bytes of an answer; a good one is a word."""
LONGEST_WAIT = 86_400
"""Seconds after which we ask again, whatever it wishes."""


@dataclass(frozen=True, slots=True)
class Account:
    """How one site asks: `blog` is the site's own address, `seconds` the time for an answer."""

    home: str
    key: str = field(repr=False)
    blog: str
    language: str
    inside: Sequence[Network]
    seconds: float


def account_of(env: Environment, site: str, settings: Site) -> Account:
    """How a site asks. Raises DeliveryError where it has no key."""
    if not (key := env.akismet_key(site)):
        raise DeliveryError("no-key", permanent=False)
    blog = settings.origins[0] if settings.origins else env.public_url
    external = settings.external
    return Account(external.url or HOME, key, blog, settings.language, env.inside, external.seconds)


def check(account: Account, about: Claimed) -> Opinion:
    """What it takes a comment for. Raises DeliveryError, also for an answer that is none, and while it does not know
    for sure."""
    again = {"recheck_reason": "edit"} if about.version > 1 else {}
    answer = _ask(account, "comment-check", _fields(account, about) | again)
    word = answer.body.strip()
    tries = about.attempts + 1
    if word == b"true":
        is_blatant = answer.headers.get("x-akismet-pro-tip", "").strip().lower() == "discard"
        said = "blatant" if is_blatant else "spam"
        return Opinion(NAME, said, "true, discard" if is_blatant else "true", tries=tries)
    if word == b"false":
        if wait := _seconds(answer.headers.get("x-akismet-recheck-after", "")):
            raise DeliveryError("not-sure-yet", permanent=False, after=wait)
        return Opinion(NAME, "ham", "false", tries=tries)
    raise DeliveryError("key" if word == b"invalid" else "no-answer", permanent=False)


def correct(account: Account, about: Claimed, said: Literal["ham", "spam"]) -> None:
    """Tell what a comment really was. Raises DeliveryError."""
    if _ask(account, f"submit-{said}", _fields(account, about)).body.strip() == b"invalid":
        raise DeliveryError("key", permanent=False)


def knows(account: Account) -> bool:
    """Whether the key is good. Raises DeliveryError."""
    told = {"key": account.key, "api_key": account.key, "blog": account.blog}
    return _ask(account, "verify-key", told).body.strip() == b"valid"


def _ask(account: Account, what: str, told: dict[str, str]) -> Answer:
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "User-Agent": f"moderation/{__version__}",
    }
    asked = Ask(headers, urlencode(told).encode(), account.seconds)
    answer = outside.ask(f"{account.home.rstrip('/')}/1.1/{what}", account.inside, MOST_ANSWERED, asked)
    if answer.status != 200:
        wait = _seconds(answer.headers.get("retry-after", ""))
        raise DeliveryError(f"answer-{answer.status}", permanent=False, after=wait)
    return answer


def _fields(account: Account, about: Claimed) -> dict[str, str]:
    url = about.author_url or ""
    told = {
        "api_key": account.key,
        "blog": account.blog,
        "blog_lang": account.language,
        "blog_charset": "UTF-8",
        "user_ip": about.address or NOBODY,
        "permalink": about.article_url or "",
        "comment_type": "reply" if about.is_reply else "comment",
        "comment_author": without_any_contact(about.author_name),
        "comment_author_url": "" if holds_address(url) else url,
        "comment_content": without_any_contact(about.body),
        "comment_date_gmt": about.created_at.isoformat(timespec="seconds"),
    }
    return {name: value for name, value in told.items() if value}


def _seconds(text: str) -> int:
    """A number of seconds in a header; 0 where there is none."""
    return min(int(text), LONGEST_WAIT) if text.isascii() and text.isdigit() and len(text) < 10 else 0
