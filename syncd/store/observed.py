"""What the target held when last seen. Never asks the target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from typing import Final, TypeAlias

from sqlalchemy import Connection, and_, bindparam, delete, func, select, text

from syncd.core.model import Kind, LinkState, Observed, TargetId
from syncd.core.values import instant, moment
from syncd.store import codec, tables
from syncd.store.columns import folded, from_micros, micros
from syncd.store.meta import Meta
from syncd.store.rows import ObservedRow
from syncd.store.statements import Answer, Fields, Put, Upsert, among, portions, several, stream

_T: Final = tables.observed
_L: Final = tables.links
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

_KEYS: Final = tables.observed_keys
_PUT_KEYS: Final = Put(_KEYS)
_FORGET_KEYS: Final = delete(_KEYS).where(_KEYS.c.target == bindparam("of_target"))
_FORGET_SOME: Final = delete(_KEYS).where(
    _KEYS.c.target == bindparam("of_target"), _KEYS.c.kind == bindparam("of_kind"), among(_KEYS.c.target_id)
)
_HOLDERS: Final = (
    select(_KEYS.c.value.label("held"), _T)
    .join(_T, and_(_T.c.target == _KEYS.c.target, _T.c.kind == _KEYS.c.kind, _T.c.target_id == _KEYS.c.target_id))
    .where(
        _KEYS.c.target == bindparam("of_target"),
        _KEYS.c.kind == bindparam("of_kind"),
        _KEYS.c.field == bindparam("of_field"),
        among(_KEYS.c.value),
    )
    .order_by(_T.c.target_id)
)
_MANY: Final = 100
_ANY_HELD: Final = (
    select(_KEYS.c.target_id)
    .where(
        _KEYS.c.target == bindparam("of_target"),
        _KEYS.c.kind == bindparam("of_kind"),
        _KEYS.c.field == bindparam("of_field"),
    )
    .limit(1)
)
# The words of the partial index `links_one_subject`, so that it is used.
_HELD: Final = and_(_L.c.target == _T.c.target, _L.c.kind == _T.c.kind, _L.c.target_id == _T.c.target_id)
_NOT_REMOVED: Final = text("links.state <> 'removed'")
_HEADCOUNT: Final = (
    select(_KEYS.c.value, func.count())
    .join(_L, and_(_L.c.target == _KEYS.c.target, _L.c.kind == _KEYS.c.kind, _L.c.target_id == _KEYS.c.target_id))
    .where(
        _KEYS.c.target == bindparam("of_target"),
        _KEYS.c.kind.in_(list(Kind)),  # named, because the index goes by kind before it goes by field
        _KEYS.c.field == bindparam("of_field"),
        among(_KEYS.c.value),
        _NOT_REMOVED,
        _L.c.state == LinkState.LINKED,
    )
    .group_by(_KEYS.c.value)
)
_UNLINKED: Final = _OF_KIND.where(~select(_L.c.subject).where(_HELD, _NOT_REMOVED).correlate(_T).exists())
_UNMANAGED: Final = (
    select(func.count())
    .select_from(_T)
    .where(_T.c.target == bindparam("of_target"))
    .where(~select(_L.c.subject).where(_HELD, _NOT_REMOVED).correlate(_T).exists())
)

Keys: TypeAlias = Callable[[Observed], Iterable[tuple[str, str]]]
"""By what an object is found: (field, value) pairs. Values are compared without case and outer blanks; empty ones find nobody."""


def no_keys(_: Observed) -> Iterable[tuple[str, str]]:
    """Let an object be found by its id alone."""
    return ()


class Observations:
    """Observed objects, by target. Whoever notes an object says by what it is found: without `keys`, by nothing any more."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._meta = Meta(connection)

    def replace_all(self, target: str, rows: Iterable[Observed], *, at: datetime, keys: Keys = no_keys) -> int:
        """Replace the whole picture in one pass, each object once, and note the time; returns the number of objects."""
        this_pass, seen = self._last_pass(target) + 1, 0
        self._connection.execute(_FORGET_KEYS, {"of_target": target})
        for portion in portions(rows):
            self._put(target, portion, at=at, this_pass=this_pass)
            self._put_keys(target, portion, keys)
            seen += len(portion)
        self._connection.execute(_NOT_SEEN, {"of_target": target, "this_pass": this_pass})
        self.set_last_full(target, at)
        return seen

    def put(self, target: str, row: Observed, *, at: datetime, keys: Keys = no_keys) -> None:
        """Note one object."""
        self.put_many(target, [row], at=at, keys=keys)

    def put_many(self, target: str, rows: Iterable[Observed], *, at: datetime, keys: Keys = no_keys) -> None:
        """Note many."""
        for portion in portions(rows):
            # A pass that is not the current one is enough: only `replace_all` compares, and it begins a new one.
            self._put(target, portion, at=at, this_pass=0)
            self._forget_keys(target, portion)
            self._put_keys(target, portion, keys)

    def drop(self, target: str, kind: Kind, target_id: TargetId) -> None:
        """Note that an object is gone."""
        self._connection.execute(_FORGET_SOME, {"of_target": target, "of_kind": kind, "ids": [target_id]})
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

    def holders(self, target: str, kind: Kind, field: str, values: Collection[str]) -> dict[str, list[Observed]]:
        """Return the objects that are found by each of these values, by id; values that find nobody are left out."""
        words = {value: folded(value) for value in values}
        fields = {"of_target": target, "of_kind": kind, "of_field": field}
        found: dict[str, list[Observed]] = defaultdict(list)
        if len(words) > _MANY and self._connection.execute(_ANY_HELD, fields).first() is None:
            return {}  # of an empty target nobody holds anything
        for row in several(self._connection, _HOLDERS, fields, words.values()):
            found[row.held].append(observed(row))
        return {value: found[word] for value, word in words.items() if word in found}

    def headcount(self, target: str, field: str, values: Collection[str]) -> dict[str, int]:
        """Count by value the objects that are found by it and linked (not pending, not offboarded); without zeros."""
        words = {value: folded(value) for value in values}
        rows = several(self._connection, _HEADCOUNT, {"of_target": target, "of_field": field}, words.values())
        counts = {row[0]: row[1] for row in rows}
        return {value: counts[word] for value, word in words.items() if word in counts}

    def unlinked(self, target: str, kind: Kind) -> list[Observed]:
        """Return the objects that no link holds, by id; removed links hold nothing."""
        rows = stream(self._connection, _UNLINKED, {"of_target": target, "of_kind": kind})
        return [observed(row) for row in rows]

    def unmanaged(self, target: str) -> int:
        """Count the objects that no link holds."""
        count: int = self._connection.execute(_UNMANAGED, {"of_target": target}).scalar_one()
        return count

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

    def _put_keys(self, target: str, rows: list[Observed], keys: Keys) -> None:
        found = {
            (target, str(row.kind), field, word, row.target_id)
            for row in rows
            for field, value in keys(row)
            if (word := folded(value))
        }
        # In the order of the table, which is the order in which they are cheapest to put.
        for portion in portions(sorted(found)):
            _PUT_KEYS.run(self._connection, portion)

    def _forget_keys(self, target: str, rows: list[Observed]) -> None:
        for kind in {row.kind for row in rows}:
            ids = [row.target_id for row in rows if row.kind is kind]
            self._connection.execute(_FORGET_SOME, {"of_target": target, "of_kind": kind, "ids": ids})


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


def observed(row: Answer) -> Observed:
    """Return what `_fields` wrote, of any row that has these columns."""
    return Observed(
        target_id=TargetId(row.target_id),
        kind=Kind(row.kind),
        label=row.label,
        fields=codec.decode_values(row.fields),
        mark=row.mark,
        protected=row.protected,
        unreadable=frozenset(codec.decode_texts(row.unreadable)),
    )


def _observed(row: Answer) -> ObservedRow:
    return ObservedRow(observed=observed(row), at=from_micros(row.at))
