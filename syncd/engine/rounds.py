"""A round: those who were marked since the last one are planned for, judged and accepted, in one transaction.

It is for a few, while the writer works beside it. One transaction, because then nothing can be settled between what the plan was
made from and what is accepted; and whose change is in the writer's hands is left for when that is settled. What wants more than
that (everybody, very many, a limit of the guard) is said, and left to others. Never reads a source, never asks the target.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, TypeVar

from syncd import tracing
from syncd.core.model import Aside, Kind, RunId, SubjectId
from syncd.core.ports import Target
from syncd.engine import marking, trust
from syncd.engine.claiming import Taken
from syncd.engine.cycle import ACCEPTED_CONFIG, accept
from syncd.engine.joining import join
from syncd.engine.observe import View
from syncd.engine.planning import Computed, planned
from syncd.engine.reconcile import UNMANAGED, Reconciliation, everybody_due, judged
from syncd.engine.rivals import rivals
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.structured import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")

MOST: Final = 500
"""For so many a round is made; more are a crowd. It takes up to a tenth of a second for each hundred."""
STEPS: Final = 12
"""So often a round is widened by who is in each other's way, by the next of a chain each time; then everybody is looked at."""


class Verdict(StrEnum):
    """What a round came to."""

    IDLE = "idle"
    """Nobody was to be looked at."""
    AGREED = "agreed"
    """Nothing differs, or nothing that is not on its way."""
    ACCEPTED = "accepted"
    WHOLE = "whole"
    """Everybody has to be looked at."""
    MANY = "many"
    """More are marked than a round is for, and are not looked at: see `syncd.engine.crowd`."""
    HELD = "held"
    """The guard would hold something: all who are marked have to be seen together. Nothing was accepted."""
    BARRED = "barred"
    """Nothing may be written: nobody has accepted this configuration yet, or what is remembered cannot be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """For whom a round is made."""

    after: int
    """Everybody who was marked after this mark."""
    besides: frozenset[SubjectId] = frozenset()
    """Those whom an earlier round had to leave."""
    reviewed: frozenset[SubjectId] = frozenset()
    """Those whose time has come, and who have been looked at since."""
    shown: str = ""
    """By what everybody was planned for last: until somebody accepts it, planning for everybody anew shows nothing new."""


@dataclass(slots=True)
class Marks:
    """Which marks have been looked at, as far as a service knows: the store knows which are open."""

    after: int = 0
    besides: set[SubjectId] = field(default_factory=set)
    """Who has to be looked at besides, because what was in the way is over."""
    busy: set[SubjectId] = field(default_factory=set)
    """Who has to wait for a change that is in the writer's hands."""
    reviewed: set[SubjectId] = field(default_factory=set)
    shown: str = ""

    def asking(self) -> Asking:
        """Return for whom a round is to be made."""
        besides, reviewed = frozenset(self.besides), frozenset(self.reviewed)
        return Asking(after=self.after, besides=besides, reviewed=reviewed, shown=self.shown)

    def learn(self, done: Round) -> None:
        """Take note of who was looked at, and who has to wait."""
        self.after = done.upto
        self.besides -= done.looked_at | done.busy
        self.reviewed |= done.due
        self.busy |= done.busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round came to, and for whom."""

    verdict: Verdict
    upto: int
    """The last mark that it knows of."""
    looked_at: frozenset[SubjectId] = frozenset()
    busy: frozenset[SubjectId] = frozenset()
    """Those who were left, because a change of theirs is in the writer's hands."""
    due: frozenset[SubjectId] = frozenset()
    """Those of them whose time had come."""
    leaving: frozenset[SubjectId] = frozenset()
    """Of very many, those who plainly leave, or whose time has come."""
    changes: int = 0
    taken: bool = False
    """Whether the writer has been given what is to be done, so that nobody needs to tell it."""


def is_due(tx: Transaction, world: World, asking: Asking) -> bool:
    """Tell whether a round would find anybody, apart from records that were only just read; a matter of a few quick questions."""
    return (
        bool(asking.besides)
        or tx.marks.last() > asking.after
        or (everybody_due(tx, world) and not _is_shown(tx, world, asking))
        or not asking.reviewed.issuperset(tx.reviews.due(world.now()))
    )


def _is_shown(tx: Transaction, world: World, asking: Asking) -> bool:
    """Tell whether everybody was planned for, and somebody has to accept that first."""
    return asking.shown == world.computed_by and _waits(tx, world)


def _waits(tx: Transaction, world: World) -> bool:
    """Tell whether nobody has accepted this configuration yet."""
    return world.guard.plan_only_first and tx.meta.get(ACCEPTED_CONFIG) != world.config_digest.hex()


async def make_round(world: World, target: Target, run_id: RunId, asking: Asking) -> Round:
    """Make one round. Raises what the store raises; then nothing has happened."""
    with tracing.planning("syncd.round", run_id) as doing:
        done = await world.store.do(lambda tx: _round(tx, world, target, run_id, asking))
        _say(done, doing)
    note(done, run_id)
    return done


def note(done: Round, run_id: RunId) -> None:
    """Write a line into the log of the process, unless nobody was to be looked at."""
    if done.verdict is not Verdict.IDLE:
        verdict, looked_at = str(done.verdict), len(done.looked_at)
        log.info("round.done", run=run_id, verdict=verdict, looked_at=looked_at, changes=done.changes)


def _say(done: Round, doing: tracing.Doing) -> None:
    if done.verdict is not Verdict.IDLE:
        doing.say(verdict=str(done.verdict), looked_at=len(done.looked_at), changes=done.changes)


