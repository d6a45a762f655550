"""A target and a source that live in memory and keep every rule of their sockets. For tests; nothing is durable.

The target refuses what a real platform refuses (unknown references, members in a department that is to go, names taken
among siblings), counts every write by idempotency key, and can be told to fail.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any, ClassVar, Final, Self

from syncd.core.errors import Problem, message
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import (
    Change,
    Completeness,
    FieldChange,
    Kind,
    NativeId,
    Observed,
    Op,
    Page,
    ProofFact,
    SourceRecord,
    SubjectId,
    TargetId,
)
from syncd.core.outcome import Applied, Deferred, Outcome, Rejected
from syncd.core.ports import Room, Standing, Verdict
from syncd.core.values import Value, Values, digest, is_empty

REFUSED: Final = message(
    "MEM-001", what="The in-memory target refuses: {why}.", do="Correct the test.", example="A department named twice."
)
FIELDS: Final[Mapping[Kind, Mapping[str, FieldSpec]]] = {
    Kind.PERSON: {
        "userid": FieldSpec(type=FieldType.TEXT, immutable=True, unique=True, max_length=64),
        "name": FieldSpec(type=FieldType.TEXT, required=True, max_length=80),
        "mobile": FieldSpec(type=FieldType.TEXT, required=True, unique=True, signs_in=True),
        "title": FieldSpec(type=FieldType.TEXT, clearable=True, max_length=200),
        "job_number": FieldSpec(type=FieldType.TEXT, max_length=50),
        "email": FieldSpec(type=FieldType.TEXT, unique=True, clearable=True),
        "departments": FieldSpec(type=FieldType.MEMBERSHIPS, required=True),
        "manager": FieldSpec(type=FieldType.REFERENCE, clearable=True, late=True),
        "extension": FieldSpec(type=FieldType.MAPPING),
        "roles": FieldSpec(type=FieldType.REFERENCES, clearable=True, shared=True),
    },
    Kind.UNIT: {
        "name": FieldSpec(type=FieldType.TEXT, required=True, max_length=64, forbidden="-,，"),
        "parent": FieldSpec(type=FieldType.REFERENCE),
        "order": FieldSpec(type=FieldType.NUMBER),
        "hide_dept": FieldSpec(type=FieldType.FLAG),
        "managers": FieldSpec(type=FieldType.REFERENCES, clearable=True, late=True, of_members=True),
    },
    Kind.GROUP: {
        "name": FieldSpec(type=FieldType.TEXT, required=True, max_length=64),
        "role_group": FieldSpec(type=FieldType.TEXT, immutable=True),
    },
}


class MemoryTarget:
    """A tenant in memory. `objects` is its state; `writes` counts the effects of each idempotency key."""

    settings: ClassVar[type[Any]] = dict
    fields: ClassVar[Mapping[Kind, Mapping[str, FieldSpec]]] = FIELDS
    hidden: ClassVar[Values] = {"hide_dept": True}

    def __init__(self, settings: Any, room: Room) -> None:
        self.room = room
        self.objects: dict[tuple[Kind, TargetId], dict[str, Value]] = {}
        self.marks: dict[TargetId, str] = {}
        self.writes: Counter[str] = Counter()
        self.log: list[tuple[Op, str]] = []
        self.protected: set[TargetId] = set()
        self.fault: Callable[[Change], Outcome | None] = lambda _: None
        """Asked before each change: an outcome to give instead of doing it."""
        self.certified = True
        self._done: dict[str, Outcome] = {}
        self._ids = itertools.count(1001)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @property
    def root(self) -> TargetId:
        return TargetId("1")

    def normalise(self, kind: Kind, fields: Values) -> Values:
        """Trim texts; a department without a parent stands below the root."""
        return {name: value.strip() if isinstance(value, str) else value for name, value in fields.items()}

    def mark(self, subject: SubjectId) -> str:
        return f"syncd:{subject}"

    async def observe(self) -> AsyncIterator[Observed]:
        for kind, target_id in sorted(self.objects):
            yield self._show(kind, target_id)

    def observed(self) -> Completeness:
        fact = ProofFact(name="walk", holds=self.certified, detail=f"{len(self.objects)} objects")
        return Completeness(facts=(fact,))

    async def look(self, kind: Kind, target_id: TargetId) -> Observed | None:
        return self._show(kind, target_id) if (kind, target_id) in self.objects else None

    async def check(self) -> AsyncIterator[Verdict]:
        yield Verdict(name="memory", standing=Standing.OK, seen="here")

    def _show(self, kind: Kind, target_id: TargetId) -> Observed:
        held = self.objects[kind, target_id]
        return Observed(
            target_id=target_id,
            kind=kind,
            label=str(held.get("name", target_id)),
            fields=dict(held),
            mark=self.marks.get(target_id, ""),
            protected=target_id in self.protected,
        )

    async def apply(self, change: Change, *, key: str, again: bool = False) -> Outcome:
        if key in self._done:
            return self._done[key]
        if (fault := self.fault(change)) is not None:
            return fault
        outcome = self._apply(change)
        if isinstance(outcome, Applied):
            self.writes[key] += 1
            self.log.append((change.op, change.subject))
            self._done[key] = outcome
        return outcome

    def _apply(self, change: Change) -> Outcome:
        fields = {item.name: item.after for item in change.fields}
        if why := self._refusal(change, fields):
            return Rejected(problem=REFUSED.at(why=why))
        if change.op is Op.REMOVE:
            return self._remove(change)
        if change.op is Op.CREATE:
            target_id = TargetId(str(fields.get("userid") or "")) or TargetId(str(next(self._ids)))
            if change.kind is Kind.UNIT:
                self.marks[target_id] = self.mark(change.subject)
                fields.setdefault("parent", self.root)
            self.objects[change.kind, target_id] = {}
        else:
            target_id = change.target_id or TargetId("")
            if (change.kind, target_id) not in self.objects:
                return Rejected(problem=REFUSED.at(why=f"{change.label} does not exist"), gone=True)
        held = self.objects[change.kind, target_id]
        if (roles := next((item for item in change.fields if item.name == "roles"), None)) is not None:
            fields["roles"] = _given(held, roles)
        for name, value in fields.items():
            if isinstance(value, Mapping):
                old = held.get(name)
                held[name] = {**(old if isinstance(old, Mapping) else {}), **value}
            elif is_empty(value):
                held.pop(name, None)
            else:
                held[name] = value
        return Applied(target_id=target_id)

    def _remove(self, change: Change) -> Outcome:
        target_id = change.target_id or TargetId("")
        if change.kind is Kind.UNIT and any(True for _ in self._inside(target_id)):
            return Deferred(problem=REFUSED.at(why="not empty"), retry_at=self.room.now() + timedelta(seconds=1))
        self.objects.pop((change.kind, target_id), None)
        for held in self.objects.values():
            if change.kind is Kind.PERSON and held.get("manager") == target_id:
                del held["manager"]
            if change.kind is Kind.GROUP and isinstance(roles := held.get("roles"), tuple):
                held["roles"] = tuple(one for one in roles if one != target_id)
            if change.kind is Kind.PERSON and isinstance(managers := held.get("managers"), tuple):
                held["managers"] = tuple(one for one in managers if one != target_id)
        return Applied(target_id=target_id)

    def _inside(self, target_id: TargetId) -> Iterable[TargetId]:
        for (kind, inner), held in self.objects.items():
            if (kind is Kind.UNIT and held.get("parent") == target_id) or target_id in _units(held):
                yield inner

    def _refusal(self, change: Change, fields: Mapping[str, Value]) -> str:
        own = change.target_id
        for name, value in fields.items():
            spec = self.fields[change.kind][name]
            if spec.unique and not is_empty(value):
                for (kind, target_id), held in self.objects.items():
                    if kind is change.kind and held.get(name) == value and target_id != own:
                        return f"{name} is taken"
        if why := self._dangling(fields):
            return why
        if change.kind is Kind.UNIT and (why := self._misplaced(own, fields)):
            return why
        for one in fields.get("managers") or ():  # type: ignore[union-attr]
            if own not in _units(self.objects.get((Kind.PERSON, TargetId(str(one))), {})):
                return "a manager is not a member"
        return ""

    def _dangling(self, fields: Mapping[str, Value]) -> str:
        """Say which reference names nothing that is there."""
        persons = {target_id for kind, target_id in self.objects if kind is Kind.PERSON}
        units = {target_id for kind, target_id in self.objects if kind is Kind.UNIT} | {self.root}
        for unit in _units(fields):
            if unit not in units:
                return f"there is no department {unit}"
        if (manager := fields.get("manager")) and manager not in persons:
            return f"there is no manager {manager}"
        if (parent := fields.get("parent")) and parent not in units:
            return f"there is no department {parent}"
        for role in _listed(fields.get("roles")):
            if (Kind.GROUP, role) not in self.objects:
                return f"there is no role {role}"
        return ""

    def _misplaced(self, own: TargetId | None, fields: Mapping[str, Value]) -> str:
        """Say why a department cannot have its name or its place."""
        held = {target_id: unit for (kind, target_id), unit in self.objects.items() if kind is Kind.UNIT}
        now = {**held.get(own, {}), **fields} if own else fields
        parent = now.get("parent") or self.root
        for target_id, other in held.items():
            if target_id != own and (other.get("name"), other.get("parent")) == (now.get("name"), parent):
                return "a sibling has the name"
        above: Value = parent
        while above is not None and above != own:
            above = held.get(TargetId(str(above)), {}).get("parent")
        return "" if above is None else "a department cannot stand below itself"


def _given(held: Mapping[str, Value], roles: FieldChange) -> Value:
    """Return the roles that somebody has after a change: what it does not name stays."""
    before, after = _listed(roles.before), _listed(roles.after)
    kept = [role for role in _listed(held.get("roles")) if role not in before]
    return tuple(sorted({*kept, *after}))


def _listed(value: Value) -> tuple[TargetId, ...]:
    return tuple(TargetId(str(one)) for one in value) if isinstance(value, tuple | list) else ()


def _units(fields: Mapping[str, Value]) -> tuple[str, ...]:
    entries = fields.get("departments")
    return tuple(str(entry["unit"]) for entry in entries) if isinstance(entries, tuple | list) else ()


class MemorySource:
    """A source whose records are set by the test: `records[kind, id] = {…}`.

    With `tells` it answers a cursor with what changed since, knows records by their fingerprints, and names who is gone; else it
    reads everything each time. What changes between two pages of a read may be seen or not; the next delta tells it.
    """

    settings: ClassVar[type[Any]] = dict
    attributes: ClassVar[Mapping[Kind, Mapping[str, str]] | None] = None

    def __init__(self, settings: Any, room: Room) -> None:
        self.room = room
        self.records: dict[tuple[Kind, str], dict[str, Value]] = {}
        self.tells = False
        """Whether it can say what changed."""
        self.doubt = ""
        """A reason why the next reads are not proven complete."""
        self.error: Exception | None = None
        self.meanwhile: Callable[[], None] = lambda: None
        """Called between the two pages of a read."""
        self._log: list[tuple[Kind, str]] = []
        """Who changed, came or went, in order; a cursor is a place in it."""
        self._noticed: dict[tuple[Kind, str], dict[str, Value]] = {}
        self._memory = itertools.count(1)
        self._life = next(self._memory)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def forget(self) -> None:
        """Lose the log: every cursor that was given is worth nothing any more."""
        self._life = next(self._memory)
        self._log.clear()

    async def read(
        self,
        cursor: str | None,
        *,
        full: bool = False,
        known: Known = NOTHING_KNOWN,
    ) -> AsyncIterator[Page]:
        # The place is taken before anything is read: what changes while it is read is told the next time.
        told, place = self._since(cursor), self._place()
        full = full or told is None
        keys = sorted(self.records) if told is None or full else sorted(set(told))
        half = len(keys) // 2
        yield self._page(keys[:half], full=full, known=known)
        if self.error is not None:
            raise self.error
        self.meanwhile()
        fact = ProofFact(name="memory", holds=not self.doubt, detail=self.doubt or "all of it")
        last = self._page(keys[half:], full=full, known=known)
        yield replace(last, cursor=place, completeness=Completeness(facts=(fact,)))

    async def check(self) -> AsyncIterator[Verdict]:
        problem = getattr(self.error, "problem", None)
        standing = Standing.OK if self.error is None else Standing.FAILED
        yield Verdict(name="memory", standing=standing, seen="here", problem=problem)

    def _place(self) -> str:
        return f"{self._life} {len(self._log)}" if self.tells else "1"

    def _since(self, cursor: str | None) -> Sequence[tuple[Kind, str]] | None:
        """Return who changed since a cursor was given; None where only a full read can tell."""
        if not self.tells:
            return None
        now = {key: dict(fields) for key, fields in self.records.items()}
        self._log += sorted(key for key in now.keys() | self._noticed.keys() if now.get(key) != self._noticed.get(key))
        self._noticed = now
        life, _, place = (cursor or "").partition(" ")
        return self._log[int(place) :] if place and life == str(self._life) else None

    def _page(self, keys: Sequence[tuple[Kind, str]], *, full: bool, known: Known) -> Page:
        """Return those who are there as they are now, and in a delta those who are gone."""
        there = [
            _record(kind, native_id, self.records[kind, native_id])
            for kind, native_id in keys
            if (kind, native_id) in self.records
        ]
        if not self.tells:
            return Page(records=tuple(replace(one, fingerprint=b"") for one in there))
        new = tuple(one for one in there if not known.seen(one.fingerprint))
        gone = tuple(NativeId(native_id) for kind, native_id in keys if (kind, native_id) not in self.records)
        return Page(records=new, unchanged=len(there) - len(new), deletions=() if full else gone, full=full)


def _record(kind: Kind, native_id: str, fields: Mapping[str, Value]) -> SourceRecord:
    sum_ = digest({"kind": str(kind), "id": native_id, "fields": dict(fields)})
    return SourceRecord(
        native_id=NativeId(native_id), kind=kind, digest=digest(dict(fields)), attributes=dict(fields), fingerprint=sum_
    )


def refusal(why: str) -> Problem:
    """Return the problem that the in-memory target tells."""
    return REFUSED.at(why=why)
