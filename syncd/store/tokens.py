"""The tokens that providers show: only digests are kept, never a token. It decides nobody's entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from syncd.store.columns import from_micros, maybe_from_micros, maybe_micros, micros
from syncd.store.statements import Many
from syncd.store.tables import pushed_tokens

_T: Final = pushed_tokens.c
_ALL: Final = select(pushed_tokens).order_by(_T.created_at, _T.id)
_ADD: Final = Many(insert(pushed_tokens))
_REVOKE: Final = (
    update(pushed_tokens).where(_T.id == bindparam("one"), _T.revoked_at.is_(None)).values(revoked_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """One token, by its digest."""

    id: str
    """What it is called; it opens nothing."""
    source: str
    digest: bytes
    """SHA-256 of the token, which has 256 bits of chance in it."""
    note: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def valid(self, now: datetime) -> bool:
        """Tell whether it opens."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Tokens:
    """Tokens of all sources."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> Sequence[TokenRow]:
        """Return every token, revoked ones too, the oldest first."""
        return [
            TokenRow(
                id=row.id,
                source=row.source,
                digest=row.digest,
                note=row.note,
                created_at=from_micros(row.created_at),
                expires_at=maybe_from_micros(row.expires_at),
                revoked_at=maybe_from_micros(row.revoked_at),
            )
            for row in self._connection.execute(_ALL)
        ]

    def add(self, token: TokenRow) -> None:
        """Keep a new one."""
        row = {
            "id": token.id,
            "source": token.source,
            "digest": token.digest,
            "note": token.note,
            "created_at": micros(token.created_at),
            "expires_at": maybe_micros(token.expires_at),
            "revoked_at": None,
        }
        _ADD.run(self._connection, [row])

    def revoke(self, id: str, *, at: datetime) -> bool:
        """Take one back; tell whether there was one that was not taken back yet."""
        return self._connection.execute(_REVOKE, {"one": id, "at": micros(at)}).rowcount > 0
