"""The contract suite of sources that watch: the rules of `syncd.core.ports.Watching`; and a source in memory that keeps them.

Subclass `WatchingContract` and give it one fixture, `watcher`, which returns a `Watcher` around your source. It needs pytest and
nothing else of syncd.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from syncd.core.model import SourceName
from syncd.core.ports import Room, Watching
from syncd.core.wakes import Wake, WakeReason
from syncd.testing.memory import MemorySource

PATIENCE: Final = 60.0
"""Seconds that a wake may take on a slow machine."""


class MemoryWatcher(MemorySource):
    """A source in memory that wakes when it is told that something changed; `cut` interrupts it for a moment."""

    def __init__(self, settings: Any, room: Room) -> None:
        super().__init__(settings, room)
        self._rung = asyncio.Event()
        self._words = ""

    def changed(self) -> None:
        """Something has changed."""
        self._rung.set()

    def cut(self) -> None:
        """Interrupt the watch: it mends itself, and wakes, because something may have been missed."""
        self._words = ""
        self._rung.set()

    async def watch(self) -> AsyncIterator[Wake]:
        """Yield a wake at the start, and whenever something has changed or was interrupted."""
        try:
            while True:
                self._words = "in memory"
                yield Wake(source=SourceName(self.room.name), reason=WakeReason.NOTIFICATION)
                await self._rung.wait()
                self._rung.clear()
        finally:
            self._words = ""

    def watching(self) -> str:
        return self._words


@dataclass(frozen=True, kw_only=True)
class Watcher:
    """A source to test, and how to change something in it."""

    make: Callable[[], Any]
    """Returns the source, to be opened by `async with`."""
    source: SourceName
    """Its name: what wakes are to say."""
    change: Callable[[], Awaitable[None]]
    """Changes somebody, in a way that is to be noticed."""
    interrupt: Callable[[], Awaitable[None]]
    """Cuts what the watch listens on, in a way that it can mend."""
    secrets: tuple[str, ...] = field(default=())


class WatchingContract:
    """Subclass me, and give me a fixture `watcher`."""

    @pytest.fixture
    def watcher(self) -> Watcher:
        """Return a source that watches."""
        raise NotImplementedError("give the suite a fixture `watcher`")

    def test_01_it_ends_when_it_is_cancelled_and_leaves_nothing_running(self, watcher: Watcher) -> None:
        async def story() -> set[asyncio.Task[Any]]:
            before = asyncio.all_tasks()
            async with _watched(watcher) as (_, heard):
                await _more(heard, than=0)
            return asyncio.all_tasks() - before

        assert asyncio.run(story()) == set()

    def test_02_it_wakes_at_its_start_and_after_each_change(self, watcher: Watcher) -> None:
        async def story() -> list[Wake]:
            async with _watched(watcher) as (_, heard):
                await _more(heard, than=0)
                for _ in range(3):
                    before = len(heard)
                    await watcher.change()
                    await _more(heard, than=before)
                return heard

        heard = asyncio.run(story())
        assert {wake.source for wake in heard} == {watcher.source}
        assert all(wake.event_at is None or wake.event_at.tzinfo is not None for wake in heard)

    def test_02_03_it_mends_its_connection_and_wakes_because_something_may_have_been_missed(
        self, watcher: Watcher
    ) -> None:
        async def story() -> None:
            async with _watched(watcher) as (_, heard):
                await _more(heard, than=0)
                before = len(heard)
                await watcher.interrupt()
                await _more(heard, than=before)
                before = len(heard)
                await watcher.change()
                await _more(heard, than=before)

        asyncio.run(story())

    def test_04_it_says_how_it_watches_while_it_does(self, watcher: Watcher) -> None:
        async def story() -> tuple[str, str]:
            async with _watched(watcher) as (source, heard):
                await _more(heard, than=0)
                async with asyncio.timeout(PATIENCE):
                    while not source.watching():  # noqa: ASYNC110 - it has no bell for that
                        await asyncio.sleep(0.01)
                during = source.watching()
            return during, source.watching()

        during, after = asyncio.run(story())
        assert 0 < len(during) <= 120
        assert after == ""
        assert not any(secret in during for secret in watcher.secrets)


@asynccontextmanager
async def _watched(watcher: Watcher) -> AsyncIterator[tuple[Watching, list[Wake]]]:
    """Watch as the engine does, beside what the test does."""
    heard: list[Wake] = []
    async with watcher.make() as source:
        assert isinstance(source, Watching)

        async def listen() -> None:
            wakes: Any = source.watch()
            async with aclosing(wakes):
                async for wake in wakes:
                    heard.append(wake)  # noqa: PERF401 - somebody looks at it meanwhile

        task = asyncio.create_task(listen())
        try:
            yield source, heard
            assert not task.done(), "watch has ended by itself"
        finally:
            task.cancel()
            await asyncio.wait([task])


async def _more(heard: list[Wake], *, than: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(heard) <= than:  # noqa: ASYNC110 - whoever listens knows no bell of ours
            await asyncio.sleep(0.01)


__all__ = ["MemoryWatcher", "Watcher", "WatchingContract"]
