"""A small world whose groups become roles, and whose rules give one role by title."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from support.small_world import HR, INBOUND, OUTBOUND, SmallWorld
from syncd.core.correlation import JoinRules
from syncd.core.model import Kind
from syncd.core.values import Value
from syncd.engine.world import Seat
from syncd.mapping import load_inbound, load_outbound
from syncd.testing.memory import FIELDS

_GROUPS = """\
  as: unit
  fields:
    displayName: name
    parent: parent
    members: members
"""
_AS_GROUPS = """\
  required: [displayName]
  fields:
    displayName: name
    remark: note
    members: members
"""
ROLES_IN = INBOUND.replace(_GROUPS, _AS_GROUPS).replace(
    "    endDate: last\n", "    endDate: last\n    groups: groups\n"
)
ROLES_OUT = (
    OUTBOUND.replace("    departments:", "    roles: groups\n    departments:")
    + """\
group:
  adopt: [name]
  exclude:
    - {when: "remark == 'no role'", reason: not for DingTalk}
  fields:
    name: displayName
    role_group: {value: Directory}
roles:
  leads: {name: Leads, group: Rules, when: "title == 'Lead'"}
"""
)


class RoleWorld(SmallWorld):
    """`group` is a group of the source, and may hold people and groups."""

    def __init__(self, folder: Path, *, inbound: str = ROLES_IN, outbound: str = ROLES_OUT, **changes: Any) -> None:
        super().__init__(folder, **changes)
        self.rules(inbound, outbound)

    def rules(self, inbound: str = ROLES_IN, outbound: str = ROLES_OUT) -> None:
        """Let other rules be active."""
        (self.folder / "in.yaml").write_text(inbound)
        (self.folder / "out.yaml").write_text(outbound)
        rules = load_inbound(self.folder / "in.yaml", source=HR, attributes=None, now=self.now)
        self.world = replace(
            self.world,
            seats={HR: Seat(name=HR, make=lambda: self.source, rules=rules)},
            join=JoinRules(sources=(HR,), refers={HR: rules.refers}),
            outbound=load_outbound(self.folder / "out.yaml", fields=FIELDS, now=self.now),
            config_digest=inbound.encode() + outbound.encode(),
        )

    def team(self, key: str, *members: str, **fields: Value) -> None:
        """A group of people and groups."""
        self.source.records[Kind.GROUP, key] = {"name": f"Group {key}", "members": members, **fields}

    def roles(self) -> dict[str, set[str]]:
        """Return who has which roles, by name; whoever has none is left out."""
        names = {
            target_id: str(held["name"])
            for (kind, target_id), held in self.target.objects.items()
            if kind is Kind.GROUP
        }
        return {
            str(held["name"]).removeprefix("Example "): {names[role] for role in roles}
            for (kind, _), held in self.target.objects.items()
            if kind is Kind.PERSON and isinstance(roles := held.get("roles"), tuple) and roles
        }

    def role(self, name: str) -> str:
        """Return the id of a role."""
        return next(
            one for (kind, one), held in self.target.objects.items() if kind is Kind.GROUP and held["name"] == name
        )
