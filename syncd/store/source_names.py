"""What is kept under the name of a source, and that it goes by another one from now on. Never decides whether it may."""

from __future__ import annotations

from collections import Counter
from typing import Final

from sqlalchemy import Connection, Table, bindparam, delete, func, select, text, update

from syncd.core.model import Kind, NativeId, SourceName, SubjectId
from syncd.store import tables

_R: Final = tables.records
_PRESENT: Final = text("records.absent_since IS NULL")
_OF_SOURCE: Final = _R.c.source == bindparam("of_source")
_COUNT: Final = select(_R.c.kind, func.count()).where(_OF_SOURCE, _PRESENT).group_by(_R.c.kind)
_IDS: Final = select(_R.c.kind, _R.c.native_id, _R.c.subject).where(_OF_SOURCE)
_HERE: Final = _IDS.where(_PRESENT)
_ANY_READ: Final = select(tables.reads.c.run_id).where(tables.reads.c.source == bindparam("of_source")).limit(1)
_KEPT: Final[tuple[Table, ...]] = (
    tables.records,
    tables.reads,
    tables.proposals,
    tables.pushed,
    tables.pushed_members,
    tables.pushed_tokens,
)
"""What goes on under the new name. Wakes do not: the new name is read anyway."""


class SourceNames:
    """Sources, by what is kept of them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, source: SourceName) -> dict[Kind, int]:
        """Count the records that are there, by kind."""
        rows = self._connection.execute(_COUNT, {"of_source": source})
        return dict(Counter({Kind(kind): number for kind, number in rows}))

    def present(self, source: SourceName) -> list[tuple[Kind, NativeId]]:
        """Return the records that are there."""
        rows = self._connection.execute(_HERE, {"of_source": source})
        return [(Kind(row.kind), NativeId(row.native_id)) for row in rows]

    def subjects(self, source: SourceName) -> dict[tuple[Kind, NativeId], SubjectId | None]:
        """Return every record, also those that are gone, with its subject."""
        rows = self._connection.execute(_IDS, {"of_source": source})
        return {(Kind(row.kind), NativeId(row.native_id)): row.subject and SubjectId(row.subject) for row in rows}

    def was_read(self, source: SourceName) -> bool:
        """Tell whether it was ever read."""
        return self._connection.execute(_ANY_READ, {"of_source": source}).first() is not None

    def forget_reads(self, source: SourceName) -> None:
        """Forget what its reads have proven, and where they ended."""
        self._connection.execute(delete(tables.reads).where(tables.reads.c.source == source))

    def rename(self, old: SourceName, new: SourceName) -> None:
        """Let everything that is kept under `old` be `new`'s. Nothing may be kept under both."""
        for table in _KEPT:
            self._connection.execute(update(table).where(table.c.source == old).values(source=new))
        self._connection.execute(delete(tables.wakes).where(tables.wakes.c.source == old))
