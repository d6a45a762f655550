"""One reconciliation: read the sources, find out who is not in agreement, plan for them, judge. Writes nothing to the target.

Level-triggered: whatever woke it, whoever may differ is computed again from what is stored, so lost, repeated and re-ordered
wake-ups are harmless. Looked at are those who are marked, and those whose time has come; everybody where the rules, the target or
much of a source changed. A source that fails keeps its last facts and never erases anybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from syncd.core.errors import NeedsHuman, Problem, TryAgain
from syncd.core.model import Aside, Kind, Link, Observed, Plan, RunId, SourceName, SubjectId, TargetId
from syncd.core.policy import Judgement, judge
from syncd.core.ports import Target
from syncd.engine import believing, marking
from syncd.engine.joining import join
from syncd.engine.observe import View, view
from syncd.engine.planning import Computed, planned
from syncd.engine.portions import planned_in_portions
from syncd.engine.rivals import rivals
from syncd.engine.stage import Asked, SourceRead, read_source
from syncd.engine.survey import survey
from syncd.engine.tree import Standing, Wishes
from syncd.engine.window import recent_to
from syncd.engine.world import World
from syncd.store import Transaction
from syncd.structured import structlog

log = structlog.get_logger(__name__)

PLANNED_BY: Final = "reconcile.config"
"""Where it is kept by which configuration and program everybody was looked at last."""
UNMANAGED: Final = "reconcile.unmanaged"
"""Where it is kept how many objects of the target belonged to nobody when everybody was looked at last."""
_UNIT: Final = re.compile(r"\bunit:\w+")
_DEEPEST: Final = 100
STEPS: Final = 12
"""So often a plan is widened by who is in each other's way, by the next of a chain each time."""
MANY: Final = 5_000
"""From so many on a plan is made in portions."""
Progress = Callable[[str, int, int | None], None]
"""Told (stage, done, of how many or None) as work goes on."""


