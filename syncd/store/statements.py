"""What several groups of questions share: upserts for both databases, rows in portions, streaming. Asks nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Connection, Executable, Row, Table, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite

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


class Upsert:
    """Insert, or replace every other column where the key is there already. Built once, for both databases."""

    def __init__(self, table: Table, *, key: Sequence[str]) -> None:
        others = [column.name for column in table.columns if column.name not in key]
        lite, server = sqlite.insert(table), postgresql.insert(table)
        self._statements = {
            "sqlite": lite.on_conflict_do_update(
                index_elements=list(key), set_={name: lite.excluded[name] for name in others}
            ),
            "postgresql": server.on_conflict_do_update(
                index_elements=list(key), set_={name: server.excluded[name] for name in others}
            ),
        }

    def run(self, connection: Connection, rows: Sequence[Fields]) -> None:
        """Write rows; none is fine. No key may occur twice among them on PostgreSQL."""
        if rows:
            connection.execute(self._statements[connection.dialect.name], rows)


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
