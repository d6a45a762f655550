"""DingTalk as a target: the socket `syncd.core.ports.Target`, put together from its parts.

It obeys DingTalk's limits by itself, so callers may call as concurrently as they like. It knows nothing of plans, rules,
approvals or the store, and never writes to the root department or to somebody whom the change does not name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from pydantic import SecretStr

from syncd.config.secrets import Secret
from syncd.core.difference import ROLES
from syncd.core.errors import Misconfigured, NeedsHuman
from syncd.core.fields import FieldSpec
from syncd.core.leave_records import Left
from syncd.core.model import Change, Completeness, Kind, Observed, Op, SubjectId, TargetId
from syncd.core.outcome import Outcome, Rejected
from syncd.core.ports import Room, Verdict
from syncd.core.rights import Right
from syncd.core.values import Values
from syncd.core.wakes import Touched
from syncd.http import HttpSettings, open_client
from syncd_dingtalk import api as a
from syncd_dingtalk import contacts, leaves, todos
from syncd_dingtalk import messages as m
from syncd_dingtalk.api import LANE, Api, Refused
from syncd_dingtalk.callback import Callback
from syncd_dingtalk.callback_crypto import Cipher, Unreadable
from syncd_dingtalk.errors import Meaning
from syncd_dingtalk.events import ADMIN_EVENTS, Event, touched
from syncd_dingtalk.fields import FIELDS, normalise, settled
from syncd_dingtalk.observe import Observer, hidden_fields
from syncd_dingtalk.people import HIDEABLE
from syncd_dingtalk.rate import RatePlan
from syncd_dingtalk.roles import Giving
from syncd_dingtalk.settings import Details, DingTalkSettings, EventMode, Protect
from syncd_dingtalk.shapes import Person, Scopes
from syncd_dingtalk.stream import EventStream
from syncd_dingtalk.writing import Common, Writer
from syncd_dingtalk.writing_contacts import ContactWriter
from syncd_dingtalk.writing_departments import DepartmentWriter
from syncd_dingtalk.writing_people import PeopleWriter
from syncd_dingtalk.writing_roles import RoleWriter

if TYPE_CHECKING:
    from syncd_dingtalk.sandbox import SandboxServer

_MAIN: Final = 1


class DingTalk:
    """One organization, as one application sees it."""

    settings: ClassVar[type[DingTalkSettings]] = DingTalkSettings
    fields: ClassVar[Mapping[Kind, Mapping[str, FieldSpec]]] = FIELDS
    hidden: ClassVar[Values] = MappingProxyType({"hide_dept": True})
    rights: ClassVar[Mapping[Right, str]] = MappingProxyType(
        {
            Right.HIDDEN: "hide_dept",
            Right.VISIBLE_TO_UNITS: "dept_permits",
            Right.VISIBLE_TO_PEOPLE: "user_permits",
            Right.OUTER: "outer_dept",
            Right.SEES_OWN_UNIT: "outer_dept_only_self",
            Right.SEES_UNITS: "outer_permit_depts",
            Right.SEES_PEOPLE: "outer_permit_users",
            Right.NUMBER_HIDDEN: "hide_mobile",
            Right.SENIOR: "senior_mode",
            Right.FOLLOWER: "follower",
            Right.SHARED_UNITS: "share_depts",
            Right.SHARED_PEOPLE: "share_users",
        }
    )

    def __init__(self, settings: DingTalkSettings, room: Room) -> None:
        self._settings = settings
        self._room = room
        self._open = AsyncExitStack()
        self._api: Api | None = None
        self._plan: RatePlan | None = None
        self._sandbox: SandboxServer | None = None
        self._certificate = Completeness(facts=())
        self._hidden = frozenset(HIDEABLE)
        self._writers: Mapping[Kind, Writer] = {}
        self._scopes: Scopes | None = None
        self._admins: frozenset[str] | None = None
        self.stream: EventStream | None = None
        """The connection over which events come, once somebody listens."""

    def mark(self, subject: SubjectId) -> str:
        """Return the `source_identifier` of a department of ours."""
        return f"{self._settings.mark_prefix}{subject}"

    # --- opening and closing -------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        settings = self._settings
        base_url, new_base_url = settings.base_url, settings.new_base_url
        if settings.sandbox is not None:
            self._sandbox = await self._start_sandbox()
            base_url = new_base_url = self._sandbox.url
        client = await self._open.enter_async_context(open_client(self._http()))
        self._plan = plan = RatePlan(qps=self._qps(), head_room=settings.head_room, address_calls=self._address_calls())
        self._api = Api(client, plan, base_url=base_url, new_base_url=new_base_url, credentials=self._credentials)
        self._writers = self._make_writers(self._api)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api = None
        await self._open.aclose()

    async def _start_sandbox(self) -> SandboxServer:
        from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings

        entry = self._settings.sandbox
        assert entry is not None
        state = self._room.base / entry.state if entry.state else None
        server = SandboxServer(SandboxSettings(state_file=state, qps=entry.qps, root_name=entry.company))
        await asyncio.to_thread(server.__enter__)
        self._open.push_async_callback(asyncio.to_thread, server.__exit__, None, None, None)
        return server

    def _http(self) -> HttpSettings:
        settings = self._settings
        proxy = SecretStr(settings.proxy.reveal()) if settings.proxy and settings.sandbox is None else None
        ca_file = self._room.base / settings.ca_file if settings.ca_file else None
        return HttpSettings(timeout=settings.timeout, proxy=proxy, ca_file=ca_file)

    def _qps(self) -> int | None:
        sandbox = self._settings.sandbox
        return self._settings.qps if sandbox is None else sandbox.qps

    def _address_calls(self) -> int | None:
        return None if self._qps() is None else self._settings.address_calls

    def _credentials(self) -> tuple[str, Secret]:
        if self._settings.sandbox is not None:
            from syncd_dingtalk.sandbox import SandboxSettings

            own = SandboxSettings()
            return own.app_key, Secret.literal(own.app_secret)
        secret = self._settings.app_secret
        assert secret is not None
        return self._settings.app_key, secret

    def _make_writers(self, api: Api) -> Mapping[Kind, Writer]:
        settings = self._settings

        def common(kind: Kind) -> Common:
            # What a flag makes void is settled in the wish: what is seen is compared as it is, so that it is emptied.
            return Common(
                api=api,
                specs=FIELDS[kind],
                now=self._room.now,
                normalise=lambda fields: normalise(kind, fields, region=settings.corp_region),
            )

        partners = ContactWriter(common(Kind.CONTACT), region=settings.corp_region)
        persons = PeopleWriter(
            common(Kind.PERSON),
            end_contact=partners.end,
            region=settings.corp_region,
            mobile_change=settings.mobile_change,
            hidden=self._hidden_of,
            protected=self._protected,
            giving=self._giving(api) if self._with_roles else None,
        )
        units = DepartmentWriter(common(Kind.UNIT), root=self.root, prefix=settings.mark_prefix)
        groups = RoleWriter(common(Kind.GROUP))
        return {Kind.PERSON: persons, Kind.UNIT: units, Kind.GROUP: groups, Kind.CONTACT: partners}

    @property
    def _with_contacts(self) -> bool:
        """Tell whether the rules say anything of external contacts: if not, nobody's are read."""
        return bool((self._room.wanted or {}).get(Kind.CONTACT))

    @property
    def _with_roles(self) -> bool:
        """Tell whether the rules say anything of roles: if not, nobody's are read, which costs calls for each role."""
        wanted = self._room.wanted or {}
        return ROLES in wanted.get(Kind.PERSON, ()) or bool(wanted.get(Kind.GROUP))

    def _giving(self, api: Api) -> Giving:
        giving = Giving(api)
        self._open.push_async_callback(giving.close)
        return giving

    @property
    def api(self) -> Api:
        """Return the open connection; using the target before it is entered is a bug."""
        if self._api is None:
            msg = "the target is not open"
            raise RuntimeError(msg)
        return self._api

    @property
    def calls_per_second(self) -> int | None:
        """Return how many calls per second and interface are made, None for as many as come."""
        return self._plan.calls_per_second if self._plan else None

    @property
    def sandbox(self) -> SandboxServer | None:
        """Return the built-in sandbox while it runs, for demonstrations and tests."""
        return self._sandbox

    # --- what it can hold ----------------------------------------------------------------------------------------------

    @property
    def root(self) -> TargetId:
        return TargetId(str(self._settings.root_department))

    def normalise(self, kind: Kind, fields: Values) -> Values:
        """Return `fields` as DingTalk would store them; see `syncd_dingtalk.fields`, `normalise` and `settled`."""
        stored = normalise(kind, fields, region=self._settings.corp_region)
        return settled(stored) if kind is Kind.UNIT else stored

    # --- reading -------------------------------------------------------------------------------------------------------

    async def observe(self) -> AsyncIterator[Observed]:
        """Yield departments from the top down, people, and external contacts where the rules make some; raises `TryAgain` or
        `NeedsHuman` if it cannot go on."""
        self._admins = None
        observer = Observer(
            self.api,
            root=self._settings.root_department,
            region=self._settings.corp_region,
            details=self._settings.observe_details is Details.ALL,
            protected=await self._protected(),
            with_roles=self._with_roles,
        )
        self._certificate = Completeness(facts=())
        try:
            async for seen in observer.objects():
                yield seen
            async for seen in self._contacts():
                yield seen
        except Refused as refused:
            raise _for_a_person(refused) from None
        self._scopes = observer.walk.scopes
        self._hidden = observer.hidden()
        self._certificate = observer.certificate()

    async def _contacts(self) -> AsyncIterator[Observed]:
        if self._with_contacts:
            labels = await contacts.read_labels(self.api)
            async for one in contacts.read(self.api):
                yield contacts.from_wire(one, labels, region=self._settings.corp_region)

    def observed(self) -> Completeness:
        return self._certificate

    async def look(self, kind: Kind, target_id: TargetId) -> Observed | None:
        """Return one object as it is now; raises `TryAgain` or `NeedsHuman` where nobody answers."""
        writer = self._writers.get(kind)
        if writer is None:
            return None
        try:
            return await writer.look(target_id)
        except Refused as refused:
            raise _for_a_person(refused) from None

    async def left(self, *, since: datetime, until: datetime) -> AsyncIterator[Sequence[Left]]:
        """Yield who has left, as `syncd.core.leave_records.Remembering` says."""
        try:
            async with aclosing(leaves.read(self.api, since=since, until=until)) as pages:
                async for some in pages:
                    yield some
        except Refused as refused:
            raise _for_a_person(refused) from None

    # --- telling people ------------------------------------------------------------------------------------------------

    async def send(self, *, key: str, to: Sequence[TargetId], title: str, text: str) -> frozenset[TargetId]:
        """Tell people something, as `syncd.core.reaching.Reaching` says; see `syncd_dingtalk.todos`."""
        return await todos.send(self.api, key=key, to=to, letter=todos.Letter(title, text, self._settings.todo_link))

    async def _protected(self) -> frozenset[str]:
        """Return the administrators who are never touched; asked once, and again with each `observe`."""
        if self._admins is None:
            admins = await self.api.call(a.USER_LISTADMIN)
            everybody = self._settings.protect_admins is Protect.ALL
            self._admins = frozenset(admin.userid for admin in admins if everybody or admin.sys_level == _MAIN)
        return self._admins

    async def _hidden_of(self, person: Person) -> frozenset[str]:
        """Return the fields of one person that our permissions hide, as far as this and the last `observe` tell."""
        if self._scopes is None:
            self._scopes = await self.api.call(a.SCOPES)
        return self._hidden & hidden_fields([person], self._scopes)

    # --- writing -------------------------------------------------------------------------------------------------------

    def interface(self, change: Change) -> str:
        """Return the path by which a change is written (`syncd.core.circuits.Parted`)."""
        return _WRITES[change.kind].get(change.op, _UPDATES[change.kind]).path if change.kind in _WRITES else ""

    async def apply(self, change: Change, *, key: str, again: bool = False) -> Outcome:  # noqa: ARG002 - see below
        """Do one change and say what came of it. `key` needs no memory here: each change says what shall be, and what is
        there already counts as done."""
        writer = self._writers.get(change.kind)
        if writer is None:
            return Rejected(problem=m.IMPOSSIBLE.at(label=change.label, why=f"it knows no {change.kind}"))
        lane = LANE.set(change.lane)
        try:
            return await writer.apply(change, again=again)
        finally:
            LANE.reset(lane)

    # --- being told ----------------------------------------------------------------------------------------------------

    async def touched(self) -> AsyncIterator[Sequence[Touched]]:
        """Yield what is touched, as `syncd.core.ports.Telling` says; ends at once where events do not come by Stream mode."""
        if self._settings.events.mode is not EventMode.STREAM:
            return
        self.stream = stream = EventStream(self.api.open_stream, self._http(), now=self._room.now)
        async with aclosing(stream.events()) as batches:
            async for events in batches:
                for event in events:
                    self._heard(event)
                some = [one for event in events for one in touched(event, region=self._settings.corp_region)]
                if some:
                    yield some

    def _heard(self, event: Event) -> None:
        if event.type in ADMIN_EVENTS:
            self._admins = None  # who is protected is asked anew

    def callback(self) -> Callback | None:
        """Return the receiver of HTTP callbacks, to be mounted by whoever listens; None where they are not in use.

        Raises Misconfigured for a key that is none, and what secrets raise that cannot be had."""
        events = self._settings.events
        if events.mode is not EventMode.CALLBACK or events.token is None or events.aes_key is None:
            return None
        owner = events.owner or self._credentials()[0]
        try:
            cipher = Cipher(token=events.token.reveal(), aes_key=events.aes_key.reveal(), owner=owner)
        except Unreadable:
            raise Misconfigured([m.CALLBACK_KEY.at(events.aes_key.place)]) from None
        return Callback(cipher, region=self._settings.corp_region, now=self._room.now, heard=self._heard)

    # --- checking ------------------------------------------------------------------------------------------------------

    async def check(self) -> AsyncIterator[Verdict]:
        """Try each precondition by itself; see `syncd_dingtalk.checks`."""
        from syncd_dingtalk.checks import verdicts

        async for verdict in verdicts(self, self._settings, self._room):
            yield verdict


