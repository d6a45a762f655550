"""Records of the sources as last read and mapped. Never interprets them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import Connection

from syncd.core.model import Kind, NativeId, SourceName, SubjectId
from syncd.store.rows import FoundRecord, KeyRow, StagedRecord


class Records:
    """Staged records."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def digests(self, source: SourceName) -> dict[tuple[Kind, NativeId], bytes]:
        """Return the content digests of the records that are there (absent ones left out)."""
        raise NotImplementedError

    def put_many(self, rows: Iterable[StagedRecord]) -> None:
        """Insert or replace records with their keys. A record that is put is there again: `absent_since` is as in the row."""
        raise NotImplementedError

    def mark_absent(self, source: SourceName, ids: Iterable[tuple[Kind, NativeId]], *, at: datetime) -> None:
        """Mark records as gone since `at`; those marked already keep their time."""
        raise NotImplementedError

    def forget(self, source: SourceName, ids: Iterable[tuple[Kind, NativeId]]) -> None:
        """Delete records and their keys."""
        raise NotImplementedError

    def iterate(self, *, source: SourceName | None = None, kind: Kind | None = None) -> Iterator[StagedRecord]:
        """Stream records, absent ones too, without attributes and keys, by kind, source and native id."""
        raise NotImplementedError

    def iterate_keys(self, source: SourceName, kind: Kind) -> Iterator[KeyRow]:
        """Stream the keys of the records that are there, by native id."""
        raise NotImplementedError

    def get(self, source: SourceName, kind: Kind, native_id: NativeId) -> StagedRecord | None:
        """Return one record with everything."""
        raise NotImplementedError

    def of_subject(self, subject: SubjectId) -> list[StagedRecord]:
        """Return the records joined to a subject, with everything."""
        raise NotImplementedError

    def find(self, text: str, *, limit: int = 50) -> list[FoundRecord]:
        """Find by exact native id, subject, alias or key; where there is none, by part of the label in any case."""
        raise NotImplementedError

    def resolve(self, source: SourceName, kind: Kind, *, name: str, value: str) -> list[NativeId]:
        """Return the records that are there with this key; `name` may be ALIAS."""
        raise NotImplementedError

    def outdated(self, source: SourceName, rules_digest: bytes) -> Iterator[StagedRecord]:
        """Stream the records that are there and were mapped by other rules, with everything."""
        raise NotImplementedError

    def set_subject(self, source: SourceName, kind: Kind, native_id: NativeId, *, subject: SubjectId | None) -> None:
        """Join a record to a subject."""
        raise NotImplementedError

    def set_subjects(self, rows: Iterable[tuple[SourceName, Kind, NativeId, SubjectId | None]]) -> None:
        """Join many records."""
        raise NotImplementedError
