"""What the target shall hold, by subject. Never compares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection

from syncd.core.model import Kind, SubjectId
from syncd.store.rows import DesiredRow


class Subjects:
    """Desired objects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put_desired(self, rows: Iterable[DesiredRow]) -> None:
        """Insert or replace."""
        raise NotImplementedError

    def desired(self, subject: SubjectId) -> DesiredRow | None:
        """Return one."""
        raise NotImplementedError

    def iterate_desired(self, kind: Kind | None = None) -> Iterator[DesiredRow]:
        """Stream all, by kind and subject."""
        raise NotImplementedError

    def digests(self) -> dict[SubjectId, bytes]:
        """Return the digest of each."""
        raise NotImplementedError

    def forget(self, subjects: Iterable[SubjectId]) -> None:
        """Delete."""
        raise NotImplementedError
