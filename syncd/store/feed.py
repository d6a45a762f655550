"""Confirmed facts in order, and how far each consumer has read. Never delivers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from syncd.core.model import Fact


class Feed:
    """Facts, by sequence."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, facts: Sequence[Fact]) -> list[Fact]:
        """Append facts; returns them with their sequences (what stood there is ignored)."""
        raise NotImplementedError

    def after(self, sequence: int, limit: int = 1000) -> list[Fact]:
        """Return the facts after a sequence."""
        raise NotImplementedError

    def tail(self) -> int:
        """Return the last sequence given, 0 before the first."""
        raise NotImplementedError

    def cursor(self, consumer: str) -> int:
        """Return how far a consumer has read, 0 before the first."""
        raise NotImplementedError

    def set_cursor(self, consumer: str, sequence: int) -> None:
        """Note it. Never goes back."""
        raise NotImplementedError
