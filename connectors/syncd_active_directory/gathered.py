"""What a delta has found so far: who is in scope, and the records of those who are not known as they are. Values are kept, not
raw entries, so that looking at many who turn out to be unchanged costs no memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncd.core.model import Kind, SourceRecord
from syncd_active_directory.entry import RawEntry
from syncd_active_directory.names import plain
from syncd_active_directory.records import Records


class Gathered:
    """Who was found, and what is to be yielded."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.names: dict[str, tuple[Kind, str]] = {}
        """Kind and name (DN) by id, of those who were asked for by id and are in scope."""
        self.made: dict[str, SourceRecord] = {}
        """What is to be yielded, by id."""

    def take(self, found: Iterable[tuple[str, Kind, RawEntry]]) -> None:
        """Take in those who were found by their ids."""
        for identity, kind, entry in found:
            self.names[identity] = (kind, plain(entry.dn))
            self.look(kind, (entry,))

    def look(self, kind: Kind, entries: Iterable[RawEntry]) -> None:
        """Take in those of `entries` that are not known as they are."""
        self.made.update((record.native_id, record) for record in self._records.of(kind, tuple(entries)))

    def of(self, kind: Kind) -> Iterator[str]:
        """Yield the ids of one kind that were asked for and found."""
        return (identity for identity, (each, _) in self.names.items() if each is kind)
