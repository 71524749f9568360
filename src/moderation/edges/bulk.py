"""Many rows in one statement, as they come with every batch of comments. SQLAlchemy compiles it once for each dialect;
the values then go straight to the driver. Row by row they cost several times what the database
takes for them: SQLAlchemy looks at each value, SQLite lets other threads in, PostgreSQL is asked once more.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert

from moderation.edges.schema import Tx, Utc, Words, words_line

MOST_ROWS = 64
Convert = Callable[[Any], Any]
# Only to compile with: values in order, not by name.
_PSYCOPG = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]  # SQLAlchemy's own gap


@dataclass(frozen=True, slots=True)
class _Plan:
    """A statement: `head`, what each row after the first adds, and `tail`. `pick` takes a row's values in the order of
    the statement; `conversions` say which of them the driver cannot take as they are; `shared` are values that the
    statement has once, after all rows."""

    head: str
    row: str
    tail: str
    pick: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    conversions: tuple[tuple[int, Convert], ...]
    shared: tuple[tuple[str, Convert | None], ...]

    def sql(self, rows: int) -> str:
        return self.head + self.row * (rows - 1) + self.tail


class Bulk:
    """`build` makes the statement for a dialect's name, to be run with rows that have at least the keys `names`; it may
    have other parameters, which are taken from the first row. Defaults on Python's side are not filled in. No two rows
    of a run may conflict with each other: PostgreSQL refuses to change a row twice in one statement."""

    def __init__(self, names: Sequence[str], build: Callable[[str], Insert]) -> None:
        self._names = names
        self._build = build
        self._plans: dict[str, _Plan] = {}

    def run(self, tx: Tx, rows: Sequence[Mapping[str, Any]]) -> int:
        """How many rows were inserted or changed."""
        return sum(self._run(tx, rows[at : at + MOST_ROWS]) for at in range(0, len(rows), MOST_ROWS))

    def _run(self, tx: Tx, rows: Sequence[Mapping[str, Any]]) -> int:
        plan = self._plans.get(tx.dialect.name)
        if plan is None:
            plan = self._plans[tx.dialect.name] = self._plan(tx.dialect)
        values: list[Any] = []
        for row in rows:
            begin = len(values)
            values += plan.pick(row)
            for at, convert in plan.conversions:
                values[begin + at] = convert(values[begin + at])
        for key, shared in plan.shared:
            values.append(shared(rows[0][key]) if shared else rows[0][key])
        return tx.exec_driver_sql(plan.sql(len(rows)), tuple(values)).rowcount

    def _plan(self, dialect: Dialect) -> _Plan:
        """The statements for one row and for two differ by what a row adds. To have SQLAlchemy write one for sixty
        rows would take longer than to run it a hundred times."""
        one, two = self._compiled(dialect, 1), self._compiled(dialect, 2)
        same = (a == b for a, b in zip(str(one), str(two), strict=False))
        head = str(one)[: sum(itertools.takewhile(bool, same))]
        row = str(two)[len(head) : len(head) + len(str(two)) - len(str(one))]
        order = one.positiontup or []
        conversions = [_conversion(one.binds[name].type, dialect.name) for name in order]
        width = len(self._names)
        return _Plan(
            head,
            row,
            str(one)[len(head) :],
            itemgetter(*(name.rpartition(":")[0] for name in order[:width])),
            tuple((at, each) for at, each in enumerate(conversions[:width]) if each),
            tuple(zip(order[width:], conversions[width:], strict=True)),
        )

    def _compiled(self, dialect: Dialect, count: int) -> SQLCompiler:
        rows: list[dict[str, Any]] = [
            {name: bindparam(f"{name}:{number}") for name in self._names} for number in range(count)
        ]
        positional = dialect if dialect.positional else _PSYCOPG
        return self._build(dialect.name).values(rows).compile(dialect=positional)


def _conversion(kind: Any, dialect: str) -> Convert | None:
    """As SQLAlchemy's types do it, so that either way of writing can be read by the other."""
    if isinstance(kind, Utc):
        return _sqlite_time if dialect == "sqlite" else None
    if isinstance(kind, Words):
        return lambda words: words_line(words, dialect)
    return _json if isinstance(kind, sa.JSON) else None


@lru_cache(maxsize=256)  # a comment's rows all have the time at which it came
def _sqlite_time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds") if at else None


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
