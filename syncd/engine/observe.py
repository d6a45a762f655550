"""What the target holds: read whole on its own clock, remembered in between. Never writes to the target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from syncd.core.model import Completeness
from syncd.core.ports import Target
from syncd.engine import marking
from syncd.engine.drift_looking import compare
from syncd.engine.sight import keys_of
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.structured import structlog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """When the target was last seen, and whether that was everything."""

    complete: bool
    certificate: Completeness | None
    """None when the view comes from memory."""
    taken_at: datetime
    count: int = 0
    """Objects that were seen; 0 when the view comes from memory."""


async def view(world: World, target: Target, *, fresh: bool = False) -> View:
    """Have the target's objects in the store: those of before while they are young enough, else all of them anew."""
    now = world.now()
    last = await world.store.look(lambda tx: tx.observed.last_full_at(world.target_name))
    if fresh or last is None or now - last >= world.observe_every:
        return await _read(world, target, now)
    return View(complete=True, certificate=None, taken_at=last)


async def _read(world: World, target: Target, now: datetime) -> View:
    name, keys = world.target_name, keys_of(target)
    objects = [seen async for seen in target.observe()]
    certificate = target.observed()

    def keep(tx: Transaction) -> None:
        compare(tx, world, target, objects, since=now, complete=certificate.proven)
        if certificate.proven:
            tx.observed.replace_all(name, objects, at=now, keys=keys)
        else:
            # What was seen is so; what was not seen may be there all the same.
            tx.observed.put_many(name, objects, at=now, keys=keys)

    await world.store.do(keep)
    await world.store.do(lambda tx: marking.whole(tx, "the target was looked at"))
    doubts = [fact.name for fact in certificate.doubts]
    log.info("target.observed", target=name, objects=len(objects), proven=certificate.proven, doubts=doubts)
    return View(complete=certificate.proven, certificate=certificate, taken_at=now, count=len(objects))
