"""What readers may ask by law: a copy of all that is kept about them (GDPR articles 15 and 20), and to be forgotten
(article 17). Whom it was is never written down: the ledger and the journal know a keyed hash and a number.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from moderation.edges import authors, erasure, held, holds, journal, report_mails
from moderation.edges.vault import Unreadable
from moderation.rates import mailbox
from moderation.runtime import Runtime
from moderation.values import APPEAL, EXTERNAL, Hold, Moderator

LEDGER = "erased.jsonl"
"""Beside the keys in the state folder: a line for each erasure, to repeat it after an older backup was put back."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A reader as the publisher's login of a site names them (`sub`): comments may have come without an address."""

    site: str
    name: str = field(repr=False)


EVERYWHERE = "every site"
"""Where letters are counted: they are of no one site."""

Reader = str | SignedIn
"""Whom is asked about: an e-mail address in its normal form, or a name at a login."""


def look(rt: Runtime, reader: Reader) -> dict[str, dict[str, int]]:
    """What is kept about this author, by site: how many comments of each status, bans, proofs, reports and letters."""
    indexes = _indexes(rt, reader)
    with rt.store.reading() as tx:
        found = Counter(erasure.statuses(tx, indexes))
        found.update((ban["site"], "bans") for ban in erasure.bans_on(tx, indexes, _mailbox(rt, reader)))
        found.update((proof["site"], "proofs") for proof in erasure.proofs(tx, indexes))
        found.update((each.site, "reports") for each in report_mails.of(tx, indexes))
        found.update((EVERYWHERE, "letters") for _ in erasure.letters(tx, indexes))
    sites = sorted({site for site, _ in found})
    return {site: {what: count for (at, what), count in sorted(found.items()) if at == site} for site in sites}


def export(rt: Runtime, who: Moderator, reader: Reader, reason: str) -> dict[str, Any]:
    """All that is kept about this author, for them to read. Written down as a row of the journal."""
    with rt.store.writing() as tx:
        comments = [_told(row) for row in erasure.everything(tx, _indexes(rt, reader))]
        waiting = erasure.letters(tx, _indexes(rt, reader))
        sent = report_mails.of(tx, _indexes(rt, reader))
        banned = erasure.bans_on(tx, _indexes(rt, reader), _mailbox(rt, reader))
        proofs = [_proved(rt, row) for row in erasure.proofs(tx, _indexes(rt, reader))]
        journal.write(tx, [_entry(rt, who, "privacy-export", len(comments), reason)])
    asked = {"email": reader} if isinstance(reader, str) else {"site": reader.site, "login": reader.name}
    return {
        **asked,
        "made_at": rt.now().isoformat(),
        "comments": comments,
        "letters": [{"kind": each["kind"], "waits_since": each["created_at"].isoformat()} for each in waiting],
        "proofs": proofs,
        "reports": [
            {"number": each.id, "site": each.site, "at": each.at.isoformat(), "reason": each.reason, "text": each.words}
            for each in sent
        ],
        "bans": [
            ban | {"made_at": ban["made_at"].isoformat(), "until": ban["until"].isoformat() if ban["until"] else None}
            for ban in banned
        ],
    }


def _proved(rt: Runtime, row: Mapping[str, Any]) -> dict[str, Any]:
    """To which site the author has proved who they are, by its login or by a letter of ours, and as whom."""
    try:
        name = rt.vault.open_name(row["sealed"], row["id"])
    except Unreadable:
        name = None
    return {"site": row["site"], "by": row["kind"], "name": name, "last_at": row["proved_at"].isoformat()}


