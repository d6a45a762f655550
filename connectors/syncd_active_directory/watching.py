"""Notices that something has changed in a directory, and wakes whoever reads it. It runs in the event loop beside the reads.

It holds connections of its own (one; two where it also looks), to the server from which reads come. It never says what changed,
and mends its connection by itself; while it is interrupted nothing is noticed, so that it wakes once more when it is back.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.model import SourceName
from syncd.core.ports import Room
from syncd.core.wakes import Wake, WakeReason
from syncd.structured import structlog
from syncd_active_directory import messages, messages_watch
from syncd_active_directory.dialects import DialectName
from syncd_active_directory.directory import discover
from syncd_active_directory.ear import Ear, Heard, Refused
from syncd_active_directory.looks import Look, look_of
from syncd_active_directory.noticing import Bell, bell_of, listenings
from syncd_active_directory.place import Place
from syncd_active_directory.servers import Servers
from syncd_active_directory.settings import DirectorySettings
from syncd_active_directory.threads import finished
from syncd_active_directory.wire import Wire

_GAP: Final = 0.2
"""Seconds between two looks at least: a busy domain rings more often than that."""
_FAST: Final = 0.02
"""Seconds. A directory that rings more often than that is being changed as a whole, hundreds of times a second: it is heard so
often, and no more. Changes that come one by one wait for nothing."""
_TURN: Final = 20.0
"""After so many seconds of silence it is seen whether reads have gone to another server."""
_LONGEST: Final = 60.0
_STEADY: Final = 60.0
"""A connection that held for so many seconds was a good one: the next attempt comes at once."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    reason: WakeReason
    at: datetime | None = None


class _Moved(Exception):
    """Reads come from another server now."""


class _Nothing(Exception):
    """There is nothing to notice changes by: reads come by the schedule only."""


@dataclass(slots=True, kw_only=True)
class _Post:
    """What listens and looks, while the connections hold."""

    wire: Wire
    ear: Ear | None = None
    bell: Bell | None = None
    look: Look | None = None
    every: timedelta

    @property
    def words(self) -> str:
        """How changes are noticed, for people; empty if they are not."""
        looks = f"{self.look.words} every {self.every.total_seconds():g} s" if self.look else ""
        return ", and ".join(filter(None, (str(self.bell) if self.ear else "", looks)))

    async def news(self) -> AsyncGenerator[_News | None, None]:
        """Yield what is noticed, and None now and then when nothing is. Raises what interrupts it."""
        clock, last = asyncio.get_running_loop().time, float("-inf")
        while self.look is None and self.ear is not None:
            heard = await self.ear.heard(_TURN)
            often = clock() - last < _FAST
            yield _News(reason=WakeReason.NOTIFICATION, at=heard.at) if heard else None
            if often:
                await asyncio.sleep(_FAST)
            last = clock()
        while self.look is not None:
            rung = await self._until(clock() + self.every.total_seconds())
            changed = await finished(self.look.changed, interrupt=self.wire.abort)
            yield _News(reason=WakeReason.NOTIFICATION if rung else WakeReason.POLL) if changed else None
            if rung:
                await asyncio.sleep(_GAP)

    async def _until(self, due: float) -> Heard | None:
        seconds = max(0.0, due - asyncio.get_running_loop().time())
        if self.ear is not None:
            return await self.ear.heard(seconds)
        await asyncio.sleep(seconds)
        return None


