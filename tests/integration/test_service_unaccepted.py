"""A service whose configuration nobody has accepted: it shows once what it would write, and plans it no second time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.serving import ringing, served, until
from support.small_world import SmallWorld, run
from syncd.engine.cycle import ACCEPTED_CONFIG


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.company(6)
    yield one
    one.store.close()


def test_what_waits_for_acceptance_is_planned_once_and_written_when_it_is_accepted(world: SmallWorld) -> None:
    waiting = replace(world.world, guard=replace(world.world.guard, plan_only_first=True))

    def heard() -> bool:
        with world.store.reading() as tx:
            return not tx.wakes.waiting()

    async def story() -> None:
        async with served(waiting) as service:
            for number in range(5):
                world.edit("3", title=f"Title {number}")
                await service.wake(ringing())
                await until(heard, "the read")
            with world.store.reading() as tx:
                assert [row.result for row in tx.runs.last(10)] == ["planned only"], "five reads, and one plan"
            assert not world.target.objects

            with world.store.transaction() as tx:
                tx.meta.set(ACCEPTED_CONFIG, waiting.config_digest.hex())
            await service.wake(ringing())
            await until(lambda: len(world.target.objects) == 8, "everybody")

    run(story())
