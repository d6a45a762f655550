"""`Web`: listens while the service runs, and ends with it. It installs no signal handlers, and what fails here never
ends the service, except settings that a person has to mend first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn

from syncd import telemetry
from syncd.config.web import Address, address
from syncd.web import messages
from syncd.web.app import Applications, Served, applications
from syncd.web.certificate import context_of, renewing
from syncd.web.connections import IDLE_SECONDS, Connection

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from syncd.config.settings import Settings
    from syncd.config.web import WebSettings
    from syncd.web.monitoring import Look

log = telemetry.get(__name__)

AGAIN_SECONDS: Final = 10.0
"""Between two attempts to listen."""
DRAIN_SECONDS: Final = 5
"""For requests that are under way when the service stops."""
BACKLOG: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is served, checked and ready to be."""

    web: WebSettings
    applications: Applications
    tls: ssl.SSLContext | None


def prepare(settings: Settings, served: Served) -> Prepared:
    """Put everything together without listening. Raises Misconfigured."""
    return Prepared(web=settings.web, applications=applications(settings, served), tls=context_of(settings.web))


async def serve(prepared: Prepared, *, ready: Callable[[str], None] = lambda _: None) -> None:
    """Serve until cancelled; return at once if nothing shall listen. `ready` is told each URL that takes requests
    now."""
    doors = Doors()
    try:
        await doors.serve(prepared, ready=ready)
    finally:
        await doors.close()


class Doors:
    """What listens, through every change of the configuration: where address, certificate and proxies stay, the same
    socket goes on and only the application behind it is another, so that no client is ever refused for a reload."""

    def __init__(self) -> None:
        self._open: dict[_Terms, _Door] = {}
        self._looks: list[Look] = []

    async def serve(self, prepared: Prepared, *, ready: Callable[[str], None] = lambda _: None) -> None:
        """Answer with these applications from now on, until cancelled: then the doors stay open for the ones that
        come next, or for `close`. `ready` is told each URL that takes requests now."""
        wanted = dict(_wanted(prepared))
        await self._shut([terms for terms, door in self._open.items() if terms not in wanted or door.task.done()])
        self._looks = [*(look for look in self._looks if look.busy), prepared.applications.look]
        for terms, app in wanted.items():
            door = self._open.get(terms)
            if door is None:
                door = self._open[terms] = _Door(terms, prepared.tls)
            door.take(app, ready)
        if self._open:
            await _first([door.task for door in self._open.values()])

    async def close(self) -> None:
        """Listen no more, when what is under way is answered."""
        await self._shut([*self._open])
        for look in self._looks:
            look.close()

    async def _shut(self, which: Sequence[_Terms]) -> None:
        tasks = [self._open.pop(terms).task for terms in which]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _first(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait until one has ended; raises what it raised. Ends none when it is cancelled itself."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What cannot become another while it listens."""

    watched: bool
    """Whether it is the one for those who watch over the service."""
    listen: Address
    certificate: Path | None
    key: Path | None
    proxies: tuple[str, ...]


def _wanted(prepared: Prepared) -> Iterator[tuple[_Terms, ASGIApp]]:
    web, built = prepared.web, prepared.applications
    terms = partial(_Terms, certificate=web.certificate, key=web.key, proxies=tuple(web.proxies))
    if web.listen is not None:
        yield terms(watched=False, listen=address(web.listen)), built.main
    if web.monitoring.listen is not None and built.monitoring is not None:
        yield terms(watched=True, listen=address(web.monitoring.listen)), built.monitoring


class _Door:
    """One address that listens. Each request is answered by the application that is behind it when it comes."""

    def __init__(self, terms: _Terms, tls: ssl.SSLContext | None) -> None:
        self._terms, self._tls = terms, tls
        self._url: str | None = None
        self.task = asyncio.create_task(self._listen(), name=f"door {terms.listen}")

    def take(self, app: ASGIApp, ready: Callable[[str], None]) -> None:
        """Answer with another application; `ready` is told the URL, as soon as it takes requests."""
        self._app, self._ready = app, ready
        if self._url is not None:
            ready(self._url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def _listen(self) -> None:
        """Listen, as soon as the address can be had, with the certificate that there is now."""
        async with asyncio.TaskGroup() as group:
            if self._tls is not None:
                group.create_task(renewing(self._terms.certificate, self._terms.key, self._tls))
            await self._serve()

    async def _serve(self) -> None:
        where, tls = self._terms.listen, self._tls
        if tls is None and not where.is_local:
            log.warning("web.no_tls", code=messages.NO_TLS.code, what=messages.NO_TLS.what.format(address=where))
        async with _listening(where) as listening:
            server = _Server(_config(self, proxies=self._terms.proxies, tls=tls))
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            self._url = _url(where, listening, tls=tls)
            log.info("web.listening", url=self._url)
            self._ready(self._url)
            try:
                await asyncio.shield(serving)
            finally:
                server.should_exit = True
                await serving


@contextlib.asynccontextmanager
async def _listening(where: Address) -> AsyncIterator[socket.socket]:
    """Yield a socket that takes connections, and leave no file behind; wait for as long as there is none to be had."""
    while True:
        try:
            opened = _opened(where)
            break
        except OSError as error:
            problem = messages.NOT_LISTENING.at(address=where, why=error.strerror or "error")
            log.warning("web.not_listening", code=problem.code, what=problem.what)
            await asyncio.sleep(AGAIN_SECONDS)
    try:
        yield opened
    finally:
        opened.close()
        if where.path is not None:
            where.path.unlink(missing_ok=True)


def _opened(where: Address) -> socket.socket:
    """Raises OSError."""
    if where.path is not None:
        return _in_file_system(where.path)
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    made = socket.create_server((where.host, where.port), family=family, backlog=BACKLOG)
    # Connections inherit it. asyncio sets it only on sockets that were made with the protocol's number, and without it each
    # answer, which uvicorn writes in two pieces, waits 40 ms for the acknowledgement of its first one.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _in_file_system(path: Path) -> socket.socket:
    """Make a socket that the group may use, too. One that was left behind is taken away, one that somebody listens on
    is not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            pass
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    unready = path.with_name(f".{os.getpid()}")
    try:
        made.bind(str(unready))
        unready.chmod(0o660)
        made.listen(BACKLOG)
        _renamed(unready, path)
    except OSError:
        made.close()
        unready.unlink(missing_ok=True)
        raise
    return made


def _renamed(unready: Path, path: Path) -> None:
    """Give the socket its name when it can be used. `link` refuses a name that is taken, which `rename` would take away."""
    path.hardlink_to(unready)
    unready.unlink()


def _url(where: Address, listening: socket.socket, *, tls: ssl.SSLContext | None) -> str:
    if where.path is not None:
        return str(where)
    bound = Address(host=where.host, port=listening.getsockname()[1])
    return f"{'http' if tls is None else 'https'}://{bound}"


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: whoever runs the service stops it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: ASGIApp, *, proxies: Sequence[str], tls: ssl.SSLContext | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=[*proxies],
        backlog=BACKLOG,
        timeout_keep_alive=int(IDLE_SECONDS),
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    config.load()
    config.ssl = tls
    return config
