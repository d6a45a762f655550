"""Changes of roles: made in their group of roles, renamed, and removed from everybody and for good.

DingTalk gives the ids and a role can carry no mark, so one whose creation was not answered is found again by its name in its
group, where no other role can have that name. Groups of roles are made when they are missing and never removed: DingTalk has
no call for that.
"""

from __future__ import annotations

import asyncio
from typing import Final

from syncd.core.errors import OutcomeUnknown, Problem
from syncd.core.model import Change, Observed, TargetId
from syncd.core.outcome import Applied, Outcome, Rejected
from syncd.core.values import Values
from syncd_dingtalk import api as a
from syncd_dingtalk import messages_roles as mr
from syncd_dingtalk import roles
from syncd_dingtalk.api import Refused
from syncd_dingtalk.errors import Meaning, Refusal
from syncd_dingtalk.people import Unsayable
from syncd_dingtalk.writing import Common, Writer

_NOT_TRIED: Final = "not tried"


class RoleWriter(Writer):
    """Changes of roles."""

    def __init__(self, common: Common) -> None:
        super().__init__(common)
        self._making = asyncio.Lock()
        """Two roles of one new group make it once."""

    async def look(self, target_id: TargetId) -> Observed | None:
        try:
            role = (await self.api.call(a.ROLE_GET, roleId=_number(target_id))).role
            group = (await self.api.call(a.ROLE_GROUP_GET, group_id=role.group_id)).group
        except Refused as refused:
            if refused.refusal.meaning is Meaning.GONE:
                return None
            raise
        return roles.from_wire(int(_number(target_id)), name=role.name, group=group.name)

    async def made(self, change: Change, fields: Values) -> Observed | None:  # noqa: ARG002 - departments need it
        async for group in roles.groups(self.api):
            if group.name.strip() == str(fields.get("role_group")):
                for role in group.roles:
                    if role.name.strip() == str(fields.get("name")):
                        return roles.from_wire(role.id, name=role.name, group=group.name)
        return None

    async def create(self, change: Change, fields: Values) -> Outcome:
        for name in ("name", "role_group"):
            if not fields.get(name):
                raise Unsayable(name, "a role cannot be made without it")
        if fields["role_group"] == roles.OWN_GROUP:
            return Rejected(problem=mr.SYSTEM_ROLE.at(label=change.label, code=_NOT_TRIED))
        group = await self._group(str(fields["role_group"]))
        made = await self.api.call(a.ROLE_ADD, roleName=str(fields["name"]), groupId=group)
        return Applied(target_id=TargetId(str(made.role_id)))

    async def _group(self, name: str) -> int:
        async with self._making:
            async for group in roles.groups(self.api):
                if group.name.strip() == name:
                    return group.group_id
            return (await self.api.call(a.ROLE_GROUP_ADD, name=name)).group_id

    async def update(self, change: Change, target_id: TargetId, fields: Values) -> Outcome:  # noqa: ARG002
        if fields.get("name"):
            await self.api.call(a.ROLE_UPDATE, roleId=_number(target_id), roleName=str(fields["name"]))
        return Applied(target_id=target_id)

    async def remove(self, change: Change, target_id: TargetId) -> Outcome:  # noqa: ARG002
        """Take it from everybody, then remove it: that a role must be empty before is recalled, not documented."""
        role = _number(target_id)
        left = [userid async for userid in roles.holders(self.api, int(role))]
        for at in range(0, len(left), roles.MOST_TAKEN):
            await self.api.call(a.ROLE_TAKE, roleIds=role, userIds=",".join(left[at : at + roles.MOST_TAKEN]))
        try:
            await self.api.call(a.ROLE_DELETE, role_id=int(role))
        except OutcomeUnknown:
            if await self.look(target_id) is not None:
                raise
            return Applied(target_id=target_id, detail="read back: gone")
        return Applied(target_id=target_id)

    def nobody(self, change: Change) -> Problem:
        return mr.NO_ROLE.at(label=change.label, code="33011")

    def names_itself(self, refusal: Refusal) -> bool:
        return refusal.message is mr.NO_ROLE


def _number(target_id: TargetId) -> str:
    """Return a role's id as DingTalk writes it. Raises `Unsayable`."""
    if not target_id.isdecimal():
        raise Unsayable("target_id", "a role's id is a number")
    return target_id
