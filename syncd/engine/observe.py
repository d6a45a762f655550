"""What the target holds: read whole on its own clock, remembered in between. Never writes to the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from syncd.core.model import Completeness, Observed
from syncd.core.ports import Target
from syncd.engine.world import World

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The target as last seen, and whether that was everything."""

    objects: Sequence[Observed]
    complete: bool
    certificate: Completeness | None
    """None when the view comes from memory."""
    taken_at: datetime


async def view(world: World, target: Target, *, fresh: bool = False) -> View:
    """Return the target's objects: from memory while it is young enough, else by reading all of them."""
    now = world.now()
    last = await world.store.look(lambda tx: tx.observed.last_full_at(world.target_name))
    if fresh or last is None or now - last >= world.observe_every:
        return await _read(world, target, now)
    rows = await world.store.look(lambda tx: [row.observed for row in tx.observed.iterate(world.target_name)])
    return View(objects=rows, complete=True, certificate=None, taken_at=last)


async def _read(world: World, target: Target, now: datetime) -> View:
    objects = [seen async for seen in target.observe()]
    certificate = target.observed()
    if certificate.proven:
        await world.store.do(lambda tx: tx.observed.replace_all(world.target_name, objects, at=now))
    doubts = [fact.name for fact in certificate.doubts]
    log.info(
        "target.observed", target=world.target_name, objects=len(objects), proven=certificate.proven, doubts=doubts
    )
    return View(objects=objects, complete=certificate.proven, certificate=certificate, taken_at=now)
