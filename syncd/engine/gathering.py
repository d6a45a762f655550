"""A plan that is made a portion at a time, as far as it is made.

It knows of each value that only one may have whether two portions want it: whoever plans for one portion cannot see that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.collisions import BOTH, HELD, Collision, Wanted, collisions
from syncd.core.errors import Problem
from syncd.core.model import HOLDING_UNITS, Aside, Change, Kind, Plan, SubjectId
from syncd.core.newcomers import Newcomer
from syncd.store import Transaction
from syncd.store.packed import Packed


@dataclass(slots=True, kw_only=True)
class Gathering:
    """The plan as far as it is made."""

    wanted: Wanted
    changes: Packed = field(default_factory=Packed)
    asides: list[Aside] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    warned: set[SubjectId] = field(default_factory=set)
    leaving: dict[SubjectId, str] = field(default_factory=dict)
    reviews: dict[SubjectId, datetime | None] = field(default_factory=dict)
    units: dict[SubjectId, int] = field(default_factory=dict)
    ours: set[SubjectId] = field(default_factory=set)
    """Which of our own departments are made, or mended, by a part that was taken."""

    def take(self, plan: Plan, leaving: Mapping[SubjectId, str], reviews: Mapping[SubjectId, datetime | None]) -> None:
        """Add a part of the plan."""
        self.changes.add(plan.changes)
        for change in plan.changes:
            self.wanted.note(change)
        self.asides += plan.aside
        # Who else wants the same is known in the end; then all of them are named.
        self.warnings += [problem for problem in plan.warnings if problem.message is not BOTH]
        self.warned |= plan.warned
        self.leaving.update(leaving)
        self.reviews.update(reviews)
        self.units.update(plan.units)
        self.ours |= {one.subject for one in plan.changes if one.subject in HOLDING_UNITS}

    def take_newcomers(self, creations: Iterable[Newcomer], own: Mapping[SubjectId, SubjectId]) -> None:
        """Add people who are plainly new."""
        some = list(creations)
        self.changes.add_newcomers(some, own)
        for one in some:
            self.wanted.note_fields(one.fields)

    def name_takers(self, tx: Transaction, target: str) -> None:
        """Name all who want what somebody else wants; who is in the way of one alone, a portion has told already."""
        known = {str(problem) for problem in self.warnings if problem.message is HELD}
        for one in self._clashes(tx, target):
            self.warned |= one.subjects
            if str(one.problem) not in known:
                self.warnings.append(one.problem)

    def _clashes(self, tx: Transaction, target: str) -> list[Collision]:
        """Return who wants what somebody else wants. Changes are decoded only where there is anybody."""
        twice = self.wanted.twice()
        takers = [change for change in self.changes if self.wanted.wants(change, twice)] if twice else []
        held = [
            item
            for name, values in self.wanted.values(takers, twice).items()
            for items in tx.observed.holders(target, Kind.PERSON, name, values).values()
            for item in items
        ]
        links = tx.links.by_objects(target, Kind.PERSON, [item.target_id for item in held]) if held else {}
        whose = {target_id: link.subject for target_id, link in links.items()}
        return list(collisions([*takers, *self._of({*whose.values()}, takers)], held, whose, self.wanted.specs))

    def _of(self, subjects: set[SubjectId], but: Iterable[Change]) -> Iterable[Change]:
        """Yield what is done to those who hold what is wanted: they may give it up."""
        rest = subjects - {change.subject for change in but}
        return (change for change in self.changes if change.subject in rest) if rest else ()
