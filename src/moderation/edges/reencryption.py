"""Rows made with older keys, written anew with the active ones: sealed addresses, letters, bans and seeds, blind
indexes. Each function takes a transaction and one batch of rows; the rest of a row, and what it means, stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from sqlalchemy import Column, ColumnElement, Table, and_, bindparam, case, delete, select, tuple_, update

from moderation.edges.authors import key_of
from moderation.edges.comments import is_left
from moderation.edges.schema import (
    Tx,
    author_records,
    authors,
    bans,
    comments,
    external_checks,
    journal,
    journal_head,
    mails,
    privacy_links,
    report_mails,
    second_factors,
    upsert,
)  # fmt: skip
from moderation.edges.vault import Unreadable
from moderation.rates import mailbox
from moderation.values import Status, Whom

BATCH = 500
"""Rows of a transaction."""


class Keys(Protocol):
    """What is needed of the vault."""

    def active_id(self, purpose: str) -> int: ...
    def seal(self, email: str, row_id: str) -> str: ...
    def open(self, sealed: str, row_id: str) -> str: ...
    def seal_mail(self, mail: str, mail_id: str) -> str: ...
    def open_mail(self, sealed: str, mail_id: str) -> str: ...
    def seal_sender(self, address: str, comment_id: str) -> str: ...
    def open_sender(self, sealed: str, comment_id: str) -> str: ...
    def seal_name(self, name: str, author_id: bytes) -> str: ...
    def open_name(self, sealed: str, author_id: bytes) -> str: ...
    def seal_seed(self, seed: str, person_id: int) -> str: ...
    def open_seed(self, sealed: str, person_id: int) -> str: ...
    def index(self, email: str) -> bytes: ...


SEALED: Mapping[str, tuple[Any, ...]] = {
    "email-enc": (
        comments.c.email_sealed,
        mails.c.sealed,
        privacy_links.c.sealed,
        report_mails.c.sealed,
        external_checks.c.address,
        authors.c.sealed,
        bans.c.email_sealed,
    ),
    "totp": (second_factors.c.seed,),
}
"""Every column that holds something encrypted, by the purpose of its key."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was done: the key of the last row looked at (None: there are no more), how many rows were looked at,
    written anew, and cannot be read."""

    last: str | None
    seen: int = 0
    written: int = 0
    unreadable: int = 0


def addresses(tx: Tx, keys: Keys, after: str) -> Batch:
    """The addresses of the comments that follow the id `after`. An author's record moves with the first of them, and
    what others add to the former one meanwhile moves with a later one."""
    here = select(comments.c.id, comments.c.email_sealed, comments.c.email_index)
    here = here.where(comments.c.id > after, comments.c.email_sealed.is_not(None)).order_by(comments.c.id).limit(BATCH)
    rows = tx.execute(here.with_for_update()).all()
    sealed, indexed = _prefixes(keys)
    old = [row for row in rows if not (row.email_sealed.startswith(sealed) and row.email_index.startswith(indexed))]
    opened = _opened(old, lambda row: keys.open(row.email_sealed, row.id))
    new, moved = [], {}
    for row, email in opened:
        index = keys.index(email.lower())
        if index != row.email_index:
            moved[row.email_index] = index
        new.append({"at": row.id, "sealed": keys.seal(email, row.id), "index": index})
    if new:
        tx.execute(_COMMENT, new)
    _move_records(tx, moved)
    return Batch(rows[-1].id if rows else None, len(rows), len(opened), len(old) - len(opened))


def records(tx: Tx, keys: Keys, after: str) -> Batch:
    """Records of whose author no address is kept, so that no new index of it can be made: they go. `after` is not
    needed, since what was looked at is gone."""
    at = author_records.c.email_index
    is_index = at >= b"\1"  # and no author's id, see `authors.new_id`
    is_old = ~_made_by(at, keys.active_id("email-index"))
    found = select(author_records.c.site, at).where(is_index, is_old, is_left()).limit(BATCH)
    gone = [(row.site, row.email_index) for row in tx.execute(found)]
    tx.execute(delete(author_records).where(tuple_(author_records.c.site, at).in_(gone)))
    return Batch("more" if gone else None, len(gone), len(gone))


def letters(tx: Tx, keys: Keys, after: str) -> Batch:
    """Letters by e-mail that wait to be sent."""
    return _letters(mails, lambda letter: str(orjson.loads(letter)[0]), tx, keys, after)


def links(tx: Tx, keys: Keys, after: str) -> Batch:
    """Links to readers' data, whose addresses are sealed as letters are."""
    return _letters(privacy_links, str, tx, keys, after)


