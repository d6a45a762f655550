"""A source that is asked from where its last read probably ended, while the store is asked whether it did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support.small_world import HR, SmallWorld, run
from syncd.core.errors import TryAgain
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import Page
from syncd.core.ports import Room
from syncd.core.wakes import Wake, WakeReason
from syncd.engine.stage import Asked, SourceRead, read_source
from syncd.testing.memory import MemorySource, refusal

RUNG = Wake(source=HR, reason=WakeReason.WEBHOOK)


class Asking(MemorySource):
    """The company's source, which notes from where it was asked, and which answers were let go."""

    def __init__(self, world: SmallWorld) -> None:
        super().__init__({}, Room(name="memory", now=world.now, base=world.folder))
        self.records = world.source.records
        self.tells = True
        self.asked: list[tuple[str | None, bool]] = []
        self.let_go = 0
        self.beginning = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    async def read(
        self, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN
    ) -> AsyncIterator[Page]:
        self.asked.append((cursor, full))
        self.beginning.set()
        try:
            await self.answers.wait()
            async for page in super().read(cursor, full=full, known=known):
                yield page
        except (asyncio.CancelledError, GeneratorExit):
            self.let_go += 1
            raise


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.company(4)
    one.source = Asking(one)
    yield one
    one.store.close()


def asking(world: SmallWorld) -> Asking:
    assert isinstance(world.source, Asking)
    return world.source


async def read(world: SmallWorld, at: str | None = None, *, full: bool = False) -> SourceRead:
    syncd = world.world
    return await read_source(syncd, syncd.seats[HR], syncd.new_run(), Asked(at=at, full=full))


async def begun(world: SmallWorld, at: str | None) -> asyncio.Future[SourceRead]:
    """Begin a read; the source has been asked, and does not answer yet."""
    asking(world).answers.clear()
    asking(world).beginning.clear()
    under_way = asyncio.ensure_future(read(world, at))
    await asking(world).beginning.wait()
    return under_way


def test_a_source_is_asked_once_where_the_last_read_ended_there(world: SmallWorld) -> None:
    first = run(read(world))
    world.edit("2", title="Lead")
    again = run(read(world, first.row.cursor))
    assert asking(world).asked == [(None, True), (first.row.cursor, False)]
    assert (again.changed, again.row.full, asking(world).let_go) == (1, False, 0)


@pytest.mark.parametrize("full", [True, False], ids=["everything is to be read", "it ended elsewhere"])
def test_nothing_is_used_of_what_was_asked_from_another_place(world: SmallWorld, full: bool) -> None:
    first = run(read(world))
    world.edit("2", title="Lead")
    second = run(read(world))
    world.leave("3")
    guess = second.row.cursor if full else first.row.cursor
    third = run(read(world, guess, full=full))
    assert asking(world).asked[2:] == [(guess, False), (second.row.cursor, full)]
    assert (third.row.full, third.gone) == (full, 1 if full else third.gone)
    assert asking(world).let_go == 1


def test_whoever_rings_after_the_source_was_asked_is_not_answered_by_that_read(world: SmallWorld) -> None:
    first = run(read(world))

    async def story() -> SourceRead:
        under_way = await begun(world, first.row.cursor)
        await world.store.do(lambda tx: tx.wakes.put([RUNG], at=world.now()))
        asking(world).answers.set()
        return await under_way

    assert not run(story()).row.full
    with world.store.reading() as tx:
        assert tx.wakes.of(HR) is not None


def test_whoever_rang_before_is_answered(world: SmallWorld) -> None:
    first = run(read(world))

    async def story() -> None:
        # As the intake does it: handed to the store, and the read begins before that is done.
        kept = asyncio.ensure_future(world.store.do(lambda tx: tx.wakes.put([RUNG], at=world.now())))
        await asyncio.sleep(0)
        await read(world, first.row.cursor)
        await kept

    run(story())
    with world.store.reading() as tx:
        assert tx.wakes.of(HR) is None


def test_a_source_that_fails_when_asked_ahead_fails_the_read(world: SmallWorld) -> None:
    first = run(read(world))
    asking(world).error = TryAgain(refusal("down"))
    with pytest.raises(TryAgain):
        run(read(world, first.row.cursor))
    asking(world).error = None
    world.edit("2", title="Lead")
    assert run(read(world)).changed == 1


def test_a_read_that_is_cancelled_before_the_store_answers_lets_the_source_go(world: SmallWorld) -> None:
    first = run(read(world))

    async def story() -> None:
        under_way = await begun(world, first.row.cursor)
        under_way.cancel()
        with pytest.raises(asyncio.CancelledError):
            await under_way
        assert asking(world).let_go == 1

    run(story())
