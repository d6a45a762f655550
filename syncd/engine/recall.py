"""The plan as it would be now, from what is remembered: no source is read, the target is not asked, nothing is kept.

Used where somebody looks before deciding (`syncd hold show`, `syncd explain`). The caller's transaction is given up afterwards:
joins and unique values that had to be made up are forgotten with it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from syncd.core.model import Change, Effect, Link, Plan, SubjectId
from syncd.core.ordering import fingerprint
from syncd.core.ports import Target
from syncd.engine.observe import View
from syncd.engine.reconcile import allocator, difference
from syncd.engine.tree import Standing, Unique, Wishes, stand, wish
from syncd.engine.world import World
from syncd.store import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What is, what shall be, and what differs, all from memory."""

    standing: Standing
    links: dict[SubjectId, Link]
    view: View
    unique: Unique
    wishes: Wishes
    plan: Plan


def recall(tx: Transaction, world: World, target: Target, *, only: Collection[SubjectId] | None = None) -> Recalled:
    """Compute the plan from the stored records and the last look at the target; `only` plans for these subjects alone."""
    standing = stand(tx, world)
    links = tx.links.all(world.target_name)
    objects = [row.observed for row in tx.observed.iterate(world.target_name)]
    taken_at = tx.observed.last_full_at(world.target_name)
    # Not looked at yet: then nothing is known to be missing either.
    view = View(objects=objects, complete=taken_at is not None, certificate=None, taken_at=taken_at or world.now())
    unique = allocator(tx, world, view, links)
    wishes = wish(standing, world, links, normalise=target.normalise, hidden=target.hidden, unique=unique)
    plan = difference(world, target, wishes, view, links, only)
    return Recalled(standing=standing, links=links, view=view, unique=unique, wishes=wishes, plan=plan)


def held_changes(plan: Plan, effect: Effect, expected: str) -> tuple[Change, ...] | None:
    """Return the changes that a hold is about; None if the set of now is another one, so that a release would not fit it."""
    changes = tuple(change for change in plan.changes if effect in change.effects)
    return changes if changes and fingerprint(changes) == expected else None
