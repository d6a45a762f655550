"""What somebody touched in the target and nobody has judged yet: durable, one row per object, whatever order events come in.

Asks nobody and judges nothing. A row that changes while it is being judged gets a new number, so that it is not forgotten
with the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select, update

from syncd.core.model import Kind, SubjectId, TargetId
from syncd.core.values import Values
from syncd.core.wakes import Touched
from syncd.store import codec
from syncd.store.columns import from_micros, maybe_from_micros, micros
from syncd.store.statements import Answer, Fields, Many, Upsert, among, numbers, several
from syncd.store.tables import changes, touches

_T: Final = touches
_PUT: Final = Upsert(_T, key=["target", "kind", "target_id"])
_OF_KIND: Final = select(_T).where(
    _T.c.target == bindparam("of_target"), _T.c.kind == bindparam("of_kind"), among(_T.c.target_id)
)
_DUE: Final = (
    select(_T)
    .where(_T.c.target == bindparam("of_target"), _T.c.due_at <= bindparam("now"))
    .order_by(_T.c.due_at, _T.c.number)
    .limit(bindparam("most"))
)
_THIS: Final = (
    _T.c.target == bindparam("of_target"),
    _T.c.kind == bindparam("of_kind"),
    _T.c.target_id == bindparam("object"),
    _T.c.number == bindparam("nth"),
)
_FORGET: Final = Many(delete(_T).where(*_THIS))
_POSTPONE: Final = Many(update(_T).where(*_THIS).values(due_at=bindparam("until")))
_NEXT: Final = select(func.min(_T.c.due_at)).where(_T.c.target == bindparam("of_target"))
_COUNT: Final = select(func.count()).where(_T.c.target == bindparam("of_target"))
_CONFIRMED: Final = select(changes.c.subject, changes.c.settled_at).where(
    among(changes.c.subject), changes.c.state == "done", changes.c.settled_at >= bindparam("since")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """All that was told of one object since it was last judged."""

    kind: Kind
    target_id: TargetId
    first_at: datetime
    last_at: datetime
    gone: bool = False
    unsure: bool = False
    """Some of what was told does not show what was changed, or one thing contradicts another."""
    seen: Values | None = None
    """The fields that were shown, the latest values."""
    number: int = 0

    @classmethod
    def of(cls, told: Touched) -> Touch:
        """Return what one event says."""
        return cls(
            kind=told.kind,
            target_id=told.target_id,
            first_at=told.at,
            last_at=told.at,
            gone=told.gone,
            unsure=not told.gone and told.seen is None,
            seen=told.seen,
        )

    def with_(self, other: Touch) -> Touch:
        """Return both together, in whatever order they came; it is unsure where that order might make a difference."""
        first, last = (self, other) if self.last_at <= other.last_at else (other, self)
        old, new = first.seen or {}, last.seen or {}
        shown = {**old, **new}
        disordered = first.last_at >= last.first_at and any(old[name] != new[name] for name in old.keys() & new.keys())
        return replace(
            last,
            first_at=min(self.first_at, other.first_at),
            gone=self.gone and other.gone,
            unsure=self.unsure or other.unsure or disordered or self.gone is not other.gone,
            seen=shown or None,
        )


class Touches:
    """Objects that were touched, by target."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, target: str, told: Iterable[Touched], *, at: datetime) -> int:
        """Keep what was told; return how many objects it concerns. They are due at once."""
        new: dict[tuple[Kind, TargetId], Touch] = {}
        for one in told:
            key = one.kind, one.target_id
            new[key] = new[key].with_(Touch.of(one)) if key in new else Touch.of(one)
        known = self._known(target, new)
        whole = [known[key].with_(one) if key in known else one for key, one in new.items()]
        if whole:
            given = zip(whole, numbers(self._connection, "touches", len(whole)), strict=True)
            _PUT.run(self._connection, [_fields(target, replace(one, number=n), due_at=at) for one, n in given])
        return len(whole)

    def _known(self, target: str, wanted: Iterable[tuple[Kind, TargetId]]) -> Mapping[tuple[Kind, TargetId], Touch]:
        found: dict[tuple[Kind, TargetId], Touch] = {}
        keys = list(wanted)
        for kind in {kind for kind, _ in keys}:
            ids = [target_id for other, target_id in keys if other is kind]
            rows = several(self._connection, _OF_KIND, {"of_target": target, "of_kind": kind}, ids)
            found.update(((kind, TargetId(row.target_id)), _touch(row)) for row in rows)
        return found

    def due(self, target: str, now: datetime, *, most: int) -> list[Touch]:
        """Return those that are to be judged, the longest due first."""
        fields = {"of_target": target, "now": micros(now), "most": most}
        return [_touch(row) for row in self._connection.execute(_DUE, fields)]

    def forget(self, target: str, some: Iterable[Touch]) -> None:
        """Forget what has been judged, unless more was told of it meanwhile."""
        if rows := [_this(target, one) for one in some]:
            _FORGET.run(self._connection, rows)

    def postpone(self, target: str, some: Iterable[Touch], *, until: datetime) -> None:
        """Judge these later, unless more was told of them meanwhile."""
        if rows := [{**_this(target, one), "until": micros(until)} for one in some]:
            _POSTPONE.run(self._connection, rows)

    def next_at(self, target: str) -> datetime | None:
        """Return when the first one is due; None if there is none."""
        return maybe_from_micros(self._connection.execute(_NEXT, {"of_target": target}).scalar())

    def confirmed(self, subjects: Iterable[SubjectId], *, since: datetime) -> dict[SubjectId, list[datetime]]:
        """Return when changes of ours of these subjects were confirmed, from `since` on: their events are echoes."""
        found: dict[SubjectId, list[datetime]] = {}
        for row in several(self._connection, _CONFIRMED, {"since": micros(since)}, subjects):
            found.setdefault(SubjectId(row.subject), []).append(from_micros(row.settled_at))
        return found

    def count(self, target: str) -> int:
        """Return how many there are."""
        number: int = self._connection.execute(_COUNT, {"of_target": target}).scalar_one()
        return number


def _this(target: str, one: Touch) -> Fields:
    return {"of_target": target, "of_kind": one.kind, "object": one.target_id, "nth": one.number}


def _fields(target: str, one: Touch, *, due_at: datetime) -> Fields:
    return {
        "target": target,
        "kind": one.kind,
        "target_id": one.target_id,
        "number": one.number,
        "first_at": micros(one.first_at),
        "last_at": micros(one.last_at),
        "due_at": micros(due_at),
        "gone": one.gone,
        "unsure": one.unsure,
        "seen": None if one.seen is None else codec.encode(one.seen),
    }


def _touch(row: Answer) -> Touch:
    return Touch(
        kind=Kind(row.kind),
        target_id=TargetId(row.target_id),
        first_at=from_micros(row.first_at),
        last_at=from_micros(row.last_at),
        gone=row.gone,
        unsure=row.unsure,
        seen=None if row.seen is None else codec.decode_values(row.seen),
        number=row.number,
    )
