"""What the target held when last seen. Never asks the target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import Connection

from syncd.core.model import Kind, Observed, TargetId
from syncd.store.rows import ObservedRow


class Observations:
    """Observed objects, by target."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace_all(self, target: str, rows: Iterable[Observed], *, at: datetime) -> int:
        """Replace the whole picture in one pass and note the time; returns the number of objects."""
        raise NotImplementedError

    def put(self, target: str, row: Observed, *, at: datetime) -> None:
        """Note one object."""
        raise NotImplementedError

    def put_many(self, target: str, rows: Iterable[Observed], *, at: datetime) -> None:
        """Note many."""
        raise NotImplementedError

    def drop(self, target: str, kind: Kind, target_id: TargetId) -> None:
        """Note that an object is gone."""
        raise NotImplementedError

    def iterate(self, target: str, kind: Kind | None = None) -> Iterator[ObservedRow]:
        """Stream, by kind and id."""
        raise NotImplementedError

    def get(self, target: str, kind: Kind, target_id: TargetId) -> ObservedRow | None:
        """Return one."""
        raise NotImplementedError

    def last_full_at(self, target: str) -> datetime | None:
        """Return when the whole picture was last taken."""
        raise NotImplementedError

    def set_last_full(self, target: str, at: datetime | None) -> None:
        """Set it; None asks for a new picture."""
        raise NotImplementedError
