"""The DingTalk target on a sandbox of its own, and what its tests do with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from syncd.config.secrets import Secret
from syncd.core.model import Change, Effect, FieldChange, Kind, Lane, Observed, Op, SubjectId, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd_dingtalk import DingTalk
from syncd_dingtalk.sandbox import SandboxServer
from syncd_dingtalk.sandbox.faults import Fault
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.settings import DingTalkSettings, SandboxEntry

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Company:
    """A target on its own sandbox, and what tests do with it."""

    target: DingTalk
    run: Callable[[Coroutine[Any, Any, Any]], Any]

    @property
    def tenant(self) -> Tenant:
        assert self.target.sandbox is not None
        return self.target.sandbox.tenant

    def set(self, **settings: object) -> None:
        """Change the sandbox's settings."""
        self.tenant.settings = replace(self.tenant.settings, **settings)  # type: ignore[arg-type]
        self.tenant.follow_lag()

    def fail(self, *faults: Fault) -> None:
        """Put faults into force."""
        assert self.target.sandbox is not None
        self.target.sandbox.sandbox.gateway.faults.set(faults)

    def calls(self, interface: str) -> int:
        """Return how often an interface took effect."""
        assert self.target.sandbox is not None
        return sum(record.applied for record in self.target.sandbox.sandbox.gateway.calls.since(0, interface))

    def apply(self, change: Change, *, again: bool = False) -> Outcome:
        outcome: Outcome = self.run(self.target.apply(change, key="k", again=again))
        return outcome

    def settle(self, change: Change) -> Outcome:
        """Apply as the engine does: once more while the outcome asks for it, reading back first where it must."""
        outcome = self.apply(change)
        for _ in range(3):
            if not isinstance(outcome, Deferred):
                break
            outcome = self.apply(change, again=outcome.read_back)
        return outcome

    def everything(self) -> list[Observed]:
        async def walk() -> list[Observed]:
            return [seen async for seen in self.target.observe()]

        found: list[Observed] = self.run(walk())
        return found

    def unit(self, number: int = 1, parent: TargetId | None = None) -> TargetId:
        outcome = self.apply(unit(number, parent))
        assert isinstance(outcome, Applied), outcome
        return outcome.target_id

    def person(self, number: int, *units: TargetId) -> TargetId:
        outcome = self.apply(person(number, *units))
        assert isinstance(outcome, Applied), outcome
        return outcome.target_id


def change(op: Op, kind: Kind, subject: str, target_id: TargetId | None = None, /, **fields: Value) -> Change:
    return Change(
        op=op,
        subject=SubjectId(subject),
        kind=kind,
        label=f"Label of {subject}",
        reason="test",
        effects=(Effect.UPDATE,),
        lane=Lane.REST,
        rank=0,
        target_id=target_id,
        fields=tuple(FieldChange(name=name, before=None, after=value) for name, value in fields.items()),
    )


def picture(company: Company) -> list[tuple[object, ...]]:
    """Return everything that can be compared between two tenants: ids and what comes from them differ."""
    seen = company.everything()
    names = {each.target_id: each.label for each in seen} | {"1": "root"}
    return sorted(
        (
            each.kind,
            each.label,
            each.mark,
            *(f"{name}={each.fields.get(name)}" for name in ("userid", "mobile", "title", "remark", "brief", "code")),
            names.get(str(each.fields.get("parent")), ""),
            *(names[str(place["unit"])] for place in each.fields.get("departments") or ()),  # type: ignore
        )
        for each in seen
    )


def unit(number: int, parent: TargetId | None = None) -> Change:
    fields: dict[str, Value] = {"name": f"Unit {number}", "parent": parent or "1", "code": f"C{number}"}
    return change(Op.CREATE, Kind.UNIT, f"unit:{number}", **fields)


def person(number: int, *units: TargetId) -> Change:
    departments = tuple({"unit": each} for each in units)
    fields: dict[str, Value] = {
        "userid": f"example-{number}",
        "name": f"Example {number}",
        "mobile": f"1380000{number:04}",
        "departments": departments,
        "title": "Buyer",
    }
    return change(Op.CREATE, Kind.PERSON, f"person:{number}", **fields)


def connected(server: SandboxServer, room: Room, **settings: Any) -> DingTalk:
    """Return a target that calls a sandbox over HTTP, without limits unless `settings` say some."""
    with_ids = {
        "app_key": server.settings.app_key,
        "app_secret": Secret.literal(server.settings.app_secret),
        "base_url": server.url,
        "new_base_url": server.url,
        "qps": None,
        "address_calls": None,
    }
    return DingTalk(DingTalkSettings(**{**with_ids, **settings}), room)


Open = Callable[..., Company]


@contextmanager
def companies(wanted: Mapping[Kind, frozenset[str]] | None = None) -> Iterator[Open]:
    """A way to open companies with settings of one's own; all of them are closed in the end. `wanted` is what rules fill."""
    with asyncio.Runner() as runner:
        targets: list[DingTalk] = []

        def opening(**settings: Any) -> Company:
            chosen = {"sandbox": SandboxEntry(qps=None), "timeout": 0.5, **settings}
            room = Room(name="dingtalk", now=lambda: NOW, base=Path(), wanted=wanted)
            target = DingTalk(DingTalkSettings(**chosen), room)
            runner.run(target.__aenter__())
            targets.append(target)
            return Company(target=target, run=runner.run)

        try:
            yield opening
        finally:
            for target in targets:
                runner.run(target.__aexit__(None, None, None))
