"""`syncd check --online` for DingTalk: each precondition by itself, by reading only, one verdict line each.

The right to write cannot be tried without writing; the line that says so is part of the answer. Nothing here raises.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from syncd.core.errors import Misconfigured, NeedsHuman, OutcomeUnknown, Problem, TryAgain
from syncd.core.model import Kind
from syncd.core.ports import Room, Standing, Verdict
from syncd.http import NotSent, Unsent
from syncd_dingtalk import api as a
from syncd_dingtalk import messages as m
from syncd_dingtalk.api import Api, Refused
from syncd_dingtalk.chats import CHAT
from syncd_dingtalk.checks_chats import Doubt, in_step
from syncd_dingtalk.checks_rights import external_contacts, leave_records, todos
from syncd_dingtalk.errors import Meaning
from syncd_dingtalk.observe import hidden_fields
from syncd_dingtalk.settings import DingTalkSettings
from syncd_dingtalk.shapes import Person, Scopes

if TYPE_CHECKING:
    from syncd_dingtalk.target import DingTalk

_SKEW: Final = timedelta(minutes=1)
"""More than this, and dated changes happen at the wrong time; TLS itself fails only at days."""


class _Stand:
    """What the checks so far have found."""

    def __init__(self) -> None:
        self.scopes = Scopes()
        self.sample: Person | None = None


async def verdicts(target: DingTalk, settings: DingTalkSettings, room: Room) -> AsyncIterator[Verdict]:
    """Yield one verdict per precondition; where nobody answers, the rest is not tried."""
    api, stand = target.api, _Stand()
    async for verdict in _connection(api, settings):
        yield verdict
        if verdict.standing is Standing.FAILED:
            return
    yield _clock(api, room)
    yield await _tried("scope", lambda: _scope(api, settings, stand))
    yield await _tried("root department", lambda: _root(api, settings))
    for name, probe in _permissions(api, settings, stand):
        yield await _tried(name, probe)
    yield await _tried("Contact.Common.Read", lambda: leave_records(api, room.now()))
    yield _fields(stand)
    if (room.wanted or {}).get(Kind.CONTACT):
        yield await _tried("external contacts", lambda: external_contacts(api))
    if room.reaches:
        yield await _tried("Todo.Todo.Read", lambda: todos(api, stand.sample.unionid if stand.sample else ""))
    if CHAT in (room.wanted or {}).get(Kind.UNIT, ()):
        yield await _tried("group chats", lambda: in_step(api, settings.root_department))
    seen = "the right to write shows only when something is written; apply for qyapi_manage_addresslist"
    yield Verdict(name="permission to write", standing=Standing.WARNING, seen=seen)
    yield _rate(settings, target)


async def _connection(api: Api, settings: DingTalkSettings) -> AsyncIterator[Verdict]:
    """Yield verdicts on reaching DingTalk, on TLS, on the address and on the credentials: one call tells all of them."""
    where = "the built-in sandbox" if settings.sandbox else settings.new_base_url
    try:
        await api.token()
    except NotSent as error:
        name = "TLS" if error.step is Unsent.TLS else "reachability"
        yield _failed(name, error.problem)
        return
    except (TryAgain, OutcomeUnknown) as error:
        yield _failed("reachability", error.problem)
        return
    except (NeedsHuman, Misconfigured) as error:
        problem = error.problems[0] if isinstance(error, Misconfigured) else error.problem
        yield Verdict(name="reachability", standing=Standing.OK, seen=where)
        yield _failed("IP whitelist" if problem.code == m.ADDRESS.code else "credentials", problem)
        return
    yield Verdict(name="reachability", standing=Standing.OK, seen=where)
    secure = where.startswith("https")
    yield Verdict(
        name="TLS",
        standing=Standing.OK if secure or settings.sandbox else Standing.WARNING,
        seen="certificate accepted" if secure else "not in use",
    )
    yield Verdict(name="credentials", standing=Standing.OK, seen="DingTalk gave a token")


def _clock(api: Api, room: Room) -> Verdict:
    stamp = api.headers.get("date", "")
    try:
        skew = room.now() - parsedate_to_datetime(stamp)
    except (TypeError, ValueError):
        return Verdict(name="clock", standing=Standing.WARNING, seen="the answer carries no time to compare with")
    seconds = round(skew.total_seconds())
    if abs(skew) <= _SKEW:
        return Verdict(name="clock", standing=Standing.OK, seen=f"{seconds:+d} s against DingTalk's")
    return Verdict(
        name="clock",
        standing=Standing.WARNING,
        seen=f"{seconds:+d} s against DingTalk's",
        problem=m.CLOCK.at(seconds=seconds),
    )


async def _scope(api: Api, settings: DingTalkSettings, stand: _Stand) -> str:
    stand.scopes = await api.call(a.SCOPES)
    seen = stand.scopes.auth_org_scopes
    if settings.root_department not in seen.authed_dept and 1 not in seen.authed_dept:
        raise Doubt(m.PARTIAL.at(why=f"departments {seen.authed_dept}, {len(seen.authed_user)} single people"))
    return f"departments {', '.join(map(str, seen.authed_dept))}"


async def _root(api: Api, settings: DingTalkSettings) -> str:
    try:
        unit = await api.call(a.DEPARTMENT_GET, dept_id=settings.root_department)
    except Refused as refused:
        if refused.refusal.meaning is Meaning.GONE:
            raise NeedsHuman(m.NO_ROOT.at(department=settings.root_department)) from None
        raise
    return f"{unit.name} ({unit.dept_id})"


def _permissions(
    api: Api, settings: DingTalkSettings, stand: _Stand
) -> tuple[tuple[str, Callable[[], Awaitable[str]]], ...]:
    """Return a probe for each permission point that reading needs; each is one call that answers 60011 without it."""
    root = settings.root_department

    async def departments() -> str:
        below = await api.call(a.DEPARTMENT_LISTSUB, dept_id=root)
        return f"{len(below)} departments below the root"

    async def members() -> str:
        page = await api.call(a.USER_LIST, dept_id=root, cursor=0, size=1)
        return f"{len(page.items)} read"

    async def people() -> str:
        admins = await api.call(a.USER_LISTADMIN)
        if admins:
            stand.sample = await api.call(a.USER_GET, userid=admins[0].userid)
        return f"{(await api.call(a.USER_COUNT, only_active=False)).count} people"

    async def mobiles() -> str:
        with suppress(Refused):  # nobody's number: "not found" proves the right to ask
            await api.call(a.USER_BY_MOBILE, mobile="10000000000")
        return "look-up by number answers"

    return (
        ("qyapi_get_department_list", departments),
        ("qyapi_get_department_member", members),
        ("qyapi_get_member", people),
        ("qyapi_get_member_by_mobile", mobiles),
    )


def _fields(stand: _Stand) -> Verdict:
    hidden = sorted(hidden_fields([stand.sample] if stand.sample else [], stand.scopes))
    if not hidden:
        return Verdict(
            name="fields", standing=Standing.OK, seen="mobile, email, work place, remark and extension are visible"
        )
    told = ", ".join(hidden)
    return Verdict(name="fields", standing=Standing.WARNING, seen=f"not seen: {told}", problem=m.HIDDEN.at(fields=told))


def _rate(settings: DingTalkSettings, target: DingTalk) -> Verdict:
    calls = target.calls_per_second
    seen = "no limit" if calls is None else f"{calls} calls/s on each interface"
    if settings.head_room:
        seen += f", {settings.head_room:.0%} left to other programs"
    return Verdict(name="rate plan", standing=Standing.OK, seen=seen)


async def _tried(name: str, probe: Callable[[], Awaitable[str]]) -> Verdict:
    try:
        return Verdict(name=name, standing=Standing.OK, seen=await probe())
    except Doubt as doubt:
        return Verdict(name=name, standing=Standing.WARNING, seen=doubt.problem.what, problem=doubt.problem)
    except Refused as refused:
        return _failed(name, refused.refusal.problem(label="the root department"))
    except (TryAgain, NeedsHuman, OutcomeUnknown) as error:
        return _failed(name, error.problem)


def _failed(name: str, problem: Problem) -> Verdict:
    return Verdict(name=name, standing=Standing.FAILED, seen=problem.what, problem=problem)