def silent(stage: str, done: int, total: int | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reconciliation:
    """What is, what shall be, what differs, and what the guard says of it."""

    run_id: RunId
    reads: tuple[SourceRead, ...]
    failed: Mapping[SourceName, Problem]
    """Sources that could not be read: their last facts stand."""
    plan: Plan
    judgement: Judgement
    view: View
    standing: Standing
    wishes: Wishes
    looked_at: frozenset[SubjectId]
    """For whom the plan was made."""
    everybody: bool
    """Whether all were looked at, and not only those who were marked."""
    upto: int
    """The last mark that was set when it was chosen who is planned for."""
    reviews: Mapping[SubjectId, datetime | None] = field(default_factory=dict)
    """When whose time comes."""


Readings = tuple[tuple[SourceRead, ...], Mapping[SourceName, Problem]]
"""What came of reading, and which sources could not be read."""


async def reconcile(
    world: World,
    target: Target,
    run_id: RunId,
    *,
    fresh: bool = False,
    asked: Asked | None = None,
    read: Readings | None = None,
    progress: Progress = silent,
) -> Reconciliation:
    """Compute the plan and judge it. `fresh` observes the target again; `asked` says how much of the sources is read; nothing is
    where `read` says what was."""
    asked = asked or Asked()
    reads, failed = read or await read_sources(world, run_id, asked, progress)
    progress("observe", 0, None)
    seen = await view(world, target, fresh=fresh)
    progress("plan", 0, None)
    ambiguous = await world.store.do(lambda tx: join(tx, world))
    chosen = await _choose(world, target, again=asked.again, progress=progress)
    chosen, found = await _together(
        world, target, chosen, complete=seen.complete, ambiguous=ambiguous, progress=progress
    )
    judgement = await world.store.look(lambda tx: judged(tx, world, found))
    log.info(
        "plan.made",
        changes=len(found.plan.changes),
        held=sum(len(hold.changes) for hold in judgement.holds),
        aside=len(found.plan.aside),
        looked_at="everybody" if chosen.everybody else len(chosen.subjects),
    )
    return Reconciliation(
        run_id=run_id,
        reads=reads,
        failed=failed,
        plan=found.plan,
        judgement=judgement,
        view=seen,
        standing=found.standing,
        wishes=found.wishes,
        looked_at=chosen.subjects,
        everybody=chosen.everybody,
        upto=chosen.upto,
        reviews={**chosen.reviews, **found.reviews},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Who is planned for."""

    subjects: frozenset[SubjectId]
    everybody: bool
    """Whether all were looked at to find them."""
    upto: int
    """The last mark that had been set by then."""
    reviews: Mapping[SubjectId, datetime | None] = field(default_factory=dict)
    """When whose time comes, of those who are in agreement until then."""
    leaving: frozenset[SubjectId] = frozenset()
    takers: Mapping[SubjectId, Mapping[str, str]] = field(default_factory=dict)


async def _choose(world: World, target: Target, *, again: bool, progress: Progress) -> Chosen:
    """Find out who may differ."""
    store = world.store
    if world.join.terms:
        await store.do(lambda tx: believing.note(tx, world))
    everybody = again or await store.look(lambda tx: everybody_due(tx, world))
    subjects, upto = await store.look(lambda tx: (marked(tx, world), tx.marks.last()))
    if not everybody:
        return Chosen(subjects=frozenset(subjects), everybody=False, upto=upto)
    if not await store.look(lambda tx: tx.links.population(world.target_name)):
        # Nobody is in the target yet: everybody differs.
        every = await store.look(lambda tx: tx.records.subjects())
        return Chosen(subjects=frozenset({*subjects, *every, *world.outbound.roles}), everybody=True, upto=upto)
    found = await survey(world, target, lambda done, total: progress("plan", done, total))
    return Chosen(
        subjects=frozenset(subjects | found.differing),
        everybody=True,
        upto=upto,
        reviews=found.reviews,
        leaving=frozenset(found.leaving),
        takers=found.takers,
    )


async def _together(
    world: World, target: Target, chosen: Chosen, *, complete: bool, ambiguous: Sequence[Aside], progress: Progress
) -> tuple[Chosen, Computed]:
    """Return the plan, and for whom it is: also for those whose change is open already and in the way, or who wait for somebody.

    Where everybody is looked at, those are among who differs. Of a chain that goes on, everybody is looked at the next time.
    """
    for _ in range(STEPS):
        found = await _planned(world, target, chosen, complete=complete, ambiguous=ambiguous, progress=progress)
        if chosen.everybody:
            return chosen, found
        more = await world.store.look(partial(rivals, target=target, made=found, chosen=chosen.subjects, settled=()))
        if not more:
            return chosen, found
        chosen = replace(chosen, subjects=chosen.subjects | more)
    await world.store.do(lambda tx: marking.whole(tx, "very many are in each other's way"))
    return chosen, await _planned(world, target, chosen, complete=complete, ambiguous=ambiguous, progress=progress)


async def _planned(
    world: World, target: Target, chosen: Chosen, *, complete: bool, ambiguous: Sequence[Aside], progress: Progress
) -> Computed:
    """Return the plan: for all at once where they are few, or where each could be an account that nobody is linked to."""
    name = world.target_name
    kinds = [kind for kind in (Kind.PERSON, Kind.CONTACT) if world.outbound.fills(kind)]
    strangers = lambda tx: any(tx.observed.unlinked(name, kind) for kind in kinds)  # noqa: E731
    if len(chosen.subjects) <= MANY or await world.store.look(strangers):
        return await world.store.do(
            lambda tx: planned(
                tx,
                world,
                target,
                chosen.subjects,
                complete=complete,
                ambiguous=ambiguous,
                unmanaged=_unmanaged(tx, world, anew=chosen.everybody),
            )
        )
    found = await planned_in_portions(
        world,
        target,
        chosen.subjects,
        complete=complete,
        leaving=chosen.leaving,
        takers=chosen.takers,
        told=lambda done, total: progress("plan", done, total),
    )
    await world.store.do(lambda tx: tx.meta.set(UNMANAGED, str(found.plan.unmanaged)))
    return replace(found, plan=replace(found.plan, aside=(*found.plan.aside, *ambiguous)))


def _unmanaged(tx: Transaction, world: World, *, anew: bool) -> int:
    """Return how many objects belong to nobody, as of the last look at everybody."""
    known = None if anew else tx.meta.get(UNMANAGED)
    if known is None:
        known = str(tx.observed.unmanaged(world.target_name))
        tx.meta.set(UNMANAGED, known)
    return int(known)


def judged(tx: Transaction, world: World, found: Computed) -> Judgement:
    now = world.now()
    released = lambda effect, sum_: tx.holds.matching(effect, sum_, now=now) is not None  # noqa: E731
    recent = recent_to(tx, world, found.plan.changes)
    judgement = judge(found.plan, world.guard.limits, released=released, accepted=tx.queue.waiting, recent=recent)
    objects = list(found.sight.objects.values())
    return _with_names(judgement, found.sight.links, objects) if judgement.holds else judgement


def everybody_due(tx: Transaction, world: World) -> bool:
    """Tell whether it is not enough to look at those who are marked."""
    return (
        tx.meta.get(marking.WHOLE) is not None
        or tx.meta.get(PLANNED_BY) != world.computed_by
        or believing.turned(tx, world)
    )


def marked(tx: Transaction, world: World) -> set[SubjectId]:
    """Return who is marked, whose time has come, who reports to those, and whose change is parked: what was in its way may be
    gone."""
    due = tx.reviews.due(world.now())
    return {*tx.marks.all(), *due, *marking.reports(tx, world, due), *tx.queue.parked_subjects()}


def _with_names(judgement: Judgement, links: Mapping[SubjectId, Link], objects: Sequence[Observed]) -> Judgement:
    """Call the departments in the reasons of holds by their paths in the target: there may be a “Sales” in each branch."""
    units = {item.target_id: item for item in objects if item.kind is Kind.UNIT}

    def path(subject: re.Match[str]) -> str:
        link = links.get(SubjectId(subject[0]))
        item = units.get(link.target_id) if link is not None else None
        names: list[str] = []
        while item is not None and len(names) < _DEEPEST:
            names.insert(0, item.label)
            item = units.get(TargetId(str(item.fields.get("parent"))))
        return "/".join(names) or subject[0]

    holds = (replace(hold, reasons=tuple(_UNIT.sub(path, why) for why in hold.reasons)) for hold in judgement.holds)
    return replace(judgement, holds=tuple(holds))


async def read_sources(
    world: World,
    run_id: RunId,
    asked: Asked,
    progress: Progress = silent,
    *,
    only: Collection[SourceName] | None = None,
) -> tuple[tuple[SourceRead, ...], dict[SourceName, Problem]]:
    """Read every source, or `only` some, one after the other; one that fails does not keep the others from being read. Those that
    are not read keep what they have."""
    seats = {name: seat for name, seat in world.seats.items() if only is None or name in only}
    reads: list[SourceRead] = []
    failed: dict[SourceName, Problem] = {}
    for place, (name, seat) in enumerate(seats.items()):
        progress("read", place, len(seats))
        try:
            reads.append(await read_source(world, seat, run_id, asked))
        except (TryAgain, NeedsHuman) as error:
            failed[name] = error.problem
            log.warning("source.failed", source=name, code=error.problem.code)
    progress("read", len(seats), len(seats))
    return tuple(reads), failed
