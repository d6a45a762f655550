"""Turn by turn until somebody says stop."""

from __future__ import annotations

import asyncio

import pytest

from syncd.engine.halting import turn_by_turn


def test_turns_go_on_until_somebody_says_stop_and_the_last_one_is_finished() -> None:
    done: list[int] = []

    async def story() -> None:
        halt = asyncio.Event()

        async def turn() -> None:
            if len(done) == 2:
                halt.set()
            await asyncio.sleep(0)
            done.append(len(done))

        await turn_by_turn(turn, halt)

    asyncio.run(story())
    assert done == [0, 1, 2]


def test_a_turn_that_takes_long_is_given_up_after_the_grace() -> None:
    ended: list[str] = []

    async def story() -> None:
        halt = asyncio.Event()

        async def turn() -> None:
            halt.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("given up")

        await turn_by_turn(turn, halt, grace=0.01)

    asyncio.run(story())
    assert ended == ["given up"]


def test_what_a_turn_raises_is_raised_at_once() -> None:
    async def turn() -> None:
        raise ZeroDivisionError

    async def story() -> None:
        await turn_by_turn(turn, asyncio.Event())

    with pytest.raises(ZeroDivisionError):
        asyncio.run(story())


def test_whoever_cancels_it_cancels_the_turn() -> None:
    ended: list[str] = []

    async def turn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def story() -> None:
        task = asyncio.create_task(turn_by_turn(turn, asyncio.Event()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert ended == ["cancelled"]
