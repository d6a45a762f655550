"""Single remembered words, by key. Never a place for rows."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select

from syncd.store import tables
from syncd.store.statements import Upsert

_GET: Final = select(tables.meta.c.value).where(tables.meta.c.key == bindparam("k"))
# Not a range: PostgreSQL may sort by the rules of a language.
_UNDER: Final = select(tables.meta.c.key, tables.meta.c.value).where(
    func.substr(tables.meta.c.key, 1, bindparam("long")) == bindparam("low")
)
_SET: Final = Upsert(tables.meta, key=["key"])
_DROP: Final = delete(tables.meta).where(tables.meta.c.key == bindparam("k"))


class Meta:
    """Words by key."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> str | None:
        """Return the word kept under `key`."""
        return self._connection.execute(_GET, {"k": key}).scalar()

    def set(self, key: str, value: str) -> None:
        """Keep `value` under `key`."""
        _SET.run(self._connection, [{"key": key, "value": value}])

    def under(self, prefix: str) -> dict[str, str]:
        """Return the words whose keys begin so."""
        rows = self._connection.execute(_UNDER, {"low": prefix, "long": len(prefix)})
        return {row.key: row.value for row in rows}

    def secret(self, key: str) -> bytes:
        """Return 32 random bytes that are made at first use and kept: a key for digests that mean nothing elsewhere."""
        kept = self.get(key)
        if kept is None:
            kept = secrets.token_hex(32)
            self.set(key, kept)
        return bytes.fromhex(kept)

    def drop(self, key: str) -> None:
        """Forget `key`; it need not be there."""
        self._connection.execute(_DROP, {"k": key})
