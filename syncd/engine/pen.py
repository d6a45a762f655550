"""The writer as a task of its own: it works as soon and as long as something is due, beside rounds that add to the queue.

It stands still while a whole cycle plans, because what it settled meanwhile would be planned for a second time. After a turn that
failed it waits for what is under way and reads it back. While it rests, a round may take in its place what it has just queued,
in one transaction (`ahead`). It decides nothing; `syncd.engine.writer` does the work.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from syncd.core.errors import SyncdError, code_of
from syncd.core.model import SubjectId
from syncd.engine import failures, trust
from syncd.engine.attempts import Tally
from syncd.engine.backoff import Backoff
from syncd.engine.claiming import Taken, take
from syncd.engine.quarantine import Gate
from syncd.engine.unheard import recover
from syncd.engine.world import World
from syncd.engine.writer import Writer
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.core.ports import Target
    from syncd.store import Transaction

log = structlog.get_logger(__name__)

T = TypeVar("T")

_NOT_AT_ALL: Final = timedelta(days=-1)
"""The patience of a writer that never waits for what is due soon: this task does that, and hears the bell meanwhile."""
_OVERDUE: Final = 1.0
"""Seconds until it is looked again at changes that are due and could not be claimed: they wait for another one."""
_DOUBTED: Final = 5.0
"""Seconds until it is asked again whether what is remembered may be acted upon."""


class Pen:
    """One writer at a time, for ever."""

    def __init__(
        self,
        world: Callable[[], World],
        *,
        settled: Callable[[Collection[SubjectId]], None],
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        """`settled` is told whose changes were settled; `moved` that something was done at all."""
        self._world = world
        self._settled = settled
        self._moved = moved
        self._may = asyncio.Event()
        self._bell = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._free = asyncio.Event()
        """Nobody takes anything in our place."""
        self._free.set()
        self._taken: Taken | None = None
        """What somebody has taken in our place, and nobody has begun."""
        self._going: asyncio.Task[Any] | None = None
        self._halt = asyncio.Event()
        self._ended = False
        self._trusted = False
        """Whether `trust.doubt` was asked just now, by the transaction that queued what this is rung for."""
        self._unsure = True
        """Whether a change may have been left running: always at first."""
        self._writer: Writer | None = None
        self._unlogged = False
        """Whether the audit log took no records here, and has taken none since."""
        self._backoff = Backoff()
        self._gate = Gate()
        self.confirmed: Counter[str] = Counter()
        """Changes that the target has confirmed, by op and kind."""

    async def run(self) -> None:
        """Work until `end`."""
        while True:
            await self._may.wait()
            await self._free.wait()
            if self._ended and self._taken is None:
                return
            self._bell.clear()
            pause = await self._session()
            if self._ended:
                return
            if self._halt.is_set():
                self._may.clear()
            await self._sleep(pause)

    def ring(self, *, trusted: bool = False) -> None:
        """There may be something to do; `trusted` if it was queued in a transaction that asked `trust.doubt`."""
        self._trusted = trusted
        self._bell.set()
        if self._writer is not None:
            self._writer.ring()

    @property
    def rests(self) -> bool:
        """Tell whether somebody may take something in its place: it may work, and has nothing to do."""
        awake = self._unsure or self._bell.is_set() or self._halt.is_set()
        return not awake and self._may.is_set() and self._idle.is_set()

    async def ahead(
        self, target: Target, doing: Callable[[Callable[[Transaction], Taken]], Awaitable[tuple[T, Taken | None]]]
    ) -> T:
        """Do something while nothing else is taken, and go on with what it has taken in its transaction, if anything. Only where
        it `rests`. Raises what that raises. It goes on to its end even if whoever waits for it is cancelled: what was
        stored as running has to be known here."""
        self._free.clear()
        self._idle.clear()
        world = self._world()
        self._going = asyncio.create_task(self._ahead(partial(doing, lambda tx: take(tx, world, target, self._gate))))
        done: T = await asyncio.shield(self._going)
        return done

    async def _ahead(self, doing: Callable[[], Awaitable[tuple[T, Taken | None]]]) -> T:
        known = False
        try:
            done, self._taken = await doing()
            known = True
            return done
        finally:
            self._unsure = self._unsure or not known
            self._free.set()
            if self._taken is None:
                self._idle.set()
            else:
                self._may.set()
                self._bell.set()

    def go_on(self) -> None:
        """Work again."""
        self._halt.clear()
        self._may.set()
        self.ring()

    async def still(self) -> None:
        """Claim nothing more, and return when everything that is under way has been settled."""
        self._may.clear()
        self._halt.set()
        self.ring()
        await self._idle.wait()

    def end(self) -> None:
        """Let `run` return as soon as nothing is under way."""
        self._ended = True
        self._halt.set()
        self._may.set()
        self.ring()

    def unsure(self) -> None:
        """Somebody else was at work: what they left running is read back before anything else."""
        self._unsure = True
        self._gate.forget()

    def try_again(self) -> None:
        """What the target is left alone for may have been mended."""
        self._gate.probe_at_once()

    async def _session(self) -> float | None:
        """Work until nothing is due; return for how many seconds to sleep, None for until the bell rings."""
        self._idle.clear()
        try:
            world = self._world()
            if self._unsure:
                self._taken = None  # it is read back with everything else
                await recover(world)
                self._unsure = False
            trusted, self._trusted = self._trusted or self._taken is not None, False
            if not trusted and await world.store.look(lambda tx: trust.doubt(tx, world)) is not None:
                return _DOUBTED
            await self._drain(world)
            self._backoff.reset()
            return await self._until_due(world)
        except SyncdError as error:
            log.warning("writer.failed", code=code_of(error))
            self._unlogged = await failures.not_logged(self._world(), error) or self._unlogged
        except Exception:
            log.exception("writer.failed")
        finally:
            self._idle.set()
        return self._backoff.next()

    async def _drain(self, world: World) -> None:
        taken, self._taken = self._taken, None
        self._unsure = taken is not None  # until it is settled
        self._gate.terms = world.writer.circuits
        impatient = replace(world, writer=replace(world.writer, patience=_NOT_AT_ALL))
        async with world.make_target() as target:
            writer = Writer(
                impatient, target, stop=self._halt, settled=self._settled, progress=self._progress, gate=self._gate
            )
            self._writer = writer
            try:
                tally = await writer.drain(taken)
            except BaseException:
                self._unsure = True
                await writer.rest()
                raise
            finally:
                self._writer = None
                self.confirmed.update(writer.tally.confirmed)
        self._unsure = False
        if tally.attempts:
            self._unlogged = self._unlogged and not await failures.logged(world)
            log.info("writer.idle", confirmed=tally.done, not_confirmed=tally.attempts - tally.done)

    def _progress(self, _: Tally) -> None:
        self._moved()

    async def _until_due(self, world: World) -> float | None:
        due, opens = await world.store.look(lambda tx: tx.queue.next_due_at()), self._gate.opens_at()
        if due is None and opens is None:
            return None
        wait = (max(one for one in (due, opens) if one is not None) - world.now()).total_seconds()
        return wait if wait > 0 else _OVERDUE

    async def _sleep(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return


__all__ = ["Pen"]
