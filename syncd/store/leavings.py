"""Who has left the target: removed by us, and told by the target's own records. One row a person, of their last leaving.

Never decides whether a record is of a removal of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, bindparam, delete, func, select

from syncd.core.leave_records import LeftBy
from syncd.core.model import SubjectId, TargetId
from syncd.store.columns import maybe_from_micros, micros
from syncd.store.statements import Answer, Fields, Upsert, among, several
from syncd.store.tables import leavings

_T: Final = leavings.c
_OURS: Final = _T.target == bindparam("of_target")
_PUT: Final = Upsert(leavings, key=["target", "subject"])
_OF: Final = select(leavings).where(_OURS, among(_T.subject))
_OBJECTS: Final = select(leavings).where(_OURS, among(_T.target_id)).order_by(_T.removed_at)
_OPEN: Final = and_(_OURS, _T.removed_at.is_not(None), _T.left_at.is_(None))
_FIRST: Final = select(func.min(_T.removed_at)).where(_OPEN, _T.removed_at >= bindparam("since"))
_TIDY: Final = delete(leavings).where(func.coalesce(_T.removed_at, _T.left_at) < bindparam("before"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What is known of how somebody left."""

    subject: SubjectId
    target_id: TargetId
    label: str
    removed_at: datetime | None = None
    """When our removal was confirmed to us; None where we have removed nobody."""
    left_at: datetime | None = None
    """When they left, as the target's own record has it; None where there is none, or none was found yet."""
    left_by: LeftBy = LeftBy.UNKNOWN
    """By whose doing, as the record has it."""

    @property
    def waits(self) -> bool:
        """Tell whether a removal of ours is still to be found in the target's records."""
        return self.removed_at is not None and self.left_at is None


class Leavings:
    """Leavings, by target and person."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, target: str, rows: Iterable[Leaving]) -> None:
        """Insert or replace."""
        if fields := [_fields(target, row) for row in rows]:
            _PUT.run(self._connection, fields)

    def of(self, target: str, subjects: Iterable[SubjectId]) -> dict[SubjectId, Leaving]:
        """Return those of these people."""
        rows = several(self._connection, _OF, {"of_target": target}, subjects)
        return {row.subject: row for row in map(_leaving, rows)}

    def by_objects(self, target: str, target_ids: Iterable[TargetId]) -> dict[TargetId, list[Leaving]]:
        """Return those of these accounts; one that was given to somebody else later has several."""
        found: dict[TargetId, list[Leaving]] = {}
        for row in map(_leaving, several(self._connection, _OBJECTS, {"of_target": target}, target_ids)):
            found.setdefault(row.target_id, []).append(row)
        return found

    def first_waiting(self, target: str, *, since: datetime) -> datetime | None:
        """Return when the first of the removals was that are still to be found, those before `since` left out."""
        return maybe_from_micros(
            self._connection.execute(_FIRST, {"of_target": target, "since": micros(since)}).scalar()
        )

    def tidy(self, *, before: datetime) -> None:
        """Forget those that were before then."""
        self._connection.execute(_TIDY, {"before": micros(before)})


def _fields(target: str, row: Leaving) -> Fields:
    return {
        "target": target,
        "subject": row.subject,
        "target_id": row.target_id,
        "label": row.label,
        "removed_at": None if row.removed_at is None else micros(row.removed_at),
        "left_at": None if row.left_at is None else micros(row.left_at),
        "left_by": row.left_by,
    }


def _leaving(row: Answer) -> Leaving:
    return Leaving(
        subject=SubjectId(row.subject),
        target_id=TargetId(row.target_id),
        label=row.label,
        removed_at=maybe_from_micros(row.removed_at),
        left_at=maybe_from_micros(row.left_at),
        left_by=LeftBy(row.left_by),
    )
