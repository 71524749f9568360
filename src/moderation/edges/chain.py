"""The journal as a chain: each row carries an HMAC over itself and the row before, so that no row can be changed, cut
out, put in or swapped without a break that `verify` finds. What is written into it is `journal`.

One row of `journal_head` says where the chain begins and ends, under a seal of its own: a cut end shows as well. The
key is not in the database. Against somebody who puts back a whole older copy of both tables only a copy of the head
that is kept elsewhere helps: the log has one each hour (`journal-checkpoint`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, cast

import orjson
import structlog
from sqlalchemy import Insert, Row, bindparam, delete, func, insert, select

from moderation.edges.bulk import Bulk, Lookup
from moderation.edges.schema import Tx, journal, journal_head, upsert
from moderation.edges.store import together, waiting

CHUNK = 2000
UNSEALED = b"unsealed"
"""What a row is bound to in place of the row before, when the head was tampered with: a break that stays."""

COVERED = ("seq", "at", "actor", "role", "action", "site", "target", "before", "after", "reason", "request_id")
"""The columns an HMAC is made over, in this order."""

log = structlog.get_logger()


class Keys(Protocol):
    """What the chain needs of the vault."""

    def link(self, before: bytes, data: bytes) -> bytes: ...
    def is_link(self, mac: bytes, before: bytes, data: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class Head:
    """The chain goes from row `first` to row `seq`, whose HMAC is `mac`. `anchor` is the HMAC of the row before
    `first`, which retention has taken away; empty where there was none."""

    first: int
    anchor: bytes
    seq: int
    mac: bytes
    seal: bytes

    def sealed(self, keys: Keys) -> Head:
        return replace(self, seal=keys.link(b"head", self._data()))

    def is_sealed(self, keys: Keys) -> bool:
        return keys.is_link(self.seal, b"head", self._data())

    def _data(self) -> bytes:
        return orjson.dumps([self.first, self.anchor.hex(), self.seq, self.mac.hex()])


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row that is not as it was written. `why`: changed, missing or added."""

    seq: int
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `verify` found: rows `first` to `last` are as they were written, up to `broken`. `older` rows are from
    before there was a chain, and nothing vouches for them."""

    first: int
    last: int
    mac: bytes
    older: int
    broken: Broken | None


def append(tx: Tx, keys: Keys) -> None:
    """Write the journal's rows that wait in this transaction. The last thing before its commit: on PostgreSQL every
    other writer of the journal waits from here on."""
    rows = waiting(tx)
    if not rows:
        return
    head, highest = _lock(tx)
    is_whole = highest <= head.seq and (head.is_sealed(keys) or not (head.seal or head.mac))
    if not is_whole:
        log.error("journal-broken", head=head.seq, highest=highest)
    before, seq = head.mac if is_whole else UNSEALED, max(head.seq, highest)
    for row in rows:
        seq += 1
        row["seq"] = seq
        row["mac"] = before = keys.link(before, _covered(row))
    with together(tx):
        _ROWS.run(tx, rows)
        _move(tx, keys, replace(head, seq=seq, mac=before))
    rows.clear()


def verify(tx: Tx, keys: Keys, most: int | None = None) -> Report:
    """Walk the whole chain, or its last `most` rows. `tx` must be a snapshot: rows and head belong to one moment."""
    head = _head(tx)
    older = tx.execute(select(func.count()).where(journal.c.seq < head.first)).scalar() or 0
    begin = _last_rows(tx, head, most) if most else head
    last, mac, broken = _walk(tx, keys, begin)
    if older and (head.anchor or head.first == 1):
        lowest = tx.execute(select(func.min(journal.c.seq))).scalar() or 0
        broken, older = Broken(lowest, "added"), 0
    elif broken is None and (last, mac) != (head.seq, head.mac):
        broken = Broken(last + 1, "missing")
    elif broken is None and not head.is_sealed(keys) and (head.seal or head.seq):
        broken = Broken(head.seq + 1, "missing")
    return Report(begin.first, last, mac, older, broken)


def forget(tx: Tx, keys: Keys, before: datetime, most: int) -> int:
    """Delete at most `most` rows from the chain's beginning that are older than `before`, and let it begin after them.
    How many. Stops at a row that is not as it was written: a forged time must not hide what was done to it."""
    head, _ = _lock(tx)
    if not head.is_sealed(keys):
        return 0
    seq, mac = None, head.anchor
    gone = 0
    for row, is_right in _checked(_rows(tx, 0, most), keys, head):
        if row.at >= before or not is_right:
            break
        seq, mac, gone = row.seq, row.mac or head.anchor, gone + 1
    if seq is None:
        return 0
    if seq >= head.first:
        _move(tx, keys, replace(head, first=seq + 1, anchor=mac))
    tx.execute(delete(journal).where(journal.c.seq <= seq))
    return gone


def begun(tx: Tx) -> datetime | None:
    """When the oldest row of the journal was written."""
    return tx.execute(select(journal.c.at).order_by(journal.c.seq).limit(1)).scalar()


def checkpoint(tx: Tx) -> tuple[int, str]:
    """The last row's number and its HMAC in hex, to be kept outside the database."""
    head = _head(tx)
    return head.seq, head.mac.hex()


