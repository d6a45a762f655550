"""A connector is opened once for all who use it, and made anew after it raised."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from syncd.engine.backoff import Backoff
from syncd.engine.lending import Lent


class Makes:
    """Counts what was opened and closed."""

    def __init__(self) -> None:
        self.opened, self.closed = 0, 0

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[int]:
        await asyncio.sleep(0)
        self.opened += 1
        try:
            yield self.opened
        finally:
            self.closed += 1


def test_two_who_come_at_once_use_one() -> None:
    async def story() -> None:
        makes = Makes()
        lent = Lent(makes)

        async def use() -> int:
            async with lent.borrow() as it:
                await asyncio.sleep(0)
                return it

        assert list(await asyncio.gather(use(), use(), use())) == [1, 1, 1]
        assert (makes.opened, makes.closed) == (1, 0)
        await lent.close()
        assert makes.closed == 1

    asyncio.run(story())


def test_one_that_raised_is_closed_when_nobody_uses_it_and_the_next_user_has_a_new_one() -> None:
    async def story() -> None:
        makes = Makes()
        lent = Lent(makes)
        async with lent.borrow():
            with pytest.raises(ConnectionError):
                async with lent.borrow():
                    raise ConnectionError
            assert makes.closed == 0, "somebody still uses it"
        assert makes.closed == 1
        async with lent.borrow() as it:
            assert it == 2
        await lent.close()

    asyncio.run(story())


def test_waits_grow_to_a_limit_and_begin_anew_after_a_success() -> None:
    backoff = Backoff(first=1, most=8)
    waits = [backoff.next() for _ in range(10)]
    assert all(wait <= 8 * 1.25 for wait in waits)
    assert waits[-1] >= 8 * 0.75
    assert backoff.next(least=60) >= 60
    backoff.reset()
    assert backoff.next() <= 1.25
