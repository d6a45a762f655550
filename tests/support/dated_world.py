"""A small world whose rules know first days and time zones besides, and several records of one person, one after the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from support.small_world import HR, INBOUND, SmallWorld
from syncd.core.matching import steps
from syncd.engine.forecast import Expected, forecast
from syncd.mapping import load_inbound

DATED: Final = INBOUND.replace("    endDate: last\n", "    endDate: last\n    hireDate: hired\n    timezone: zone\n")


def with_dates(world: SmallWorld) -> None:
    """Let the rules of a world read dates; records with one number are one person."""
    (world.folder / "in.yaml").write_text(DATED)
    rules = load_inbound(world.folder / "in.yaml", source=HR, attributes=None, now=world.now)
    seats = {HR: replace(world.world.seats[HR], rules=rules)}
    join = replace(world.world.join, refers={HR: rules.refers}, correlate=steps(["employeeNumber"]))
    world.world = replace(world.world, seats=seats, join=join)


def foretold(world: SmallWorld, days: int = 60) -> tuple[Expected, ...]:
    """Return what the calendar says."""
    with world.store.reading() as tx:
        return forecast(tx, world.world, timedelta(days=days)).expected
