"""Who was told to leave by an operator: who decided it, when and why. It lasts until it is ended; it ends nobody by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from syncd.core.model import SubjectId
from syncd.store.columns import from_micros, micros
from syncd.store.statements import Many, Upsert
from syncd.store.tables import offboardings

_T: Final = offboardings.c
_PUT: Final = Upsert(offboardings, key=["subject"])
_ALL: Final = select(offboardings).order_by(_T.decided_at, _T.subject)
_DROP: Final = Many(delete(offboardings).where(_T.subject == bindparam("one")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offboarding:
    """One person who leaves because an operator says so."""

    subject: SubjectId
    label: str
    decided_at: datetime
    decided_by: str
    """The operator's account."""
    reason: str


class Offboardings:
    """Decisions that are in force, few at any time: they end as soon as the sources agree."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, row: Offboarding) -> None:
        """Insert or replace."""
        _PUT.run(
            self._connection,
            [
                {
                    "subject": row.subject,
                    "label": row.label,
                    "decided_at": micros(row.decided_at),
                    "decided_by": row.decided_by,
                    "reason": row.reason,
                }
            ],
        )

    def all(self) -> dict[SubjectId, Offboarding]:
        """Return every one, the oldest first."""
        return {
            SubjectId(row.subject): Offboarding(
                subject=SubjectId(row.subject),
                label=row.label,
                decided_at=from_micros(row.decided_at),
                decided_by=row.decided_by,
                reason=row.reason,
            )
            for row in self._connection.execute(_ALL)
        }

    def drop(self, subjects: Iterable[SubjectId]) -> None:
        """Forget. Subjects without one are fine."""
        if rows := [{"one": one} for one in subjects]:
            _DROP.run(self._connection, rows)
