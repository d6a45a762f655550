"""Changes of departments: those that we make carry our mark, and only those are ever removed.

DingTalk gives the ids, so a create whose answer was lost is found again by its mark: among the children of its parent, and where
the unit has another name or parent by now, anywhere.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from msgspec import UNSET

from syncd.core.errors import OutcomeUnknown, Problem
from syncd.core.model import ROOT_UNIT, Change, Observed, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome, Rejected
from syncd.core.values import Values
from syncd_dingtalk import api as a
from syncd_dingtalk import chats, departments
from syncd_dingtalk import messages as m
from syncd_dingtalk.api import Refused
from syncd_dingtalk.errors import Meaning, Refusal
from syncd_dingtalk.marked import Marked
from syncd_dingtalk.people import Unsayable, department_id
from syncd_dingtalk.shapes import Department
from syncd_dingtalk.writing import Common, Stop, Writer

_OWN: Final = timedelta(seconds=30)
"""Until it is tried again to take a name that a department of ours still has."""


class DepartmentWriter(Writer):
    """Changes of departments below `root`; `prefix` starts the marks of those that are ours."""

    def __init__(self, common: Common, *, root: TargetId, prefix: str) -> None:
        super().__init__(common)
        self.root = root
        self.prefix = prefix
        self._marked = Marked(self.api, root=department_id(root, "root"))

    async def look(self, target_id: TargetId) -> Observed | None:
        unit = await self._get(department_id(target_id, "target_id"))
        return None if unit is None else departments.from_wire(unit)

    async def _get(self, dept_id: int) -> Department | None:
        try:
            return await self.api.call(a.DEPARTMENT_GET, dept_id=dept_id)
        except Refused as refused:
            if refused.refusal.meaning is Meaning.GONE:
                return None
            raise

    def mark(self, change: Change) -> str:
        """Return the mark of the department of a subject."""
        return f"{self.prefix}{change.subject}"

    # --- create --------------------------------------------------------------------------------------------------------

    async def made(self, change: Change, fields: Values) -> Observed | None:
        found, mark = await self._sibling(fields), self.mark(change)
        if found is not None and found.mark == mark:
            return found
        elsewhere = await self._marked.find(mark)
        return await self.look(elsewhere) if elsewhere is not None else None

    async def _sibling(self, fields: Values) -> Observed | None:
        """Return the department of this name under this parent. Lists do not always show marks, so it is read by id."""
        try:
            children = await self.api.call(a.DEPARTMENT_LISTSUB, dept_id=self._parent(fields))
        except Refused as refused:
            if refused.refusal.meaning is Meaning.GONE:
                return None
            raise
        name = str(fields.get("name") or "").strip()
        for child in children:
            if child.name.strip() == name:
                return await self.look(TargetId(str(child.dept_id)))
        return None

    def _parent(self, fields: Values) -> int:
        above = fields.get("parent")
        return department_id(self.root if above in (None, "", ROOT_UNIT) else str(above), "parent")

    async def create(self, change: Change, fields: Values) -> Outcome:
        if not fields.get("name"):
            raise Unsayable("name", "a department cannot be made without it")
        given = {name: value for name, value in fields.items() if value is not None}
        first = {name: value for name, value in given.items() if name not in departments.UPDATE_ONLY}
        body = departments.to_wire({"parent": None, **first}, root=self.root)
        try:
            made = await self.api.call(a.DEPARTMENT_CREATE, source_identifier=self.mark(change), **body)
        except Refused as refused:
            if refused.refusal.meaning is not Meaning.TAKEN:
                raise
            return await self._taken(change, given, refused.refusal)
        except OutcomeUnknown:
            self._marked.doubt()
            raise
        target_id = TargetId(str(made.dept_id))
        second = {name: value for name, value in given.items() if name in departments.UPDATE_ONLY}
        return await self.update(change, target_id, second) if second else Applied(target_id=target_id)

    async def _taken(self, change: Change, fields: Values, refusal: Refusal) -> Outcome:
        """Take up the department of that name if it is the one that we made, else name it."""
        found = await self._sibling(fields)
        if found is not None and found.mark == self.mark(change):
            return await self.bring(change, found, fields)
        if found is not None and found.mark.startswith(self.prefix):
            # One of ours that is called otherwise by now, and of which perhaps nobody knows yet.
            problem = refusal.problem(label=change.label, holder=f"department {found.target_id}")
            return Deferred(problem=problem, retry_at=self.now() + _OWN)
        holder = f"department {found.target_id}" if found is not None else "a department that syncd may not see"
        return Rejected(problem=refusal.problem(label=change.label, holder=holder))

    # --- update and remove ---------------------------------------------------------------------------------------------

    async def update(self, change: Change, target_id: TargetId, fields: Values) -> Outcome:
        self._refuse_root(change, target_id)
        body = departments.to_wire(fields, root=self.root)
        if body.get(chats.BELOW) is True and not chats.APART.keys() <= body.keys():
            body = {**await self._apart(target_id), **body}
        if body:
            await self.api.call(a.DEPARTMENT_UPDATE, dept_id=department_id(target_id, "target_id"), **body)
        return Applied(target_id=target_id)

    async def _apart(self, target_id: TargetId) -> dict[str, object]:
        """Return whom a chat that takes in departments below must not, or may, take in from there, where DingTalk does not show
        what it has: how it stands without being told is not documented."""
        unit = await self._get(department_id(target_id, "target_id"))
        if unit is None:
            return {}
        return {name: getattr(unit, side) for name, side in chats.APART.items() if getattr(unit, name) is UNSET}

    async def remove(self, change: Change, target_id: TargetId) -> Outcome:
        self._refuse_root(change, target_id)
        dept_id = department_id(target_id, "target_id")
        unit = await self._get(dept_id)
        if unit is None:
            return self.gone(change)
        if not (unit.source_identifier or "").startswith(self.prefix):
            return Rejected(problem=m.NOT_OURS.at(label=change.label))
        if unit.member_count or await self._has_children(dept_id):
            return Deferred(
                problem=m.NOT_EMPTY.at(label=change.label, code="not tried"), retry_at=self.now() + timedelta(minutes=2)
            )
        try:
            await self.api.call(a.DEPARTMENT_DELETE, dept_id=dept_id)
        except OutcomeUnknown:
            if await self._get(dept_id) is not None:
                raise
            return Applied(target_id=target_id, detail="read back: gone")
        return Applied(target_id=target_id)

    async def _has_children(self, dept_id: int) -> bool:
        """Tell whether there are departments below. The documents contradict each other whether DingTalk would remove them
        too, so we look; and by id, because lists can be some seconds old."""
        listed = await self.api.call(a.DEPARTMENT_LISTSUBID, dept_id=dept_id)
        for child in listed.dept_id_list:
            unit = await self._get(child) if child > 0 else None
            if unit is not None and unit.parent_id == dept_id:
                return True
        return False

    def _refuse_root(self, change: Change, target_id: TargetId) -> None:
        if target_id in (self.root, "1"):
            raise Stop(Rejected(problem=m.ROOT.at(label=change.label, code="not tried")))

    def nobody(self, change: Change) -> Problem:
        return m.NO_DEPARTMENT.at(label=change.label, code="60003")

    def names_itself(self, refusal: Refusal) -> bool:
        return refusal.message is m.NO_DEPARTMENT
