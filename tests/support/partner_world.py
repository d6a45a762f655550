"""The company of `outer_world`, whose partners are external contacts in DingTalk's sandbox unless they are contractors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.outer_world import SHIPPED, OuterWorld
from syncd.core.model import Kind
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd.engine.world import LeaverTerms
from syncd.mapping import load_outbound
from syncd_dingtalk import DingTalk
from syncd_dingtalk.fields import FIELDS
from syncd_dingtalk.sandbox import SandboxServer
from syncd_dingtalk.sandbox.records import Contact

CONTACT = """
contact:
  adopt: [mobile]
  exclude:
    - {when: "userType == 'contractor'", reason: contractors have accounts}
  fields:
    name: displayName
    mobile: phoneNumbers.mobile
    labels: {value: [Partner]}
    follower: manager
    company: {from: organization, on_null: clear}
    title: {from: title, on_null: clear}
    remark: remark
    share_depts: {from: visibleToUnits, on_null: clear}
    share_users: {from: visibleToPersons, on_null: clear}
"""
_FIELDS = """\
    userType: kind
    organization: {from: firm, on_null: clear}
    remark: remark
    visibleToUnits: {from: seen_by_units, via: [{split: ","}], by: id, on_null: clear}
    visibleToPersons: {from: seen_by, via: [{split: ","}], by: employeeNumber, on_null: clear}
"""


class PartnerWorld(OuterWorld):
    """Who has no `manager` is followed by nobody, and so stands aside."""

    def __init__(self, folder: Path, server: SandboxServer, *, contact: str = CONTACT) -> None:
        super().__init__(folder, server)
        inbound = (
            (folder / "in.yaml").read_text().replace("  fields:\n    outsider", f"  fields:\n{_FIELDS}    outsider")
        )
        (folder / "in.yaml").write_text(inbound)
        self._load_inbound()
        (folder / "out.yaml").write_text(SHIPPED.read_text() + contact)
        outbound = load_outbound(folder / "out.yaml", fields=FIELDS, now=self.now)
        self.world = replace(self.world, outbound=outbound, leavers=LeaverTerms(hold=False))

    def _load_inbound(self) -> None:
        from support.small_world import HR
        from syncd.core.correlation import JoinRules
        from syncd.engine.world import Seat
        from syncd.mapping import load_inbound

        rules = load_inbound(self.folder / "in.yaml", source=HR, attributes=None, now=self.now)
        self.world = replace(
            self.world,
            seats={HR: Seat(name=HR, make=lambda: self.source, rules=rules)},
            join=JoinRules(sources=(HR,), refers={HR: rules.refers}),
        )

    def dingtalk(self) -> DingTalk:
        settings = super().dingtalk()._settings
        wanted = {kind: frozenset(self.world.outbound.fills(kind)) for kind in Kind}
        return DingTalk(settings, Room(name="dingtalk", now=self.now, base=self.folder, wanted=wanted))

    def partner(self, key: str, manager: str = "e1", **fields: Value) -> None:
        self.person(key, kind="partner", manager=manager, firm="Example Partners Ltd", **fields)

    def contacts(self) -> dict[str, Contact]:
        return {one.name: one for one in self.server.tenant.contacts.values()}

    def accounts(self) -> set[str]:
        return {one.name for one in self.server.tenant.live.users.values() if one.name.startswith("Example")}
