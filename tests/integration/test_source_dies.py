"""A source dies, comes back with half its people, comes back whole: nobody is removed, the other source's changes flow, and the
alerts tell the story in its order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.alerts import Watch, policy
from support.serving import ringing, served, until
from support.small_world import HR, SmallWorld, run
from support.two_sources import AD, Directory
from syncd.core.errors import TryAgain
from syncd.core.model import Kind, Op
from syncd.engine.health import health
from syncd.engine.serving import Service
from syncd.testing.memory import refusal

PEOPLE = 30
"""More than a source must have before its shrinking is noticed at all."""


@pytest.fixture
def world(migrated_file: Path, tmp_path: Path) -> Iterator[SmallWorld]:
    (tmp_path / "syncd.db").write_bytes(migrated_file.read_bytes())
    one = SmallWorld(tmp_path)
    one.company(PEOPLE)
    yield one
    one.store.close()


class Story:
    """What happens, and who hears of it."""

    def __init__(self, world: SmallWorld, directory: Directory, service: Service) -> None:
        self.world, self.directory, self.service = world, directory, service
        self.watch = Watch(policy())

    def minutes(self, number: int) -> list[tuple[str, str]]:
        """Let time pass and have the alerts look each minute; returns what they tell, by rule."""
        told: list[tuple[str, str]] = []
        for _ in range(number):
            self.world.time += timedelta(minutes=1)
            seen = health(self.world.world, service=self.service.live())
            told += [(rule, news) for rule, news, _ in self.watch.look(seen)]
        return told

    async def title(self, title: str) -> None:
        """Change somebody in the directory, and wait until it is written."""
        self.directory.account("3", number="e3", title=title)
        await self.service.wake(ringing(AD))
        await until(lambda: title in self.titles(), f"the title {title}")

    def titles(self) -> list[object]:
        return [one.get("title") for one in self.world.target.objects.values()]

    async def read(self) -> None:
        """Have HR read again, in full, and wait until that is over."""
        before = self.finished()
        await self.service.wake(ringing(HR))
        await until(lambda: self.finished() != before, "the read of HR")

    def finished(self) -> object:
        with self.world.store.reading() as tx:
            last = tx.reads.last(HR)
            return (last.run_id, last.finished_at) if last is not None else None


def test_a_source_dies_comes_back_with_half_and_then_whole_and_nobody_is_removed(world: SmallWorld) -> None:
    directory = Directory(world)
    directory.account("3", number="e3")

    async def story() -> None:
        async with served(world.world) as service:
            await until(lambda: sum(kind is Kind.PERSON for kind, _ in world.target.objects) == PEOPLE, "everybody")
            told = Story(world, directory, service)
            assert told.minutes(2) == []
            await _dies(told)
            await _comes_back_with_half(told)
            await _comes_back_whole(told)

    everybody = dict(world.source.records)
    world_of_half = {key: one for key, one in everybody.items() if key[0] is Kind.UNIT or int(key[1]) <= PEOPLE // 2}

    async def _dies(told: Story) -> None:
        world.source.error = TryAgain(refusal("no route to host"))
        await told.service.wake(ringing(HR))
        await until(lambda: HR in told.service.live().failing, "the failure of HR")
        await told.title("While HR is down")
        assert told.minutes(12) == [("source_unreachable", "opened")]

    async def _comes_back_with_half(told: Story) -> None:
        world.source.error, world.source.records = None, dict(world_of_half)
        await told.read()
        await until(lambda: HR not in told.service.live().failing, "HR to be well")
        await told.title("While half of HR is missing")
        assert set(told.minutes(30)) == {("source_unreachable", "resolved"), ("guard_held", "opened")}

    async def _comes_back_whole(told: Story) -> None:
        world.source.records = dict(everybody)
        await told.read()
        await told.title("All is well")
        assert told.minutes(30) == [("guard_held", "resolved")]
        assert told.watch.burning() == []

    run(story())

    gone = {Op.OFFBOARD, Op.REMOVE}
    assert [who for op, who in world.target.log if op in gone] == []
    assert sum(kind is Kind.PERSON for kind, _ in world.target.objects) == PEOPLE
