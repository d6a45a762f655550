"""What the guard has let through lately: rounds are small, so a mass change that comes one by one is seen only in the sum.

Counted from the queue, so a restart forgets nothing. What a person has approved does not count: they have looked at it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from syncd.core.model import Change, Effect, SubjectId
from syncd.core.policy import EMPTYING, NOTHING_RECENT, Recent, lost_by
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.packed import subjects_of


def recent_to(tx: Transaction, world: World, changes: Sequence[Change]) -> Recent:
    """Return what counts besides these changes: what was accepted within `guard.window` of others."""
    window = world.guard.window
    if not window or not changes:
        return NOTHING_RECENT
    subjects = subjects_of(changes)
    since = world.now() - window
    numbers = tx.queue.window(since, beside=subjects)
    lost: Counter[tuple[Effect, SubjectId]] = Counter()
    left: Counter[tuple[Effect, SubjectId]] = Counter()
    asked = {effect for effect in EMPTYING if numbers.get(effect) and _takes_away(changes, effect)}
    if asked and world.guard.limits.per_unit_percent is not None:
        for change, confirmed in tx.queue.window_changes(since, asked):
            if change.subject in subjects:
                continue
            places = [(effect, unit) for effect in asked & {*change.effects} for unit in lost_by(effect, change)]
            lost.update(places)
            left.update(places if confirmed else ())
    return Recent(window=window, numbers=numbers, lost=lost, left=left)


def _takes_away(changes: Sequence[Change], effect: Effect) -> bool:
    counts = getattr(changes, "effects", None)
    return bool(counts.get(effect)) if counts is not None else any(effect in change.effects for change in changes)
