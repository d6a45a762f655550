"""The sandbox as a running server: in a thread of this process, or as the process itself.

uvicorn's protocol (httptools) on a loop of our own, so that starting and stopping take milliseconds and a fault can reach the
connection. Nothing is printed and nothing is logged here.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Self

from syncd_dingtalk.sandbox.app import Sandbox
from syncd_dingtalk.sandbox.disk import Disk, open_tenant
from syncd_dingtalk.sandbox.settings import SandboxSettings
from syncd_dingtalk.sandbox.stream import CONNECT
from syncd_dingtalk.sandbox.stream_socket import TRANSPORT

if TYPE_CHECKING:
    from syncd_dingtalk.sandbox.tenant import Tenant


def _protocols(sandbox: Sandbox) -> tuple[Callable[[], asyncio.Protocol], Any]:
    """Return a factory of connections, and the state that they share."""
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
    from uvicorn.server import ServerState

    class Connection(HttpToolsProtocol):
        """uvicorn's connection, which also shows its transport to the application."""

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.scope[TRANSPORT] = self.transport  # type: ignore[typeddict-unknown-key]

    class Socket(WebSocketsSansIOProtocol):
        """uvicorn's WebSocket, which shows its transport, too."""

        async def run_asgi(self) -> None:
            self.scope[TRANSPORT] = self.transport  # type: ignore[typeddict-unknown-key]
            await super().run_asgi()

    config = uvicorn.Config(
        sandbox, http=Connection, ws=Socket, lifespan="off", access_log=False, log_config=None, proxy_headers=False
    )
    config.load()
    state = ServerState()
    return lambda: Connection(config=config, server_state=state, app_state={}), state


class _Running:
    """A listening server on the running loop."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._make, self._state = _protocols(sandbox)
        self._server: asyncio.Server | None = None
        self._dating: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen, and return the URL."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._make, host, port, backlog=512)
        self._date()
        address = self._server.sockets[0].getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        self._sandbox.stream.endpoint = f"ws://{shown}:{address[1]}{CONNECT}"
        return f"http://{shown}:{address[1]}"

    def _date(self) -> None:
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        self._dating = asyncio.get_running_loop().call_later(1.0, self._date)

    async def stop(self) -> None:
        """Close every connection, silent ones too, and stop listening."""
        if self._dating is not None:
            self._dating.cancel()
        if self._server is not None:
            self._server.close()
        self._sandbox.stream.close()
        await self._sandbox.callbacks.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)  # each ends when its caller is gone


class SandboxServer:
    """A sandbox in a thread of this process: a context manager, ready to be called once entered.

    `tenant` and `sandbox` are the live objects, for tests in the same process: look at them while no call is under way.
    """

    def __init__(self, settings: SandboxSettings | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.settings = settings or SandboxSettings()
        self.url = ""
        self._host, self._port = host, port
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._disk: Disk | None = None
        self._sandbox: Sandbox | None = None

    @property
    def sandbox(self) -> Sandbox:
        """Return the running application; there is none before the server is entered."""
        if self._sandbox is None:
            raise RuntimeError("the sandbox has not been started")
        return self._sandbox

    @property
    def tenant(self) -> Tenant:
        return self.sandbox.tenant

    def __enter__(self) -> Self:
        """Start and wait until calls are accepted. Raises OSError for a taken port, Misconfigured for a bad state file."""
        self._disk = open_tenant(self.settings)
        self._sandbox = Sandbox(self._disk.tenant)
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="dingtalk-sandbox", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            self._thread = None
            raise self._failure
        return self

    def __exit__(self, *exc: object) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failure = error
        finally:
            if self._disk is not None:
                self._disk.close()
            self._ready.set()

    async def _serve(self) -> None:
        running = _Running(self.sandbox)
        self.url = await running.start(self._host, self._port)
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._stop.wait()
        await running.stop()


def serve(settings: SandboxSettings, host: str, port: int, *, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` is told the URL once calls are accepted. Raises OSError for a taken port."""
    disk = open_tenant(settings)
    try:
        asyncio.run(_serve_here(Sandbox(disk.tenant), host, port, on_ready))
    finally:
        disk.close()


async def _serve_here(sandbox: Sandbox, host: str, port: int, on_ready: Callable[[str], None] | None) -> None:
    running, stop = _Running(sandbox), asyncio.Event()
    url = await running.start(host, port)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError):  # not in the main thread: whoever started the thread ends it
            loop.add_signal_handler(number, stop.set)
    if on_ready is not None:
        on_ready(url)
    await stop.wait()
    await running.stop()
