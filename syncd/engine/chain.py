"""Who is above whom, of everybody and from the references alone: what a plan that is made in portions has to know of the whole.

Reads the store, writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from syncd.core.model import SubjectId
from syncd.core.orgtree import rings
from syncd.engine.handing import leaves
from syncd.engine.survey import PORTION, Ground, people_among
from syncd.store import Transaction


def managers(tx: Transaction, ground: Ground, people: Collection[SubjectId]) -> Mapping[SubjectId, SubjectId]:
    """Return whom everybody has as manager: of `people` the very texts, so that those of everybody are there once."""
    held = {one: one for one in people}.get
    return {held(one, one): held(manager, manager) for one, manager in ground.lookup.persons(tx, "manager")}


def steps(above: Mapping[SubjectId, SubjectId]) -> dict[SubjectId, int]:
    """Return how many managers everybody has above; a circle is cut where it is entered. It is kept while the plan is made."""
    found: dict[SubjectId, int] = {}
    for start in sorted(above):
        trail: dict[SubjectId, None] = {}
        at: SubjectId | None = start
        while at is not None and at not in found and at not in trail:
            trail[at] = None
            at = above.get(at)
        base = found.get(at, -1) if at is not None else -1
        for step, one in enumerate(reversed(trail), 1):
            found[one] = base + step
    return found


def circling(above: Mapping[SubjectId, SubjectId]) -> set[SubjectId]:
    """Return who is in a circle of people who manage each other: everybody in one is somebody's manager."""
    leaders = {*above.values()}
    return {one for ring in rings({one: above.get(one) for one in leaders}) for one in ring}


def left(tx: Transaction, ground: Ground, above: Mapping[SubjectId, SubjectId]) -> set[SubjectId]:
    """Return who is somebody's manager and leaves by what their records say; nobody, where nothing is handed over."""
    if not ground.world.leavers.hand_over:
        return set()
    found: set[SubjectId] = set(tx.offboardings.all())
    for some in portions({*above.values()}):
        _, others = ground.plain.among(tx, some)  # nobody plain leaves
        standing = people_among(tx, ground, others)
        found |= {
            one
            for one in others
            if (entity := standing.tree.entities.get(one)) is not None
            and one not in standing.parked
            and leaves(standing.tree, entity, ground.world)
        }
    return found


def portions(subjects: Collection[SubjectId]) -> Iterable[list[SubjectId]]:
    """Yield subjects in their order, some at a time."""
    every = sorted(subjects)
    return (every[at : at + PORTION] for at in range(0, len(every), PORTION))
