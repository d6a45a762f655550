"""When the service says READY: it stands, and has tried. That data are fresh is what /readyz says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ear import Ear
from support.serving import QUIET, until
from support.small_world import SmallWorld, run
from syncd.core.errors import TryAgain
from syncd.engine import serving
from syncd.engine.backoff import Backoff
from syncd.engine.health import health
from syncd.engine.notify import Notifier, Pulse
from syncd.engine.serving import Service
from syncd.testing.memory import refusal


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.company(3)
    yield one
    one.store.close()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    one = Ear(str(tmp_path / "notify"))
    yield one
    one.close()


def test_systemd_hears_ready_once_everything_was_tried_though_nothing_works_and_then_how_it_stands(
    world: SmallWorld, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a directory that is down at boot would have systemd kill and start the service for ever."""
    world.source.error = TryAgain(refusal("the directory is down"))
    down = True

    async def observe() -> object:
        if down:
            raise TryAgain(refusal("the target is down"))
        return whole()

    whole = world.target.observe

    async def observing() -> object:
        await observe()
        async for seen in whole():
            yield seen

    monkeypatch.setattr(world.target, "observe", observing)
    monkeypatch.setattr(serving, "Backoff", Impatient)

    async def story() -> None:
        nonlocal down
        service = Service(world.world, QUIET, pulse=Pulse(Notifier({"NOTIFY_SOCKET": ear.address})))
        task = asyncio.create_task(service.run())
        try:
            await until(lambda: ear.says("READY"), "systemd to hear of it", task)
            first = next(said for said in ear.everything if "READY" in said)
            assert "MEM-001" in first["STATUS"]
            assert health(world.world, service=service.live()).run_at is None, "and so /readyz says no"

            world.source.error, down = None, False
            await until(lambda: ear.says("STATUS", "done"), "a cycle that works", task)
            assert sum("READY" in said for said in ear.everything) == 1
            assert health(world.world).run_at is not None
        finally:
            service.stop()
            await asyncio.wait_for(task, 60)

    run(story())


class Impatient(Backoff):
    """Waits hardly at all."""

    def next(self, *, least: float = 0.0) -> float:
        return min(super().next(least=least), 0.01)
