"""What a directory tells of itself becomes wakes: at once if it comes one by one, together while all of it is changed."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import Any, cast

from support.virtual_time import VirtualLoop
from syncd_active_directory.ear import Heard
from syncd_active_directory.watching import _Post


class Ear:
    """Hears something at these moments; what comes while nobody listens is heard as one, as the real one has it."""

    def __init__(self, *moments: float) -> None:
        self._moments = list(moments)

    async def heard(self, seconds: float) -> Heard | None:
        clock = asyncio.get_running_loop().time
        if not self._moments:
            await asyncio.sleep(seconds)
            return None
        await asyncio.sleep(max(0.0, self._moments[0] - clock()))
        while self._moments and self._moments[0] <= clock():
            self._moments.pop(0)
        return Heard()


def wakes(*moments: float) -> list[float]:
    """Return when something was noticed, in seconds."""

    async def listen() -> list[float]:
        found = list[float]()
        ear = cast("Any", Ear(*moments))
        async with aclosing(_Post(wire=cast("Any", None), ear=ear, every=timedelta(0)).news()) as all_news:
            async for news in all_news:
                if news is None:
                    return found
                found.append(round(asyncio.get_running_loop().time(), 3))
        raise AssertionError("it ended by itself")

    loop = VirtualLoop()
    try:
        return loop.run_until_complete(listen())
    finally:
        loop.close()


def test_changes_that_come_one_by_one_are_noticed_when_they_come() -> None:
    assert wakes(1.0, 1.5, 1.55, 1.6) == [1.0, 1.5, 1.55, 1.6]


def test_a_directory_that_is_changed_as_a_whole_wakes_for_several_at_once_and_once_after_the_last() -> None:
    found = wakes(*(1 + number / 300 for number in range(3_000)))
    assert found[0] == 1.0
    assert len(found) <= 510, "3,000 changes in ten seconds"
    assert found[-1] >= 1 + 2_999 / 300 - 0.001
