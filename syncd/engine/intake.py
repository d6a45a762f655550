"""The intake: takes wakes from whoever rings (watching sources, webhooks, brokers, pushes), keeps them, and rings the bell.

Whoever waits for an answer gets it when the wake is durable, never before, and many that come at once share one transaction; what
a source tells by its own watch is only noted, because nobody waits and the source's cursor is durable. It reads nobody and
believes nothing: a wake says that a source wants to be read, and the next round finds out what changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncd import tracing
from syncd.core.errors import NeedsHuman, foreign, message
from syncd.core.model import SourceName
from syncd.core.wakes import Wake

if TYPE_CHECKING:
    from syncd.store import Store

LONGEST_KEY: Final = 255
MOST_NAMED: Final = 100

UNKNOWN_SOURCE: Final = message(
    "ENG-050",
    what="There is no source called '{name}', so it cannot be woken.",
    do="Name one of: {known}. They are the names under `sources` in syncd.yaml.",
    example="A webhook for `workday` arrives, and the source is called `hr`.",
)
LONG_KEY: Final = message(
    "ENG-051",
    what="The id of an event for source {name} has {length} characters; 255 are the most.",
    do="Give events shorter ids: a repeated one is recognised by it.",
    example="A broker's message whose key holds the whole record.",
)


class Intake:
    """Where wakes are handed in. One for each service, used from its event loop only."""

    def __init__(
        self,
        store: Store,
        *,
        sources: Callable[[], Collection[SourceName]],
        now: Callable[[], datetime],
        ring: Callable[[], None],
    ) -> None:
        self._store = store
        self._sources = sources
        self._now = now
        self._ring = ring
        self._waiting: list[tuple[Wake, asyncio.Future[None]]] = []
        self._heard: dict[SourceName, Wake] = {}
        self._rung: set[SourceName] = set()
        """Sources of which a wake was kept since a read of theirs began."""
        self._keeping: asyncio.Task[None] | None = None

    @property
    def heard(self) -> frozenset[SourceName]:
        """Return the sources of which a watch has told something or a wake was kept here, and that have not begun to be read
        since. Of wakes that were kept in another way, or whose read failed, the store knows."""
        return frozenset(self._heard) | self._rung

    def hear(self, wake: Wake) -> None:
        """Note what a watching source tells, and ring unless that was done for it already: a directory that is changed as a whole
        tells hundreds of times a second, and nobody has more to do for it until the next read begins.

        It is not stored: nobody waits for an acknowledgement, and what it speaks of lies behind the source's cursor until it is
        read. A process that dies reads every source when it begins anew."""
        self._check(wake)
        with tracing.waking(wake.source, str(wake.reason)):
            rung = wake.source in self._heard
            self.again(wake)
            if not rung:
                self._ring()

    def again(self, wake: Wake) -> None:
        """Note a wake whose read has come to nothing, so that the source is read again as soon as it may be."""
        known = self._heard.get(wake.source)
        moments = [one.event_at for one in (wake, known) if one is not None and one.event_at is not None]
        self._heard[wake.source] = replace(wake, event_at=min(moments, default=None))

    def taken(self, source: SourceName) -> Wake | None:
        """Return what a watch has told of a source, and forget it: a read begins that will see it."""
        self._rung.discard(source)
        return self._heard.pop(source, None)

    async def wake(self, wake: Wake) -> None:
        """Keep a wake and ring. Raises NeedsHuman for a source that is not configured, and whatever the store raises: then the
        wake may not be kept, and has to come again."""
        self._check(wake)
        with tracing.waking(wake.source, str(wake.reason)):
            await self._kept(wake)

    async def _kept(self, wake: Wake) -> None:
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((replace(wake, who=wake.who[:MOST_NAMED]), kept))
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep())
        await kept

    def _check(self, wake: Wake) -> None:
        known = self._sources()
        if wake.source not in known:
            raise NeedsHuman(UNKNOWN_SOURCE.at(name=foreign(wake.source), known=", ".join(sorted(known))))
        if len(wake.key) > LONGEST_KEY:
            raise NeedsHuman(LONG_KEY.at(name=wake.source, length=len(wake.key)))

    async def _keep(self) -> None:
        """Keep all that wait, and those that come meanwhile, in as few transactions as there is time for."""
        while self._waiting:
            some, self._waiting = self._waiting, []
            wakes = [wake for wake, _ in some]
            # Rung for already: a read that begins now asks the store, in its one thread, after this was kept there.
            self._rung.update(wake.source for wake in wakes)
            asyncio.get_running_loop().call_soon(self._ring)
            try:
                await self._store.do(lambda tx: tx.wakes.put(wakes, at=self._now()))  # noqa: B023
            except Exception as error:  # noqa: BLE001 - whoever waits is told
                for _, kept in some:
                    if not kept.done():
                        kept.set_exception(error)
                continue
            for _, kept in some:
                if not kept.done():
                    kept.set_result(None)


__all__ = ["Intake"]
