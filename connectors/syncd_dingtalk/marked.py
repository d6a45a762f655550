"""Which department carries which mark of ours, found by walking through the tree: for those whose name is not known any more.

A create whose answer was lost is looked for under its name. When the source has renamed or moved the unit meanwhile, its
department still stands where it was made. Reads only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from syncd.core.model import TargetId
from syncd_dingtalk import api as a
from syncd_dingtalk.api import Api, Refused
from syncd_dingtalk.errors import Meaning


class Marked:
    """The marks below `root`. One walk serves everybody who asks, until another department may have been made unnoticed."""

    def __init__(self, api: Api, *, root: int) -> None:
        self._api = api
        self._root = root
        self._walking = asyncio.Lock()
        self._doubts = 0
        self._seen: tuple[int, Mapping[str, TargetId]] = (-1, {})
        """How many doubts there were when the walk began, and what it saw."""

    def doubt(self) -> None:
        """Say that a department may have been made of which nobody was told: what was seen before is not enough."""
        self._doubts += 1

    async def find(self, mark: str) -> TargetId | None:
        """Return the department that carries a mark. Raises what calls raise."""
        async with self._walking:
            if self._seen[0] != self._doubts:
                self._seen = (self._doubts, await self._walk())
        return self._seen[1].get(mark)

    async def _walk(self) -> Mapping[str, TargetId]:
        found: dict[str, TargetId] = {}
        ahead = [self._root]
        met = {self._root}
        while ahead:
            try:
                children = await self._api.call(a.DEPARTMENT_LISTSUB, dept_id=ahead.pop())
            except Refused as refused:
                if refused.refusal.meaning is not Meaning.GONE:
                    raise
                continue
            for child in children:
                # Ids of 0 and below are the home-school tree, which no call here accepts.
                if child.dept_id > 0 and child.dept_id not in met:
                    met.add(child.dept_id)
                    ahead.append(child.dept_id)
                    # Lists show marks sometimes (docs), the department itself always.
                    if mark := child.source_identifier or await self._mark(child.dept_id):
                        found[mark] = TargetId(str(child.dept_id))
        return found

    async def _mark(self, dept_id: int) -> str:
        try:
            return (await self._api.call(a.DEPARTMENT_GET, dept_id=dept_id)).source_identifier or ""
        except Refused as refused:
            if refused.refusal.meaning is not Meaning.GONE:
                raise
            return ""
