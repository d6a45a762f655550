"""The plan as it would be now, from what is remembered: no source is read, the target is not asked, nothing is kept.

Used where somebody looks before deciding (`syncd hold show`, `syncd explain`). The caller's transaction is given up afterwards:
joins and unique values that had to be made up are forgotten with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from syncd.core.model import Change, Effect, Plan, SubjectId
from syncd.core.ordering import fingerprint
from syncd.core.ports import Target
from syncd.engine.joining import join
from syncd.engine.planning import Computed, planned
from syncd.engine.reconcile import STEPS, marked
from syncd.engine.rivals import rivals
from syncd.engine.world import World
from syncd.store import Transaction


def recall(
    tx: Transaction, world: World, target: Target, *, about: Callable[[], Collection[SubjectId]] = tuple
) -> Computed:
    """Compute the plan for whoever is marked, for those whom `about` returns once everybody is joined, and for whom a cycle would
    take in beside them."""
    ambiguous = join(tx, world)
    # Not looked at yet: then nothing is known to be missing either.
    complete = tx.observed.last_full_at(world.target_name) is not None
    subjects = {*marked(tx, world), *about()}
    for _ in range(STEPS):
        made = planned(tx, world, target, subjects, complete=complete, ambiguous=ambiguous)
        if not (more := rivals(tx, target, made, subjects, settled=())):
            break
        subjects |= more
    return made


def held_changes(plan: Plan, effect: Effect, expected: str) -> tuple[Change, ...] | None:
    """Return the changes that a hold is about; None if the set of now is another one, so that a release would not fit it."""
    changes = tuple(change for change in plan.changes if effect in change.effects)
    return changes if changes and fingerprint(changes) == expected else None
