"""Very many who are marked at once: judged together before the first of them is written for, then planned for a few at a time,
leavers first, while the writer goes on.

What is foreseen here is never accepted. It tells whether the guard would hold anything of the whole, and who comes first; each
round then plans anew, so that nothing that is settled meanwhile makes a plan stale. Where the guard would hold something, all are
left to a whole cycle, which shows the set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final

from syncd.core.model import HOLDING_UNIT, Change, Effect, Lane, Plan, SubjectId
from syncd.core.policy import judge
from syncd.core.ports import Target
from syncd.engine.planning import Computed, planned, population_for
from syncd.engine.window import recent_to
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.packed import Packed

FEW: Final = 200
"""Who is planned for in one transaction: the writer waits for it to settle, and so does whoever comes meanwhile. A fifth of a
second, while the calls that are under way keep the target busy for three."""
PATIENCE: Final = 600.0
"""For so many seconds the schedule waits for a crowd."""
_FROM_A_UNIT: Final = frozenset({Effect.LEAVE, Effect.MOVE})


class Onward(StrEnum):
    """What is next for a crowd."""

    AHEAD = "ahead"
    """More of it has to be foreseen."""
    ROUND = "round"
    """Some of it come to their round: `Crowd.some`."""
    TOGETHER = "together"
    """The guard would hold something: all who are marked have to be seen together."""
    OPEN = "open"
    """All had their round, and some are not done with: they are seen together soon."""
    OVER = "over"


class Crowd:
    """Those who were found to be too many for a round, until the last of them had one; mostly nobody."""

    def __init__(self) -> None:
        self.some: frozenset[SubjectId] = frozenset()
        self._since = float("-inf")
        self._all: frozenset[SubjectId] = frozenset()
        self._unseen: list[SubjectId] = []
        self._line: list[SubjectId] = []
        self._leaving: set[SubjectId] = set()
        """Leavers, who stay marked anyway."""
        self.disperse()

    def __bool__(self) -> bool:
        """Tell whether there is one."""
        return bool(self._all)

    def disperse(self) -> None:
        """Leave all who still wait to a whole cycle: they are marked."""
        self._all, self._leaving, self._unseen, self._line = frozenset(), set(), [], []
        self._forget()

    def _forget(self) -> None:
        self._foreseen = Packed()
        self._units: dict[SubjectId, int] = {}
        self._held_ready = False
        """Whether the department for leavers is among what is foreseen: each portion would make it."""

    def gather(self, subjects: frozenset[SubjectId], *, at: float) -> None:
        """Let very many be judged together, with those who came before and still wait. `at` is the time of the loop."""
        self._since = self._since if self else at
        self._all = subjects.union(self._unseen, self._line)
        self._unseen, self._line = sorted(self._all), []
        self._forget()

    def holds_up(self, at: float) -> bool:
        """Tell whether the schedule waits: a whole cycle would plan for all of them while the writer stands still."""
        return bool(self) and at - self._since < PATIENCE

    async def advance(self, world: World) -> Onward:
        """Go one step on. Raises what the store raises; then it has not."""
        if self._unseen:
            async with world.make_target() as target:
                fits = await self._look_ahead(world, target)
            return Onward.AHEAD if fits else Onward.TOGETHER
        if self._line:
            self.some, self._line = frozenset(self._line[:FEW]), self._line[FEW:]
            return Onward.ROUND
        others = self._all - self._leaving
        self.disperse()
        marked = await world.store.look(lambda tx: tx.marks.all())
        return Onward.OVER if others.isdisjoint(marked) else Onward.OPEN

    async def _look_ahead(self, world: World, target: Target) -> bool:
        """Foresee a few more, and at the last ones judge all: False if the guard would hold something."""
        some = self._unseen[:FEW]
        self._take(await world.store.do(lambda tx: _foresee(tx, world, target, some)))
        if len(self._unseen) > FEW:
            self._unseen = self._unseen[FEW:]
            return True
        fits = await world.store.look(lambda tx: self._judge(tx, world))
        self._line = self._in_order()
        self._unseen = []
        self._forget()
        return fits

    def _take(self, found: Computed) -> None:
        changes: Sequence[Change] = found.plan.changes
        if self._held_ready:
            changes = [one for one in changes if one.subject != HOLDING_UNIT]
        self._held_ready = self._held_ready or any(one.subject == HOLDING_UNIT for one in changes)
        self._foreseen.add(changes)
        self._units.update(found.plan.units)

    def _judge(self, tx: Transaction, world: World) -> bool:
        """Tell whether the guard would let all of it through, by itself.

        First by numbers, which needs no change to be looked at; then those whom units lose, who are few where the numbers fit.
        """
        limits, changes = world.guard.limits, self._foreseen
        plan = Plan(
            fingerprint="", changes=changes, population=population_for(tx, world, changes), units=dict(self._units)
        )
        recent = recent_to(tx, world, changes)
        if judge(plan, replace(limits, per_unit_percent=None), recent=recent).holds:
            return False
        taken = tuple(changes[place] for place, one in enumerate(changes.filed) if _FROM_A_UNIT & {*one.effects})
        return not taken or not judge(replace(plan, changes=taken), limits, recent=recent).holds

    def _in_order(self) -> list[SubjectId]:
        """Return leavers first, then all in the order of the plan, then those of whom nothing differs."""
        self._foreseen.sort()
        order = sorted(self._foreseen.filed, key=lambda one: one.lane is not Lane.LEAVER)
        self._leaving.update(one.subject for one in order if one.lane is Lane.LEAVER)
        line = dict.fromkeys(one.subject for one in order if one.subject in self._all)
        return [*line, *sorted(self._all - line.keys())]


def _foresee(tx: Transaction, world: World, target: Target, some: Sequence[SubjectId]) -> Computed:
    running = tx.queue.running_subjects()
    return planned(
        tx,
        world,
        target,
        frozenset(some) - running,
        complete=True,
        unmanaged=0,
        busy=running,
        every_aside=False,
    )


__all__ = ["FEW", "Crowd", "Onward"]
