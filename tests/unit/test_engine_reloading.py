"""A configuration that changes while the service runs: a good one is taken over, a bad one changes nothing but what is said."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.small_world import HR, INBOUND, SmallWorld
from syncd.core.errors import Misconfigured
from syncd.engine.health import health
from syncd.engine.reloading import Loaded, Reloading
from syncd.engine.world import World
from syncd.mapping import load_inbound


class Bench:
    """A service that only notes what it is handed, and a loader that reads the rule file of a small world."""

    def __init__(self, folder: Path) -> None:
        self.world = SmallWorld(folder)
        self.world.company(5)
        self.world.sync()
        self.rules = folder / "in.yaml"
        self.taken: list[World] = []
        self.state = "sqlite:///syncd.db"
        self.loads = 0
        self.said: list[str] = []

    # the service
    def reload(self, world: World, rest: Any) -> None:
        self.taken.append(world)

    # systemd
    def reloading(self) -> None:
        self.said.append("reloading")

    def ready(self, status: str) -> None:
        self.said.append(status)

    def load(self) -> Loaded:
        self.loads += 1
        inbound = load_inbound(self.rules, source=HR, attributes=None, now=self.world.now)
        seat = replace(self.world.world.seats[HR], rules=inbound)
        world = replace(self.world.world, seats={HR: seat}, config_digest=inbound.digest)
        return Loaded(world=world, rest=None, files=frozenset({self.rules}), state=self.state)

    def write(self, text: str) -> None:
        """Replace the file as an editor does."""
        fresh = self.rules.with_suffix(".new")
        fresh.write_text(text)
        os.replace(fresh, self.rules)

    def run(self, act: Callable[[Reloading], Awaitable[None]]) -> None:
        """Watch over the files while `act` happens."""

        async def go() -> None:
            watching = Reloading(self, self.load(), self.load, announce=self, every=0.01)
            task = asyncio.create_task(watching.watch())
            try:
                async with asyncio.timeout(30):
                    await act(watching)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        asyncio.run(go())


@pytest.fixture
def bench(tmp_path: Path, migrated_file: Path) -> Iterator[Bench]:
    shutil.copy(migrated_file, tmp_path / "syncd.db")
    one = Bench(tmp_path)
    yield one
    one.world.store.close()


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for is in the database
        await asyncio.sleep(0.01)


def failing(bench: Bench) -> str | None:
    found = health(bench.world.world).config_failing
    return found.code if found else None


def test_a_good_change_is_taken_over_without_a_restart(bench: Bench) -> None:
    async def act(_: Reloading) -> None:
        bench.write(INBOUND.replace("displayName: name\n    title", "displayName: mail\n    title"))
        await until(lambda: bench.taken)

    bench.run(act)
    assert bench.taken[0].seats[HR].rules.digest != bench.world.world.seats[HR].rules.digest
    assert failing(bench) is None


def test_a_broken_file_leaves_the_last_good_one_at_work_and_is_said_until_it_is_mended(bench: Bench) -> None:
    codes: list[str | None] = []

    async def act(_: Reloading) -> None:
        bench.write("person: [this is: no rule")
        await until(lambda: failing(bench))
        codes.append(failing(bench))
        assert not bench.taken
        bench.write(INBOUND + "# mended\n")
        await until(lambda: bench.taken)

    bench.run(act)
    assert codes[0] is not None
    assert failing(bench) is None
    assert any("does not load" in said for said in bench.said)


def test_a_broken_file_is_read_once_and_not_again_and_again(bench: Bench) -> None:
    async def act(_: Reloading) -> None:
        bench.write("person: [this is: no rule")
        await until(lambda: failing(bench))
        before = bench.loads
        await asyncio.sleep(0.1)
        assert bench.loads == before

    bench.run(act)


def test_sighup_reads_again_whether_or_not_a_file_changed(bench: Bench) -> None:
    async def act(watching: Reloading) -> None:
        watching.now()
        await until(lambda: bench.taken)

    bench.run(act)
    assert bench.said == ["reloading", "configuration taken over"]


def test_the_impact_is_told_by_the_records_that_will_be_mapped_anew(bench: Bench) -> None:
    async def act(watching: Reloading) -> None:
        nothing = await watching.reload()
        assert nothing is not None
        assert (dict(nothing.mapped_anew), nothing.everybody) == ({}, False)
        bench.write(INBOUND.replace("employeeNumber: id", "employeeNumber: id\n    nickName: name"))
        found = await watching.reload()
        assert found is not None
        assert dict(found.mapped_anew) == {HR: 7}  # five people, two departments
        assert found.everybody

    bench.run(act)


def test_the_first_plan_of_a_new_configuration_waits_where_the_guard_says_so(bench: Bench) -> None:
    guard = replace(bench.world.world.guard, plan_only_first=True)
    bench.world.world = replace(bench.world.world, guard=guard)

    async def act(watching: Reloading) -> None:
        bench.write(INBOUND + "# another\n")
        found = await watching.reload()
        assert found is not None
        assert found.waits

    bench.run(act)
    assert "waits for somebody" in bench.said[-1]


def test_another_database_needs_a_restart(bench: Bench) -> None:
    async def act(watching: Reloading) -> None:
        bench.state = "sqlite:///other.db"
        assert await watching.reload() is None

    bench.run(act)
    assert not bench.taken
    assert failing(bench) == "ENG-080"


@pytest.mark.parametrize("error", [Misconfigured([]), RuntimeError("a defect"), FileNotFoundError("gone")])
def test_whatever_goes_wrong_while_loading_never_ends_the_service(bench: Bench, error: Exception) -> None:
    async def act(watching: Reloading) -> None:
        def broken() -> Loaded:
            raise error

        watching._load = broken
        assert await watching.reload() is None

    bench.run(act)
    assert failing(bench) == "ENG-081"


def test_a_file_that_vanishes_and_comes_back_is_noticed(bench: Bench) -> None:
    async def act(_: Reloading) -> None:
        text = bench.rules.read_text()
        bench.rules.unlink()
        await until(lambda: failing(bench))
        bench.write(text)
        await until(lambda: bench.taken)

    bench.run(act)
    assert failing(bench) is None
