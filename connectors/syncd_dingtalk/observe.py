"""Reading the whole organization, and proving that it was the whole.

There is no call that lists all people: every department is asked for its children and its direct members, whoever is a
member of several appears several times, and lists lack managers. Lists shrink silently to what the application may see;
`listid`, `listsubid` and `count` do not, so they are asked as well, and any difference is a doubt. Nothing is written here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from msgspec import UNSET

from syncd.core.errors import TryAgain
from syncd.core.model import Completeness, Observed, ProofFact
from syncd_dingtalk import api as a
from syncd_dingtalk import departments, people
from syncd_dingtalk.api import Api, Refused
from syncd_dingtalk.errors import Meaning
from syncd_dingtalk.mobiles import Region
from syncd_dingtalk.roles import Roles, read
from syncd_dingtalk.shapes import Department, Person, Scopes

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE: Final = 24
"""Questions under way at the same time: enough for 60 calls/s at 0.4 s each; the rate plan does the rest."""
_PAGE: Final = 100
"""The largest page of `user/list`."""
_CHUNK: Final = 512
"""People whose details are read before they are handed out."""
_SHOWN: Final = 5


@dataclass(slots=True)
class Walk:
    """What one walk through the organization saw."""

    units: dict[int, Department] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    orders: dict[str, dict[int, int]] = field(default_factory=dict)
    missing_units: set[int] = field(default_factory=set)
    """Departments that `listsubid` names and `listsub` hides."""
    missing_people: set[str] = field(default_factory=set)
    """People whom `listid` names and `user/list` hides."""
    vanished: int = 0
    """Objects that were listed and then were not there."""
    count: int = 0
    scopes: Scopes = field(default_factory=Scopes)


async def each(items: Iterable[T], ask: Callable[[T], Awaitable[R]]) -> list[R]:
    """Return the answers for all items, in their order, a bounded number at a time."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> R:
        async with places:
            return await ask(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


class Observer:
    """One reading of everything below `root`, which is itself neither handed out nor changed."""

    def __init__(
        self, api: Api, *, root: int, region: Region, details: bool, protected: frozenset[str], with_roles: bool = False
    ) -> None:
        self._api = api
        self._root = root
        self._region = region
        self._details = details
        self._protected = protected
        self._with_roles = with_roles
        self._roles = Roles(objects=(), held={})
        self.walk = Walk()

    async def objects(self) -> AsyncIterator[Observed]:
        """Yield roles, departments from the top down, then people by id."""
        self.walk.scopes = await self._api.call(a.SCOPES)
        if self._with_roles:
            self._roles = await self._read_roles()
            for role in self._roles.objects:
                yield role
        await self._read_units()
        for dept_id, unit in self.walk.units.items():
            if dept_id != self._root:
                yield departments.from_wire(unit)
        await each([self._root, *(key for key in self.walk.units if key != self._root)], self._read_members)
        hidden = self.hidden()
        ids = sorted(self.walk.people)
        for start in range(0, len(ids), _CHUNK):
            for person in await each(ids[start : start + _CHUNK], self._detailed):
                if person is not None:
                    yield self._shown(person, hidden)
        self.walk.count = (await self._api.call(a.USER_COUNT, only_active=False)).count

    async def _read_roles(self) -> Roles:
        try:
            return await read(self._api)
        except Refused as refused:
            if refused.refusal.meaning is not Meaning.GONE:
                raise
            raise TryAgain(refused.refusal.problem(label="a role that was just listed")) from None

    # --- departments ---------------------------------------------------------------------------------------------------

    async def _read_units(self) -> None:
        level = [self._root]
        while level:
            below: list[int] = []
            for children in await each(level, self._children):
                below.extend(child for child in children if child not in self.walk.units and child not in below)
            for unit in await each(below, self._unit):
                if unit is not None:
                    self.walk.units[unit.dept_id] = unit
            level = [child for child in below if child in self.walk.units]

    async def _children(self, dept_id: int) -> list[int]:
        listed, named = await asyncio.gather(
            self._api.call(a.DEPARTMENT_LISTSUB, dept_id=dept_id),
            self._api.call(a.DEPARTMENT_LISTSUBID, dept_id=dept_id),
        )
        # Ids of 0 and below are the home-school tree (-7 and others), which no call here accepts.
        seen = [item.dept_id for item in listed if item.dept_id > 0]
        self.walk.missing_units |= {child for child in named.dept_id_list if child > 0} - set(seen)
        return seen

    async def _unit(self, dept_id: int) -> Department | None:
        try:
            return await self._api.call(a.DEPARTMENT_GET, dept_id=dept_id)
        except Refused as refused:
            if refused.refusal.meaning is not Meaning.GONE:
                raise
            self.walk.vanished += 1
            return None

    # --- people --------------------------------------------------------------------------------------------------------

    async def _read_members(self, dept_id: int) -> None:
        try:
            named = await self._api.call(a.USER_LISTID, dept_id=dept_id)
            seen = await self._listed(dept_id)
        except Refused as refused:
            if refused.refusal.meaning is not Meaning.GONE:
                raise
            self.walk.vanished += 1
            return
        self.walk.missing_people |= set(named.userid_list) - seen

    async def _listed(self, dept_id: int) -> set[str]:
        seen: set[str] = set()
        cursor: int | None = 0
        while cursor is not None:
            page = await self._api.call(a.USER_LIST, dept_id=dept_id, cursor=cursor, size=_PAGE)
            for person in page.items:
                self.walk.people[person.userid] = person
                seen.add(person.userid)
                if person.dept_order is not None:
                    self.walk.orders.setdefault(person.userid, {})[dept_id] = person.dept_order
            # The last page has no `next_cursor`; one that did not grow would never end.
            following = page.next_cursor if page.has_more else None
            cursor = following if following is not None and following > cursor else None
            if page.has_more and cursor is None:
                self.walk.vanished += 1
        return seen

    async def _detailed(self, userid: str) -> Person | None:
        listed = self.walk.people[userid]
        if not self._details or userid in self._protected:
            return listed
        try:
            return await self._api.call(a.USER_GET, userid=userid)
        except Refused as refused:
            if refused.refusal.meaning is not Meaning.GONE:
                raise
            self.walk.vanished += 1
            return None

    def hidden(self) -> frozenset[str]:
        """Return the fields that our permissions hide. A field that anybody shows is not hidden; where nobody shows it, the
        permission that `auth/scopes` names decides, because empty fields are left out of answers as well."""
        return hidden_fields(self.walk.people.values(), self.walk.scopes)

    def _shown(self, person: Person, hidden: frozenset[str]) -> Observed:
        read = self._details and person.userid not in self._protected
        return people.from_wire(
            person,
            region=self._region,
            unreadable=hidden if read else hidden | people.DETAILS,
            orders=self.walk.orders.get(person.userid),
            protected=person.userid in self._protected,
            roles=self._roles.held.get(person.userid, ()) if self._with_roles else None,
        )

    # --- the proof -----------------------------------------------------------------------------------------------------

    def certificate(self) -> Completeness:
        """Return what speaks for and against this having been everything below the root."""
        walk = self.walk
        covered = walk.scopes.auth_org_scopes.authed_dept
        facts = [
            _fact("scope", self._root in covered or 1 in covered, f"the application sees departments {_some(covered)}"),
            _fact(
                "departments", not walk.missing_units, f"{len(walk.units)} seen, hidden: {_some(walk.missing_units)}"
            ),
            _fact("people", not walk.missing_people, f"{len(walk.people)} seen, hidden: {len(walk.missing_people)}"),
            _fact("steady", not walk.vanished, f"{walk.vanished} objects vanished while they were read"),
        ]
        if self._root == 1:
            detail = f"{len(walk.people)} seen, DingTalk counts {walk.count}"
            facts.append(_fact("count", walk.count == len(walk.people), detail))
        return Completeness(facts=tuple(facts))


def hidden_fields(seen: Iterable[Person], scopes: Scopes) -> frozenset[str]:
    """Return the fields of people that our permissions hide, as far as `seen` and the scopes tell."""
    hidden = set(people.HIDEABLE)
    for person in seen:
        hidden = {name for name in hidden if getattr(person, name) is UNSET}
        if not hidden:
            break
    told = set(scopes.auth_user_field)
    if "mobile" in told:
        hidden.discard("mobile")
    if "email" in told or not hidden.issuperset(_TOGETHER):  # one permission opens these four
        hidden -= _TOGETHER
    return frozenset(hidden)


_TOGETHER: Final = frozenset({"email", "work_place", "remark", "extension"})


def _fact(name: str, holds: bool, detail: str) -> ProofFact:
    return ProofFact(name=name, holds=holds, detail=detail)


def _some(items: Iterable[object]) -> str:
    ordered = sorted(items, key=str)
    rest = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return (", ".join(map(str, ordered[:_SHOWN])) or "none") + rest