class Watch:
    """Watches for one source."""

    def __init__(
        self, settings: DirectorySettings, room: Room, *, servers: Servers, trust: Callable[[], ssl.SSLContext]
    ) -> None:
        self._settings = settings
        self._room = room
        self._servers = servers
        self._trust = trust
        self.words = ""
        """How changes are noticed right now; empty while they are not."""

    async def wakes(self) -> AsyncGenerator[Wake, None]:
        """Yield a wake at the start, after each interruption, and when something changed. Raises what a person has to mend."""
        tries = 0
        while True:
            opened = asyncio.get_running_loop().time()
            try:
                async with self._opened() as post:
                    self.words = post.words
                    async with aclosing(self._of(post)) as wakes:
                        async for wake in wakes:
                            yield wake
            except _Moved:
                continue
            except _Nothing:
                break
            except TryAgain as failure:
                log.warning("watch.interrupted", source=self._room.name, problem=failure.problem.what)
            finally:
                self.words = ""
            if asyncio.get_running_loop().time() - opened > _STEADY:
                tries = 0
            # With jitter, so that not everybody comes back in the same second.
            await asyncio.sleep(min(_LONGEST, 2.0**tries) * random.uniform(0.5, 1))
            tries = min(tries + 1, 10)
        yield self._wake(_News(reason=WakeReason.POLL))
        await asyncio.Event().wait()

    async def _of(self, post: _Post) -> AsyncGenerator[Wake, None]:
        yield self._wake(_News(reason=WakeReason.NOTIFICATION if post.ear else WakeReason.POLL))
        try:
            async with aclosing(post.news()) as all_news:
                async for news in all_news:
                    if news is not None:
                        yield self._wake(news)
                    if self._servers.elsewhere(post.wire.address, self._room.now()):
                        raise _Moved
        except Refused as refused:
            raise self._refused(post.wire, refused) from None

    def _wake(self, news: _News) -> Wake:
        at = min(news.at, self._room.now()) if news.at else None
        return Wake(source=SourceName(self._room.name), reason=news.reason, event_at=at)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[_Post]:
        """Yield what listens and looks from now on. Raises `_Nothing` if nothing can, and as connections do."""
        if self._settings.changes == "none":
            # Each wake would mean to read everything.
            raise _Nothing
        async with AsyncExitStack() as open_:
            wire = await self._connected(open_)
            place = await self._place(wire)
            bell = bell_of(place, self._settings)
            is_domain = place.dialect.name is DialectName.ACTIVE_DIRECTORY
            ear = None
            if bell is not None:
                ear = await self._ear(open_, bell, place, wire=await self._connected(open_) if is_domain else wire)
                if ear is None and not is_domain:
                    # The connection was spent on what the server refused.
                    wire = await self._connected(open_)
            look = await self._look(wire, place) if ear is None or is_domain else None
            if ear is None and look is None:
                raise _Nothing
            every = max(self._settings.watch.poll, look.least) if look else self._settings.watch.poll
            yield _Post(wire=wire, ear=ear, bell=bell, look=look, every=every)

    async def _ear(self, open_: AsyncExitStack, bell: Bell, place: Place, *, wire: Wire) -> Ear | None:
        """Return an ear that hears; None if the server refuses and we can do without."""
        try:
            begun = await finished(partial(_begun, wire, place, bell), interrupt=wire.abort)
            ear = Ear(wire, begun=begun)
            open_.callback(ear.close)
            await ear.ready()
        except (Refused, NeedsHuman) as refused:
            wire.close()
            if self._settings.watch.notification == "on":
                reason = refused.problem.what if isinstance(refused, NeedsHuman) else f"it answers {refused}"
                raise NeedsHuman(messages_watch.NO_BELL.at(server=wire.address, reason=reason)) from None
            return None
        return ear

    async def _look(self, wire: Wire, place: Place) -> Look | None:
        if not self._settings.watch.poll:
            return None
        wire.always = place.dialect.controls
        return await finished(partial(look_of, wire, place, self._settings, self._servers.ended), interrupt=wire.abort)

    async def _connected(self, open_: AsyncExitStack) -> Wire:
        now = self._room.now()
        wire = await self._servers.connected(self._trust(), now=now, first=self._servers.reading)
        open_.callback(wire.close)
        return wire

    async def _place(self, wire: Wire) -> Place:
        now = self._room.now()
        return await finished(lambda: discover(wire, self._settings, self._room.wanted, now=now), interrupt=wire.abort)

    @staticmethod
    def _refused(wire: Wire, refused: Refused) -> TryAgain:
        reason = f"it ended the search ({refused})"
        return TryAgain(messages.CUT.at(server=wire.address, doing="listening for changes", reason=reason))


def _begun(wire: Wire, place: Place, bell: Bell) -> dict[int, bool]:
    """Begin the searches, and return their numbers with whether they first catch up. Blocking."""
    return {
        wire.begin(base=each.base, filter_=each.filter, wanted=each.wanted, controls=[each.control]): each.catches_up
        for each in list(listenings(bell, wire, place))
    }
