"""What the guard holds back, and who let it go. Never judges."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from syncd.core.model import Effect
from syncd.store.rows import HoldRow


class Holds:
    """Holds, by id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, row: HoldRow) -> None:
        """Insert or replace."""
        raise NotImplementedError

    def open(self) -> list[HoldRow]:
        """Return the open holds, oldest first."""
        raise NotImplementedError

    def get(self, hold_id: str) -> HoldRow | None:
        """Return one."""
        raise NotImplementedError

    def last(self, number: int = 20) -> list[HoldRow]:
        """Return the latest holds, newest first."""
        raise NotImplementedError

    def release(self, hold_id: str, *, by: str, at: datetime, reason: str) -> HoldRow | None:
        """Release an open, unexpired hold; None if there is none."""
        raise NotImplementedError

    def drop(self, hold_id: str, *, by: str, at: datetime, reason: str) -> HoldRow | None:
        """Drop an open hold; None if there is none."""
        raise NotImplementedError

    def matching(self, effect: Effect, fingerprint: str, *, now: datetime) -> HoldRow | None:
        """Return the released, unexpired hold of exactly this effect and fingerprint."""
        raise NotImplementedError

    def expire(self, now: datetime) -> list[HoldRow]:
        """Expire open holds whose time is over; returns them."""
        raise NotImplementedError
