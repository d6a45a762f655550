"""`Web`: listens while the service runs, and ends with it. It installs no signal handlers, and what fails here never
ends the service, except settings that a person has to mend first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
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
    from starlette.types import ASGIApp

    from syncd.config.settings import Settings
    from syncd.config.web import WebSettings

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
    web, tls = prepared.web, prepared.tls
    doors = [*_doors(web, prepared.applications)]
    if not doors:
        return
    try:
        async with asyncio.TaskGroup() as group:
            for listen, app in doors:
                group.create_task(_door(address(listen), app, web=web, tls=tls, ready=ready))
            if tls is not None:
                group.create_task(renewing(web, tls))
    finally:
        prepared.applications.look.close()


def _doors(web: WebSettings, built: Applications) -> Iterator[tuple[str, ASGIApp]]:
    if web.listen is not None:
        yield web.listen, built.main
    if web.monitoring.listen is not None and built.monitoring is not None:
        yield web.monitoring.listen, built.monitoring


async def _door(
    where: Address, app: ASGIApp, *, web: WebSettings, tls: ssl.SSLContext | None, ready: Callable[[str], None]
) -> None:
    """Listen at one address, as soon as it can be had."""
    if tls is None and not where.is_local:
        log.warning("web.no_tls", code=messages.NO_TLS.code, what=messages.NO_TLS.what.format(address=where))
    async with _listening(where) as listening:
        server = _Server(_config(app, web, tls))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        url = _url(where, listening, tls=tls)
        log.info("web.listening", url=url)
        ready(url)
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


def _config(app: ASGIApp, web: WebSettings, tls: ssl.SSLContext | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(web.proxies),
        forwarded_allow_ips=web.proxies,
        backlog=BACKLOG,
        timeout_keep_alive=int(IDLE_SECONDS),
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    config.load()
    config.ssl = tls
    return config
