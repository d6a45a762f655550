"""Indexes that are made in one go where very much is put at once: rows fall all over them, and SQLite writes most of their pages
again with each transaction. Sorted at the end, they cost a tenth.

An index is what makes an answer quick, never what makes it right; and one that promises something (a unique one) is only left out
within a transaction, which fails if the promise was broken. PostgreSQL does it in its own way, and is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Index, Table, select
from sqlalchemy.schema import CreateIndex, DropIndex

from syncd.store.tables import change_waits, changes, record_keys, records

MANY: Final = 5_000
"""From so many rows on it is worth it."""
_OF_RECORDS: Final = tuple(
    index
    for table, name in ((record_keys, "record_keys_by_value"), (records, "records_by_subject"))
    for index in table.indexes
    if index.name == name
)
"""Those whose order has nothing to do with the order in which records come."""
_BY_ID: Final = tuple(index for index in records.indexes if index.name == "records_by_id")
_OF_QUEUE: Final = tuple(sorted((*changes.indexes, *change_waits.indexes), key=lambda index: str(index.name)))


def is_empty(connection: Connection, table: Table) -> bool:
    """Tell whether a table has no row."""
    return connection.execute(select(next(iter(table.primary_key))).limit(1)).first() is None


def forget_order(connection: Connection, *, ids: bool = False) -> None:
    """Go without the indexes by which records are found until `restore_order`, with `ids` without that by their ids, too. Whoever
    asks meanwhile waits longer. Without the last one nobody may put a record without knowing that its id is new."""
    _drop(connection, (*_OF_RECORDS, *_BY_ID) if ids else _OF_RECORDS)


def restore_order(connection: Connection) -> None:
    """Have them again; fine where they are there."""
    _create(connection, (*_OF_RECORDS, *_BY_ID))
    _give_back()


@contextmanager
def filling_queue(connection: Connection, how_many: int) -> Iterator[None]:
    """Put so many changes in the block: into an empty queue without its indexes, which are made at the end of the block."""
    apart = how_many >= MANY and is_empty(connection, changes) and is_empty(connection, change_waits)
    _drop(connection, _OF_QUEUE if apart else ())
    yield
    _create(connection, _OF_QUEUE if apart else ())


def _give_back() -> None:
    """Hand free memory back to the system. Sorting 800,000 keys leaves 70 MB, which glibc keeps unless it is asked
    (malloc_trim(3)); other C libraries have no such function."""
    import ctypes  # here: needed once in the life of a database

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _drop(connection: Connection, indexes: Collection[Index]) -> None:
    if connection.dialect.name == "sqlite":
        for index in indexes:
            connection.execute(DropIndex(index, if_exists=True))


def _create(connection: Connection, indexes: Collection[Index]) -> None:
    if connection.dialect.name == "sqlite":
        for index in indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))