def _told(row: Any) -> dict[str, Any]:
    """One comment for its author: what they sent, when, and what became of it and why."""
    return {
        "id": row["id"],
        "site": row["site"],
        "article": {"key": row["key"], "url": row["url"], "title": row["title"]},
        "title_sent": row["article_title"],
        "answers": row["parent_id"],
        "name": row["author_name"],
        "website": row["author_url"],
        "text": row["body"],
        "earlier_texts": [{"text": each["body"], "until": each["until"].isoformat()} for each in row["earlier"]],
        "sent_at": row["created_at"].isoformat(),
        "network": row["address_prefix"],
        "verified": row["verified"],
        "status": row["status"],
        "found_by_rules": [found["rule"] for found in row["findings"] if found["effect"] != "pass"],
        "told_to": [found["data"]["by"] for found in row["findings"] if found["rule"] == EXTERNAL and found["data"]],
        "asked_for_a_second_look": [found["data"]["words"] for found in row["findings"] if found["rule"] == APPEAL],
        "reported": [
            {"at": each["at"].isoformat(), "reason": each["reason"], "text": each["words"]} for each in row["reported"]
        ],
        "notes": [{"at": each["at"].isoformat(), "text": each["text"]} for each in row["notes"]],
        "history": [
            {"at": each["at"].isoformat(), "what": each["action"], "status": each["after"], "reason": each["reason"]}
            for each in row["history"]
        ],
    }


def erase(rt: Runtime, who: Moderator, reader: Reader, reason: str) -> int:
    """Forget this author. How many comments were theirs. Safe to be cut short: asked again, it does the rest."""
    indexes = rt.vault.all_indexes(_known_as(reader))
    box = rt.vault.all_indexes(mailbox(reader)) if isinstance(reader, str) else []
    _remember(rt, indexes, box)
    return _forget(rt, who, indexes, box, reason)


def kept(rt: Runtime, reader: Reader) -> dict[str, Hold]:
    """The reader's comments that legal holds keep, each with the oldest: they are out of the public's sight after an
    erasure, and go when the last hold is lifted."""
    with rt.store.reading() as tx:
        return held.of_comments(tx, erasure.held(tx, _indexes(rt, reader)))


def erase_again(rt: Runtime, who: Moderator) -> int:
    """Repeat every erasure of the ledger, after an older copy of the database was put back. How many comments went."""
    path = _ledger(rt)
    lines = path.read_bytes().splitlines() if path.exists() else []
    total = 0
    for line in map(orjson.loads, lines):
        indexes, box = ([b64decode(index) for index in line.get(part, ())] for part in ("indexes", "mailbox"))
        total += _forget(rt, who, indexes, box, "a restored copy")
    return total


def _forget(rt: Runtime, who: Moderator, indexes: Sequence[bytes], box: Sequence[bytes], reason: str) -> int:
    total = 0
    while True:
        with rt.store.writing() as tx:
            holds.spread(tx)
            erasure.take(tx, indexes)
            kept = erasure.held(tx, indexes)
            holds.withhold(tx, kept, "author", rt.now(), rt.store.shard)
            gone = erasure.forget(tx, indexes, box, rt.now(), rt.store.shard)
            if gone.comments or gone.others:
                journal.write(tx, [_entry(rt, who, "privacy-erase", gone.comments, reason, gone.others)])
        total += gone.comments
        if gone.comments < erasure.MOST:
            rt.store.settle()
            return total


def _entry(rt: Runtime, who: Moderator, action: str, count: int, reason: str, others: int = 0) -> journal.Entry:
    told = f"{count} comment{'s' * (count != 1)}" + (f", {others} other{'s' * (others != 1)}" if others else "")
    return journal.Entry(rt.now(), who.name, who.role, action, after=told, reason=reason)


def _indexes(rt: Runtime, reader: Reader) -> list[bytes]:
    return rt.vault.indexes(_known_as(reader))


def _mailbox(rt: Runtime, reader: Reader) -> list[bytes]:
    """What a ban on the reader's address is found by. Comments are not: a mailbox may have several readers."""
    return rt.vault.indexes(mailbox(reader)) if isinstance(reader, str) else []


def _known_as(reader: Reader) -> str:
    """What the blind indexes of the reader are made of."""
    if isinstance(reader, str):
        return reader.lower()
    return authors.key_of(authors.LOGIN, reader.site, reader.name)


def _ledger(rt: Runtime) -> Path:
    return rt.env.state / LEDGER


def _remember(rt: Runtime, indexes: Sequence[bytes], box: Sequence[bytes]) -> None:
    """Before anything is deleted, so that an erasure cut short is in the ledger too."""
    told = {"indexes": indexes, "mailbox": box}
    found = {part: [b64encode(index).decode() for index in each] for part, each in told.items()}
    line = orjson.dumps({"at": rt.now().isoformat(), **found})
    fd = os.open(_ledger(rt), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, line + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)
