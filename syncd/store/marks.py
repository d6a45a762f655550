"""Subjects that want to be looked at: those that may disagree with their objects, and those for whom a date approaches.

Neither says what is wrong or what to do: whoever looks computes that anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select

from syncd.core.model import SubjectId
from syncd.store import tables
from syncd.store.columns import from_micros, micros
from syncd.store.statements import Many, Put, Upsert, portions

_M: Final = tables.marks
_R: Final = tables.reviews
_ADD: Final = Put(_M)
_ALL: Final = select(_M.c.subject, _M.c.reason).order_by(_M.c.since, _M.c.subject)
_COUNT: Final = select(func.count()).select_from(_M)
_CLEAR: Final = Many(delete(_M).where(_M.c.subject == bindparam("one")))
_PUT: Final = Upsert(_R, key=["subject"])
_DROP: Final = Many(delete(_R).where(_R.c.subject == bindparam("one")))
_DUE: Final = select(_R.c.subject).where(_R.c.at <= bindparam("now")).order_by(_R.c.at, _R.c.subject)
_NEXT: Final = select(func.min(_R.c.at))


class Marks:
    """Subjects that are not known to agree with their objects, since when, and why."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, subjects: Iterable[SubjectId], *, reason: str, at: datetime) -> None:
        """Mark subjects; those marked already keep their first time and reason."""
        since = micros(at)
        for portion in portions(subjects):
            _ADD.run(self._connection, [(subject, since, reason) for subject in portion])

    def all(self) -> dict[SubjectId, str]:
        """Return the reason of each, the first one marked first."""
        return {SubjectId(subject): reason for subject, reason in self._connection.execute(_ALL)}

    def count(self) -> int:
        """Return how many there are."""
        number: int = self._connection.execute(_COUNT).scalar_one()
        return number

    def clear(self, subjects: Iterable[SubjectId]) -> None:
        """Take marks away; subjects without one are fine."""
        for portion in portions(subjects):
            _CLEAR.run(self._connection, [{"one": subject} for subject in portion])


class Reviews:
    """From when on the clock alone may change what is wanted of a subject."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, times: Mapping[SubjectId, datetime | None]) -> None:
        """Set each subject's time; None takes it away."""
        for portion in portions(times.items()):
            _PUT.run(self._connection, [{"subject": one, "at": micros(at)} for one, at in portion if at is not None])
            if gone := [{"one": one} for one, at in portion if at is None]:
                _DROP.run(self._connection, gone)

    def due(self, at: datetime) -> list[SubjectId]:
        """Return the subjects whose time has come by `at`, the longest due first."""
        return [SubjectId(one) for one in self._connection.execute(_DUE, {"now": micros(at)}).scalars()]

    def next_at(self) -> datetime | None:
        """Return the first time of all, past ones too; None if there is none."""
        first = self._connection.execute(_NEXT).scalar()
        return None if first is None else from_micros(first)
