"""Confirmed facts in order, and how far each consumer has read. Never delivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, bindparam, func, insert, select

from syncd.core.outcome import Fact
from syncd.store import codec, tables
from syncd.store.statements import Many, Upsert, numbers

_T: Final = tables.feed
_C: Final = tables.feed_cursors
_APPEND: Final = Many(insert(_T))
_AFTER: Final = (
    select(_T.c.sequence, _T.c.body)
    .where(_T.c.sequence > bindparam("after"))
    .order_by(_T.c.sequence)
    .limit(bindparam("number"))
)
_TAIL: Final = select(func.coalesce(func.max(_T.c.sequence), 0))
_COUNT: Final = select(func.count()).select_from(_T).where(_T.c.sequence > bindparam("after"))
_CURSOR: Final = select(_C.c.sequence).where(_C.c.consumer == bindparam("one"))
_SET_CURSOR: Final = Upsert(_C, key=["consumer"])


class Feed:
    """Facts, by sequence."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, facts: Sequence[Fact]) -> list[Fact]:
        """Append facts; returns them with their sequences (what stood there is ignored)."""
        if not facts:
            return []
        given = numbers(self._connection, "feed", len(facts))
        numbered = [replace(fact, sequence=sequence) for fact, sequence in zip(facts, given, strict=True)]
        rows = [{"sequence": f.sequence, "subject": f.subject, "body": codec.encode_fact(f)} for f in numbered]
        _APPEND.run(self._connection, rows)
        return numbered

    def after(self, sequence: int, limit: int = 1000) -> list[Fact]:
        """Return the facts after a sequence."""
        rows = self._connection.execute(_AFTER, {"after": sequence, "number": limit})
        return [codec.decode_fact(body, sequence=number) for number, body in rows]

    def tail(self) -> int:
        """Return the last sequence given, 0 before the first."""
        last: int = self._connection.execute(_TAIL).scalar_one()
        return last

    def cursor(self, consumer: str) -> int:
        """Return how far a consumer has read, 0 before the first."""
        return self._connection.execute(_CURSOR, {"one": consumer}).scalar() or 0

    def behind(self, consumer: str) -> int:
        """Return how many facts a consumer has not read."""
        number: int = self._connection.execute(_COUNT, {"after": self.cursor(consumer)}).scalar_one()
        return number

    def set_cursor(self, consumer: str, sequence: int) -> None:
        """Note it. Never goes back: an older sequence changes nothing."""
        if sequence > self.cursor(consumer):
            _SET_CURSOR.run(self._connection, [{"consumer": consumer, "sequence": sequence}])
