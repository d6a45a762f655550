"""What an offboarding would come to, before anybody decides it. It keeps nothing, reads no source and asks no target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from syncd.core.model import Change, Effect, Link, LinkState, SubjectId
from syncd.core.ports import Target
from syncd.engine.explain import held_for
from syncd.engine.offboarding import offboard, who_is
from syncd.engine.recall import recall
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.offboardings import Offboarding


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would happen to somebody: by the sources alone, and if an operator let them leave now."""

    subject: SubjectId
    label: str
    link: Link | None
    leaving: str
    """Why they leave already, as the sources say; empty where they do not."""
    ends_at: datetime | None
    """When the last working day is over that the sources name."""
    offboarded: Offboarding | None
    """The decision that is in force."""
    changes: tuple[Change, ...]
    """What would be written for them at once."""
    held: tuple[Effect, ...]
    """For which effects the guard would hold it."""
    removed_at: datetime | None
    """When the account would be removed for good; None where there is none, or where it is not kept first."""


def foresee(tx: Transaction, world: World, target: Target, who: str, *, by: str) -> Foreseen:
    """Return what an offboarding would come to. The caller gives the transaction up afterwards."""
    subject, found = who_is(tx, world.target_name, who)
    before = recall(tx, world, target, about=lambda: (subject,))
    known = tx.offboardings.all().get(subject)
    leaving = "" if known is not None else before.wishes.leaving.get(subject, "")
    ends_at = None if leaving or known is not None else before.reviews.get(subject)
    if known is None:
        offboard(tx, world, subject, found.label, by=by, reason="", at=world.now())
    after = recall(tx, world, target, about=lambda: (subject,))
    link = after.sight.links.get(subject)
    return Foreseen(
        subject=subject,
        label=found.label,
        link=link,
        leaving=leaving,
        ends_at=ends_at,
        offboarded=known,
        changes=tuple(change for change in after.plan.changes if change.subject == subject),
        held=held_for(tx, world, after, subject),
        removed_at=_removed_at(world, link),
    )


def _removed_at(world: World, link: Link | None) -> datetime | None:
    if link is None or link.state is LinkState.REMOVED or not world.leavers.hold:
        return None
    return (link.since if link.state is LinkState.OFFBOARDED else world.now()) + world.leavers.grace
