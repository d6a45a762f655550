"""The feed: tells consumers what was confirmed, each with a cursor of its own, at least once, in order.

A consumer that is new is handed the census first. One that fails keeps its cursor, is named, and hears the same again; it never
keeps the others waiting and never fails a cycle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from syncd.core.census import EMPTY, Census, retold
from syncd.core.errors import Misconfigured, NeedsHuman, OutcomeUnknown, Problem, SyncdError, TryAgain, code_of, message
from syncd.core.ports import Consumer
from syncd.core.values import instant
from syncd.structured import structlog

if TYPE_CHECKING:
    from syncd.engine.world import World
    from syncd.store import Transaction

log = structlog.get_logger(__name__)
BATCH: Final = 500
PATIENCE: Final = timedelta(minutes=2)
"""For one call of a consumer; then it is cut off and hears the same again."""
PAUSE: Final = 1.0
"""Seconds between two tellings of a service."""
SLICE: Final = 5_000
"""Facts that are folded at once while a census is taken."""
FAILING: Final = "consumer.failing:"
"""Before a consumer's name: the key of a word `instant code`, since when it fails and with what."""

FAILED: Final = message(
    "ENG-040",
    what="The consumer {name} failed in a way that it should not ({error}).",
    do="Nothing is lost: it is told the same again after the next cycle. Tell its author; the log has the traceback.",
    example="A consumer's own database is full.",
)
SLOW: Final = message(
    "ENG-041",
    what="The consumer {name} did not answer within {seconds} s and was cut off.",
    do="Nothing is lost: it is told the same again after the next cycle. Look at what it waits for.",
    example="A consumer that writes to a server which does not answer.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came of telling one consumer."""

    name: str
    told: int
    """Facts that it took."""
    behind: int
    """Facts that it has not taken."""
    introduced: bool = False
    """Whether it was new and was handed the census."""
    problem: Problem | None = None


async def deliver(world: World, *, stop: asyncio.Event | None = None) -> tuple[Delivery, ...]:
    """Tell each consumer what it has not acknowledged, side by side. Raises only what the store raises."""
    posts = [_Post(world, name, make, stop or asyncio.Event()) for name, make in world.consumers.items()]
    return tuple(await asyncio.gather(*(post.go() for post in posts)))


class _Post:
    """One consumer's share of one delivery."""

    def __init__(self, world: World, name: str, make: Callable[[], Consumer], stop: asyncio.Event) -> None:
        self.world, self.name, self.make, self.stop = world, name, make, stop
        self.told = 0
        self.introduced = False

    async def go(self) -> Delivery:
        problem = await self._attempt() if await self._behind() else None
        behind = await self._behind()
        await self.world.store.do(lambda tx: self._note(tx, problem))
        if self.told or self.introduced:
            log.info("consumer.told", consumer=self.name, facts=self.told, introduced=self.introduced)
        return Delivery(name=self.name, told=self.told, behind=behind, introduced=self.introduced, problem=problem)

    async def _attempt(self) -> Problem | None:
        """Tell it everything; return why that was not possible."""
        try:
            async with self.make() as consumer:
                await self._introduce(consumer)
                while not self.stop.is_set() and await self._tell_some(consumer):
                    pass
        except (TryAgain, NeedsHuman, OutcomeUnknown) as error:
            log.warning("consumer.failed", consumer=self.name, code=error.problem.code)
            return error.problem
        except Misconfigured as error:
            log.warning("consumer.failed", consumer=self.name, code=error.problems[0].code)
            return error.problems[0]
        except TimeoutError:
            log.warning("consumer.failed", consumer=self.name, code=SLOW.code)
            return SLOW.at(name=self.name, seconds=round(PATIENCE.total_seconds()))
        except Exception as error:
            log.exception("consumer.failed", consumer=self.name, code=FAILED.code)
            return FAILED.at(name=self.name, error=type(error).__name__)
        return None

    async def _introduce(self, consumer: Consumer) -> None:
        """Hand the census to a consumer that has never heard anything."""
        store = self.world.store
        if await store.look(lambda tx: tx.feed.cursor(self.name)):
            return
        census = await take_census(self.world)
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await consumer.reconcile(census)
        await store.do(lambda tx: tx.feed.set_cursor(self.name, census.sequence))
        self.introduced = True

    async def _tell_some(self, consumer: Consumer) -> bool:
        """Tell one batch; False when there is none."""
        store = self.world.store
        batch = await store.look(lambda tx: tx.feed.after(tx.feed.cursor(self.name), BATCH))
        if not batch:
            return False
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await consumer.receive(batch)
        await store.do(lambda tx: tx.feed.set_cursor(self.name, batch[-1].sequence))
        self.told += len(batch)
        return True

    async def _behind(self) -> int:
        return await self.world.store.look(lambda tx: tx.feed.behind(self.name))

    def _note(self, tx: Transaction, problem: Problem | None) -> None:
        """Remember since when it fails, for `syncd status`; forget it when it works."""
        key = FAILING + self.name
        known = tx.meta.get(key)
        if problem is None and known is not None:
            tx.meta.drop(key)
        elif problem is not None:
            since = known.split()[0] if known else instant(self.world.now())
            tx.meta.set(key, f"{since} {problem.code}")


async def take_census(world: World) -> Census:
    """Return what the feed amounts to, folded in slices, so that nobody waits long for the database."""
    census, upto = EMPTY, -1
    while census.sequence != upto:
        upto = census.sequence
        census = await world.store.look(partial(_folded, census))
    return census


def _folded(census: Census, tx: Transaction) -> Census:
    return retold(tx.feed.after(census.sequence, SLICE), census)


async def keep_telling(world: Callable[[], World], confirmed: asyncio.Event, *, stop: asyncio.Event) -> None:
    """Tell the consumers what was confirmed, whenever something was, until cancelled."""
    while True:
        await confirmed.wait()
        confirmed.clear()
        if world().consumers:
            try:
                await deliver(world(), stop=stop)
            except SyncdError as error:
                log.warning("feed.failed", code=code_of(error))
        await asyncio.sleep(PAUSE)
