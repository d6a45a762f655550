"""Very many who are marked at once: judged together before the first of them is written for, then planned for a few at a time,
leavers first, while the writer goes on and has enough to do.

Who came last is foreseen first. What is foreseen here is never accepted. It tells whether the guard would hold anything of the
whole, and who comes first; each round then plans anew, so that nothing that is settled meanwhile makes a plan stale. Where the
guard would hold something, all are left to a whole cycle, which shows the set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from syncd.core.model import HOLDING_UNITS, Change, Effect, Lane, Plan, SubjectId
from syncd.core.policy import judge
from syncd.core.ports import Target
from syncd.engine.planning import Computed, planned, population_for
from syncd.engine.rounds import Marks
from syncd.engine.window import recent_to
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.store.packed import Packed

FEW: Final = 50
"""Who is planned for in one transaction: the writer waits for it to settle, and so does whoever comes meanwhile. Some 50 ms."""
FAR: Final = 200
"""Who is foreseen in one transaction: a fifth of a second, while the calls under way keep the target busy for one at least."""
AHEAD: Final = 1_000
"""When so many changes could be claimed, no more are planned for: the writer has enough for a quarter of a minute at 60 calls a
second, also while a read is half stored and nothing is planned, and the processor is left to it."""
LULL: Final = 5.0
"""Seconds after which some are planned for all the same: what could be claimed may be of one interface that rests."""
PATIENCE: Final = 600.0
"""For so many seconds the schedule waits for a crowd."""
_FROM_A_UNIT: Final = frozenset({Effect.LEAVE, Effect.MOVE})


class Onward(StrEnum):
    """What is next for a crowd."""

    AHEAD = "ahead"
    """More of it has to be foreseen."""
    ROUND = "round"
    """Some of it come to their round: `Crowd.some`."""
    LATER = "later"
    """The writer has enough to do."""
    TOGETHER = "together"
    """The guard would hold something: all who are marked have to be seen together."""
    OPEN = "open"
    """All had their round, and some are not done with: they are seen together soon."""
    OVER = "over"


@dataclass(slots=True)
class _Batch:
    """Those who were found at once to be too many."""

    told: set[SubjectId]
    unseen: list[SubjectId]


class Crowd:
    """Those who were found to be too many for a round, until the last of them had one; mostly nobody."""

    def __init__(self) -> None:
        self.some: frozenset[SubjectId] = frozenset()
        self._since = float("-inf")
        self._round_at = float("-inf")
        self.disperse()

    def __bool__(self) -> bool:
        """Tell whether there is one."""
        return bool(self._all)

    def disperse(self) -> None:
        """Leave all who still wait to a whole cycle: they are marked."""
        self._all: set[SubjectId] = set()
        self._waiting: set[SubjectId] = set()
        """Those who had no round yet."""
        self._batches: list[_Batch] = []
        """Those who have to be foreseen yet; the last who came come first."""
        self._line: list[SubjectId] = []
        """Those who may have their round, in that order."""
        self._leaving: set[SubjectId] = set()
        """Leavers, who stay marked anyway."""
        self._foreseen = Packed()
        self._units: dict[SubjectId, int] = {}
        self._ours: set[SubjectId] = set()
        """Which of our own departments are among what is foreseen: each portion would make them."""

    def gather(self, subjects: frozenset[SubjectId], *, leaving: frozenset[SubjectId], at: float) -> None:
        """Let very many be judged together, with those who came before and still wait. `at` is the time of the loop.

        They are foreseen first, because somebody of them may leave; of those who came before, what was foreseen stands. Whoever
        plainly is `leaving` waits for none of the others: they are judged as those are who come a moment before them.
        """
        self._since = self._since if self else at
        self._foreseen.keep_only({*HOLDING_UNITS, *self._waiting - subjects})
        self._all |= subjects
        self._waiting |= subjects
        for batch in self._batches:
            batch.told -= subjects
            batch.unseen = [one for one in batch.unseen if one not in subjects]
        new = [_Batch(set(some), sorted(some)) for some in (subjects - leaving, leaving) if some]
        self._batches = [*(one for one in self._batches if one.unseen), *new]
        self._line = [one for one in self._line if one in self._leaving and one not in subjects]

    def holds_up(self, at: float) -> bool:
        """Tell whether the schedule waits: a whole cycle would plan for all of them while the writer stands still."""
        return bool(self) and at - self._since < PATIENCE

    async def advance(self, world: World, marks: Marks, *, at: float) -> Onward:
        """Go one step on. Raises what the store raises; then it has not."""
        if self._line:
            leaves = self._line[0] in self._leaving
            if not leaves and at - self._round_at < LULL and await world.store.look(lambda tx: _is_enough(tx, world)):
                return Onward.LATER
            self._round_at = at
            self.some, self._line = frozenset(self._line[:FEW]), self._line[FEW:]
            self._waiting -= self.some
            return Onward.ROUND
        if self._batches:
            async with world.make_target() as target:
                fits = await self._look_ahead(world, target)
            return Onward.AHEAD if fits else Onward.TOGETHER
        others = self._all - self._leaving - marks.busy - marks.besides
        self.disperse()
        left = await world.store.look(lambda tx: tx.marks.all().keys() - tx.marks.after(marks.after))
        return Onward.OVER if others.isdisjoint(left) else Onward.OPEN

    async def _look_ahead(self, world: World, target: Target) -> bool:
        """Foresee a few more, and with the last of a batch judge all so far: False if the guard would hold something."""
        batch = self._batches[-1]
        some = batch.unseen[:FAR]
        self._take(await world.store.do(lambda tx: _foresee(tx, world, target, some)))
        batch.unseen = batch.unseen[FAR:]
        if batch.unseen:
            return True
        self._batches.pop()
        fits = await world.store.look(lambda tx: self._judge(tx, world))
        self._line = self._in_order()
        return fits

    def _take(self, found: Computed) -> None:
        changes: Sequence[Change] = found.plan.changes
        if self._ours:
            changes = [one for one in changes if one.subject not in self._ours]
        self._ours |= {one.subject for one in changes if one.subject in HOLDING_UNITS}
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
        """Return leavers first, then all in the order of the plan, then those of whom nothing differs.

        While some have to be foreseen yet, only leavers: those who were found with others, and judged with all of them.
        """
        self._foreseen.sort()
        yet = {one for batch in self._batches for one in batch.told}
        order = [one for one in self._foreseen.filed if one.subject in self._waiting and one.subject not in yet]
        leavers = dict.fromkeys(one.subject for one in order if one.lane is Lane.LEAVER)
        self._leaving.update(leavers)
        if self._batches:
            return list(leavers)
        line = leavers | dict.fromkeys(one.subject for one in order)
        return [*line, *sorted(self._waiting - line.keys())]


def _is_enough(tx: Transaction, world: World) -> bool:
    return tx.queue.due(world.now(), most=AHEAD) >= AHEAD


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


__all__ = ["AHEAD", "FAR", "FEW", "Crowd", "Onward"]
