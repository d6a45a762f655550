"""One way to speak HTTP: the only place that imports httpx, and the only place that knows what is below it.

A call either has an answer, or certainly did not reach the other side (`NotSent`), or may have (`AnswerLost`): whoever
writes to somebody else's system needs that difference, and neither httpx nor aiohttp tells it reliably. This module never
repeats a call, never follows a redirect, never keeps cookies, never reads proxies or certificates from the environment,
and never logs; its errors name the host and nothing else of the address, because addresses can carry tokens.

Below httpx stands aiohttp (through httpx-aiohttp), driven with `httpx.Request` directly: docs/adr/0004-http-transport.md.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias
from urllib.parse import urlencode

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from syncd import tracing
from syncd.core.errors import OutcomeUnknown, Problem, TryAgain, foreign, message
from syncd.roots import tls

if TYPE_CHECKING:
    import aiohttp
    import httpx

BODY_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of one answer. More than any page of any interface that we call; a runaway answer must not exhaust the process."""
SOCKET_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of one message of a WebSocket."""

CALLS: Final[Counter[tuple[str, str]]] = Counter()
"""Calls of this process, by host and by what came of them: the status of the answer, `not sent`, or `lost`. For metrics only."""

UNRESOLVED: Final = message(
    "HTP-001",
    what="The name {host} could not be resolved.",
    do="Check the spelling of the address in the settings and this machine's DNS (`getent hosts {host}`).",
    example="target:\n  base_url: https://oapi.dingtalk.example",
)
UNREACHED: Final = message(
    "HTP-002",
    what="No connection to {host}: {why}.",
    do="Check that this machine may reach {host} (firewall, proxy) and that the service is up; syncd tries again by itself.",
    example="target:\n  base_url: http://127.0.0.1:1",
)
UNTRUSTED: Final = message(
    "HTP-003",
    what="The certificate of {host} was not accepted: {why}.",
    do="If a company proxy opens TLS, put its root certificate into a file and name it as `ca_file`. Check this machine's clock.",
    example="target:\n  ca_file: wrong-root.pem",
)
PROXY_FAILED: Final = message(
    "HTP-004",
    what="The proxy did not connect us to {host}: {why}.",
    do="Check `proxy` in the settings, its user and password, and whether the proxy may reach {host}.",
    example="target:\n  proxy: http://127.0.0.1:1",
)
LOST: Final = message(
    "HTP-005",
    what="{host} did not answer: {why}. What was asked for may have been done.",
    do="syncd reads back before it goes on. If this repeats, look at the network and at the service's status page.",
    example="target:\n  timeout: 0.001",
)


Taking: TypeAlias = Callable[[bytes], Awaitable[None]]
"""Takes the pieces of an answer."""


class Unsent(StrEnum):
    """At which step a call ended before anything was sent."""

    NAME = "name"
    CONNECTION = "connection"
    TLS = "tls"
    PROXY = "proxy"


class NotSent(TryAgain):
    """Nothing reached the other side: there was no connection. The same call can be repeated without harm."""

    def __init__(self, problem: Problem, step: Unsent) -> None:
        self.step = step
        super().__init__(problem)


class AnswerLost(OutcomeUnknown):
    """The call was sent, or may have been, and there is no whole answer."""


class HttpSettings(BaseModel):
    """How to reach one service."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connect_timeout: float = Field(default=5.0, gt=0, le=60)
    """Seconds until a connection, TLS included, must stand."""
    timeout: float = Field(default=20.0, gt=0, le=600)
    """Seconds until the whole answer must be there, counted from the call."""
    proxy: SecretStr | None = None
    """`http://[user:password@]host:port`; the environment is not consulted."""
    ca_file: Path | None = None
    """PEM file of the only roots to trust; without one, the system's."""
    connections: int = Field(default=64, ge=1, le=1000)
    """Connections at the same time; further calls wait for one."""
    idle: float = Field(default=10.0, gt=0)
    """Seconds that an unused connection is kept. Short, because a server that closes one while we write leaves us not
    knowing whether it read what we wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    content: bytes


class Client:
    """A pool of connections, used as an async context manager. Calls may be as concurrent as one likes."""

    def __init__(self, settings: HttpSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        # A cycle that finds nothing to write calls nobody: it pays neither for the libraries (0.3 s, 13 MB) nor for a context.
        # A file of certificates is read at once all the same, so that it is complained of before anything is done.
        self._context = tls(settings.ca_file) if settings.ca_file and transport is None else None
        self._given = transport
        self._opened: _Opened | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if transport := self._opened.transport if self._opened else self._given:
            await transport.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        json: object = msgspec.UNSET,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: timedelta | None = None,  # noqa: ASYNC109 - the time is the caller's; `asyncio.timeout` below keeps it
        taking: Taking | None = None,
    ) -> Answer:
        """Return the answer to one call. At most one of `json`, `form` and `content` is sent.

        `taking` is handed the pieces of a success (200) as they come, without a limit of their sum; the content is empty then.
        Raises `NotSent` if certainly nothing reached the other side, `AnswerLost` if something may have.
        """
        body, sent = _body(json, form, content)
        opened = self._opened = self._opened or _opened(self._settings, self._context, self._given)
        request = opened.request(method, opened.url(url), content=body, headers={**_HEADERS, **sent, **(headers or {})})
        seconds = timeout.total_seconds() if timeout else self._settings.timeout
        request.extensions["timeout"] = {"connect": self._settings.connect_timeout, "read": seconds}
        with tracing.calling(method, request.url.host) as doing:
            answer = await self._answered(opened.transport, request, seconds, taking=taking)
            doing.say(status=answer.status)
            return answer

    async def _answered(
        self, transport: httpx.AsyncBaseTransport, request: httpx.Request, seconds: float, *, taking: Taking | None
    ) -> Answer:
        host = request.url.host
        try:
            async with asyncio.timeout(seconds):
                answer = await self._exchange(transport, request, taking)
        except TimeoutError:
            CALLS[host, "lost"] += 1
            # It may have been waiting for a connection; saying "lost" costs a read back, the opposite could cost a person.
            raise AnswerLost(LOST.at(host=host, why=f"nothing came within {seconds:g} s")) from None
        except Exception as error:
            told = _told(error, host)
            CALLS[host, "not sent" if isinstance(told, NotSent) else "lost"] += 1
            if told is error:
                raise
            raise told from error
        CALLS[host, str(answer.status)] += 1
        return answer

    async def _exchange(
        self, transport: httpx.AsyncBaseTransport, request: httpx.Request, taking: Taking | None
    ) -> Answer:
        response = await transport.handle_async_request(request)
        try:
            pieces, size = [], 0
            # What is not packed needs none of httpx's unpacking, which is a tenth of a call.
            packed = "content-encoding" in response.headers
            async for piece in response.aiter_bytes() if packed else _stream(response):
                if taking is not None and response.status_code == 200:
                    await taking(piece)
                    continue
                pieces.append(piece)
                size += len(piece)
                if size > BODY_LIMIT:
                    raise _TooLong
            return Answer(status=response.status_code, headers=response.headers, content=b"".join(pieces))
        finally:
            await response.aclose()


def open_client(settings: HttpSettings, *, transport: httpx.AsyncBaseTransport | None = None) -> Client:
    """Return a client; `transport` is for tests. Raises `NeedsHuman` (HTP-006) for an unusable certificate file."""
    return Client(settings, transport)


def _stream(response: httpx.Response) -> AsyncIterator[bytes]:
    stream: Any = response.stream  # an asynchronous one, since an asynchronous transport made it
    pieces: AsyncIterator[bytes] = stream.__aiter__()
    return pieces


class _TooLong(Exception):
    """The answer is longer than `BODY_LIMIT`."""


_HEADERS: Final = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": "syncd"}


def _body(json: object, form: Mapping[str, str] | None, content: bytes | None) -> tuple[bytes | None, dict[str, str]]:
    if json is not msgspec.UNSET:
        # msgspec writes raw UTF-8; DingTalk refuses \uXXXX (40033).
        return msgspec.json.encode(json), {"content-type": "application/json; charset=utf-8"}
    if form is not None:
        return urlencode(form).encode(), {"content-type": "application/x-www-form-urlencoded"}
    return content, {}


# --- below httpx ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What a client needs as soon as it is used."""

    transport: httpx.AsyncBaseTransport
    request: type[httpx.Request]
    url: Callable[[str], httpx.URL]


