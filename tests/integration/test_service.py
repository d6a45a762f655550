"""The service beside its sources and its target: wakes become writes, nothing is lost, nobody waits for somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.serving import ringing, served, until
from support.small_world import SmallWorld, run


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.source.tells = True
    one.company(6)
    yield one
    one.store.close()


def title(world: SmallWorld, key: str) -> object:
    return next(held.get("title") for held in world.target.objects.values() if held.get("job_number") == f"e{key}")


def test_a_wake_leads_to_a_write_of_what_changed_and_of_nothing_else(world: SmallWorld) -> None:
    async def story() -> None:
        async with served(world.world) as service:
            await until(lambda: len(world.target.objects) == 8, "everybody")
            before = len(world.target.log)
            world.edit("3", title="Woken")
            await service.wake(ringing())
            await until(lambda: title(world, "3") == "Woken", "the write")
            assert len(world.target.log) == before + 1

    run(story())
