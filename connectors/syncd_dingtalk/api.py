"""What a request is: the interfaces that we use, with their answers' shapes, and one way to call them.

A call takes its turn in the rate plan, carries the token, and ends in its decoded answer or in one of: `Refused` (this
object; match on its meaning), `OutcomeUnknown` (a write that may have happened), `TryAgain` (nothing happened, the platform
or the line is not well), `NeedsHuman` (rights, credentials, quota). Seconds are waited for here, minutes are not. A write
that may have happened is never repeated here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Generic, NoReturn, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from syncd.config.secrets import Secret
from syncd.core.errors import NeedsHuman, OutcomeUnknown, SyncdError, TryAgain
from syncd.core.model import Lane
from syncd.http import Answer, AnswerLost, Client, NotSent
from syncd_dingtalk import messages as m
from syncd_dingtalk import shapes
from syncd_dingtalk.errors import Meaning, Refusal, banned, broken, new_refusal, old_refusal, page
from syncd_dingtalk.rate import RatePlan, Resting
from syncd_dingtalk.token import TokenKeeper

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface(Generic[T]):
    """One thing that can be asked of DingTalk; its path is also the name under which calls are counted. Words in braces in it are
    parameters, too."""

    path: str
    shape: type[T]
    writes: bool = False
    method: str = "POST"
    beside: bool = False
    """The answer's fields stand beside `errcode` instead of in `result`."""
    new: bool = False
    """Of the new interfaces: another host, the token in a header, no envelope around the answer."""
    decoder: msgspec.json.Decoder[T] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "decoder", msgspec.json.Decoder(self.shape, strict=False))


_V2: Final = "/topapi/v2"
USER_CREATE: Final = Interface(path=f"{_V2}/user/create", shape=shapes.CreatedPerson, writes=True)
USER_UPDATE: Final = Interface(path=f"{_V2}/user/update", shape=shapes.Nothing, writes=True)
USER_DELETE: Final = Interface(path=f"{_V2}/user/delete", shape=shapes.Nothing, writes=True)
USER_GET: Final = Interface(path=f"{_V2}/user/get", shape=shapes.Person)
USER_LIST: Final = Interface(path=f"{_V2}/user/list", shape=shapes.People)
USER_BY_MOBILE: Final = Interface(path=f"{_V2}/user/getbymobile", shape=shapes.Holder)
USER_LISTID: Final = Interface(path="/topapi/user/listid", shape=shapes.UserIds)
USER_COUNT: Final = Interface(path="/topapi/user/count", shape=shapes.Count)
USER_LISTADMIN: Final = Interface(path="/topapi/user/listadmin", shape=list[shapes.Admin])
DEPARTMENT_CREATE: Final = Interface(path=f"{_V2}/department/create", shape=shapes.CreatedDepartment, writes=True)
DEPARTMENT_UPDATE: Final = Interface(path=f"{_V2}/department/update", shape=shapes.Nothing, writes=True)
DEPARTMENT_DELETE: Final = Interface(path=f"{_V2}/department/delete", shape=shapes.Nothing, writes=True)
DEPARTMENT_GET: Final = Interface(path=f"{_V2}/department/get", shape=shapes.Department)
DEPARTMENT_LISTSUB: Final = Interface(path=f"{_V2}/department/listsub", shape=list[shapes.Department])
DEPARTMENT_LISTSUBID: Final = Interface(path=f"{_V2}/department/listsubid", shape=shapes.DepartmentIds)
ROLE_LIST: Final = Interface(path="/topapi/role/list", shape=shapes.RoleGroups)
ROLE_HOLDERS: Final = Interface(path="/topapi/role/simplelist", shape=shapes.RoleHolders)
ROLE_GET: Final = Interface(path="/topapi/role/getrole", shape=shapes.RoleAnswer, beside=True)
ROLE_GROUP_GET: Final = Interface(path="/topapi/role/getrolegroup", shape=shapes.RoleGroupAnswer, beside=True)
# Three paths without `/topapi`: so the pages have them.
ROLE_GROUP_ADD: Final = Interface(path="/role/add_role_group", shape=shapes.CreatedRoleGroup, writes=True, beside=True)
ROLE_ADD: Final = Interface(path="/role/add_role", shape=shapes.CreatedRole, writes=True, beside=True)
ROLE_UPDATE: Final = Interface(path="/role/update_role", shape=shapes.Nothing, writes=True)
ROLE_DELETE: Final = Interface(path="/topapi/role/deleterole", shape=shapes.Nothing, writes=True)
ROLE_GIVE: Final = Interface(path="/topapi/role/addrolesforemps", shape=shapes.Nothing, writes=True)
ROLE_TAKE: Final = Interface(path="/topapi/role/removerolesforemps", shape=shapes.Nothing, writes=True)
CHAT_GET: Final = Interface(path="/chat/get", shape=shapes.ChatAnswer, method="GET", beside=True)
CONTACT_CREATE: Final = Interface(
    path="/topapi/extcontact/create", shape=shapes.CreatedContact, writes=True, beside=True
)
CONTACT_UPDATE: Final = Interface(path="/topapi/extcontact/update", shape=shapes.Nothing, writes=True)
CONTACT_DELETE: Final = Interface(path="/topapi/extcontact/delete", shape=shapes.Nothing, writes=True)
CONTACT_GET: Final = Interface(path="/topapi/extcontact/get", shape=shapes.Contact)
CONTACT_LIST: Final = Interface(path="/topapi/extcontact/list", shape=shapes.Contacts, beside=True)
CONTACT_LABELS: Final = Interface(
    path="/topapi/extcontact/listlabelgroups", shape=shapes.ContactLabelGroups, beside=True
)
SCOPES: Final = Interface(path="/auth/scopes", shape=shapes.Scopes, method="GET", beside=True)
LEAVE_RECORDS: Final = Interface(
    path="/v1.0/contact/empLeaveRecords", shape=shapes.LeaveRecords, method="GET", beside=True, new=True
)

