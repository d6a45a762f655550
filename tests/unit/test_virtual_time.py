"""A loop whose time a test moves: what happens in it happens in the same order each time."""

from __future__ import annotations

import asyncio

import pytest

from support.virtual_time import Stuck, VirtualLoop


def test_no_time_passes_while_what_a_thread_would_do_is_done() -> None:
    times: list[float] = []
    loop = VirtualLoop(moved=times.append)

    async def both() -> tuple[str, float]:
        other = asyncio.create_task(asyncio.sleep(3600))
        done = await asyncio.to_thread(lambda: "done")
        at = loop.time()
        await other
        return done, at

    found = loop.run_until_complete(both())
    loop.close()
    assert found == ("done", 0.0)
    assert times[-1] >= 3600


def test_a_loop_in_which_nothing_will_happen_any_more_says_so() -> None:
    loop = VirtualLoop()

    with pytest.raises(Stuck):
        loop.run_until_complete(task := loop.create_task(asyncio.Event().wait()))
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