def readers(tx: Tx, keys: Keys, after: str) -> Batch:
    """The addresses of those who are told what came of their reports, sealed as letters are."""
    return _letters(report_mails, str, tx, keys, after)


def _letters(table: Table, address: Callable[[str], str], tx: Tx, keys: Keys, after: str) -> Batch:
    here = select(table).where(table.c.id > after, table.c.sealed.is_not(None)).order_by(table.c.id).limit(BATCH)
    rows = tx.execute(here.with_for_update()).all()
    sealed, indexed = _prefixes(keys)
    old = [row for row in rows if not (row.sealed.startswith(sealed) and row.email_index.startswith(indexed))]
    opened = _opened(old, lambda row: keys.open_mail(row.sealed, row.id))
    new = [
        {"at": row.id, "sealed": keys.seal_mail(letter, row.id), "index": keys.index(address(letter).lower())}
        for row, letter in opened
    ]
    if new:
        anew: dict[str, Any] = {"sealed": bindparam("sealed"), "email_index": bindparam("index")}
        tx.execute(update(table).where(table.c.id == bindparam("at")).values(**anew), new)
    return Batch(rows[-1].id if rows else None, len(rows), len(opened), len(old) - len(opened))


def senders(tx: Tx, keys: Keys, after: str) -> Batch:
    """The network addresses that wait to be told to a check outside."""
    here, at = external_checks.c.address, external_checks.c.comment_id
    return _column(tx, keys.active_id("email-enc"), here, at, after, keys.open_sender, keys.seal_sender)


def names(tx: Tx, keys: Keys, after: str) -> Batch:
    """The names of those who have proved who they are. Their ids, which comments and records know, stay; of two rows of
    one author the one that stands under the new index already."""
    here = select(authors).where(authors.c.id > bytes.fromhex(after)).order_by(authors.c.id).limit(BATCH)
    rows = tx.execute(here.with_for_update()).all()
    sealed, indexed = _prefixes(keys)
    old = [row for row in rows if not (row.sealed.startswith(sealed) and row.key.startswith(indexed))]
    opened = _opened(old, lambda row: keys.open_name(row.sealed, row.id))
    for row, name in opened:
        index, mine = keys.index(key_of(row.kind, row.site, name)), authors.c.id == row.id
        same = (authors.c.site == row.site, authors.c.kind == row.kind, authors.c.key == index, ~mine)
        other = tx.execute(select(authors.c.id).where(*same)).scalar()
        if other is None:
            tx.execute(update(authors).where(mine).values(sealed=keys.seal_name(name, row.id), key=index))
        else:
            _join(tx, row.id, other)
    return Batch(rows[-1].id.hex() if rows else None, len(rows), len(opened), len(old) - len(opened))


def _join(tx: Tx, gone: bytes, stays: bytes) -> None:
    """Give all that knows an author by the id `gone` the other one; of two bans the newer is left."""
    tx.execute(update(comments).where(comments.c.author_id == gone).values(author_id=stays))
    _move_records(tx, {gone: stays})
    theirs = select(bans.c.id).where(bans.c.key.in_([gone, stays])).order_by(bans.c.id)
    *older, newest = ["", *tx.execute(theirs).scalars()]
    tx.execute(delete(bans).where(bans.c.id.in_(older)))
    tx.execute(update(bans).where(bans.c.id == newest).values(key=stays))
    tx.execute(delete(authors).where(authors.c.id == gone))


def bans_on_authors(tx: Tx, keys: Keys, after: str) -> Batch:
    """Bans on authors, each found by the blind index of an address that is sealed beside it. Where one was made anew
    meanwhile, it stands under the new index already, and the former one goes."""
    here = select(bans).where(bans.c.id > after, bans.c.email_sealed.is_not(None)).order_by(bans.c.id).limit(BATCH)
    rows = tx.execute(here.with_for_update()).all()
    sealed, indexed = _prefixes(keys)
    old = [row for row in rows if not (row.email_sealed.startswith(sealed) and row.key.startswith(indexed))]
    opened = _opened(old, lambda row: keys.open(row.email_sealed, row.id))
    for row, email in opened:
        index, mine = keys.index(mailbox(email)), bans.c.id == row.id
        is_newer = select(bans.c.id).where(bans.c.key == index, bans.c.site == row.site, bans.c.id > row.id)
        if tx.execute(is_newer).first() is not None:
            tx.execute(delete(bans).where(mine))
        else:
            tx.execute(update(bans).where(mine).values(email_sealed=keys.seal(email, row.id), key=index))
    return Batch(rows[-1].id if rows else None, len(rows), len(opened), len(old) - len(opened))


