"""Roles in our fields and on DingTalk's wire: read whole, and given and taken in the platform's portions.

There is no call that lists who has which role: each role is asked for its holders. Nothing here makes, renames or removes a role.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.core.model import Kind, Observed, TargetId
from syncd_dingtalk import api as a
from syncd_dingtalk.api import Api, Refused
from syncd_dingtalk.shapes import Nothing, RoleGroup

OWN_GROUP: Final = "默认"
"""The platform's group of roles (main administrator, leaders …): it can be read, not changed and not given. That it goes by this
name everywhere is recalled, not documented; DingTalk refuses all the same (23004)."""
GROUPS_PAGE: Final = 200
HOLDERS_PAGE: Final = 100
MOST_ROLES: Final = 20
MOST_GIVEN: Final = 20
MOST_TAKEN: Final = 100
"""The largest pages, and the most that one call gives or takes: the pages on `role/list`, `role/simplelist`,
`role/addrolesforemps` and `role/removerolesforemps`."""


async def groups(api: Api) -> AsyncIterator[RoleGroup]:
    """Yield the groups of roles with their roles."""
    offset: int | None = 0
    while offset is not None:
        page = await api.call(a.ROLE_LIST, offset=offset, size=GROUPS_PAGE)
        for group in page.items:
            yield group
        following = (page.next_cursor or offset + GROUPS_PAGE) if page.has_more else None
        offset = following if following is not None and following > offset else None


async def holders(api: Api, role: int) -> AsyncIterator[str]:
    """Yield who has a role."""
    offset: int | None = 0
    while offset is not None:
        page = await api.call(a.ROLE_HOLDERS, role_id=role, offset=offset, size=HOLDERS_PAGE)
        for holder in page.items:
            yield holder.userid
        following = (page.next_cursor or offset + HOLDERS_PAGE) if page.has_more else None
        offset = following if following is not None and following > offset else None


def from_wire(role: int, *, name: str, group: str) -> Observed:
    """Return a role as observed."""
    return Observed(
        target_id=TargetId(str(role)),
        kind=Kind.GROUP,
        label=name.strip(),
        fields={"name": name.strip(), "role_group": group.strip()},
        protected=group.strip() == OWN_GROUP,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """What a walk through all roles saw."""

    objects: Sequence[Observed]
    held: Mapping[str, tuple[str, ...]]
    """The roles of each person who has any, by userid."""


async def read(api: Api) -> Roles:
    """Return all roles but the platform's own, and who has them; raises as `Api.call` does."""
    objects: list[Observed] = []
    held: dict[str, list[str]] = defaultdict(list)
    async for group in groups(api):
        for role in group.roles if group.name.strip() != OWN_GROUP else ():
            seen = from_wire(role.id, name=role.name, group=group.name)
            objects.append(seen)
            async for userid in holders(api, role.id):
                held[userid].append(seen.target_id)
    return Roles(objects=objects, held={userid: tuple(sorted(some)) for userid, some in held.items()})


class Giving:
    """Gives and takes roles, one person's at a time; people who are to have the same roles at one time share a call."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lines: dict[tuple[str, tuple[str, ...]], _Line] = {}

    async def change(self, userid: str, *, give: Iterable[str] = (), take: Iterable[str] = ()) -> None:
        """Take roles from somebody, then give others. Raises as `Api.call` does; repeating it is harmless."""
        for interface, most, wanted in (
            (a.ROLE_TAKE, MOST_TAKEN, sorted(take)),
            (a.ROLE_GIVE, MOST_GIVEN, sorted(give)),
        ):
            for at in range(0, len(wanted), MOST_ROLES):
                await self._line(interface, most, tuple(wanted[at : at + MOST_ROLES])).ask(userid)

    def _line(self, interface: a.Interface[Nothing], most: int, some: tuple[str, ...]) -> _Line:
        idle = [key for key, line in self._lines.items() if not line.busy]
        for key in idle:
            del self._lines[key]
        key = (interface.path, some)
        if key not in self._lines:
            self._lines[key] = _Line(self._api, interface, roles=some, most=most)
        return self._lines[key]

    async def close(self) -> None:
        """Leave nothing running."""
        lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            await line.close()


class _Line:
    """Those who are to be given, or to lose, the very same roles: while one call is under way, the next fills."""

    def __init__(self, api: Api, interface: a.Interface[Nothing], *, roles: tuple[str, ...], most: int) -> None:
        self._api, self._interface, self._most = api, interface, most
        self._roles = ",".join(roles)
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._work: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Tell whether anybody waits."""
        return bool(self._waiting) or (self._work is not None and not self._work.done())

    async def ask(self, userid: str) -> None:
        """Wait until it is done for somebody; one change of a person runs at a time, so nobody waits twice."""
        done = self._waiting[userid] = asyncio.get_running_loop().create_future()
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._through())
        try:
            await done
        finally:
            if self._waiting.get(userid) is done:
                del self._waiting[userid]

    async def _through(self) -> None:
        while self._waiting:
            some = {userid: self._waiting.pop(userid) for userid in list(self._waiting)[: self._most]}
            try:
                failed = await self._call(some)
            except BaseException as error:
                _settle(some, error if isinstance(error, Exception) else asyncio.CancelledError())
                raise
            if failed is None or len(some) == 1 or not isinstance(failed, Refused):
                _settle(some, failed)
                continue
            for userid, done in some.items():  # one of them is refused, and it is not said who
                _settle({userid: done}, await self._call([userid]))

    async def _call(self, userids: Iterable[str]) -> Exception | None:
        try:
            await self._api.call(self._interface, roleIds=self._roles, userIds=",".join(userids))
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            return error
        return None

    async def close(self) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)


def _settle(some: Mapping[str, asyncio.Future[None]], failed: BaseException | None) -> None:
    for done in some.values():
        if done.done():
            continue
        if failed is None:
            done.set_result(None)
        elif isinstance(failed, asyncio.CancelledError):
            done.cancel()
        else:
            done.set_exception(failed)
