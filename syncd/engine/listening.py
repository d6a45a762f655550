"""Listens for the service: to sources that watch, to brokers, to the target. Each in a task that is begun again when it ends.

What is heard becomes a wake or a kept touch; nothing is read or planned here. One that fails is named, waits longer each time,
and disturbs no other: the schedule finds out what it misses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from syncd.core.errors import Misconfigured, NeedsHuman, OutcomeUnknown, Problem, TryAgain, message
from syncd.core.health import Failure
from syncd.core.leave_records import Remembering
from syncd.core.model import SourceName
from syncd.core.ports import Telling, Watching
from syncd.core.wakes import Wake
from syncd.engine import drift, leave_records
from syncd.engine.backoff import Backoff
from syncd.engine.world import Seat, World
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.core.ports import Trigger

log = structlog.get_logger(__name__)
Waker = Callable[[Wake], Awaitable[None]]

EAR_FAILED: Final = message(
    "ENG-053",
    what="{name} cannot be listened to any more: it failed in a way that it should not ({error}).",
    do="Nothing is lost: the schedule finds what it would have told, and it is tried again. Please report this with the log.",
    example="A defect in a connector.",
)
SETTLED_SECONDS: Final = 60.0
"""Whoever was listened to for so long has recovered from what failed before."""


class Listening:
    """All that the service listens to."""

    def __init__(self, world: World, *, wake: Waker, hear: Callable[[Wake], None], ring: Callable[[], None]) -> None:
        """`wake` keeps a wake that is acknowledged, `hear` takes note of what a source itself tells; `ring` is called when
        somebody was marked whom a round has to look at."""
        self._world = world
        self._wake = wake
        self._hear = hear
        self._ring = ring
        self._watching: dict[SourceName, Watching] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.failing: dict[str, Failure] = {}
        """What cannot be listened to, by the name of the source or trigger; `target` for the target."""

    def start(self) -> None:
        """Begin to listen to everything."""
        works: dict[str, Callable[[], Awaitable[bool]]] = {
            "target": self._touches,
            "leave records": self._leavers,
        }
        works |= {name: partial(self._watch, seat) for name, seat in self._world.seats.items()}
        works |= {name: partial(self._trigger, make) for name, make in self._world.triggers.items()}
        self._tasks = [
            asyncio.create_task(self._kept(name, work), name=f"listen {name}") for name, work in works.items()
        ]

    async def close(self) -> None:
        """Stop listening, and leave nothing running."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def watching(self) -> Mapping[SourceName, str]:
        """Return how sources are watched right now, in their words; those that are not are not named."""
        return {name: words for name, source in self._watching.items() if (words := source.watching())}

    # -- what is listened to -------------------------------------------------------------------------------------------

    async def _watch(self, seat: Seat) -> bool:
        """Watch a source, on an instance of its own: what happens to a read does not end it."""
        made: Any = seat.make()
        if not isinstance(made, Watching):
            return False
        opened: Any = made
        async with opened as source:
            self._watching[seat.name] = source
            try:
                told: Any = source.watch()  # every `watch` is an asynchronous generator
                async with aclosing(told) as wakes:
                    async for wake in wakes:
                        self._hear(wake)
            finally:
                self._watching.pop(seat.name, None)
        return True

    async def _trigger(self, make: Callable[[], Trigger]) -> bool:
        async with make() as trigger:
            await trigger.listen(self._wake)
        return True

    async def _touches(self) -> bool:
        """Hear what the target tells of hand edits, from the very target that the writer uses: it minds the limits of calls."""
        async with self._world.make_target() as target:
            if not isinstance(target, Telling):
                return False
            await drift.follow(self._world, target, ring=self._ring)
        return True

    async def _leavers(self) -> bool:
        """Read back what the target remembers of those who left, from the target that the writer uses."""
        async with self._world.make_target() as target:
            if not isinstance(target, Remembering):
                return False
            await leave_records.follow(self._world, target, ring=self._ring)
        return True

    # -- kept running --------------------------------------------------------------------------------------------------

    async def _kept(self, name: str, work: Callable[[], Awaitable[bool]]) -> None:
        """Do it again whenever it ends, unless there is nothing to listen to."""
        backoff, clock = Backoff(), asyncio.get_running_loop().time
        while True:
            began = clock()
            problem: Problem | None = None
            try:
                if not await work():
                    return
            except Exception as error:  # noqa: BLE001 - said and logged below, whatever it is
                problem = _problem_of(name, error)
            if clock() - began > SETTLED_SECONDS:
                backoff.reset()
                self.failing.pop(name, None)
            pause = backoff.next()
            if problem is not None:
                self._note(name, problem)
                log.warning("listening.failed", to=name, code=problem.code, again_in=round(pause, 1))
            await asyncio.sleep(pause)

    def _note(self, name: str, problem: Problem) -> None:
        known = self.failing.get(name)
        self.failing[name] = Failure(
            since=known.since if known else self._world.now(),
            times=known.times + 1 if known else 1,
            code=problem.code,
            what=problem.what,
            do=problem.do,
        )


def _problem_of(name: str, error: Exception) -> Problem:
    """Return what went wrong, out of the group in which a task may have raised it."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    match error:
        case NeedsHuman() | TryAgain() | OutcomeUnknown():
            return error.problem
        case Misconfigured():
            return error.problems[0]
        case _:
            log.error("listening.failed", to=name, code=EAR_FAILED.code, exc_info=error)
            return EAR_FAILED.at(name=name, error=type(error).__name__)


__all__ = ["Listening"]
