"""The life of one service process, which ends at any await that the test names, and what it speaks to meanwhile.

`Life` runs a service in an event loop of its own whose time the test moves, counts each step of each of its tasks, and ends it at
the n-th: from then on nothing that it does reaches the database or the tenant. `Tenant` stays, and keeps book: a call that was
not logged before, two calls at once for one subject, and a call that is made blindly although an earlier one may have taken
effect, are written down as `wrongs`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Generator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import Any, TypeVar

from support.small_world import SmallWorld
from support.virtual_time import Inline, VirtualLoop
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import Change, Completeness, Kind, Op, Page, ProofFact, SubjectId, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome, Rejected
from syncd.engine.serving import Schedule, Service
from syncd.store.audit import AuditTable
from syncd.store.rows import QueueState
from syncd.testing.memory import MemorySource, MemoryTarget, refusal

T = TypeVar("T")
SLOWLY = (0.0, 0.01, 0.4)
"""Seconds that a call may take, before and after it takes effect."""


class Ended(BaseException):
    """The process is gone: nothing that would come after it happens."""


class Mood(StrEnum):
    """How the tenant takes a call."""

    WELL = "well"
    REFUSES = "refuses"
    BUSY = "busy"
    DOWN = "down"
    BREAKS = "breaks"
    """The connector raises, before anything happened."""
    BREAKS_AFTER = "breaks after"
    TIMES_OUT = "times out"
    """It took effect, and nobody heard so."""


@dataclass(slots=True, kw_only=True)
class _Call:
    change: Change
    key: str
    again: bool
    done: bool = False
    """Whether it has had its chance to take effect."""


class Tenant(MemoryTarget):
    """A tenant that takes its time, fails as it is told to, and keeps book of how it is treated."""

    def __init__(self, world: SmallWorld) -> None:
        super().__init__({}, world.target.room)
        self._world = world
        self.life: Life | None = None
        self.dice = Random(0)
        self.share = 0.0
        """Of calls that do not go well."""
        self.wrongs: list[str] = []
        self.offboarded: Counter[TargetId] = Counter()
        self.unsure: set[SubjectId] = set()
        """Of whom an earlier call may have taken effect, and nobody knows."""
        self.keys: set[str] = set()
        self._tries: Counter[str] = Counter()
        self._calls: dict[SubjectId, _Call] = {}

    async def apply(self, change: Change, *, key: str, again: bool = False) -> Outcome:
        self._alive()
        self._keep_book(change, key, again=again)
        call = self._calls[change.subject] = _Call(change=change, key=key, again=again)
        try:
            await self._pause()
            outcome = self._answer(call)
            await self._pause()
            return outcome
        finally:
            self._calls.pop(change.subject, None)

    async def _pause(self) -> None:
        if self.life is not None:
            await asyncio.sleep(self.dice.choice(SLOWLY))
        self._alive()

    def died(self) -> None:
        """The caller is gone: what was on its way arrives or does not, and nobody knows."""
        for call in self._calls.values():
            self.unsure.add(call.change.subject)
            if not call.done and self.dice.random() < 0.5:
                self._take_effect(call)
        with self._world.store.reading() as tx:
            running = tx.queue.standing(QueueState.RUNNING)
        self.unsure |= {one.change.subject for one in running if one.id in self.keys}

    def _alive(self) -> None:
        if self.life is not None and self.life.dead:
            raise Ended

    def _keep_book(self, change: Change, key: str, *, again: bool) -> None:
        self._tries[key] += 1
        self.keys.add(key)
        with self._world.store.reading() as tx:
            rows = AuditTable().about(tx, change.subject)
            intended = sum(row.change == key and row.type == "change.intended" for row in rows)
        if intended < self._tries[key]:
            self.wrongs.append(f"{change.op} of {change.subject} was not logged before it was called")
        if change.subject in self._calls:
            self.wrongs.append(f"two calls at once for {change.subject}")
        if not again and (change.subject in self.unsure or key in self._done):
            self.wrongs.append(f"{change.op} of {change.subject} was repeated blindly")

    def _answer(self, call: _Call) -> Outcome:
        call.done = True
        mood = self.dice.choice(list(Mood)[1:]) if self.dice.random() < self.share else Mood.WELL
        if call.again and mood in (Mood.REFUSES, Mood.BUSY, Mood.DOWN):
            mood = Mood.TIMES_OUT  # it could not even be read back
        match mood:
            case Mood.REFUSES:
                return Rejected(problem=refusal("no"))
            case Mood.BUSY | Mood.DOWN:
                at = self.room.now() + timedelta(seconds=self.dice.choice((2, 60)))
                return Deferred(problem=refusal("busy"), retry_at=at, whole_target=mood is Mood.DOWN)
            case Mood.BREAKS:
                self.unsure.add(call.change.subject)
                raise RuntimeError("a defect")
            case Mood.BREAKS_AFTER | Mood.TIMES_OUT:
                self.unsure.add(call.change.subject)
                self._take_effect(call)
                if mood is Mood.BREAKS_AFTER:
                    raise RuntimeError("a defect")
                at = self.room.now() + timedelta(seconds=self.dice.choice((2, 60)))
                return Deferred(problem=refusal("nobody answers"), retry_at=at, read_back=True)
            case _:
                self.unsure.discard(call.change.subject)
                return self._take_effect(call)

    def _take_effect(self, call: _Call) -> Outcome:
        """Do it, unless reading back finds it done."""
        if call.again and call.key in self._done:
            return self._done[call.key]
        change = call.change
        there = self._made(change) if call.again and change.op is Op.CREATE else None
        if there is not None:
            change = replace(change, op=Op.UPDATE, target_id=there)
        outcome = self._apply(change)
        if isinstance(outcome, Applied):
            self.writes[call.key] += 1
            self.log.append((change.op, change.subject))
            self._done[call.key] = outcome
            if change.op is Op.OFFBOARD or (change.op is Op.REMOVE and change.kind is Kind.PERSON):
                self.offboarded[outcome.target_id] += 1
        return outcome

    def _made(self, change: Change) -> TargetId | None:
        """Return what an earlier attempt made, found as a connector finds it: by its id, or by our mark."""
        wanted = {item.name: item.after for item in change.fields}
        if change.kind is Kind.PERSON:
            userid = TargetId(str(wanted.get("userid")))
            return userid if (Kind.PERSON, userid) in self.objects else None
        mark = self.mark(change.subject)
        return next(
            (one for one, its in self.marks.items() if its == mark and (change.kind, one) in self.objects), None
        )


class Office(MemorySource):
    """A source that takes its time, and whose answer may end in the middle."""

    def __init__(self, world: SmallWorld) -> None:
        super().__init__({}, world.source.room)
        self.tells = True
        self.dice = Random(0)
        self.slow = False
        """Whether it takes its time: only where that costs none."""
        self.cut = False
        """Whether reads end early: half of it is missing, and the proof with it."""

    async def read(
        self, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN
    ) -> AsyncIterator[Page]:
        cut = self.cut
        async for page in super().read(cursor, full=full, known=known):
            if self.slow:
                await asyncio.sleep(self.dice.choice(SLOWLY))
            if cut and page.completeness is not None:
                fact = ProofFact(name="memory", holds=False, detail="cut off")
                yield Page(cursor=page.cursor, full=page.full, completeness=Completeness(facts=(fact,)))
            else:
                yield page


class _Stepped(Coroutine[Any, Any, T]):
    """A coroutine whose every step is told."""

    def __init__(self, inner: Coroutine[Any, Any, T], life: Life) -> None:
        self._inner, self._life = inner, life

    def send(self, value: Any) -> Any:
        self._life.step()
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        self._life.step()
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, T]:
        return self._inner.__await__()


class Life:
    """One process, from its start to its end."""

    def __init__(self, world: SmallWorld, tenant: Tenant, schedule: Schedule) -> None:
        begin = world.time

        def moved(seconds: float) -> None:
            world.time = begin + timedelta(seconds=seconds)

        self.dead = False
        self.complaints: list[str] = []
        self._world, self._tenant = world, tenant
        self._left: int | None = None
        self._thread = world.store._thread = Inline()  # type: ignore[assignment]
        self._loop = VirtualLoop(moved=moved)
        self._loop.set_task_factory(self._task)
        self._loop.set_exception_handler(lambda _, told: self.complaints.append(str(told)))
        tenant.life = self
        world.source.slow = True  # type: ignore[attr-defined]

        async def make() -> Service:
            return Service(world.world, schedule)

        self.service = self._loop.run_until_complete(make())
        self._run = self._loop.create_task(self.service.run())

    def _task(self, loop: asyncio.AbstractEventLoop, inner: Any, **words: Any) -> asyncio.Task[Any]:
        return asyncio.Task(_Stepped(inner, self), loop=loop, **words)

    def step(self) -> None:
        """One task goes on: the last moment at which this process may end before it does."""
        if self._left is None or self.dead:
            return
        self._left -= 1
        if self._left < 0:
            self._end()
            self._loop.stop()

    def _end(self) -> None:
        self.dead = True
        self._thread.unplugged = Ended()
        self._tenant.died()

    def run(self, seconds: float) -> None:
        """Let so much time pass, or less if it ends before."""
        later = self._loop.call_later(seconds, self._loop.stop)
        self._loop.run_forever()
        later.cancel()
        if not self.dead:
            assert not self._run.done(), "a service never ends by itself"
            assert not self.complaints

    def do(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do something inside, beside the service; None if it ended before that was done."""
        task = self._loop.create_task(work)
        task.add_done_callback(lambda _: self._loop.stop())
        self._loop.run_forever()
        return None if self.dead else task.result()

    def die(self, steps: int, *, seconds: float = 600.0) -> None:
        """End after so many more steps, or after a while if it does not take so many."""
        self._left = steps
        self.run(seconds)
        if not self.dead:
            self._end()
        self._close()

    def stop(self) -> None:
        """End as a service does that is told to."""
        self.service.stop()
        self._loop.run_until_complete(self._run)
        self._close()

    def abandon(self) -> None:
        """Leave nothing behind: whatever it still tries finds neither database nor tenant."""
        self.dead, self._thread.unplugged = True, Ended()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=3600))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _close(self) -> None:
        self.abandon()
        self._world.store.close()
        self._tenant.life = None
        self._world.source.slow = False  # type: ignore[attr-defined]
        self._world.reopen()


__all__ = ["Ended", "Life", "Mood", "Office", "Tenant"]
