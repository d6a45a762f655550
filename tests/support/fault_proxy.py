"""A TCP proxy that is a bad network: slow, dripping, cut in the middle, half closed, reset, or gone without a word.

Its dice have a seed. It runs on an event loop in a thread of its own, so that tests may block; it knows nothing of what it
carries. For one break at one byte, in a test of one connection, `servers.proxy` is simpler.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

_PIECE: Final = 65536
_LOOK_SECONDS: Final = 0.02
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST instead of FIN."""
_HALF_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What the network is like now. Chances count for each piece that arrives, and are from 0 to 1."""

    latency: float = 0.0
    """Seconds that a piece takes in the middle; each takes between none and twice as much."""
    drip: int | None = None
    """Pass on so many bytes at a time at most, with a breath between; None: as they come."""
    reset: float = 0.0
    """The chance that both ends are reset (RST)."""
    cut: float = 0.0
    """The chance that a piece ends somewhere in its middle, and the connection with it."""
    half_close: float = 0.0
    """The chance that the receiver is told that nothing more comes, while its own words still go the other way for a moment."""
    partition: bool = False
    """Nothing arrives any more, in either direction, and nobody is told. When it is over, what waited goes on, unless an end
    has given up meanwhile: then nobody will ever know of it."""
    refuse: bool = False
    """New connections are reset at once."""


CALM: Final = Network()


class FaultProxy:
    """Carries bytes between clients and (host, port), as `network` lets it. `port` is where it listens, on 127.0.0.1."""

    def __init__(self, host: str, port: int, *, seed: int) -> None:
        self.network = CALM
        """May be replaced at any time, from any thread."""
        self.port = 0
        self.struck: Counter[str] = Counter()
        """How often each thing has befallen a connection."""
        self._upstream = (host, port)
        self._dice = random.Random(seed)
        self._open: set[asyncio.StreamWriter] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def break_all(self) -> None:
        """Reset every connection now."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._break_all(), self._loop).result()

    async def _break_all(self) -> None:
        self.struck["broken"] += len(self._open) // 2
        for end in list(self._open):
            self._abort(end)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, limit=_PIECE)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        await self._break_all()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.network.refuse:
            self.struck["refused"] += 1
            self._abort(writer)
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._upstream, limit=_PIECE)
        except OSError:
            self._abort(writer)
            return
        self._open |= {writer, server_writer}
        ways = (self._carry(reader, server_writer, writer), self._carry(server_reader, writer, server_writer))
        try:
            await asyncio.gather(*ways)
        finally:
            for end in (writer, server_writer):
                self._open.discard(end)
                end.close()

    async def _carry(
        self, reader: asyncio.StreamReader, goal: asyncio.StreamWriter, origin: asyncio.StreamWriter
    ) -> None:
        """Carry one direction to its end."""
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                if not await self._passed(piece, goal, (reader, origin)):
                    break
            else:
                if goal.can_write_eof():
                    goal.write_eof()
                return
        goal.close()
        origin.close()

    async def _passed(
        self, piece: bytes, goal: asyncio.StreamWriter, sender: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ) -> bool:
        """Let one piece through, or not; tell whether the connection goes on."""
        reader, origin = sender
        await asyncio.sleep(self._dice.uniform(0, 2 * self.network.latency))
        while self.network.partition:
            await asyncio.sleep(_LOOK_SECONDS)
            if reader.at_eof() or goal.transport.is_closing() or origin.transport.is_closing():
                self.struck["given up"] += 1
                return False
        network, chance = self.network, self._dice.random()
        if chance < network.reset:
            self.struck["reset"] += 1
            self._abort(goal)
            self._abort(origin)
            return False
        if chance < network.reset + network.cut:
            self.struck["cut"] += 1
            await self._write(goal, piece[: self._dice.randrange(len(piece))])
            return False
        await self._write(goal, piece)
        if chance < network.reset + network.cut + network.half_close:
            self.struck["half closed"] += 1
            goal.write_eof()
            await asyncio.sleep(_HALF_SECONDS)
            return False
        return True

    async def _write(self, goal: asyncio.StreamWriter, piece: bytes) -> None:
        step = self.network.drip or len(piece)
        for start in range(0, len(piece), step or 1):
            goal.write(piece[start : start + step])
            await goal.drain()
            if step < len(piece):
                await asyncio.sleep(0)

    def _abort(self, end: asyncio.StreamWriter) -> None:
        """Reset one end."""
        with suppress(OSError):
            own: socket.socket = end.get_extra_info("socket")
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.transport.abort()
