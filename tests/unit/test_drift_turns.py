"""When touched objects are judged: at once where one is, together where they come in numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.small_world import SmallWorld
from support.virtual_time import Inline, VirtualLoop
from syncd.engine import drift
from syncd.engine.drift import Examined


def turns(world: SmallWorld, monkeypatch: pytest.MonkeyPatch, events: Sequence[float]) -> list[float]:
    """Return when was judged, with events at these moments, in seconds; the looks without any event are left out."""
    found, loop = list[float](), VirtualLoop()
    heard = asyncio.Event()

    async def examine(*_: object) -> Examined:
        if heard_since and heard_since.pop():
            found.append(loop.time())
        heard_since.clear()
        return Examined()

    heard_since: list[bool] = []

    async def story() -> None:
        judging = asyncio.create_task(drift._judging(world.world, world.target, heard, lambda: None))
        for at in events:
            await asyncio.sleep(at - loop.time())
            heard_since.append(True)
            heard.set()
        await asyncio.sleep(3)
        judging.cancel()
        await asyncio.gather(judging, return_exceptions=True)

    monkeypatch.setattr(drift, "examine", examine)
    world.store._thread = Inline()  # type: ignore[assignment]
    try:
        loop.run_until_complete(story())
    finally:
        loop.close()
        world.store.close()
    return found


def test_what_comes_alone_is_judged_when_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert turns(SmallWorld(tmp_path), monkeypatch, [0.5, 1.0]) == [0.5, 1.0]


def test_what_comes_in_numbers_is_judged_together_and_the_last_of_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [0.5 + number / 60 for number in range(600)]
    found = turns(SmallWorld(tmp_path), monkeypatch, events)
    assert len(found) <= 41, "600 events in ten seconds"
    assert events[-1] <= found[-1] <= events[-1] + drift.TOGETHER
