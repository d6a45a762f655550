"""What is said of somebody between the look and the acceptance of a whole cycle's plan: it is not taken for planned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.small_world import HR, SmallWorld
from syncd.core.model import Kind
from syncd.engine import cycle
from syncd.engine.reconcile import Reconciliation, reconcile
from syncd.engine.stage import read_source


def titles(world: SmallWorld) -> set[object]:
    return {held.get("title") for (kind, _), held in world.target.objects.items() if kind is Kind.PERSON}


@pytest.mark.parametrize("number", ["2", "3"])
def test_whoever_changes_while_a_plan_is_made_is_looked_at_again_also_where_the_plan_was_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    world = SmallWorld(tmp_path)
    world.company(3)
    world.sync()

    async def looked(*words: Any, **others: Any) -> Reconciliation:
        found = await reconcile(*words, **others)
        world.edit(number, title="Said meanwhile")
        await read_source(world.world, world.world.seats[HR], world.world.new_run())
        return found

    world.edit("2", title="Said before")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(cycle, "reconcile", looked)
        world.sync()
    assert titles(world) == {None, "Said before"}
    world.sync()
    assert "Said meanwhile" in titles(world), "its mark was set after the look, and so was not taken away by it"
    world.store.close()
