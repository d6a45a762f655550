"""What several groups of questions share: upserts for both databases, rows in portions, streaming. Asks nothing itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Executable,
    Insert,
    Row,
    Table,
    Update,
    and_,
    bindparam,
    case,
    func,
    update,
)
from sqlalchemy.dialects import sqlite

from syncd.store.direct import Direct
from syncd.store.tables import counters

T = TypeVar("T")

PORTION: Final = 1000
"""Rows that are handed to the driver, or taken from it, at a time."""

Answer: TypeAlias = Row[*tuple[Any, ...]]
"""One row of an answer, whatever its columns."""

Fields: TypeAlias = Mapping[str, Any]
"""One row's columns, on their way into a statement."""


def portions(rows: Iterable[T]) -> Iterator[list[T]]:
    """Yield `rows` in lists of at most `PORTION`."""
    stream = iter(rows)
    while portion := list(islice(stream, PORTION)):
        yield portion


def stream(connection: Connection, question: Executable, fields: Fields | None = None) -> Iterator[Answer]:
    """Yield the answer without holding all of it in memory."""
    # Closed also when the reader stops half way: PostgreSQL's cursor lives on the server.
    with connection.execute(question, fields or {}, execution_options={"yield_per": PORTION}) as rows:
        yield from rows


def plain(connection: Connection, question: Executable, fields: Fields) -> Iterator[Sequence[Any]]:
    """Yield the answer without holding all of it in memory, from SQLite as the driver's own tuples: a third of the time of rows.

    For questions that all records answer, and only for types that the drivers give as they are (text, numbers, bytes).
    """
    if connection.dialect.name != "sqlite":
        yield from stream(connection, question, fields)
        return
    with connection.execute(question, fields) as rows:
        cursor: Any = rows.cursor
        yield from cursor


def several(connection: Connection, question: Executable, fields: Fields, ids: Iterable[Any]) -> Iterator[Answer]:
    """Ask about many things in few statements: `question` has an expanding parameter `ids`. Nothing is asked about nothing."""
    for portion in portions(dict.fromkeys(ids)):
        yield from connection.execute(question, {**fields, "ids": portion}).all()


def among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition of such a question."""
    return column.in_(bindparam("ids", expanding=True))


class Few:
    """A question about many things (`among`) that is asked again and again: put into SQLite's words once, not for each thousand.

    SQLite's driver gives its own tuples, and for PostgreSQL SQLAlchemy gives rows, which are tuples, too. Only for types that
    drivers take and give as they are; a flag is a number then.
    """

    def __init__(self, question: Executable) -> None:
        self._question = question
        self._text = ""
        self._places: tuple[str, ...] = ()
        self._constants: Fields = {}
        self._made: dict[int, str] = {}

    def ask(self, connection: Connection, fields: Fields, ids: Iterable[Any]) -> Iterator[Sequence[Any]]:
        """Yield the answer. Nothing is asked about nothing."""
        if connection.dialect.name != "sqlite":
            yield from several(connection, self._question, fields, ids)
            return
        if not self._text:
            self._compile(connection)
        known = {**self._constants, **fields}
        at = self._places.index("ids")
        before = [known[name] for name in self._places[:at]]
        after = [known[name] for name in self._places[at + 1 :]]
        for portion in portions(dict.fromkeys(ids)):
            words, values = self._words(len(portion)), (*before, *portion, *after)
            if isinstance(connection, Direct):
                yield from connection.tuples(words, values)
                continue
            with connection.exec_driver_sql(words, values) as rows:
                cursor: Any = rows.cursor
                yield from cursor.fetchall()

    def _compile(self, connection: Connection) -> None:
        made: Any = self._question.compile(dialect=connection.dialect)  # type: ignore[attr-defined]
        self._places, self._constants, self._text = tuple(made.positiontup), made.params, made.string
        assert self._places.count("ids") == self._text.count(_LIST) == 1

    def _words(self, count: int) -> str:
        text = self._made.get(count)
        if text is None:
            text = self._text.replace(_LIST, f"({', '.join('?' * count)})")
            if count == PORTION:
                self._made[count] = text
        return text


_LIST: Final = "(__[POSTCOMPILE_ids])"
"""What SQLAlchemy writes where a list is to be put in."""

AT_ONCE: Final = 64
"""Up to so many rows go to SQLite in one statement. Python's driver lets go of the interpreter once per statement or row, and
while calls are under way somebody else takes it each time: a turn of the writer would take twice as long."""


class Many:
    """One statement for many rows, compiled once and handed to the driver as it is.

    For each row SQLAlchemy works out anew what every parameter is; that costs several times what SQLite needs to write it.
    Only for types that the drivers take as they are (text, numbers, flags, bytes), which is all that `tables` has.
    """

    def __init__(self, statement: Insert | Update | Delete) -> None:
        self._statement = statement
        self._ready: dict[tuple[str, tuple[str, ...]], _Compiled] = {}

    def run(self, connection: Connection, rows: Sequence[Fields]) -> None:
        """Do it for each row; there is at least one, and all have the same names."""
        key = (connection.dialect.name, tuple(rows[0]))
        compiled = self._ready.get(key) or self._ready.setdefault(key, _Compiled(self._statement, connection, key[1]))
        connection.exec_driver_sql(*compiled.said(rows))

    def run_tuples(self, connection: Connection, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
        """Do it for each row, of which there is at least one; `names` says in which order their values stand.

        Cheapest for an INSERT whose names stand in the order of the table's columns: SQLite's driver then takes rows as they are.
        """
        key = (connection.dialect.name, names)
        compiled = self._ready.get(key) or self._ready.setdefault(key, _Compiled(self._statement, connection, names))
        if compiled.takes(names):
            connection.exec_driver_sql(*compiled.placed(rows))
        else:
            connection.exec_driver_sql(*compiled.said([dict(zip(names, row, strict=True)) for row in rows]))


class _Compiled:
    """A statement in one database's words."""

    def __init__(self, statement: Insert | Update | Delete, connection: Connection, names: Sequence[str]) -> None:
        made: Any = statement.compile(dialect=connection.dialect, column_keys=list(names), for_executemany=True)
        self._text: str = made.string
        self._constants = {name: value for name, value in made.params.items() if name not in names}
        self._places: Sequence[str] = made.positiontup or ()
        self._row = f"({', '.join('?' * len(self._places))})"
        self._head, self._values, self._tail = self._text.partition(f"VALUES {self._row}")

    def said(self, rows: Sequence[Fields]) -> tuple[str, Any]:
        """Return the words and the parameters: by place where the driver counts places, by name where it reads names."""
        whole = [{**row, **self._constants} for row in rows] if self._constants else rows
        if not self._places:
            return self._text, list(whole)
        return self.placed([tuple([row[name] for name in self._places]) for row in whole])

    def takes(self, names: tuple[str, ...]) -> bool:
        """Tell whether the driver counts places, and these are the names in their order."""
        return tuple(self._places) == names

    def placed(self, rows: Sequence[tuple[Any, ...]]) -> tuple[str, Any]:
        """Return the words and the parameters by place."""
        if self._values and len(rows) <= AT_ONCE:
            text = f"{self._head}VALUES {', '.join([self._row] * len(rows))}{self._tail}"
            return text, tuple(chain.from_iterable(rows))
        return self._text, rows


