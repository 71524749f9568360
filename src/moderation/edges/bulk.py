"""Many rows in one statement, as they come with every batch of comments. SQLAlchemy compiles it once for each dialect;
it then goes straight to the driver. Row by row the values cost several times what the database takes for them:
SQLAlchemy looks at each one, SQLite lets other threads in, PostgreSQL is asked once more.

`Bulk` writes, `Lookup` reads.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy import Select, bindparam, func
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert

from moderation.edges.schema import Tx, Utc, Words, words_line
from moderation.edges.store import run

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

    def run(self, tx: Tx, rows: Sequence[Mapping[str, Any]]) -> int:
        values: list[Any] = []
        for row in rows:
            begin = len(values)
            values += self.pick(row)
            for at, convert in self.conversions:
                values[begin + at] = convert(values[begin + at])
        for key, shared in self.shared:
            values.append(shared(rows[0][key]) if shared else rows[0][key])
        sql = self.head + self.row * (len(rows) - 1) + self.tail
        count: int = run(tx, sql, tuple(values)).rowcount
        return count


@dataclass(frozen=True, slots=True)
class _JsonPlan:
    """A statement that takes its rows as one value: psycopg looks at each of many values, and reads a statement anew
    that has more than fifty. `words` are columns of words; `shared` as in `_Plan`."""

    sql: str
    words: tuple[str, ...]
    shared: tuple[str, ...]

    def run(self, tx: Tx, rows: Sequence[Mapping[str, Any]]) -> int:
        if self.words:
            rows = [{**row, **{name: words_line(row[name], "postgresql") for name in self.words}} for row in rows]
        given = orjson.dumps(rows, default=_bytes).decode()
        count: int = run(tx, self.sql, (given, *(rows[0][name] for name in self.shared))).rowcount
        return count


class Bulk:
    """`build` makes the statement for a dialect's name, to be run with rows that have at least the keys `names`; it may
    have other parameters, which are taken from the first row. Defaults on Python's side are not filled in. No two rows
    of a run may conflict with each other: PostgreSQL refuses to change a row twice in one statement."""

    def __init__(self, names: Sequence[str], build: Callable[[str], Insert]) -> None:
        self._names = names
        self._build = build
        self._plans: dict[str, _Plan | _JsonPlan] = {}

    def run(self, tx: Tx, rows: Sequence[Mapping[str, Any]]) -> int:
        """How many rows were inserted or changed."""
        if not rows:
            return 0
        plan = self._plans.get(tx.dialect.name)
        if plan is None:
            make = self._json_plan if tx.dialect.name == "postgresql" else self._plan
            plan = self._plans[tx.dialect.name] = make(tx.dialect)
        return sum(plan.run(tx, rows[at : at + MOST_ROWS]) for at in range(0, len(rows), MOST_ROWS))

    def _plan(self, dialect: Dialect) -> _Plan:
        """The statements for one row and for two differ by what a row adds. To have SQLAlchemy write one for sixty
        rows would take longer than to run it a hundred times."""
        one, two = self._compiled(dialect, 1), self._compiled(dialect, 2)
        same = (a == b for a, b in zip(str(one), str(two), strict=False))
        head = str(one)[: sum(itertools.takewhile(bool, same))]
        row = str(two)[len(head) : len(head) + len(str(two)) - len(str(one))]
        order = one.positiontup or []
        conversions = [_conversion(one.binds[name].type) for name in order]
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
        return self._build(dialect.name).values(rows).compile(dialect=dialect)

    def _json_plan(self, dialect: Dialect) -> _JsonPlan:
        insert = self._build(dialect.name)
        columns = [insert.table.c[name] for name in self._names]
        given = func.json_to_recordset(bindparam("rows", type_=sa.JSON))
        rows = given.table_valued(*(sa.column(each.name, each.type) for each in columns)).render_derived(
            with_types=True
        )
        made = insert.from_select(self._names, sa.select(*rows.c), include_defaults=False).compile(dialect=_PSYCOPG)
        words = tuple(each.name for each in columns if isinstance(each.type, Words))
        return _JsonPlan(str(made), words, tuple((made.positiontup or [])[1:]))


def _bytes(value: object) -> str:
    """As PostgreSQL reads them in a text."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(type(value).__name__)


class Lookup:
    """Rows by many keys. `query` has a parameter `keys` that stands for all of them, and may have others; the driver
    must take their values as they are."""

    def __init__(self, query: Select[Any]) -> None:
        self._query = query
        self._constants = {name: value for name, value in query.compile().params.items() if name != "keys"}
        self._texts: dict[tuple[str, int], tuple[str, list[str]]] = {}
        self._reads: dict[str, list[tuple[int, Convert]]] = {}

    def run(self, tx: Tx, keys: Collection[Any], **others: Any) -> list[list[Any]]:
        """The columns of each row found, as SQLAlchemy would tell them; in no order."""
        wanted, found = list(keys), list[list[Any]]()
        for at in range(0, len(wanted), MOST_ROWS):
            found += self._run(tx, wanted[at : at + MOST_ROWS], others)
        return found

    def _run(self, tx: Tx, keys: list[Any], others: Mapping[str, Any]) -> list[list[Any]]:
        many = 1 << (len(keys) - 1).bit_length()  # few texts serve all numbers of keys: the last one comes again
        keys += keys[-1:] * (many - len(keys))
        name = tx.dialect.name
        text = self._texts.get((name, many))
        if text is None:
            text = self._texts[name, many] = self._text(tx.dialect, {**others, "keys": keys})
        given, rest = {**self._constants, **others}, iter(keys)
        values = tuple(given[each] if each in given else next(rest) for each in text[1])
        reads = self._reads.get(name)
        if reads is None:
            reads = self._reads[name] = list(_reads(self._query, tx.dialect))
        rows = [list(row) for row in run(tx, text[0], values)]
        for row in rows:
            for at, read in reads:
                row[at] = read(row[at])
        return rows

    def _text(self, dialect: Dialect, values: Mapping[str, Any]) -> tuple[str, list[str]]:
        """The statement, and which parameter stands where; those of the keys have names of their own."""
        positional = dialect if dialect.positional else _PSYCOPG
        made = self._query.params(values).compile(dialect=positional, compile_kwargs={"render_postcompile": True})
        return str(made), list(made.positiontup or ())


def _reads(query: Select[Any], dialect: Dialect) -> Iterator[tuple[int, Convert]]:
    """By SQLAlchemy's own types: which column must be read how, where the driver's value is not it."""
    for at, column in enumerate(query.selected_columns):
        read = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if read is not None:
            yield at, read


def _conversion(kind: Any) -> Convert | None:
    """For SQLite, as SQLAlchemy's types do it, so that either way of writing can be read by the other."""
    if isinstance(kind, Utc):
        return _sqlite_time
    if isinstance(kind, Words):
        return lambda words: words_line(words, "sqlite")
    return _json if isinstance(kind, sa.JSON) else None


@lru_cache(maxsize=256)  # a comment's rows all have the time at which it came
def _sqlite_time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds") if at else None


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
