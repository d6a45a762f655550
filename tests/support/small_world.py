"""A small world for engine tests: source and target in memory, a real SQLite file, real rules, a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from syncd.audit.entries import Actor
from syncd.audit.log import AuditLog
from syncd.core.correlation import JoinRules
from syncd.core.model import Kind, SourceName
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd.engine.cycle import Cycle, Order, cycle
from syncd.engine.world import GuardTerms, LeaverTerms, Seat, World, WriterTerms
from syncd.mapping import load_inbound, load_outbound
from syncd.store import Store
from syncd.testing.memory import FIELDS, MemorySource, MemoryTarget

T = TypeVar("T")
HR = SourceName("hr")

INBOUND = """\
version: 1
rules: inbound
person:
  required: [displayName]
  exclude:
    - {when: "kind == 'service'", reason: service account}
  fields:
    employeeNumber: id
    displayName: name
    title: {from: title, on_null: clear}
    emails.work: mail
    phoneNumbers.mobile: mobile
    manager: {from: manager, by: employeeNumber, on_null: clear}
    active: {expr: "state != 'left'"}
    endDate: last
    units: {from: unit, via: [{split: ","}]}
unit:
  fields:
    displayName: name
    parent: parent
    managers: {from: leader, by: employeeNumber}
group:
  as: unit
  fields:
    displayName: name
    parent: parent
    members: members
"""
OUTBOUND = """\
version: 1
rules: outbound
person:
  adopt: [userid, mobile]
  fields:
    userid: employeeNumber
    name: displayName
    mobile: phoneNumbers.mobile
    title: {from: title, on_null: clear}
    job_number: employeeNumber
    email: emails.work
    departments: {memberships: units}
    manager: {from: manager, on_null: clear}
unit:
  adopt: [mark, name]
  fields:
    name: displayName
    parent: parent
    managers: managers
"""


class SmallWorld:
    """One company: `source.records` is its HR system, `target` its tenant."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.time = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
        self.folder = folder
        (folder / "in.yaml").write_text(INBOUND)
        (folder / "out.yaml").write_text(OUTBOUND)
        room = Room(name="memory", now=self.now, base=folder)
        self.source = MemorySource({}, room)
        self.target = MemoryTarget({}, room)
        self.store = Store.open(f"sqlite:///{folder / 'syncd.db'}", now=self.now)
        inbound = load_inbound(folder / "in.yaml", source=HR, attributes=None, now=self.now)
        self.world = World(
            store=self.store,
            audit=AuditLog(self.store.audit, actor=Actor.here("test")),
            seats={HR: Seat(name=HR, make=lambda: self.source, rules=inbound)},
            target_name="memory",
            make_target=lambda: self.target,
            outbound=load_outbound(folder / "out.yaml", fields=FIELDS, now=self.now),
            join=JoinRules(sources=(HR,), refers={HR: inbound.refers}),
            now=self.now,
            config_digest=b"config",
            leavers=LeaverTerms(),
            guard=GuardTerms(plan_only_first=False),
            writer=WriterTerms(patience=timedelta(seconds=1)),
        )
        if changes:
            self.world = replace(self.world, **changes)

    def now(self) -> datetime:
        return self.time

    def unit(self, key: str, parent: str | None = None, leader: str | None = None, name: str = "") -> None:
        fields: dict[str, Value] = {"name": name or f"Unit {key}"}
        fields |= {name: value for name, value in (("parent", parent), ("leader", leader)) if value}
        self.source.records[Kind.UNIT, key] = fields

    def group(self, key: str, *members: str, parent: str | None = None) -> None:
        """A group that the rules make a department."""
        fields: dict[str, Value] = {"name": f"Group {key}", "members": members}
        self.source.records[Kind.GROUP, key] = fields | ({"parent": parent} if parent else {})

    def person(self, key: str, *units: str, **fields: Value) -> None:
        held: dict[str, Value] = {
            "id": f"e{key}",
            "name": f"Example {key}",
            "mobile": f"138{int(key):08}",
            "kind": "staff",
            "state": "here",
            "unit": ",".join(units),
        }
        self.source.records[Kind.PERSON, key] = {**held, **fields}

    def edit(self, key: str, **fields: Value) -> None:
        held = {**self.source.records[Kind.PERSON, key], **fields}
        self.source.records[Kind.PERSON, key] = {name: value for name, value in held.items() if value is not None}

    def leave(self, key: str) -> None:
        del self.source.records[Kind.PERSON, key]

    def company(self, people: int = 5) -> None:
        """Two units, one below the other, and people of whom the first leads all."""
        self.unit("top", leader="e1")
        self.unit("team", "top")
        self.person("1", "top")
        for number in range(2, people + 1):
            self.person(str(number), "team", manager="e1")

    def sync(self, **options: Any) -> Cycle:
        return run(cycle(self.world, Order(**options)))

    def reopen(self) -> None:
        """Open the database again, as a process that has just started does."""
        self.store = Store.open(f"sqlite:///{self.folder / 'syncd.db'}", now=self.now)
        audit = AuditLog(self.store.audit, actor=Actor.here("test"))
        self.world = replace(self.world, store=self.store, audit=audit)

    def tenant(self) -> dict[str, dict[str, Value]]:
        """Return the tenant by name, references as names, so that two tenants can be compared."""
        names = {target_id: str(held["name"]) for (_, target_id), held in self.target.objects.items()} | {"1": "root"}

        def told(value: Value) -> Value:
            if isinstance(value, str):
                return names.get(value, value)
            if isinstance(value, dict):
                return {key: told(item) for key, item in value.items()}
            if isinstance(value, tuple | list):
                return tuple(told(item) for item in value)
            return value

        # A department's id and the root's are both short numbers, and so is an employee's: translate references only.
        chosen = {"departments", "manager", "managers", "parent"}
        return {
            f"{kind}:{held['name']}": {name: told(value) if name in chosen else value for name, value in held.items()}
            for (kind, _), held in sorted(self.target.objects.items(), key=lambda item: str(item[1]["name"]))
        }


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)