class Upsert:
    """Insert, or replace every other column where the key is there already. Built once for each kind of database, when it is
    needed: loading the words of both would cost each start of a command a tenth.

    A column of `keep` is replaced by a value only: NULL leaves what it holds. A column of `lasting` is replaced by NULL as soon
    as another one changes, is left as it is otherwise, and never occurs in rows. A column of `fixed` is never replaced.
    """

    def __init__(
        self,
        table: Table,
        *,
        key: Sequence[str],
        keep: Collection[str] = (),
        lasting: Collection[str] = (),
        fixed: Collection[str] = (),
    ) -> None:
        self._table = table
        self._key = list(key)
        self._keep = keep
        self._lasting = lasting
        self._others = [column.name for column in table.columns if column.name not in key and column.name not in fixed]
        self._statements: dict[str, Many] = {}

    def run(self, connection: Connection, rows: Sequence[Fields]) -> None:
        """Write rows; none is fine. No key may occur twice among them on PostgreSQL."""
        if rows:
            self._in(connection.dialect.name).run(connection, rows)

    def run_tuples(self, connection: Connection, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
        """The same for rows whose values stand in the order of `names` (see `Many.run_tuples`)."""
        if rows:
            self._in(connection.dialect.name).run_tuples(connection, names, rows)

    def _in(self, dialect: str) -> Many:
        if (known := self._statements.get(dialect)) is None:
            insert = _insert(self._table, dialect)
            new = {name: self._new(insert.excluded, name) for name in self._others}
            known = self._statements[dialect] = Many(insert.on_conflict_do_update(index_elements=self._key, set_=new))
        return known

    def _new(self, excluded: Any, name: str) -> ColumnElement[Any]:
        """Return what a column holds where the key was there already."""
        table = self._table
        if name in self._lasting:
            compared = (other for other in self._others if other not in self._lasting)
            same = and_(*(excluded[other].is_not_distinct_from(table.c[other]) for other in compared))
            return case((same, table.c[name]), else_=None)
        column: ColumnElement[Any] = excluded[name]
        return func.coalesce(column, table.c[name]) if name in self._keep else column


class Put:
    """Insert rows where their key is not there yet. Built once for each kind of database, when it is needed."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._names = tuple(column.name for column in table.columns)
        self._statements: dict[str, Many] = {}

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Write rows, their values in the order of the table's columns; none is fine."""
        if not rows:
            return
        dialect = connection.dialect.name
        if (known := self._statements.get(dialect)) is None:
            known = self._statements[dialect] = Many(_insert(self._table, dialect).on_conflict_do_nothing())
        known.run_tuples(connection, self._names, rows)


def _insert(table: Table, dialect: str) -> Any:
    """Return an INSERT that can say what is to happen where the key is there: each database has its own."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # seldom, and dear

    return postgresql.insert(table)


_COUNT_ON: Final = (
    update(counters)
    .where(counters.c.name == bindparam("counter"))
    .values(value=counters.c.value + bindparam("step"))
    .returning(counters.c.value)
)


def numbers(connection: Connection, counter: str, how_many: int) -> range:
    """Return that many new numbers of a counter, never given before."""
    last: int = connection.execute(_COUNT_ON, {"counter": counter, "step": how_many}).scalar_one()
    return range(last - how_many + 1, last + 1)
