"""Days of a service's life in seconds: work by the hour, nights, wakes, faults, reloads, and each day a process that ends.

Time is virtual (`support.virtual_time`), everything else is the program: SQLite in a file, rules, queue, audit log. At the end of
each day it is looked at what the process holds and what the database has become.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from pathlib import Path
from random import Random
from typing import Final

from sqlalchemy import text

from support.service_life import Life, Office, Tenant
from support.serving import ringing
from support.small_world import SmallWorld
from syncd.core.errors import TryAgain
from syncd.core.model import Kind
from syncd.engine.nightly import Night
from syncd.engine.serving import Schedule
from syncd.engine.world import LeaverTerms, WriterTerms
from syncd.store.tables import metadata
from syncd.testing.memory import refusal

HOURLY: Final = Schedule(
    every=timedelta(hours=1), jitter=timedelta(minutes=2), night=Night(at=time(3, 17), zone="Asia/Shanghai")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What was there at the end of a day."""

    number: int
    written: int
    """Calls that took effect since the first day."""
    handles: int
    resident: float
    """MiB."""
    database: int
    """Bytes, with nothing left in the log of writes."""
    rows: Mapping[str, int]


def days(folder: Path, number: int, *, people: int, events: int = 4) -> Iterator[Day]:
    """Live so many days, with so many changes announced in each hour. Whoever calls has to replace `trust.Clock`, by
    `virtual_time.one_clock`."""
    world = SmallWorld(folder, leavers=LeaverTerms(hold=False), observe_every=timedelta(hours=24))
    world.target, world.source = Tenant(world), Office(world)
    world.world = replace(world.world, writer=WriterTerms(concurrency=8, patience=timedelta(0)))
    world.company(people)
    dice = Random(7)
    for day in range(1, number + 1):
        _day(world, dice, day, events)
        assert isinstance(world.target, Tenant)
        assert not world.target.wrongs
        yield _seen(world, day)
    world.store.close()


def _day(world: SmallWorld, dice: Random, day: int, events: int) -> None:
    tenant, office = world.target, world.source
    assert isinstance(tenant, Tenant)
    assert isinstance(office, Office)
    life = Life(world, tenant, HOURLY)
    for hour in range(24):
        tenant.share = 0.2 if hour % 5 == 0 else 0.0
        office.error = TryAgain(refusal("the source is down")) if hour == 11 else None
        office.cut = hour == 14
        if hour == 12:
            life.service.reload(replace(world.world, config_digest=b"config of day %d" % day), HOURLY)
        for _ in range(events):
            _something(world, dice, day)
            life.do(life.service.wake(ringing(key=f"{day} {hour} {dice.random()}")))
            life.run(3600 / events)
    if day % 2:
        life.die(dice.randrange(50))
    else:
        life.stop()


def _something(world: SmallWorld, dice: Random, day: int) -> None:
    """Somebody gets another title, moves, leaves, or comes back."""
    key = str(dice.randrange(2, 40))
    if (Kind.PERSON, key) not in world.source.records:
        world.person(key, "team", manager="e1")
    elif dice.random() < 0.1:
        world.leave(key)
    elif dice.random() < 0.3:
        world.edit(key, unit=dice.choice(("team", "top")))
    else:
        world.edit(key, title=f"Title {day} {dice.random():.3f}")


def _seen(world: SmallWorld, day: int) -> Day:
    gc.collect()
    with world.store.reading() as tx:
        rows = {
            name: tx.connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in metadata.tables
        }
        pages, size, free = (
            tx.connection.execute(text(f"PRAGMA {word}")).scalar_one()
            for word in ("page_count", "page_size", "freelist_count")
        )
    return Day(
        number=day,
        written=sum(world.target.writes.values()),
        handles=len(os.listdir("/proc/self/fd")),
        resident=int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        * os.sysconf("SC_PAGE_SIZE")
        / 2**20,
        database=(pages - free) * size,
        rows=rows,
    )