def _opened(
    settings: HttpSettings, context: ssl.SSLContext | None, transport: httpx.AsyncBaseTransport | None
) -> _Opened:
    import httpx

    return _Opened(
        transport=transport or _aiohttp_transport(settings, context or tls(None)),
        request=httpx.Request,
        # Parsing an address costs a seventh of a call, and a service is asked at few addresses.
        url=lru_cache(maxsize=256)(httpx.URL),
    )


def _aiohttp_transport(settings: HttpSettings, context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    import aiohttp
    import httpx
    from httpx_aiohttp import AiohttpTransport

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=settings.connections, keepalive_timeout=settings.idle, ssl=context)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)

    proxy = _proxy(httpx.URL(settings.proxy.get_secret_value())) if settings.proxy else None
    made: Any = AiohttpTransport(verify=context, trust_env=False, proxy=proxy, client=session)
    return made  # type: ignore[no-any-return]  # httpx-aiohttp carries no types


def _proxy(url: httpx.URL) -> httpx.Proxy:
    """Return the proxy with its password as a header: aiohttp 3.14 deprecates the way httpx-aiohttp would pass it."""
    import httpx

    if not url.username:
        return httpx.Proxy(url)
    basic = b64encode(f"{url.username}:{url.password}".encode()).decode()
    return httpx.Proxy(url.copy_with(userinfo=b""), headers={"proxy-authorization": f"Basic {basic}"})


