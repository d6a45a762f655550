"""What is known after a plan was accepted: who needs not be looked at again, and when whose time comes.

Part of the transaction that accepts the plan. A mark stays where something was held, left aside or warned of, and where somebody
leaves: the next cycle looks again. Nothing here decides what is written.
"""

from __future__ import annotations

from syncd.core.model import SubjectId
from syncd.engine import drift_judging, marking, offboarding
from syncd.engine.reconcile import PLANNED_BY, Reconciliation
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.packed import subjects_of


def conclude(tx: Transaction, world: World, found: Reconciliation) -> None:
    """Keep the marks of those who have to be looked at again, and take away the others."""
    open_ = _open(found)
    tx.marks.clear(found.looked_at - open_, upto=found.upto)
    tx.marks.keep(open_ & found.looked_at, reason="not in agreement", at=world.now(), upto=found.upto)
    tx.reviews.put(found.reviews)
    drift_judging.settled(tx, world, found.plan.changes, subjects_of(found.plan.changes))
    drift_judging.ended(tx, world, found.wishes.desired, found.looked_at)
    offboarding.ended(tx, world, found)
    if found.everybody:
        tx.meta.drop(marking.WHOLE)
        tx.meta.set(PLANNED_BY, world.computed_by)


def _open(found: Reconciliation) -> set[SubjectId]:
    """Return those with whom the plan was not done."""
    held = {change.subject for hold in found.judgement.holds for change in (*hold.changes, *hold.waiting)}
    aside = {SubjectId(one.name) for one in found.plan.aside}
    leaving = found.wishes.leaving.keys() & subjects_of(found.plan.changes)
    return held | aside | leaving | found.plan.warned
