"""A small company with a hidden department and partners; DingTalk's sandbox is its target, the shipped rules are its rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from servers.dingtalk import connected
from support.small_world import HR, INBOUND, SmallWorld
from syncd.core.correlation import JoinRules
from syncd.core.model import Kind
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd.engine.world import GuardTerms, Seat
from syncd.mapping import load_inbound, load_outbound
from syncd_dingtalk import DingTalk
from syncd_dingtalk.fields import FIELDS
from syncd_dingtalk.sandbox import SandboxServer
from syncd_dingtalk.sandbox.records import Department

SHIPPED = Path(__file__).parents[2] / "mappings" / "dingtalk.yaml"
_PERSON = "    outsider: {from: kind, via: [{one_of: [partner, contractor]}]}\n"
_UNIT = """\
    hidden: {from: hidden, via: [to_flag]}
    visibleToUnits: {from: seen_by_units, via: [{split: ","}], by: id, on_null: clear}
    visibleToPersons: {from: seen_by, via: [{split: ","}], by: employeeNumber, on_null: clear}
    outer: {from: outer, via: [to_flag]}
    seesOwnUnit: {from: sees_own, via: [to_flag]}
    seesUnits: {from: sees_units, via: [{split: ","}], by: id, on_null: clear}
    seesPersons: {from: sees, via: [{split: ","}], by: employeeNumber, on_null: clear}
"""


class OuterWorld(SmallWorld):
    """`kind` of a person says who is an outsider; `unit` takes what the unit's record says of rights."""

    def __init__(self, folder: Path, server: SandboxServer) -> None:
        super().__init__(folder)
        self.server = server
        text = INBOUND.replace("unit:\n  fields:\n", f"unit:\n  fields:\n{_UNIT}").replace(
            "  fields:\n    employeeNumber", f"  fields:\n{_PERSON}    employeeNumber"
        )
        (folder / "in.yaml").write_text(text)
        inbound = load_inbound(folder / "in.yaml", source=HR, attributes=None, now=self.now)
        self.world = replace(
            self.world,
            seats={HR: Seat(name=HR, make=lambda: self.source, rules=inbound)},
            join=JoinRules(sources=(HR,), refers={HR: inbound.refers}),
            outbound=load_outbound(SHIPPED, fields=FIELDS, now=self.now),
            target_name="dingtalk",
            make_target=self.dingtalk,
            guard=GuardTerms(plan_only_first=False, limits=replace(self.world.guard.limits, by_effect={})),
        )

    def now(self) -> datetime:
        return datetime.now(UTC)

    def dingtalk(self) -> DingTalk:
        wanted = {kind: frozenset(self.world.outbound.fills(kind)) for kind in Kind}
        room = Room(name="dingtalk", now=self.now, base=self.folder, wanted=wanted)
        return connected(self.server, room)

    def says(self, key: str, **facts: Value) -> None:
        """Let the record of a unit say something of rights; None takes it away."""
        held = {**self.source.records[Kind.UNIT, key], **facts}
        self.source.records[Kind.UNIT, key] = {name: value for name, value in held.items() if value is not None}

    def department(self, name: str) -> Department:
        (found,) = [one for one in self.server.tenant.live.departments.values() if one.name == name]
        return found

    def places(self, userid: str) -> set[str]:
        """Return the names of the departments in which somebody stands; nobody's are none."""
        live = self.server.tenant.live
        user = live.users.get(userid)
        return set() if user is None else {live.departments[place.dept_id].name for place in user.memberships}