def mac_of(tx: Tx, seq: int) -> str | None:
    """What `checkpoint` said when `seq` was the last row."""
    mac = tx.execute(select(journal.c.mac).where(journal.c.seq == seq)).scalar()
    return bytes(mac).hex() if mac else None


def _last_rows(tx: Tx, head: Head, most: int) -> Head:
    """The chain as if it began with its last `most` rows; all of it where it is shorter or the row before is gone."""
    before = head.seq - most
    mac = tx.execute(select(journal.c.mac).where(journal.c.seq == before)).scalar() if before >= head.first else None
    return replace(head, first=before + 1, anchor=mac) if mac else head


def _walk(tx: Tx, keys: Keys, head: Head) -> tuple[int, bytes, Broken | None]:
    """(last good row, its HMAC, the first broken one)."""
    last, mac = head.first - 1, head.anchor
    while True:
        some = _rows(tx, last + 1, CHUNK)
        for row, is_right in _checked(some, keys, replace(head, first=last + 1, anchor=mac)):
            if row.seq > head.seq:
                return last, mac, Broken(row.seq, "added")
            if row.seq != last + 1:
                return last, mac, Broken(last + 1, "missing")
            if not is_right:
                return last, mac, Broken(row.seq, "changed")
            last, mac = row.seq, row.mac
        if len(some) < CHUNK:
            return last, mac, None


def _checked(rows: Iterable[Row[Any]], keys: Keys, head: Head) -> Iterator[tuple[Row[Any], bool]]:
    """Each row, and whether it is bound to the one before. A row from before the chain has nothing to be bound by."""
    before = head.anchor
    for row in rows:
        if row.seq < head.first:
            yield row, row.mac is None
            continue
        yield row, row.mac is not None and keys.is_link(row.mac, before, orjson.dumps(list(row[:-1])))
        before = row.mac


def _rows(tx: Tx, seq: int, most: int) -> list[Row[Any]]:
    columns = [journal.c[name] for name in (*COVERED, "mac")]
    return list(tx.execute(select(*columns).where(journal.c.seq >= seq).order_by(journal.c.seq).limit(most)))


def _covered(row: Mapping[str, Any]) -> bytes:
    return orjson.dumps([row[name] for name in COVERED])


def _lock(tx: Tx) -> tuple[Head, int]:
    """The head, held until the transaction ends, and the highest number in the journal."""
    found = _LOCK_HEAD.run(tx, [_ONLY])
    if not found:
        tx.execute(upsert(tx.dialect.name, journal_head).on_conflict_do_nothing(), _row(_NEW))
        found = _LOCK_HEAD.run(tx, [_ONLY])
    ((*head, highest),) = found
    return Head(*head), highest or 0


def _head(tx: Tx) -> Head:
    found = tx.execute(select(*_HEAD)).first()
    return Head(*found) if found else _NEW


def _move(tx: Tx, keys: Keys, head: Head) -> None:
    _MOVE_HEAD.run(tx, [_row(head.sealed(keys))])


def _row(head: Head) -> dict[str, Any]:
    return {"id": _ONLY, **{name: getattr(head, name) for name in Head.__slots__}}


def _head_up(dialect: str) -> Insert:
    moved = upsert(dialect, journal_head)
    values = {name: moved.excluded[name] for name in Head.__slots__}
    return cast(Insert, moved.on_conflict_do_update(index_elements=["id"], set_=values))


_ONLY = 1
"""The number of the head's row."""
_NEW = Head(1, b"", 0, b"", b"")
_ROWS = Bulk([*COVERED, "mac"], lambda _: insert(journal))
_HIGHEST = select(func.max(journal.c.seq)).scalar_subquery().label("highest")
_HEAD = [journal_head.c[name] for name in Head.__slots__]
_LOCK_HEAD = Lookup(
    select(*_HEAD, _HIGHEST)
    .where(journal_head.c.id.in_(bindparam("keys", expanding=True)))
    .with_for_update(of=journal_head)
)
_MOVE_HEAD = Bulk(["id", *Head.__slots__], _head_up)
