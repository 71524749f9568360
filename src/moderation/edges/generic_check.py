"""A check of one's own: a comment goes out as JSON, signed as webhooks are (standardwebhooks.com), and a verdict comes
back. It is told neither the author's e-mail address nor, unless that is given, their network address; nor any contact
data in what they wrote.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from moderation.edges import outside, webhooks
from moderation.edges.external_checks import Claimed
from moderation.edges.outside import Ask, Network
from moderation.edges.webhooks import Message
from moderation.errors import DeliveryError
from moderation.text.redact import holds_address, without_any_contact
from moderation.values import Opinion

MOST_ANSWERED = 4096
"""Bytes of an answer."""
MOST_SAID = 200
"""Characters of a reason."""
VERDICTS = ("ham", "spam", "hold")


def check(
    url: str,
    name: str,
    inside: Sequence[Network],
    secrets: Sequence[bytes],
    about: Claimed,
    site: str,
    at: datetime,
    seconds: float,
) -> Opinion:
    """What it takes a comment for. Raises DeliveryError, also for an answer that is not to the letter what it has to
    be."""
    message = Message(f"chk_{about.comment_id}_{about.version}", _body(about, site), about.attempts)
    asked = Ask(webhooks.signed(secrets, message, at), message.body, seconds)
    answer = outside.ask(url, inside, MOST_ANSWERED, asked)
    if answer.status != 200:
        raise DeliveryError(f"answer-{answer.status}", permanent=False)
    verdict, because = read(answer.body)
    return Opinion(name, verdict, verdict, because, about.attempts + 1)


def read(raw: bytes) -> tuple[str, str]:
    """Verdict and reason of an answer: `{"verdict": "ham", "because": "…"}`. The reason may be missing; contact data in
    it is masked. Raises DeliveryError."""
    try:
        told = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_none)
        verdict, because = told.pop("verdict"), told.pop("because", "")
    except (ValueError, RecursionError, KeyError, AttributeError, TypeError):
        raise DeliveryError("no-answer", permanent=False) from None
    is_good = not told and verdict in VERDICTS and isinstance(because, str) and len(because) <= MOST_SAID
    if not is_good or not because.isprintable():
        raise DeliveryError("no-answer", permanent=False)
    return verdict, without_any_contact(because)[:MOST_SAID]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _none(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _body(about: Claimed, site: str) -> bytes:
    url = about.author_url
    author = {
        "name": without_any_contact(about.author_name),
        "url": None if url and holds_address(url) else url,
        "verified": about.verified,
    }
    data = {
        "id": about.comment_id,
        "version": about.version,
        "site": site,
        "article": {"key": about.article_key, "url": about.article_url, "title": about.article_title},
        "author": author | ({"address": about.address} if about.address else {}),
        "is_reply": about.is_reply,
        "language": about.language,
        "body": without_any_contact(about.body),
    }
    return orjson.dumps({"type": "comment.check", "timestamp": about.created_at.isoformat(), "data": data})
