"""Subjects that want to be looked at: those that may disagree with their objects, and those for whom a date approaches.

Neither says what is wrong or what to do: whoever looks computes that anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Executable, bindparam, delete, func, select, update

from syncd.core.model import SubjectId
from syncd.store import tables
from syncd.store.columns import from_micros, micros
from syncd.store.statements import Many, Put, Upsert, numbers, portions
from syncd.store.tables import counters

_M: Final = tables.marks
_R: Final = tables.reviews
_ADD: Final = Put(_M)
_NUMBER: Final = Many(update(_M).where(_M.c.subject == bindparam("one")).values(number=bindparam("now_number")))
_STANDS: Final = Many(
    update(_M).where(_M.c.subject == bindparam("one"), _M.c.number <= bindparam("upto")).values(number=0)
)
_NEW: Final = select(_M.c.subject).where(_M.c.number > bindparam("after")).order_by(_M.c.number, _M.c.subject)
_LAST: Final = select(counters.c.value).where(counters.c.name == "marks")
_ALL: Final = select(_M.c.subject, _M.c.reason).order_by(_M.c.since, _M.c.subject)
_COUNT: Final = select(func.count()).select_from(_M)
_CLEAR: Final = Many(delete(_M).where(_M.c.subject == bindparam("one"), _M.c.number <= bindparam("upto")))
_PUT: Final = Upsert(_R, key=["subject"])
_DROP: Final = Many(delete(_R).where(_R.c.subject == bindparam("one")))
_DUE: Final = select(_R.c.subject).where(_R.c.at <= bindparam("now")).order_by(_R.c.at, _R.c.subject)
_NEXT: Final = select(func.min(_R.c.at))
_NEXT_AFTER: Final = _NEXT.where(_R.c.at > bindparam("now"))


_MARKED: Final = select(_M.c.subject)
_REVIEWED: Final = select(_R.c.subject)
_MANY: Final = 1_000


def _among(connection: Connection, known: Executable, subjects: list[SubjectId]) -> list[SubjectId]:
    """Return those of many subjects who have a row, nearly nobody: a statement for each would cost more. Few are returned as they
    are."""
    if len(subjects) < _MANY:
        return subjects
    rows: set[str] = set(connection.execute(known).scalars())
    return [one for one in subjects if one in rows]


class Marks:
    """Subjects that are not known to agree with their objects, since when, and why."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, subjects: Iterable[SubjectId], *, reason: str, at: datetime) -> None:
        """Mark subjects. Those marked already keep their first time and reason, and count as marked anew."""
        self._put(subjects, reason, at, number=numbers(self._connection, "marks", 1)[0])

    def keep(self, subjects: Iterable[SubjectId], *, reason: str, at: datetime, upto: int = sys.maxsize) -> None:
        """Mark subjects who were just looked at and shall be again with the next look at all who are marked: no new mark.

        Who was marked later than `upto` has a new one all the same.
        """
        for portion in portions(subjects):
            _ADD.run(self._connection, [(subject, micros(at), reason, 0) for subject in portion])
            _STANDS.run(self._connection, [{"one": subject, "upto": upto} for subject in portion])

    def _put(self, subjects: Iterable[SubjectId], reason: str, at: datetime, *, number: int) -> None:
        since = micros(at)
        for portion in portions(subjects):
            _ADD.run(self._connection, [(subject, since, reason, number) for subject in portion])
            _NUMBER.run(self._connection, [{"one": subject, "now_number": number} for subject in portion])

    def last(self) -> int:
        """Return the number of the last mark that was set."""
        number: int = self._connection.execute(_LAST).scalar_one()
        return number

    def after(self, number: int) -> list[SubjectId]:
        """Return who was marked after that number, in the order of the marks."""
        return [SubjectId(one) for one in self._connection.execute(_NEW, {"after": number}).scalars()]

    def all(self) -> dict[SubjectId, str]:
        """Return the reason of each, the first one marked first."""
        return {SubjectId(subject): reason for subject, reason in self._connection.execute(_ALL)}

    def count(self) -> int:
        """Return how many there are."""
        number: int = self._connection.execute(_COUNT).scalar_one()
        return number

    def clear(self, subjects: Iterable[SubjectId], *, upto: int = sys.maxsize) -> None:
        """Take marks away up to that number: who was marked later is not done yet. Subjects without one are fine."""
        for portion in portions(_among(self._connection, _MARKED, list(subjects))):
            _CLEAR.run(self._connection, [{"one": subject, "upto": upto} for subject in portion])


class Reviews:
    """From when on the clock alone may change what is wanted of a subject."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, times: Mapping[SubjectId, datetime | None]) -> None:
        """Set each subject's time; None takes it away."""
        for portion in portions((one, at) for one, at in times.items() if at is not None):
            _PUT.run(self._connection, [{"subject": one, "at": micros(at)} for one, at in portion])
        over = [one for one, at in times.items() if at is None]
        for gone in portions(_among(self._connection, _REVIEWED, over)):
            _DROP.run(self._connection, [{"one": one} for one in gone])

    def subjects(self) -> set[SubjectId]:
        """Return everybody whose time is known."""
        return {SubjectId(subject) for subject in self._connection.execute(_REVIEWED).scalars()}

    def due(self, at: datetime) -> list[SubjectId]:
        """Return the subjects whose time has come by `at`, the longest due first."""
        return [SubjectId(one) for one in self._connection.execute(_DUE, {"now": micros(at)}).scalars()]

    def next_after(self, at: datetime) -> datetime | None:
        """Return the first time later than `at`; None if there is none."""
        first = self._connection.execute(_NEXT_AFTER, {"now": micros(at)}).scalar()
        return None if first is None else from_micros(first)

    def next_at(self) -> datetime | None:
        """Return the first time of all, past ones too; None if there is none."""
        first = self._connection.execute(_NEXT).scalar()
        return None if first is None else from_micros(first)
