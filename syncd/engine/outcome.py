"""What is known after a plan was accepted: who needs not be looked at again, and when whose time comes.

Part of the transaction that accepts the plan. A mark stays where something was held, left aside or warned of, and where somebody
leaves: the next cycle looks again. Nothing here decides what is written.
"""

from __future__ import annotations

from datetime import datetime

from syncd.core.calendar import leaves_at
from syncd.core.model import Kind, LinkState, SubjectId
from syncd.engine import marking
from syncd.engine.reconcile import PLANNED_BY, Reconciliation
from syncd.engine.world import World
from syncd.store import Transaction


def conclude(tx: Transaction, world: World, found: Reconciliation) -> None:
    """Keep the marks of those who have to be looked at again, and take away the others."""
    open_ = _open(found)
    tx.marks.clear(found.looked_at - open_)
    tx.marks.add(open_ & found.looked_at, reason="not in agreement", at=world.now())
    tx.reviews.put({subject: _review(world, found, subject) for subject in found.looked_at})
    if found.everybody:
        tx.reviews.put(dict(found.reviews))
        tx.meta.drop(marking.WHOLE)
        tx.meta.set(PLANNED_BY, world.config_digest.hex())


def _open(found: Reconciliation) -> set[SubjectId]:
    """Return those with whom the plan was not done."""
    held = {change.subject for hold in found.judgement.holds for change in (*hold.changes, *hold.waiting)}
    aside = {SubjectId(one.name) for one in found.plan.aside}
    leaving = {change.subject for change in found.plan.changes} & found.wishes.leaving.keys()
    return held | aside | leaving | found.plan.warned


def _review(world: World, found: Reconciliation, subject: SubjectId) -> datetime | None:
    """Return when time alone changes what shall be: a last working day, or the end of a leaver's grace."""
    if (link := found.waiting.get(subject)) is not None:
        return link.since + world.leavers.grace if link.state is LinkState.OFFBOARDED else None
    entity = found.standing.tree.entities.get(subject)
    if entity is None or entity.kind is not Kind.PERSON:
        return None
    end = leaves_at(entity.facts, world.leavers.timezone)
    return end if end is not None and end > world.now() else None
