"""A connection that hands known statements to SQLite's driver as they are: the words are made once, not worked out each time.

Around a statement that SQLite answers in 10 µs, SQLAlchemy works for 100 (a context, its parameters, the answer's columns), and
one changed person takes a hundred statements. Known is a statement that was asked before with the same names, is kept by
somebody (a constant of a module), and takes and gives only what the driver has, too. Everything else, and everything while
somebody listens to what is executed (`before_cursor_execute`), goes the usual way; the answers are the same. It never begins or
ends a transaction, and never speaks to PostgreSQL.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Boolean, Connection, Delete, Insert, Integer, LargeBinary, Row, Select, String, Update
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import NullType

_LIST: Final = re.compile(r"__\[POSTCOMPILE_(\w+)\]")
"""What SQLAlchemy writes where a list is to be put in."""
_AS_THEY_ARE: Final = (String, Integer, LargeBinary, NullType)
"""Types of which the driver takes and gives what Python has (text, whole numbers, bytes)."""


class _Columns(SimpleResultMetaData):
    """What the columns of an answer are called, and what makes a row of a tuple: worked out once, not for each answer."""

    def __init__(self, names: Sequence[str], processors: Sequence[Any] | None = None) -> None:
        super().__init__(names, _processors=processors)
        self.row: Callable[[Any], Row[*tuple[Any, ...]]] = partial(
            Row, self, self._effective_processors, self._key_to_index
        )


class Told(IteratorResult[Any]):
    """What SQLite answered, with what its driver says besides. The common ways to have rows are short cuts: SQLAlchemy's own take
    several times as long as SQLite does for an answer of a row or two."""

    def __init__(self, columns: _Columns, cursor: sqlite3.Cursor) -> None:
        super().__init__(columns, cursor)
        self._row = columns.row
        self.cursor = cursor
        self.rowcount = cursor.rowcount

    def __iter__(self) -> Iterator[Row[*tuple[Any, ...]]]:
        yield from map(self._row, self.cursor)
        self.close()

    def all(self) -> Sequence[Row[*tuple[Any, ...]]]:
        """Return the rows that are left."""
        rows = [self._row(one) for one in self.cursor.fetchall()]
        self.close()
        return rows

    def first(self) -> Row[*tuple[Any, ...]] | None:
        """Return the first row, and forget the others."""
        one = self.cursor.fetchone()
        self.close()
        return None if one is None else self._row(one)

    def _soft_close(self, hard: bool = False, **words: Any) -> None:
        # What was not read to its end would stay open in the database.
        self.cursor.close()
        super()._soft_close(hard, **words)


class _Known:
    """A statement in SQLite's words."""

    def __init__(self, made: Any, names: frozenset[str]) -> None:
        self.names = names
        self._text: str = made.string
        self._places = tuple(made.positiontup)
        self._constants = {name: made.params[name] for name in self._places if name not in names}
        self._lists = frozenset(_LIST.findall(self._text))
        columns = made._result_columns
        flags = [_flag if isinstance(one.type, Boolean) else None for one in columns]
        self.columns = _Columns([one.keyname for one in columns], flags if any(flags) else None)

    def said(self, fields: Mapping[str, Any]) -> tuple[str, Sequence[Any]] | None:
        """Return the words and the values by place; None where a list is empty, or of more than single values."""
        known = {**self._constants, **fields} if self._constants else fields
        if not self._lists:
            return self._text, [known[name] for name in self._places]
        text, values = self._text, list[Any]()
        for name in self._places:
            if name not in self._lists:
                values.append(known[name])
                continue
            those = list(known[name])
            if not those or not isinstance(those[0], str | bytes | int):
                return None
            values += those
            text = text.replace(f"__[POSTCOMPILE_{name}]", ", ".join("?" * len(those)))
        return text, values


_NOTHING: Final = _Columns(())
"""Of an answer without rows."""

_MET: Final[WeakKeyDictionary[Any, _Known | frozenset[str] | None]] = WeakKeyDictionary()
"""What has been asked: with which names once, as it is known since the second time, or None where it cannot be."""


def driven(connection: Connection, words: str, values: Any = ()) -> sqlite3.Cursor:
    """Hand words and values to SQLite's driver. Raises as SQLAlchemy does."""
    raw: Any = connection.connection.driver_connection
    several = isinstance(values, list) and bool(values) and isinstance(values[0], tuple | dict)
    cursor: sqlite3.Cursor = raw.cursor()
    try:
        return cursor.executemany(words, values) if several else cursor.execute(words, values)
    except sqlite3.Error as error:
        # Without the values, which are personal data.
        raise DBAPIError.instance(words, None, error, sqlite3.Error, hide_parameters=True) from error


class Direct(Connection):
    """A connection to SQLite, for as long as its transaction lasts."""

    def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        """Execute a statement. Raises as SQLAlchemy does."""
        if execution_options is None and self._is_free() and (parameters is None or isinstance(parameters, Mapping)):
            fields = parameters or {}
            known = self._known(statement, fields)
            if known is not None and (said := known.said(fields)) is not None:
                return Told(known.columns, driven(self, *said))
        return super().execute(statement, parameters, execution_options=execution_options)

    def exec_driver_sql(self, statement: str, parameters: Any = None, execution_options: Any = None) -> Any:
        """Execute words. Raises as SQLAlchemy does."""
        if execution_options is None and self._is_free():
            cursor = driven(self, statement, () if parameters is None else parameters)
            return Told(_Columns([one[0] for one in cursor.description]) if cursor.description else _NOTHING, cursor)
        return super().exec_driver_sql(statement, parameters, execution_options)

    def tuples(self, words: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return what the driver answers, as it answers. Raises as SQLAlchemy does."""
        if self._is_free():
            return driven(self, words, values).fetchall()
        with super().exec_driver_sql(words, tuple(values)) as rows:
            cursor: Any = rows.cursor
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found

    def _is_free(self) -> bool:
        return self.in_transaction() and not self.dispatch.before_cursor_execute

    def _known(self, statement: Any, fields: Mapping[str, Any]) -> _Known | None:
        if not isinstance(statement, Select | Insert | Update | Delete):
            return None
        names = frozenset(fields)
        met = _MET.get(statement, ())
        if isinstance(met, _Known):
            return met if met.names == names else None
        if met is None:
            return None
        if met != names:
            _MET[statement] = names
            return None
        _MET[statement] = known = self._compiled(statement, names)
        return known

    def _compiled(self, statement: Any, names: frozenset[str]) -> _Known | None:
        made: Any = statement.compile(dialect=self.dialect, column_keys=sorted(names))
        types = [one.type for one in (*made._result_columns, *made.binds.values())]
        plain = all(isinstance(each, (*_AS_THEY_ARE, Boolean)) for each in types)
        usual = made.positiontup is not None and not made.prefetch and "~~" not in made.string
        return _Known(made, names) if plain and usual else None


def _flag(value: Any) -> bool | None:
    """SQLite has no flags, only numbers."""
    return None if value is None else bool(value)


__all__ = ["Direct", "driven"]
