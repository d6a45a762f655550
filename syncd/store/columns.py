"""How values stand in columns: instants as microseconds, bytes as they are. Knows no table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Dialect, LargeBinary

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Return an aware instant as stored."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(stored: int) -> datetime:
    """Return a stored instant."""
    return _EPOCH + timedelta(microseconds=stored)


def maybe_micros(moment: datetime | None) -> int | None:
    """Return an instant as stored, None for none."""
    return None if moment is None else micros(moment)


def maybe_from_micros(stored: int | None) -> datetime | None:
    """Return a stored instant, None for none."""
    return None if stored is None else from_micros(stored)


def folded(text: str) -> str:
    """Return the form in which names and numbers are compared: no outer blanks, no case (as `syncd.core.correlation`)."""
    return text.strip().casefold()


class Bytes(LargeBinary):
    """Bytes that both drivers take and give as they are: without the copy that SQLAlchemy makes of each."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        """Hand bytes over as they are."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """Take bytes as they come."""