async def end_with_round(
    world: World,
    target: Target,
    run_id: RunId,
    asking: Asking,
    *,
    end: Callable[[Transaction], T],
    take: Callable[[Transaction], Taken] | None = None,
) -> tuple[tuple[T, Round], Taken | None]:
    """End a read, make a round for those whom it has marked, and `take` what was accepted, in one transaction. Raises what any of
    them raises; then none has happened. The line in the log (`note`) is the caller's, when the writer has begun: it takes as
    long as a dozen statements."""

    def both(tx: Transaction) -> tuple[T, Round, Taken | None]:
        ended, done = end(tx), _round(tx, world, target, run_id, asking)
        taken = take(tx) if take is not None and done.verdict is Verdict.ACCEPTED else None
        return ended, done, taken if taken and taken.changes else None

    with tracing.planning("syncd.round", run_id) as doing:
        ended, done, taken = await world.store.do(both)
        _say(done, doing)
    return (ended, replace(done, taken=taken is not None)), taken


def _round(tx: Transaction, world: World, target: Target, run_id: RunId, asking: Asking) -> Round:
    if trust.doubt(tx, world) is not None:
        return Round(verdict=Verdict.BARRED, upto=asking.after)
    if everybody_due(tx, world):
        shown = _is_shown(tx, world, asking)
        return Round(verdict=Verdict.BARRED if shown else Verdict.WHOLE, upto=asking.after)
    ambiguous = join(tx, world)
    upto = tx.marks.last()
    due = frozenset(tx.reviews.due(world.now())) - asking.reviewed
    wanted = {*asking.besides, *due, *(tx.marks.after(asking.after) if upto > asking.after else ())}
    wanted |= marking.reports(tx, world, due)
    if not wanted:
        return Round(verdict=Verdict.IDLE, upto=upto)
    if _waits(tx, world):
        return Round(verdict=Verdict.BARRED, upto=asking.after)
    if len(wanted) > MOST:
        leaving = _leaving(tx, world, wanted, due)
        return Round(verdict=Verdict.MANY, upto=upto, looked_at=frozenset(wanted), due=due, leaving=leaving)
    running = tx.queue.running_subjects()
    free, busy = frozenset(wanted - running), frozenset(wanted & running)
    if not free:
        return Round(verdict=Verdict.AGREED, upto=upto, busy=busy, due=due)
    settled = asking.besides & free
    who = _Who(free=free, settled=settled, running=running, ambiguous=ambiguous, upto=upto)
    done = _plan(tx, world, target, run_id, who)
    return replace(done, busy=busy | done.busy, due=due)


def _leaving(
    tx: Transaction, world: World, wanted: Collection[SubjectId], due: Collection[SubjectId]
) -> frozenset[SubjectId]:
    """Return whose records say without a plan that they leave. Whoever leaves besides, because rules say so, is found by one.

    Nobody where the guard forgets at once what it let through: then those found later would be counted without these.
    """
    if not world.guard.window:
        return frozenset()
    people = {one for one in wanted if one.startswith(f"{Kind.PERSON}:")}
    return frozenset((people - tx.records.living(people)) | (people & {*due, *tx.offboardings.all()}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Who:
    free: frozenset[SubjectId]
    settled: frozenset[SubjectId]
    """Those of them whose change was in the writer's hands until now."""
    running: Collection[SubjectId]
    ambiguous: Sequence[Aside]
    upto: int


def _plan(tx: Transaction, world: World, target: Target, run_id: RunId, who: _Who) -> Round:
    """Plan, judge and accept, for these and for whoever is in their way."""
    made, free, busy = _together(tx, world, target, who)
    held = Round(verdict=Verdict.HELD, upto=who.upto, looked_at=free, busy=busy)
    if made is None:
        marking.whole(tx, "very many are in each other's way")
        return replace(held, verdict=Verdict.WHOLE)
    judgement = judged(tx, world, made)
    if judgement.holds:
        return held
    now = world.now()
    found = Reconciliation(
        run_id=run_id,
        reads=(),
        failed={},
        plan=made.plan,
        judgement=judgement,
        view=View(complete=True, certificate=None, taken_at=now),
        standing=made.standing,
        wishes=made.wishes,
        looked_at=free,
        everybody=False,
        upto=who.upto,
        reviews=made.reviews,
    )
    accept(tx, world, found, writing=True, seen=False, some=True)
    verdict = Verdict.ACCEPTED if made.plan.changes else Verdict.AGREED
    return replace(held, verdict=verdict, changes=len(made.plan.changes))


def _together(
    tx: Transaction, world: World, target: Target, who: _Who
) -> tuple[Computed | None, frozenset[SubjectId], frozenset[SubjectId]]:
    """Return the plan, for whom it is, and who is in their way and in the writer's hands: they are looked at after that.

    Without a plan where a round is not enough, because very many are in each other's way.
    """
    known = tx.meta.get(UNMANAGED)
    free, busy = who.free, frozenset[SubjectId]()
    for _ in range(STEPS):
        made = planned(
            tx,
            world,
            target,
            free,
            complete=True,
            ambiguous=who.ambiguous,
            unmanaged=int(known) if known is not None else None,
            busy=who.running,
            every_aside=False,
        )
        beside = rivals(tx, target, made, free, settled=who.settled)
        busy |= beside.intersection(who.running)
        more = beside.difference(who.running)
        if not more:
            return made, free, busy
        if len(free) + len(more) > MOST:
            break
        free |= more
    return None, free, busy


__all__ = ["MOST", "Asking", "Marks", "Round", "Verdict", "end_with_round", "is_due", "make_round", "note"]
