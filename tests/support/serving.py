"""A service under test: it runs beside the test's own steps, in one event loop, and is always stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from support.small_world import HR
from syncd.core.model import SourceName
from syncd.core.wakes import Wake, WakeReason
from syncd.engine.serving import Schedule, Service
from syncd.engine.world import World

QUIET = Schedule(every=timedelta(hours=1))
"""A schedule that does nothing by itself after the first cycle."""


class Beats:
    """A pulse that remembers."""

    def __init__(self) -> None:
        self.made = asyncio.Event()
        self.progressed = 0

    def progress(self) -> None:
        self.progressed += 1

    def idle(self) -> None:
        return

    def ready(self, status: str) -> None:
        self.made.set()


@asynccontextmanager
async def served(world: World, schedule: Schedule = QUIET, *, first: bool = True) -> AsyncIterator[Service]:
    """Run a service; with `first`, from when its first cycle is over."""
    beats = Beats()
    service = Service(world, schedule, pulse=beats)
    task = asyncio.create_task(service.run())
    try:
        if first:
            await until(beats.made.is_set, "the first cycle", task)
        yield service
    finally:
        service.stop()
        await asyncio.wait_for(task, 60)


async def until(
    condition: Callable[[], bool | Awaitable[bool]], what: str, task: asyncio.Task[Any] | None = None
) -> None:
    """Wait for something, a minute at most."""
    async with asyncio.timeout(60):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            if task is not None and task.done():
                task.result()
                raise AssertionError(f"the service has ended before {what}")
            await asyncio.sleep(0.005)


def ringing(source: SourceName = HR, **words: Any) -> Wake:
    """Return a wake as a webhook would send it."""
    return Wake(**{"source": source, "reason": WakeReason.WEBHOOK, **words})
