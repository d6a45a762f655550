"""The service: wakes, the schedule and dates become rounds and whole cycles; the writer works beside them. Nothing is ever lost.

One loop decides what is next: let others to the database, plan for all who are marked, plan for a few, or wait. A round is for
those whom a wake has marked, and is made within milliseconds; a whole cycle looks at everything that is open, on the schedule and
whenever a round is not enough; a crowd comes to rounds bit by bit. Whatever fails is logged, told by `live`, and tried again; the
loop itself never ends by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

from syncd.core.errors import SyncdError, code_of, problem_of
from syncd.core.health import Failure
from syncd.core.model import SourceName, SubjectId
from syncd.core.wakes import Wake
from syncd.engine import expiry, failures, trust
from syncd.engine.at_once import AtOnce
from syncd.engine.backoff import Backoff
from syncd.engine.calling import Calls
from syncd.engine.crowd import Crowd, Onward
from syncd.engine.cycle import Cycle, Order, cycle
from syncd.engine.feed import keep_telling
from syncd.engine.halting import turn_by_turn
from syncd.engine.health import UNWRITTEN, Live
from syncd.engine.intake import Intake
from syncd.engine.lending import Opened
from syncd.engine.listening import Listening
from syncd.engine.pen import Pen
from syncd.engine.place import Place
from syncd.engine.pulse import Pulse, Unheard
from syncd.engine.readers import Readers
from syncd.engine.rounds import Asking, Marks, Round, Verdict, is_due, make_round
from syncd.engine.schedule import Diary, Schedule
from syncd.engine.stage import Asked
from syncd.engine.tidying import tidy
from syncd.engine.world import World
from syncd.structured import structlog

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
"""How long the loop sleeps at most: then it looks whether another process has rung, or wants the database."""
HUNG_SECONDS: Final = 60.0
"""For so long a whole cycle waits for sources that have not begun to answer; then it plans without them."""
TOGETHER_SECONDS: Final = 2.0
"""After the guard has held something, all who are marked are seen together so soon, and no oftener."""
NEVER: Final = float("inf")


class Service:
    """`syncd run`. Make it inside a running event loop."""

    def __init__(
        self,
        world: World,
        schedule: Schedule | None = None,
        *,
        pulse: Pulse | None = None,
        told: Callable[[Cycle], None] = lambda _: None,
    ) -> None:
        self.schedule = schedule or Schedule()
        self.started_at = world.now()
        self._pulse: Pulse = pulse or Unheard()
        self._told = told
        self._bell = asyncio.Event()
        self._halt = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._watch = trust.Clock(world.now)
        self._marks = Marks()
        self._crowd = Crowd()
        self._open = Opened(world)
        self._place = Place(world.store)
        self._next: tuple[World, Schedule] | None = None
        self._intake = Intake(world.store, sources=lambda: self.world.seats, now=world.now, ring=self._bell.set)
        self._readers = Readers(
            lambda: self.world, ring=self._bell.set, moved=self._pulse.progress, again=self._intake.again
        )
        self._pen = Pen(lambda: self.world, settled=self._settled, moved=self._pulse.progress)
        self._at_once = AtOnce(
            lambda: self.world,
            self._intake,
            self._readers,
            self._pen,
            may=self._may_plan,
            marks=lambda: self._marks,
            note=self._note,
        )
        self.calls = Calls(lambda: self.world)
        self._listening = self._listener()
        self._facts = asyncio.Event()
        self._cycle_at = 0.0
        self._reading_since: float | None = None
        """Since when, in the time of the loop, the reads of the schedule are under way."""
        self._together_at = NEVER
        self._trusted_at = 0.0
        self._diary = Diary(self.schedule, world.now)
        self._backoff = Backoff(most=max(2.0, min(300.0, self.schedule.every.total_seconds())))
        self._failing: Failure | None = None
        self._first = True
        self._tried = False
        """Whether each source has been tried once."""

    # -- from outside --------------------------------------------------------------------------------------------------

    @property
    def world(self) -> World:
        """What it works with, its connectors lent out."""
        return self._open.world

    async def wake(self, wake: Wake) -> None:
        """Take a wake; returns when it is durable. See `syncd.engine.intake.Intake.wake`."""
        await self._intake.wake(wake)

    def stop(self) -> None:
        """Settle what is under way, and let `run` return."""
        self._halt.set()
        self._bell.set()

    def reload(self, world: World, schedule: Schedule | None = None) -> None:
        """Go on with another configuration, which whoever hands it in has validated, from the next turn on. The store stays."""
        self._next = (world, schedule or self.schedule)
        self._bell.set()

    def live(self) -> Live:
        """Return what only the running service knows."""
        failing = {**self._readers.failing}
        for name, failure in self._listening.failing.items():
            if name in self.world.seats:
                failing.setdefault(SourceName(name), failure)
        wait = max(0.0, self._cycle_at - self._clock())
        return Live(
            started_at=self.started_at,
            next_at=self.world.now() + timedelta(seconds=wait),
            watching=self._listening.watching(),
            failing=failing,
            target_failing=self._failing or self._listening.failing.get("target"),
            clock_jumps=self._watch.jumps,
            confirmed=dict(self._pen.confirmed),
        )

    async def run(self) -> None:
        """Serve until `stop`. Raises Busy if another service, or a command, is at work on this database at the start."""
        self._place.take()
        telling = keep_telling(lambda: self.world, self._facts, stop=self._halt)
        tasks = [asyncio.create_task(self._pen.run(), name="pen"), asyncio.create_task(telling, name="feed")]
        self._listening.start()
        self._pen.go_on()
        try:
            await turn_by_turn(self._turn, self._halt)
        finally:
            await self._end(tasks)
            self._place.leave()
        log.info("daemon.stopped")

    # -- the loop ------------------------------------------------------------------------------------------------------

    async def _turn(self) -> None:
        """Do the next thing, or wait until there is one. Whatever goes wrong is tried again after a while."""
        self._bell.clear()
        try:
            did = await self._step()
        except SyncdError as error:
            log.warning("cycle.failed", code=code_of(error))
            await failures.not_logged(self.world, error)
            self._fail(error)
            did = False
        except Exception as error:
            log.exception("cycle.failed")
            self._fail(error)
            did = False
        if did:
            self._pulse.progress()
        elif not self._halt.is_set():
            await self._wait()

    async def _step(self) -> bool:
        """Do one thing; tell whether there may be another one right away."""
        await self._swap()
        await self._let_others()
        if self._at_once.busy:
            return False
        due = self._clock() >= self._cycle_at or self._reading_since is not None
        if due and not self._crowd.holds_up(self._clock()) and await self._scheduled():
            return True
        together = self._clock() >= self._together_at and not self._crowd.holds_up(self._clock())
        if together and not (self._readers.staging or self._first):
            await self._whole()
            return True
        if self._at_once.begin_first():
            return False  # whatever else there is waits for what it says
        await asyncio.sleep(0)  # they ask first where they begin
        asking = self._marks.asking()
        waiting, news = await self.world.store.look(lambda tx: (tx.wakes.waiting(), is_due(tx, self.world, asking)))
        self._at_once.begin(waiting)
        if self._readers.staging or self._first or self._at_once.busy:
            return False
        if news or self._readers.anything:
            return await self._round(asking)
        return bool(self._crowd) and await self._advance()

    def _may_plan(self) -> bool:
        """Tell whether a read may end with a round."""
        return not (self._first or self._reading_since is not None or self._crowd or self._readers.staging)

    async def _round(self, asking: Asking) -> bool:
        """Make a round; tell whether it came to anything."""
        world = self.world
        with self._at_once.planning():
            async with world.make_target() as target:
                done = await make_round(world, target, world.new_run(), asking)
            match done.verdict:
                case Verdict.WHOLE:
                    await self._whole()
                    return True
                case Verdict.BARRED:
                    return False
            await self._note(done)
        if self._reading_since is None:
            self._readers.take()
        return done.verdict is not Verdict.IDLE

    async def _note(self, done: Round) -> None:
        """Take note of what a round came to."""
        match done.verdict:
            case Verdict.MANY:
                self._crowd.gather(done.looked_at, leaving=done.leaving, at=self._clock())
            case Verdict.HELD:
                self._crowd.disperse()
                self._together_at = min(self._together_at, self._clock() + TOGETHER_SECONDS)
            case Verdict.ACCEPTED if not done.taken:
                self._pen.ring(trusted=True)
        self._marks.learn(done)
        await self._may_be_over(done.busy)

    async def _advance(self) -> bool:
        """Go on with very many who were marked at once, while there is no news; tell whether there may be more to do."""
        match await self._crowd.advance(self.world, self._marks, at=self._clock()):
            case Onward.LATER:
                return False
            case Onward.TOGETHER:
                await self._whole()
            case Onward.OPEN:
                self._together_at = min(self._together_at, self._clock() + TOGETHER_SECONDS)
            case Onward.ROUND:
                self._marks.besides |= self._crowd.some
        return True

    async def _may_be_over(self, busy: frozenset[SubjectId]) -> None:
        """Whose change was settled before we noted to wait for it is not waited for."""
        if busy:
            running = await self.world.store.look(lambda tx: tx.queue.running_subjects())
            self._settled(busy - running)

    def _settled(self, subjects: Collection[SubjectId]) -> None:
        """Look again at those who had to wait for it."""
        self._facts.set()
        free = self._marks.busy.intersection(subjects)
        self._marks.busy -= free
        self._marks.besides |= free
        if free or self._crowd:  # the writer may want more
            self._bell.set()

    # -- whole cycles --------------------------------------------------------------------------------------------------

    async def _scheduled(self) -> bool:
        """Have every source read, and then plan for all who are marked; tell whether that was done."""
        if self._reading_since is None:
            self._reading_since = self._clock()
            self._readers.start(self.world.seats, Asked(full=self._diary.night_has_come()))
            return False
        waited = self._clock() - self._reading_since
        if self._readers.answering or (self._readers.under_way and waited < HUNG_SECONDS):
            return False
        self._reading_since, self._tried = None, True
        await self._whole()
        self._cycle_at = self._clock() + self._diary.pause()
        await tidy(self.world)
        await expiry.look(self.world)
        return True

    async def _whole(self) -> None:
        """Plan for everybody who is marked or due, while the writer stands still."""
        world = self.world
        self._together_at = NEVER
        self._crowd.disperse()
        await self._pen.still()
        try:
            with self._at_once.planning():
                read, moved = self._readers.take(), self._pulse.progress
                done = await cycle(world, Order(beside=True), read=read, stop=self._halt, progress=lambda *_: moved())
        finally:
            self._pen.go_on()
        self._marks = Marks(after=done.reconciliation.upto, shown=world.computed_by)
        self._backoff.reset()
        self._failing, self._first = None, False
        self._facts.set()
        log.info("cycle.done", result=str(done.result), accepted=len(done.reconciliation.judgement.allowed))
        self._pulse.ready(f"{done.result} at {done.finished_at:%H:%M:%S}")
        self._told(done)

    def _fail(self, error: Exception) -> None:
        """Note what failed, and when it is tried again."""
        now, known, problem = self.world.now(), self._failing, problem_of(error)
        self._failing = Failure(
            since=known.since if known else now,
            times=known.times + 1 if known else 1,
            code=code_of(error),
            what=problem.what if problem else "",
            do=problem.do if problem else "",
        )
        self._reading_since = None
        self._cycle_at = self._clock() + self._backoff.next()
        if self._tried and self._failing.code not in UNWRITTEN:
            # It stands ready: configuration, state and lock are good, and each source was tried. /readyz says the rest.
            self._pulse.ready(f"tried again by itself, {self._failing.times} failed in a row: {self._failing.code}")

    # -- waiting -------------------------------------------------------------------------------------------------------

    async def _wait(self) -> None:
        """Sleep until something rings or is due, and never long: another process may have rung."""
        now = self._clock()
        due = min(self._cycle_at, self._together_at, self._readers.next_at(), now + LOOK_SECONDS)
        if not self._readers.under_way:
            self._pulse.idle()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.01, due - now)):
                await self._bell.wait()
        if self._clock() - self._trusted_at >= LOOK_SECONDS:
            self._trusted_at = self._clock()
            with suppress(SyncdError):
                await self._trust()

    async def _trust(self) -> None:
        """Look whether the state and the clock are what they were; where they are not, the writer begins anew, and asks first."""
        if await trust.settle(self.world, clock=self._watch):
            await self._pen.still()
            self._pen.try_again()
            self._pen.go_on()

    # -- others, and the end -------------------------------------------------------------------------------------------

    async def _let_others(self) -> None:
        """Stand aside for a command that waits for the database, and look at everything again afterwards."""
        if not self._place.wanted() or self._readers.staging:
            return
        log.info("daemon.stands_aside")
        await self._readers.close()
        await self._pen.still()
        if await self._place.lend(self._halt):
            self._pen.unsure()
            self._pen.go_on()
            self._together_at = self._clock()

    async def _swap(self) -> None:
        """Take over the configuration that was handed in."""
        if self._next is None or self._readers.staging:
            return
        (world, self.schedule), self._next = self._next, None
        await self._readers.close()
        await self._pen.still()
        await self._listening.close()
        await self._open.close()
        self._open = Opened(world)
        self._listening = self._listener()
        self._listening.start()
        self._pen.try_again()
        self._pen.go_on()
        self._reading_since, self._cycle_at, self._diary = None, self._clock(), Diary(self.schedule, world.now)
        self._crowd.disperse()
        log.info("daemon.reloaded")

    def _listener(self) -> Listening:
        """Return who listens: to sources of its own, but to the very target that the writer uses."""
        heard = replace(self._open.raw, make_target=self.world.make_target)
        return Listening(heard, wake=self._intake.wake, hear=self._intake.hear, ring=self._bell.set)

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Settle what is under way, within the limit, and leave nothing running."""
        await self._readers.close()
        await self._listening.close()
        self._pen.end()
        pen, feed = tasks
        feed.cancel()
        _, late = await asyncio.wait([pen], timeout=self.schedule.drain.total_seconds())
        if late:
            log.warning("daemon.not_drained")
            pen.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._open.close()


__all__ = ["Pulse", "Schedule", "Service"]