TODO_CREATE: Final = Interface(
    path="/v1.0/todo/users/{unionId}/tasks?operatorId={unionId}", shape=shapes.Todo, writes=True, beside=True, new=True
)
TODO_BY_KEY: Final = Interface(
    path="/v1.0/todo/users/{unionId}/tasks/sources/{sourceId}", shape=shapes.Todo, method="GET", beside=True, new=True
)

TOKEN_PATH: Final = "/v1.0/oauth2/accessToken"
"""The new interface takes the secret in its body; the old `/gettoken` wants it in the address, where proxies log it. Tokens of
the two are interchangeable (implied by the documentation, and used that way by others)."""

STREAM_PATH: Final = "/v1.0/gateway/connections/open"
_TOKEN_HEADER: Final = "x-acs-dingtalk-access-token"

LANE: Final[ContextVar[Lane]] = ContextVar("dingtalk_lane", default=Lane.REST)
"""In whose name calls are made: leavers overtake in the rate plan."""

_ATTEMPTS: Final = 3
"""Repetitions of one call within seconds. For "busy" three is the official advice."""
_PERSONAL: Final = frozenset(
    {Meaning.SCOPE, Meaning.GONE, Meaning.TAKEN, Meaning.INVITED, Meaning.EARLY, Meaning.OBJECT}
)


