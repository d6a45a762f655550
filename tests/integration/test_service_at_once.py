"""A change that its source tells by itself: what it costs, counted in transactions and statements, and what becomes of it when
something goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from support.serving import ringing, served, until
from support.small_world import HR, SmallWorld, run
from syncd.core.errors import TryAgain
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import Change, Page
from syncd.core.outcome import Outcome
from syncd.core.ports import Room
from syncd.core.wakes import Wake, WakeReason
from syncd.engine import rounds
from syncd.engine.world import World
from syncd.testing.memory import MemorySource, refusal

FLUSHED = 1
"""Writing transactions before the call: it stores the read, the plan and the queue, claims, and logs the intent."""
STATEMENTS = 120
"""Before the call, of everybody, where nobody stands deep: 75, and five for each look that the service takes besides, each
second: more of them on a slow machine."""


class Bell(MemorySource):
    """The company's source, which tells by itself that something has changed."""

    def __init__(self, world: SmallWorld) -> None:
        super().__init__({}, Room(name="memory", now=world.now, base=world.folder))
        self.records = world.source.records
        self.tells = True
        self.rung: asyncio.Queue[None] = asyncio.Queue()
        self.failures: list[TryAgain] = []

    async def watch(self) -> AsyncIterator[Wake]:
        while True:
            await self.rung.get()
            yield Wake(source=HR, reason=WakeReason.NOTIFICATION)

    def watching(self) -> str:
        return "a bell"

    async def read(
        self, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN
    ) -> AsyncIterator[Page]:
        if self.failures:
            raise self.failures.pop()
        async for page in super().read(cursor, full=full, known=known):
            yield page


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.company(6)
    yield one
    one.store.close()


def watched(world: SmallWorld, bell: Bell) -> World:
    world.source = bell
    return replace(world.world, seats={HR: replace(world.world.seats[HR], make=lambda: bell)})


def title(world: SmallWorld, key: str) -> object:
    return next((one.get("title") for one in world.target.objects.values() if one.get("job_number") == f"e{key}"), None)


async def written(world: SmallWorld, bell: Bell, key: str, words: str) -> None:
    """Change somebody's title, ring, and wait until the target has it and all is settled."""
    world.edit(key, title=words)
    bell.rung.put_nowait(None)
    await until(lambda: title(world, key) == words, words)


@contextmanager
def counted(world: SmallWorld) -> Iterator[dict[str, int]]:
    """Count until the target is called."""
    found = {"flushed": 0, "statements": 0}
    engine, real, called = world.store._opened.engine, world.target.apply, asyncio.Event()

    def committed(connection: Connection) -> None:
        found["flushed"] += not called.is_set() and not connection.get_execution_options().get("reading")

    def executed(*_: Any) -> None:
        found["statements"] += not called.is_set()

    async def apply(change: Change, *, key: str, again: bool = False) -> Outcome:
        called.set()
        return await real(change, key=key, again=again)

    world.target.apply = apply  # type: ignore[method-assign]
    event.listen(engine, "commit", committed)
    event.listen(engine, "before_cursor_execute", executed)
    yield found
    # They stay: the service goes on, in a thread that may be going through them. Nothing counts any more.
    assert called.is_set()


def test_a_change_is_flushed_once_before_the_target_is_called(world: SmallWorld) -> None:
    async def story() -> None:
        bell = Bell(world)
        async with served(watched(world, bell)):
            await until(lambda: len(world.target.objects) == 8, "everybody")
            await written(world, bell, "2", "Warm")
            await until(lambda: settled(world), "quiet")
            with counted(world) as found:
                await written(world, bell, "3", "Told")
            assert found["flushed"] == FLUSHED
            assert found["statements"] <= STATEMENTS

    run(story())


def test_a_wake_that_somebody_waits_for_is_flushed_once_more(world: SmallWorld) -> None:
    async def story() -> None:
        bell = Bell(world)
        async with served(watched(world, bell)) as service:
            await until(lambda: len(world.target.objects) == 8, "everybody")
            await written(world, bell, "2", "Warm")
            await until(lambda: settled(world), "quiet")
            with counted(world) as found:
                world.edit("3", title="Announced")
                await service.wake(ringing())
                await until(lambda: title(world, "3") == "Announced", "the announced title")
            assert found["flushed"] == FLUSHED + 1
            assert found["statements"] <= STATEMENTS

    run(story())


def test_what_a_cancelled_read_has_taken_is_handed_over_and_done_once(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The read is cancelled while its round is being stored, and the pen is told to stand still meanwhile."""
    real, calls = rounds._plan, list[Change]()

    async def story() -> None:
        bell, loop, cancelled = Bell(world), asyncio.get_running_loop(), asyncio.Event()
        async with served(watched(world, bell)) as service:
            await until(lambda: len(world.target.objects) == 8, "everybody")
            await until(lambda: settled(world), "quiet")
            apply = world.target.apply

            async def counting(change: Change, *, key: str, again: bool = False) -> Outcome:
                assert not again
                calls.append(change)
                return await apply(change, key=key, again=again)

            def cancel() -> None:
                for task in service._readers._tasks.values():
                    task.cancel()
                cancelled.set()

            def plan(*given: Any) -> Any:
                asyncio.run_coroutine_threadsafe(_called(cancel), loop).result()
                return real(*given)

            world.target.apply = counting  # type: ignore[method-assign]
            monkeypatch.setattr(rounds, "_plan", plan)
            world.edit("3", title="Told")
            bell.rung.put_nowait(None)
            await cancelled.wait()
            monkeypatch.setattr(rounds, "_plan", real)
            await service._pen.still()
            assert title(world, "3") == "Told"
            with world.store.reading() as tx:
                assert not tx.queue.running_subjects()
            service._pen.go_on()
            await until(lambda: settled(world), "quiet again")
            assert len(calls) == 1

    run(story())


async def _called(fn: Callable[[], None]) -> None:
    fn()


def test_what_a_watch_told_is_not_forgotten_when_the_read_fails(world: SmallWorld) -> None:
    async def story() -> None:
        bell = Bell(world)
        async with served(watched(world, bell)):
            await until(lambda: len(world.target.objects) == 8, "everybody")
            bell.failures = [TryAgain(refusal("away"))]
            await written(world, bell, "3", "Told")
            assert not bell.failures

    run(story())


def test_a_plan_that_fails_takes_nothing_from_the_read(world: SmallWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = rounds._plan, [RuntimeError("a defect")]

    def plan(*given: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*given)

    async def story() -> None:
        bell = Bell(world)
        async with served(watched(world, bell)):
            await until(lambda: len(world.target.objects) == 8, "everybody")
            monkeypatch.setattr(rounds, "_plan", plan)
            await written(world, bell, "3", "Told")
            assert not failures

    run(story())


def settled(world: SmallWorld) -> bool:
    with world.store.reading() as tx:
        return not (tx.marks.after(0) or tx.queue.counts(world.now()).open)
