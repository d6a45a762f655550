"""An operator's word that somebody leaves, beside a service at work and in plans for very many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.incidents import homes
from support.serving import served, until
from support.small_world import SmallWorld, run
from syncd.core.model import SubjectId
from syncd.engine import offboarding, reconcile


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    one = SmallWorld(tmp_path)
    one.company(6)
    yield one
    one.store.close()


def decided(world: SmallWorld, who: str) -> SubjectId:
    with world.store.transaction() as tx:
        subject, found = offboarding.who_is(tx, "memory", who)
        offboarding.offboard(tx, world.world, subject, found.label, by="ops", reason="dismissed", at=world.now())
    return subject


def test_a_service_at_work_writes_it_without_being_told(world: SmallWorld) -> None:
    async def story() -> None:
        async with served(world.world):
            await until(lambda: len(world.target.objects) == 8, "everybody")
            decided(world, "Example 3")
            await until(lambda: homes(world, "Example 3") == ("Leavers",), "the leaver")

    run(story())


def test_a_plan_that_is_made_in_portions_lets_them_leave_too(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    decided(world, "Example 3")
    monkeypatch.setattr(reconcile, "MANY", 0)

    world.sync(again=True)

    assert homes(world, "Example 3") == ("Leavers",)
    assert not world.sync(again=True).reconciliation.plan.changes


def test_the_decision_ends_also_where_the_plan_was_made_in_portions(
    world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    decided(world, "Example 3")
    world.sync()
    monkeypatch.setattr(reconcile, "MANY", 0)
    world.leave("3")

    world.sync()

    with world.store.reading() as tx:
        assert not tx.offboardings.all()