class Refused(SyncdError):
    """DingTalk says no to this object. Nothing was changed."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(str(refusal.problem()))


class OneBusy(TryAgain):
    """One interface is not well; others may be."""


class OneClosed(NeedsHuman):
    """One interface is not open to us; others may be."""


class _Soon(TryAgain):
    """The call can be repeated within seconds; `final` is what to raise when that did not help."""

    def __init__(self, final: TryAgain) -> None:
        self.final = final
        super().__init__(final.problem, after=final.after)


class Api:
    """DingTalk, as one application of one organization sees it."""

    def __init__(
        self,
        client: Client,
        plan: RatePlan,
        *,
        base_url: str,
        new_base_url: str,
        credentials: Callable[[], tuple[str, Secret]],
    ) -> None:
        """`credentials` returns the application's key and secret when a token is fetched."""
        self._client = client
        self._plan = plan
        self._base, self._new_base = base_url.rstrip("/"), new_base_url.rstrip("/")
        self._credentials = credentials
        self._token = TokenKeeper(self._fetch_token, lambda: asyncio.get_running_loop().time())
        self.headers: Mapping[str, str] = {}
        """The headers of the last answer: `check` compares clocks by them."""

    async def call(self, interface: Interface[T], **body: object) -> T:
        """Return the decoded answer of one call, repeated within seconds where that is safe."""
        try:
            return await self._once(interface, body)
        except _Soon:
            pass  # tenacity costs more than the call itself, so the ordinary case goes without it
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(_Soon),
                stop=stop_after_attempt(_ATTEMPTS),
                wait=wait_random_exponential(multiplier=0.2, max=3),
                reraise=True,
            ):
                with attempt:
                    return await self._once(interface, body)
        except _Soon as error:
            raise error.final from None
        raise AssertionError("tenacity returns or raises")  # pragma: no cover

    async def token(self) -> str:
        """Return a valid token; raises as `call` does. For `check`."""
        try:
            return await self._token.get()
        except _Soon as error:
            raise error.final from None

    # --- one call ------------------------------------------------------------------------------------------------------

    async def _once(self, interface: Interface[T], body: Mapping[str, object]) -> T:
        token = await self._token.get()
        try:
            return await self._with(token, interface, body)
        except _TokenRefused:
            self._token.refused(token)
        token = await self._token.get()
        try:
            return await self._with(token, interface, body)
        except _TokenRefused as error:
            problem = error.refusal.problem()
            if not self._token.was_accepted(token):
                # Where an earlier one was accepted, the application is the right one, and the platform is in disorder.
                raise TryAgain(problem) if self._token.ever_accepted else NeedsHuman(problem) from None
            # It was good a moment ago, and has been taken away again: by another program with this key, for instance.
            self._token.refused(token)
            raise _Soon(TryAgain(problem)) from None

    async def _with(self, token: str, interface: Interface[T], body: Mapping[str, object]) -> T:
        path, body = _placed(interface.path, body)
        answer = await self._send(
            interface.method,
            self._url(token, interface, path, body),
            interface.path,
            json=body if interface.method == "POST" else msgspec.UNSET,
            writes=interface.writes,
            headers={_TOKEN_HEADER: token} if interface.new else None,
        )
        envelope = _opened(answer)
        if isinstance(envelope, Refusal):
            self._refuse(envelope, interface.path, writes=interface.writes)
        self._token.accepted(token)
        result = b"{}" if interface.shape is shapes.Nothing else bytes(envelope.result)
        try:
            decoded = interface.decoder.decode(answer.content if interface.beside else result)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._garbled(interface.path, "its result has another shape", writes=interface.writes)
        self._plan.told(interface.path, None)
        return decoded

    def _url(self, token: str, interface: Interface[T], path: str, body: Mapping[str, object]) -> str:
        query = "" if interface.method == "POST" or not body else urlencode(body)
        if interface.new:
            return f"{self._new_base}{path}" + (f"?{query}" if query else "")
        return f"{self._base}{path}?access_token={token}" + (f"&{query}" if query else "")

    async def _fetch_token(self) -> tuple[str, float]:
        key, secret = self._credentials()
        answer = await self._send(
            "POST",
            f"{self._new_base}{TOKEN_PATH}",
            TOKEN_PATH,
            json={"appKey": key, "appSecret": secret.reveal()},
            writes=False,
        )
        if isinstance(opened := _opened(answer), Refusal):
            if opened.meaning is Meaning.TOKEN:
                raise NeedsHuman(m.CREDENTIALS.at(code=opened.code))
            self._refuse(opened, TOKEN_PATH, writes=False)
        try:
            token = msgspec.json.decode(answer.content, type=shapes.Token, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._garbled(TOKEN_PATH, "it holds no token", writes=False)
        return token.value, token.seconds

    async def open_stream(self) -> shapes.StreamDoor:
        """Return a door to the events. Raises `TryAgain`, or `NeedsHuman` for wrong credentials. The call takes no token."""
        key, secret = self._credentials()
        body = {
            "clientId": key,
            "clientSecret": secret.reveal(),
            "subscriptions": [{"type": "EVENT", "topic": "*"}],
            "ua": "syncd",
        }
        try:
            answer = await self._send("POST", f"{self._new_base}{STREAM_PATH}", STREAM_PATH, json=body, writes=False)
            if isinstance(opened := _opened(answer), Refusal):
                # The code for wrong credentials is not documented; the status is the only sure sign.
                if answer.status in _CREDENTIALS_REFUSED:
                    raise NeedsHuman(m.CREDENTIALS.at(code=opened.code))
                self._refuse(opened, STREAM_PATH, writes=False)
            return msgspec.json.decode(answer.content, type=shapes.StreamDoor)
        except _Soon as error:
            raise error.final from None
        except (_TokenRefused, Refused) as error:
            raise NeedsHuman(m.CREDENTIALS.at(code=error.refusal.code)) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise TryAgain(m.GARBLED.at(interface=STREAM_PATH, why="it names no endpoint")) from None

    async def _send(
        self, method: str, url: str, path: str, *, json: object, writes: bool, headers: Mapping[str, str] | None = None
    ) -> Answer:
        try:
            turn = await self._plan.turn(path, LANE.get())
        except Resting as resting:
            after = timedelta(seconds=resting.seconds)
            raise TryAgain(
                m.PAUSED.at(until=f"{resting.seconds:.0f} s from now", code=resting.code), after=after
            ) from None
        try:
            answer = await self._client.send(method, url, json=json, headers=headers)
        except NotSent as error:
            raise _Soon(error) from error
        except AnswerLost as error:
            if writes:
                raise
            raise _Soon(TryAgain(error.problem)) from error
        finally:
            turn.done()
        self.headers = answer.headers
        return answer

    def _refuse(self, refusal: Refusal, path: str, *, writes: bool) -> NoReturn:
        """Raise what a refusal means. The order of the questions is the order in which they were told apart."""
        self._plan.told(path, refusal)
        problem = refusal.problem()
        match refusal.meaning:
            case Meaning.AGAIN if writes:
                raise OutcomeUnknown(problem)
            case Meaning.AGAIN | Meaning.SLOWER:
                raise _Soon(OneBusy(problem, after=refusal.after))
            case Meaning.TOKEN:
                raise _TokenRefused(refusal)
            case Meaning.BANNED:
                raise TryAgain(problem, after=refusal.after)
            case meaning if meaning in _PERSONAL:
                raise Refused(refusal)
        raise OneClosed(problem) if refusal.one_interface else NeedsHuman(problem)

    def _garbled(self, path: str, why: str, *, writes: bool) -> NoReturn:
        problem = m.GARBLED.at(interface=path, why=why)
        if writes:
            raise OutcomeUnknown(problem)
        raise _Soon(TryAgain(problem))


class _TokenRefused(Exception):
    """The token was not accepted; nothing happened."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.code)


def _placed(path: str, body: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    """Return a path with its parameters in it, and the others."""
    if "{" not in path:
        return path, body
    place = path.format_map({name: quote(str(value), safe="") for name, value in body.items()})
    return place, {name: value for name, value in body.items() if f"{{{name}}}" not in path}


_ENVELOPE: Final = msgspec.json.Decoder(shapes.Envelope, strict=False)
_NEW_ERROR: Final = msgspec.json.Decoder(shapes.NewError, strict=False)
_BAN: Final = 1111
_CREDENTIALS_REFUSED: Final = (400, 401)
_REFUSED_FROM: Final = 400
_BROKEN_FROM: Final = 500


def _opened(answer: Answer) -> shapes.Envelope | Refusal:
    """Return the envelope of an answer that says yes, or what its no means."""
    try:
        envelope = _ENVELOPE.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _unreadable(answer)
    if envelope.status == _BAN:
        return banned(envelope.request_id)
    if answer.status >= _REFUSED_FROM:
        return _new(answer)
    if not envelope.errcode:  # 0, or an answer of the new interfaces, which have none
        return envelope
    text = envelope.sub_msg or envelope.errmsg
    return old_refusal(int(envelope.errcode), str(envelope.sub_code or ""), text, envelope.request_id)


def _unreadable(answer: Answer) -> Refusal:
    """Half an answer, a page, a gateway's own error: none says whether something was done."""
    if answer.status < _BROKEN_FROM and answer.content.lstrip()[:1] == b"<":
        return page()
    return broken(answer.status)


def _new(answer: Answer) -> Refusal:
    error = _NEW_ERROR.decode(answer.content)
    return new_refusal(answer.status, error.code, error.message, error.requestid or error.request_id)