def seeds(tx: Tx, keys: Keys, after: str) -> Batch:
    """The seeds of second steps."""
    here, at = second_factors.c.seed, second_factors.c.person_id
    return _column(tx, keys.active_id("totp"), here, at, int(after or 0), keys.open_seed, keys.seal_seed)


def _column(
    tx: Tx, key_id: int, here: Column[Any], at: Column[Any], after: Any, open_one: Callable[[str, Any], str],
    seal_one: Callable[[str, Any], str],
) -> Batch:  # fmt: skip
    """What is sealed in the column `here` and found by nothing: no index goes with it. `at` is its table's key."""
    wanted = select(at.label("at"), here.label("sealed")).where(at > after, here.is_not(None))
    rows = tx.execute(wanted.order_by(at).limit(BATCH).with_for_update()).all()
    old = [row for row in rows if not row.sealed.startswith(f"v1.{key_id}.")]
    opened = _opened(old, lambda row: open_one(row.sealed, row.at))
    new = [{"where": row.at, "sealed": seal_one(plain, row.at)} for row, plain in opened]
    if new:
        tx.execute(update(here.table).where(at == bindparam("where")).values({here.name: bindparam("sealed")}), new)
    return Batch(str(rows[-1].at) if rows else None, len(rows), len(opened), len(old) - len(opened))


def _opened(rows: Iterable[Any], open_one: Callable[[Any], str]) -> list[tuple[Any, str]]:
    """Each row with what is sealed in it; those that cannot be read are left out."""
    found = []
    for row in rows:
        with suppress(Unreadable):
            found.append((row, open_one(row)))
    return found


def user_of(tx: Tx, purpose: str, key_id: int) -> str | None:
    """The first table in which a row needs this key still. None where it can go."""
    sealed = f"v1.{key_id}."
    columns: Mapping[str, tuple[Any, ...]] = {
        **SEALED,
        "email-index": (
            comments.c.email_index,
            author_records.c.email_index,
            mails.c.email_index,
            privacy_links.c.email_index,
            report_mails.c.email_index,
            authors.c.key,
            bans.c.key,
        ),
        "audit": (journal.c.mac, journal_head.c.anchor, journal_head.c.mac, journal_head.c.seal),
    }
    for column in columns.get(purpose, ()):
        is_made = column.startswith(sealed, autoescape=True) if purpose in SEALED else _made_by(column, key_id)
        if column is bans.c.key:
            is_made &= bans.c.whom == Whom.AUTHOR.value  # the others are found by something else
        if tx.execute(select(column).where(is_made).limit(1)).first() is not None:
            return str(column.table.name)
    return None


def _made_by(column: Any, key_id: int) -> ColumnElement[bool]:
    """Whether a keyed hash was made with this key, whose id is its first byte."""
    made: ColumnElement[bool] = column >= bytes([key_id])
    return made if key_id == 255 else and_(made, column < bytes([key_id + 1]))


def _prefixes(keys: Keys) -> tuple[str, bytes]:
    return f"v1.{keys.active_id('email-enc')}.", bytes([keys.active_id("email-index")])


def _move_records(tx: Tx, moved: Mapping[bytes, bytes]) -> None:
    """Add each record to the one under the new index: two of one author become one, whoever wrote last."""
    if not moved:
        return
    old = author_records.c.email_index.in_(list(moved))
    rows = tx.execute(select(author_records).where(old).with_for_update()).all()
    if not rows:
        return
    fresh = upsert(tx.dialect.name, author_records)
    earlier = fresh.excluded.first_seen < author_records.c.first_seen
    sums = {status.value: author_records.c[status.value] + fresh.excluded[status.value] for status in Status}
    sums["first_seen"] = case((earlier, fresh.excluded.first_seen), else_=author_records.c.first_seen)
    add = fresh.on_conflict_do_update(index_elements=["site", "email_index"], set_=sums)
    told = [{**row._mapping, "email_index": moved[row.email_index]} for row in rows]
    tx.execute(add, sorted(told, key=lambda row: (row["site"], row["email_index"])))
    tx.execute(delete(author_records).where(old))


_COMMENT = (
    update(comments)
    .where(comments.c.id == bindparam("at"))
    .values(email_sealed=bindparam("sealed"), email_index=bindparam("index"))
)
