"""Promise 6 inside the engine: stop at any call to the target, before or after it took effect, and start again."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.small_world import HR, INBOUND, SmallWorld, run
from syncd.audit.verify import verify
from syncd.core.errors import TryAgain
from syncd.core.model import Change
from syncd.core.outcome import Outcome
from syncd.engine.cycle import cycle
from syncd.engine.stage import Asked, read_source
from syncd.engine.world import Seat
from syncd.mapping import load_inbound
from syncd.testing.memory import refusal


async def die(world: SmallWorld, at: int, *, after: bool) -> None:
    """Run a cycle whose process ends at the n-th call, before or after the platform did what it was asked to."""
    real, calls, dead = world.target.apply, 0, asyncio.Event()

    async def apply(change: Change, *, key: str, again: bool = False) -> Outcome:
        nonlocal calls
        calls += 1
        if calls < at or (calls == at and after):
            outcome = await real(change, key=key, again=again)
            if calls < at:
                return outcome
        dead.set()
        await asyncio.Event().wait()
        raise AssertionError("nothing comes after the end")

    world.target.apply = apply  # type: ignore[method-assign]
    try:
        work = asyncio.create_task(cycle(world.world))
        end = asyncio.create_task(dead.wait())
        await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
        work.cancel()
        end.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        world.target.apply = real  # type: ignore[method-assign]


def reorganise(world: SmallWorld) -> None:
    world.unit("new", "top", leader="e6")
    world.person("6", "new", manager="e1")
    world.edit("2", unit="new", title="Moved")
    world.unit("team", "top", name="Renamed")
    world.leave("5")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    world = SmallWorld(tmp_path_factory.mktemp("calm"))
    world.company()
    world.sync()
    reorganise(world)
    world.sync()
    world.store.close()
    return world.tenant()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 8))
def test_a_crash_at_any_call_changes_nothing_in_the_end(
    tmp_path: Path, expected: dict[str, Any], at: int, after: bool
) -> None:
    world = SmallWorld(tmp_path)
    world.company()
    for chapter in range(2):
        if chapter:
            reorganise(world)
        asyncio.run(die(world, at, after=after))
        assert world.sync().recovered >= 1
        assert world.sync().reconciliation.plan.changes == ()

    assert world.tenant() == expected
    assert set(world.target.writes.values()) == {1}
    with world.store.reading() as tx:
        verdict = verify(world.store.audit.iterate(tx))
    assert verdict.sound
    assert verdict.open_intents == ()
    world.store.close()


def ruled(world: SmallWorld, rules: str, *, config: bytes) -> None:
    """Let these rules be at work."""
    (world.folder / "in.yaml").write_text(rules, encoding="utf-8")
    loaded = load_inbound(world.folder / "in.yaml", source=HR, attributes=None, now=world.now)
    seat = Seat(name=HR, make=lambda: world.source, rules=loaded)
    world.world = replace(world.world, seats={HR: seat}, config_digest=config)


def test_what_other_rules_had_stored_when_a_read_broke_off_is_mapped_again_when_the_old_ones_are_back(
    tmp_path: Path,
) -> None:
    world = SmallWorld(tmp_path)
    world.source.tells = True
    world.company()
    world.sync()
    world.edit("2", title="Boss")
    ruled(world, INBOUND.replace("title: {from: title, on_null: clear}", "title: kind"), config=b"other")
    world.source.error = TryAgain(refusal("the line is dead"))
    with pytest.raises(TryAgain):
        run(read_source(world.world, world.world.seats[HR], world.world.new_run(), Asked(full=True)))

    world.source.error = None
    ruled(world, INBOUND, config=b"config")
    world.sync(full=True)

    assert world.tenant()["person:Example 2"]["title"] == "Boss"
    assert not world.sync(again=True).reconciliation.plan.changes
    world.store.close()
