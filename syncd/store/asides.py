"""What is left as it is, and why. Never decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection

from syncd.core.model import Aside, Kind, Reason
from syncd.store.rows import AsideRow


class Asides:
    """What is left aside, by scope."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, scope: str, rows: Iterable[Aside]) -> None:
        """Replace everything of `scope`."""
        raise NotImplementedError

    def iterate(self, scope: str | None = None) -> Iterator[AsideRow]:
        """Stream, by scope, reason and name."""
        raise NotImplementedError

    def counts(self, scope: str | None = None) -> dict[tuple[Reason, Kind], int]:
        """Count by reason and kind."""
        raise NotImplementedError
