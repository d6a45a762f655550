"""The connection over which a source reads, kept from one read to the next together with what is known of the server.

A read that follows a wake would otherwise spend most of its time with TLS, logging on and asking the server who it is. A kept
connection that died meanwhile is replaced quietly, once, before anything was read over it: whoever reads tries it first, in the
thread in which he reads. It is given to one read at a time.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from syncd.core.errors import TryAgain
from syncd.core.ports import Room
from syncd_active_directory.directory import discover, looked_again
from syncd_active_directory.place import Place
from syncd_active_directory.servers import Servers
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.threads import finished
from syncd_active_directory.ways import Telling
from syncd_active_directory.wire import Wire

_LONGEST: Final = timedelta(hours=1)
"""So long a connection is used: a server decides about rights when somebody logs on ([MS-ADTS] 5.1.3), so a new one shows new
rights."""
_PATIENCE: Final = 5
"""Seconds to wait for the first answer on a connection that was idle: a firewall may have forgotten it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A connection in use."""

    wire: Wire
    place: Place
    since: datetime
    telling: Telling | None = None
    """The way by which the last read over it learned who changed; None before there was one."""
    tried: bool = True
    """Whether it is known that somebody is at the other end, and what the server says of itself now."""
    units: dict[bytes, str] = field(default_factory=dict)
    """The ids of units that deltas over it asked for, by name: until one of them is told as changed."""


class Died(Exception):
    """A kept connection is no more. Nothing was read over it."""


def tried(line: Line, settings: DirectorySettings, *, now: datetime) -> Line:
    """Return a kept line with what the server says of itself now. Blocking. Raises `Died`."""
    wire = line.wire
    try:
        wire.line.settimeout(min(_PATIENCE, settings.receive_seconds))
        place = looked_again(wire, line.place, settings, now=now)
        wire.line.settimeout(settings.receive_seconds)
    except TryAgain as error:
        raise Died from error
    return replace(line, place=place, tried=True)


def _ends(wire: Wire) -> dict[str, datetime]:
    shown = wire.certificate()
    if shown is None:
        return {}
    return {f"the certificate of {wire.address}": datetime.fromtimestamp(shown.not_after, UTC)}


class Kept:
    """The connection of one source."""

    def __init__(
        self, settings: DirectorySettings, room: Room, *, servers: Servers, trust: Callable[[], ssl.SSLContext]
    ) -> None:
        self._settings = settings
        self._room = room
        self._servers = servers
        self._trust = trust
        self._held: Line | None = None
        self._ends: dict[str, datetime] = {}
        self.keeps = False
        """Whether a connection may stay open between reads: somebody will close it."""

    async def taken(self, *, fresh: bool) -> Line:
        """Return the line that is kept, to be `tried` first; a new one if there is none, or if it shall be `fresh`. Raises as
        connecting and asking do."""
        held, self._held = self._held, None
        if held is not None:
            if not fresh and self._room.now() - held.since <= _LONGEST:
                return replace(held, tried=False)
            await self.dropped(held)
        return await self._opened()

    async def put(self, line: Line) -> None:
        """Keep a line over which a read has ended well."""
        if self.keeps and self._held is None:
            self._held = line
        else:
            await self.dropped(line)

    async def dropped(self, line: Line) -> None:
        """Close a line."""
        if self._held is None:
            self._servers.reading = ""
        await finished(line.wire.close, interrupt=line.wire.abort)

    async def close(self) -> None:
        """Close what is kept."""
        self.keeps = False
        held, self._held = self._held, None
        if held is not None:
            await self.dropped(held)

    def ends(self) -> dict[str, datetime]:
        """Return when the certificate ends that was shown at the last connection; nothing where that was not encrypted."""
        return dict(self._ends)

    async def _opened(self) -> Line:
        now = self._room.now()
        wire = await self._servers.connected(self._trust(), now=now)
        self._servers.reading = wire.address
        self._ends = _ends(wire)
        try:
            place = await finished(
                partial(discover, wire, self._settings, self._room.wanted, now=now), interrupt=wire.abort
            )
        except BaseException as error:
            wire.close()
            self._servers.reading = ""
            if isinstance(error, TryAgain):
                self._servers.failed(wire.address, now)
            raise
        wire.always = place.dialect.controls
        return Line(wire=wire, place=place, since=now)
