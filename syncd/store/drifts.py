"""What somebody changed by hand in the target, and what is to become of it: waits for a decision, or stays as it is.

What is reverted is not here: ordinary planning reverts it, and the audit log remembers. Never decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select, update

from syncd.core.model import Kind, SubjectId, TargetId
from syncd.core.values import Value
from syncd.store import codec
from syncd.store.columns import from_micros, micros
from syncd.store.statements import Answer, Fields, Many, Upsert, among, several
from syncd.store.tables import drifts

_T: Final = drifts
_PUT: Final = Upsert(_T, key=["target", "subject", "field"])
_ALL: Final = select(_T).where(_T.c.target == bindparam("of_target")).order_by(_T.c.found_at, _T.c.subject, _T.c.field)
_OF: Final = select(_T).where(_T.c.target == bindparam("of_target"), among(_T.c.subject))
_ONE: Final = (
    _T.c.target == bindparam("of_target"),
    _T.c.subject == bindparam("one"),
    _T.c.field == bindparam("called"),
)
_DROP: Final = Many(delete(_T).where(*_ONE))
_DECIDE: Final = Many(update(_T).where(*_ONE).values(state=bindparam("to")))
_COUNT: Final = select(func.count(_T.c.subject.distinct())).where(
    _T.c.target == bindparam("of_target"), _T.c.state == bindparam("of_state")
)
_ANY: Final = select(_T.c.subject).where(_T.c.target == bindparam("of_target")).limit(1)

WHOLE: Final = ""
"""The field of a drift that is not about one: the object is gone."""


class DriftState(StrEnum):
    """What is to become of it."""

    WAITING = "waiting"
    """It is reported, and left as it is until somebody decides."""
    ACCEPTED = "accepted"
    """It stays until the source says something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One field of one object that somebody changed by hand."""

    subject: SubjectId
    field: str
    """Empty: the whole object is gone."""
    kind: Kind
    target_id: TargetId
    label: str
    state: DriftState
    found_at: datetime
    event_at: datetime
    """When it was done, as far as the target says it."""
    wanted: bytes
    """Digest of what was wanted then: once something else is wanted, the drift is over."""
    before: Value = None
    """What was wanted, references as subjects."""
    after: Value = None
    """What is there now."""


class Drifts:
    """Fields that were changed by hand, by target and subject."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, target: str, rows: Iterable[Drift]) -> None:
        """Insert or replace."""
        _PUT.run(self._connection, [_fields(target, row) for row in rows])

    def all(self, target: str) -> list[Drift]:
        """Return every one, the oldest first."""
        return [_drift(row) for row in self._connection.execute(_ALL, {"of_target": target})]

    def of(self, target: str, subjects: Iterable[SubjectId]) -> list[Drift]:
        """Return those of these subjects."""
        if not self.any(target):  # nearly always so, and the other question grows with the subjects
            return []
        return [_drift(row) for row in several(self._connection, _OF, {"of_target": target}, subjects)]

    def left(self, target: str, subjects: Iterable[SubjectId]) -> dict[SubjectId, dict[str, bytes]]:
        """Return which fields of these subjects are left alone, with the digest of what was wanted of each then."""
        found: dict[SubjectId, dict[str, bytes]] = {}
        for row in self.of(target, subjects):
            found.setdefault(row.subject, {})[row.field] = row.wanted
        return found

    def drop(self, target: str, rows: Iterable[Drift]) -> None:
        """Forget."""
        if fields := [_this(target, row) for row in rows]:
            _DROP.run(self._connection, fields)

    def decide(self, target: str, rows: Iterable[Drift], state: DriftState) -> None:
        """Say what is to become of these."""
        if fields := [{**_this(target, row), "to": state} for row in rows]:
            _DECIDE.run(self._connection, fields)

    def any(self, target: str) -> bool:
        """Tell whether there is one at all."""
        return self._connection.execute(_ANY, {"of_target": target}).first() is not None

    def waiting(self, target: str) -> int:
        """Count the objects that wait for a decision."""
        number: int = self._connection.execute(
            _COUNT, {"of_target": target, "of_state": DriftState.WAITING}
        ).scalar_one()
        return number


def _this(target: str, row: Drift) -> Fields:
    return {"of_target": target, "one": row.subject, "called": row.field}


def _fields(target: str, row: Drift) -> Fields:
    return {
        "target": target,
        "subject": row.subject,
        "field": row.field,
        "kind": row.kind,
        "target_id": row.target_id,
        "label": row.label,
        "state": row.state,
        "found_at": micros(row.found_at),
        "event_at": micros(row.event_at),
        "wanted": row.wanted,
        "body": codec.encode({"before": row.before, "after": row.after}),
    }


def _drift(row: Answer) -> Drift:
    body: Mapping[str, Value] = codec.decode_values(row.body)
    return Drift(
        subject=SubjectId(row.subject),
        field=row.field,
        kind=Kind(row.kind),
        target_id=TargetId(row.target_id),
        label=row.label,
        state=DriftState(row.state),
        found_at=from_micros(row.found_at),
        event_at=from_micros(row.event_at),
        wanted=bytes(row.wanted),
        before=body["before"],
        after=body["after"],
    )