def _told(error: Exception, host: str) -> Exception:
    """Return our error for one from below. The cause decides, not httpx-aiohttp's translation: it calls a connection that
    the server closes after our request `ConnectTimeout` (0.1.12), which reads as if nothing had been sent."""
    import aiohttp
    import httpx

    cause = error.__cause__ if isinstance(error, httpx.TransportError) and error.__cause__ else error
    match cause:
        case aiohttp.ClientConnectorDNSError():
            return NotSent(UNRESOLVED.at(host=host), Unsent.NAME)
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError() | httpx.ProxyError():
            return NotSent(PROXY_FAILED.at(host=host, why=_why(cause)), Unsent.PROXY)
        case aiohttp.ClientSSLError() | ssl.SSLCertVerificationError():
            return NotSent(UNTRUSTED.at(host=host, why=_why(cause)), Unsent.TLS)
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError() | httpx.ConnectError():
            return NotSent(UNREACHED.at(host=host, why=_why(cause)), Unsent.CONNECTION)
        case aiohttp.ClientError() | httpx.TransportError() | OSError() | _TooLong():
            return AnswerLost(LOST.at(host=host, why=_why(cause)))
    return error


def _why(error: BaseException) -> str:
    """Return the kind of an error and the system's words for it, and no word of the library's: those contain addresses."""
    system = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    words = getattr(system, "verify_message", None) or getattr(system, "strerror", None)
    return foreign(f"{type(error).__name__} ({words})" if isinstance(words, str) else type(error).__name__)


# --- WebSockets -------------------------------------------------------------------------------------------------------


class Socket:
    """An open WebSocket: texts in both directions. The library answers the protocol's own pings."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> str | None:
        """Return the next text; None when the other side, or the line, has ended it."""
        import aiohttp

        while (message := await self._socket.receive()).type is not aiohttp.WSMsgType.TEXT:
            if message.type is not aiohttp.WSMsgType.BINARY:
                return None
        return str(message.data)

    async def send(self, text: str) -> None:
        """Send a text. Raises `TryAgain` where the line is gone."""
        try:
            await self._socket.send_str(text)
        except (OSError, RuntimeError) as error:
            raise TryAgain(LOST.at(host="the other side", why=_why(error))) from error


@asynccontextmanager
async def open_socket(settings: HttpSettings, url: str, *, heartbeat: float = 30.0) -> AsyncIterator[Socket]:
    """Connect to a `ws://` or `wss://` address, with the proxy and the certificates of every other call.

    `heartbeat` is the seconds of silence after which the line is tried, and given up if nothing comes back. Raises `NotSent`, or
    `AnswerLost` where the other side answered with something else than a WebSocket.
    """
    import aiohttp
    import httpx

    host = httpx.URL(url).host
    proxy = _proxy(httpx.URL(settings.proxy.get_secret_value())) if settings.proxy else None
    connector = aiohttp.TCPConnector(ssl=tls(settings.ca_file))
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        try:
            async with asyncio.timeout(settings.timeout):
                socket = await session.ws_connect(
                    url,
                    proxy=str(proxy.url) if proxy else None,
                    proxy_headers=dict(proxy.headers) if proxy else None,
                    heartbeat=heartbeat,
                    max_msg_size=SOCKET_LIMIT,
                )
        except TimeoutError:
            raise NotSent(UNREACHED.at(host=host, why="no connection in time"), Unsent.CONNECTION) from None
        except aiohttp.WSServerHandshakeError as error:
            raise AnswerLost(LOST.at(host=host, why=f"it answered {error.status} instead of a WebSocket")) from error
        except aiohttp.ClientError as error:
            raise _told(error, host) from error
        try:
            yield Socket(socket)
        finally:
            await socket.close()
