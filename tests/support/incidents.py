"""What the replayed incidents share: small worlds that are closed again, and what an operator looks at in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from support.small_world import SmallWorld
from syncd.core.model import Effect
from syncd.core.policy import Limit, Limits
from syncd.engine.world import GuardTerms

Make = Callable[..., SmallWorld]


def making(folder: Path) -> Iterator[Make]:
    """Yield what makes small worlds, and close them."""
    made: list[SmallWorld] = []

    def world(**changes: object) -> SmallWorld:
        own = folder / str(len(made))
        own.mkdir()
        made.append(SmallWorld(own, **changes))
        return made[-1]

    yield world
    for one in made:
        one.store.close()


def in_step(world: SmallWorld) -> SmallWorld:
    """Return a world with two units and five people, synchronized."""
    world.company()
    world.sync()
    return world


def guarded(**limits: Limit) -> GuardTerms:
    by_effect = {Effect(name): limit for name, limit in limits.items()}
    return GuardTerms(plan_only_first=False, limits=Limits(by_effect=by_effect, per_unit_percent=None))


def release(world: SmallWorld) -> None:
    """Release every open hold, as an operator does."""
    with world.store.transaction() as tx:
        for hold in tx.holds.open():
            tx.holds.release(hold.id, by="operator", at=world.time, reason="the branch was sold")


def homes(world: SmallWorld, person: str) -> tuple[str, ...]:
    """Return the departments of a person, by name."""
    held = world.tenant()[f"person:{person}"]["departments"]
    assert isinstance(held, tuple)
    return tuple(str(one["unit"]) for one in held)


def settled(world: SmallWorld) -> None:
    """Nothing is left to do, and nothing waits."""
    done = world.sync(fresh=True)
    assert done.reconciliation.plan.changes == ()
    assert (done.queue.ready, done.queue.parked) == (0, 0)
