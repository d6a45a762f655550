"""Single remembered words, by key. Never a place for rows."""

from __future__ import annotations

from sqlalchemy import Connection


class Meta:
    """Words by key."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> str | None:
        """Return the word kept under `key`."""
        raise NotImplementedError

    def set(self, key: str, value: str) -> None:
        """Keep `value` under `key`."""
        raise NotImplementedError