_WRITES: Final[Mapping[Kind, Mapping[Op, a.Interface[Any]]]] = {
    Kind.PERSON: {Op.CREATE: a.USER_CREATE, Op.REMOVE: a.USER_DELETE, Op.ROLES: a.ROLE_GIVE},
    Kind.GROUP: {Op.CREATE: a.ROLE_ADD, Op.REMOVE: a.ROLE_DELETE},
    Kind.UNIT: {Op.CREATE: a.DEPARTMENT_CREATE, Op.REMOVE: a.DEPARTMENT_DELETE},
    Kind.CONTACT: {Op.CREATE: a.CONTACT_CREATE, Op.REMOVE: a.CONTACT_DELETE},
}
_UPDATES: Final[Mapping[Kind, a.Interface[Any]]] = {
    Kind.PERSON: a.USER_UPDATE,
    Kind.UNIT: a.DEPARTMENT_UPDATE,
    Kind.GROUP: a.ROLE_UPDATE,
    Kind.CONTACT: a.CONTACT_UPDATE,
}


def _for_a_person(refused: Refused) -> NeedsHuman:
    """Return a refusal met while reading as what it is then: a matter of rights or of scope."""
    refusal = refused.refusal
    if refusal.meaning is Meaning.SCOPE:
        return NeedsHuman(m.PARTIAL.at(why=f"reading was refused with {refusal.code}"))
    return NeedsHuman(refusal.problem(label="what was to be read"))
