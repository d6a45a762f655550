"""What the target held when last seen. Never asks the target."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select

from syncd.core.model import Kind, Observed, TargetId
from syncd.core.values import instant, moment
from syncd.store import codec, tables
from syncd.store.columns import from_micros, micros
from syncd.store.meta import Meta
from syncd.store.rows import ObservedRow
from syncd.store.statements import Answer, Fields, Upsert, portions, stream

_T: Final = tables.observed
_PASS: Final = _T.c["pass"]
_PUT: Final = Upsert(_T, key=["target", "kind", "target_id"])
_ALL: Final = select(_T).where(_T.c.target == bindparam("of_target")).order_by(_T.c.kind, _T.c.target_id)
_OF_KIND: Final = _ALL.where(_T.c.kind == bindparam("of_kind"))
_ONE: Final = _OF_KIND.where(_T.c.target_id == bindparam("object"))
_SOME: Final = _OF_KIND.where(_T.c.target_id.in_(bindparam("objects", expanding=True)))
_LAST_PASS: Final = select(func.coalesce(func.max(_PASS), 0)).where(_T.c.target == bindparam("of_target"))
_NOT_SEEN: Final = delete(_T).where(_T.c.target == bindparam("of_target"), bindparam("this_pass") > _PASS)
_DROP: Final = delete(_T).where(
    _T.c.target == bindparam("of_target"), _T.c.kind == bindparam("of_kind"), _T.c.target_id == bindparam("object")
)


class Observations:
    """Observed objects, by target."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._meta = Meta(connection)

    def replace_all(self, target: str, rows: Iterable[Observed], *, at: datetime) -> int:
        """Replace the whole picture in one pass and note the time; returns the number of objects."""
        this_pass, seen = self._last_pass(target) + 1, 0
        for portion in portions(rows):
            self._put(target, portion, at=at, this_pass=this_pass)
            seen += len(portion)
        self._connection.execute(_NOT_SEEN, {"of_target": target, "this_pass": this_pass})
        self.set_last_full(target, at)
        return seen

    def put(self, target: str, row: Observed, *, at: datetime) -> None:
        """Note one object."""
        self.put_many(target, [row], at=at)

    def put_many(self, target: str, rows: Iterable[Observed], *, at: datetime) -> None:
        """Note many."""
        for portion in portions(rows):
            # A pass that is not the current one is enough: only `replace_all` compares, and it begins a new one.
            self._put(target, portion, at=at, this_pass=0)

    def drop(self, target: str, kind: Kind, target_id: TargetId) -> None:
        """Note that an object is gone."""
        self._connection.execute(_DROP, {"of_target": target, "of_kind": kind, "object": target_id})

    def iterate(self, target: str, kind: Kind | None = None) -> Iterator[ObservedRow]:
        """Stream, by kind and id."""
        fields: Fields = {"of_target": target, "of_kind": kind} if kind else {"of_target": target}
        return map(_observed, stream(self._connection, _OF_KIND if kind else _ALL, fields))

    def get(self, target: str, kind: Kind, target_id: TargetId) -> ObservedRow | None:
        """Return one."""
        fields = {"of_target": target, "of_kind": kind, "object": target_id}
        row = self._connection.execute(_ONE, fields).first()
        return None if row is None else _observed(row)

    def get_many(self, target: str, kind: Kind, ids: Collection[TargetId]) -> dict[TargetId, Observed]:
        """Return those of these objects that are known."""
        found: dict[TargetId, Observed] = {}
        for portion in portions(ids):
            fields = {"of_target": target, "of_kind": kind, "objects": portion}
            seen = (_observed(row).observed for row in self._connection.execute(_SOME, fields))
            found.update((one.target_id, one) for one in seen)
        return found

    def last_full_at(self, target: str) -> datetime | None:
        """Return when the whole picture was last taken."""
        stored = self._meta.get(_key(target))
        return None if stored is None else moment(stored)

    def set_last_full(self, target: str, at: datetime | None) -> None:
        """Set it; None asks for a new picture."""
        if at is None:
            self._meta.drop(_key(target))
        else:
            self._meta.set(_key(target), instant(at))

    def _last_pass(self, target: str) -> int:
        last: int = self._connection.execute(_LAST_PASS, {"of_target": target}).scalar_one()
        return last

    def _put(self, target: str, rows: list[Observed], *, at: datetime, this_pass: int) -> None:
        stamp = micros(at)
        _PUT.run(self._connection, [_fields(target, row, at=stamp, this_pass=this_pass) for row in rows])


def _key(target: str) -> str:
    return f"observed.last_full:{target}"


def _fields(target: str, row: Observed, *, at: int, this_pass: int) -> Fields:
    return {
        "target": target,
        "kind": row.kind,
        "target_id": row.target_id,
        "at": at,
        "pass": this_pass,
        "protected": row.protected,
        "mark": row.mark,
        "label": row.label,
        "fields": codec.encode(row.fields),
        "unreadable": codec.encode(sorted(row.unreadable)),
    }


def _observed(row: Answer) -> ObservedRow:
    observed = Observed(
        target_id=TargetId(row.target_id),
        kind=Kind(row.kind),
        label=row.label,
        fields=codec.decode_values(row.fields),
        mark=row.mark,
        protected=row.protected,
        unreadable=frozenset(codec.decode_texts(row.unreadable)),
    )
    return ObservedRow(observed=observed, at=from_micros(row.at))
