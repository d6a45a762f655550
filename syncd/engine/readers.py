"""Reads of sources as tasks: one at a time for each source, side by side for several, so that one that hangs holds up nobody.

A source that fails is left alone for a while, longer each time; the schedule tries it all the same. What came of the reads is
kept until somebody takes it. Nothing is planned here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from syncd import tracing
from syncd.core.errors import Misconfigured, NeedsHuman, OutcomeUnknown, Problem, SyncdError, TryAgain, message
from syncd.core.health import Failure
from syncd.core.model import SourceName
from syncd.core.wakes import Wake
from syncd.engine import failures
from syncd.engine.backoff import Backoff
from syncd.engine.reconcile import Readings
from syncd.engine.stage import Asked, SourceRead, read_source
from syncd.engine.world import World
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.store import Transaction

log = structlog.get_logger(__name__)

SOURCE_FAILED: Final = message(
    "ENG-052",
    what="The source {name} failed in a way that it should not ({error}).",
    do="Its last facts stand, and it is read again by itself. Please report this with the log of the service.",
    example="A defect in a connector.",
)


BREATH: Final = 2.0
"""After a read that was stored bit by bit, when nothing can be planned, planning has as long as the read took, and no more than
so many seconds, before the source is read again for a wake. A directory that changes for minutes rings without end: it was
read all the time, and nobody was planned for. Whoever leaves meanwhile is noticed so much later."""


class Readers:
    """The reads that are under way, what came of those that are over, and which sources fail."""

    def __init__(
        self,
        world: Callable[[], World],
        *,
        ring: Callable[[], None],
        moved: Callable[[], None],
        again: Callable[[Wake], None] = lambda _: None,
    ) -> None:
        """`ring` is called when a read is over, `moved` for each page, `again` with what a read has not answered after all."""
        self._moved = moved
        self._again = again
        self._noted: set[SourceName] = set()
        self._world = world
        self._ring = ring
        self._tasks: dict[SourceName, asyncio.Task[None]] = {}
        self._answering: set[SourceName] = set()
        self._staging: set[SourceName] = set()
        self._backoff: dict[SourceName, Backoff] = {}
        self._until: dict[SourceName, float] = {}
        self._done: dict[SourceName, SourceRead] = {}
        self._failed: dict[SourceName, Problem] = {}
        self._ended: dict[SourceName, str] = {}
        """Where the last read of a source ended, if it ended well."""
        self._known: set[SourceName] = set()
        """Sources that are known to work, and of which no failure is kept."""
        self.failing: dict[SourceName, Failure] = {}
        """Sources whose last read failed."""

    @property
    def under_way(self) -> frozenset[SourceName]:
        """Return the sources that are being read."""
        return frozenset(self._tasks)

    @property
    def anything(self) -> bool:
        """Tell whether a read is over that nobody has taken note of."""
        return bool(self._done or self._failed)

    @property
    def answering(self) -> bool:
        """Tell whether a source has begun to answer that is being read."""
        return bool(self._answering)

    @property
    def staging(self) -> bool:
        """Tell whether a part of a read is stored and the rest is yet to come: nothing can be planned on that."""
        return bool(self._staging)

    def start(self, names: Iterable[SourceName], asked: Asked) -> None:
        """Begin to read those that are not being read already."""
        for name in names:
            if name not in self._tasks:
                self._tasks[name] = asyncio.create_task(self._read(name, asked), name=f"read {name}")

    def noted(self, name: SourceName) -> None:
        """What comes of the read of this source has been taken note of already."""
        self._noted.add(name)

    def may(self, name: SourceName) -> bool:
        """Tell whether a source may be read for a wake: it does not fail, or was left alone for long enough."""
        return name not in self._tasks and asyncio.get_running_loop().time() >= self._until.get(name, 0.0)

    def next_at(self) -> float:
        """Return when, in the time of the loop, the first source that was left alone may be read again."""
        now = asyncio.get_running_loop().time()
        return min((at for at in self._until.values() if at > now), default=float("inf"))

    def take(self) -> Readings:
        """Return what came of the reads since it was asked last, and forget it."""
        done, failed = tuple(self._done.values()), dict(self._failed)
        self._done, self._failed = {}, {}
        return done, failed

    async def close(self) -> None:
        """Cancel what is under way: a read that did not end concludes nothing."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, name: SourceName, asked: Asked) -> None:
        world = self._world()
        told = replace(asked, began=partial(self._began, name), at=self._at(name, asked))
        unanswered = asked.heard
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            with tracing.reading(name):
                done = await read_source(world, world.seats[name], world.new_run(), told)
            unanswered = None
            self._ended[name] = done.row.cursor or ""
            if name not in self._noted:
                self._done[name] = done
            await self._healed(world, name)
            if name in self._staging:
                self._until[name] = clock() + min(clock() - began, BREATH)
        except (TryAgain, NeedsHuman, OutcomeUnknown) as error:
            after = error.after.total_seconds() if isinstance(error, TryAgain) else 0.0
            await self._note(world, name, error.problem, least=after)
        except Misconfigured as error:
            await self._note(world, name, error.problems[0])
        except Exception as error:
            log.exception("source.failed", source=name, code=SOURCE_FAILED.code)
            await self._note(world, name, SOURCE_FAILED.at(name=name, error=type(error).__name__))
        finally:
            if unanswered is not None:
                self._again(unanswered)
            self._noted.discard(name)
            self._answering.discard(name)
            self._staging.discard(name)
            self._tasks.pop(name, None)
            self._ring()

    def _at(self, name: SourceName, asked: Asked) -> str | None:
        """Return where a delta probably begins. It is known once: of a read that fails nobody knows how far it came."""
        ended = self._ended.pop(name, "")
        return None if asked.full or asked.again else ended or None

    def _began(self, name: SourceName, stores: bool) -> None:
        self._answering.add(name)
        if stores:
            self._staging.add(name)
        self._moved()

    async def _note(self, world: World, name: SourceName, problem: Problem, *, least: float = 0.0) -> None:
        known, now = self.failing.get(name), world.now()
        self._failed[name] = problem
        self.failing[name] = Failure(
            since=known.since if known else now,
            times=known.times + 1 if known else 1,
            code=problem.code,
            what=problem.what,
            do=problem.do,
        )
        pause = self._backoff.setdefault(name, Backoff()).next(least=least)
        self._until[name] = asyncio.get_running_loop().time() + pause
        log.warning("source.failed", source=name, code=problem.code, again_in=round(pause, 1))
        await self._keep(world, name, problem)

    async def _healed(self, world: World, name: SourceName) -> None:
        self._failed.pop(name, None)
        self._until.pop(name, None)
        if self._backoff.pop(name, None) is None and name in self._known:
            return
        self._known.add(name)
        self.failing.pop(name, None)
        await self._keep(world, name, None)

    async def _keep(self, world: World, name: SourceName, problem: Problem | None) -> None:
        """Let other processes know; a store that cannot keep it has told so itself."""
        with suppress(SyncdError):
            await world.store.do(lambda tx: _note(tx, name, problem, world.now()))


def _note(tx: Transaction, name: SourceName, problem: Problem | None, now: datetime) -> None:
    """Note what became of a read; one that could not be logged is no trouble of the source."""
    if problem is not None and problem.code in failures.REFUSED:
        failures.note(tx, failures.AUDIT, problem, at=now)
        return
    failures.note(tx, failures.SOURCE + name, problem, at=now)
    if problem is None:
        failures.healed(tx, failures.AUDIT, failures.REFUSED)


__all__ = ["Readers"]
