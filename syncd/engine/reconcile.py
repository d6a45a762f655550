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
from typing import Final

import structlog

from syncd.core.errors import NeedsHuman, Problem, TryAgain
from syncd.core.model import Aside, Kind, Link, Observed, Plan, RunId, SourceName, SubjectId, TargetId
from syncd.core.plan import Terms, diff
from syncd.core.policy import Judgement, judge
from syncd.core.ports import Target
from syncd.engine import marking
from syncd.engine.joining import join
from syncd.engine.observe import View, view
from syncd.engine.part import gather
from syncd.engine.sight import Sight, allocator, counted, linked, look
from syncd.engine.stage import Asked, SourceRead, read_source
from syncd.engine.survey import survey
from syncd.engine.tree import Standing, Unique, Wishes, set_aside, stand, wish
from syncd.engine.world import World
from syncd.store import Transaction

log = structlog.get_logger(__name__)

PLANNED_BY: Final = "reconcile.config"
"""Where it is kept by which configuration everybody was looked at last."""
UNMANAGED: Final = "reconcile.unmanaged"
_UNIT: Final = re.compile(r"\bunit:\w+")
_DEEPEST: Final = 100
Progress = Callable[[str, int, int | None], None]
"""Told (stage, done, of how many or None) as work goes on."""


def silent(stage: str, done: int, total: int | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """The plan for a part of the world, and what it was made from."""

    standing: Standing
    sight: Sight
    unique: Unique
    wishes: Wishes
    plan: Plan


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
    waiting: Mapping[SubjectId, Link] = field(default_factory=dict)
    """The links of those who leave."""
    reviews: Mapping[SubjectId, datetime] = field(default_factory=dict)
    """When whose time comes, of those who are in agreement until then."""


async def reconcile(
    world: World,
    target: Target,
    run_id: RunId,
    *,
    fresh: bool = False,
    asked: Asked | None = None,
    progress: Progress = silent,
) -> Reconciliation:
    """Compute the plan and judge it. `fresh` observes the target again; `asked` says how much of the sources is read."""
    asked = asked or Asked()
    reads, failed = await read_sources(world, run_id, asked, progress)
    progress("observe", 0, None)
    seen = await view(world, target, fresh=fresh)
    progress("plan", 0, None)
    ambiguous = await world.store.do(lambda tx: join(tx, world))
    everybody = asked.again or await world.store.look(lambda tx: _everybody(tx, world))
    chosen = await world.store.look(lambda tx: marked(tx, world))
    reviews: Mapping[SubjectId, datetime] = {}
    if everybody:
        surveyed = await survey(world, target, lambda done, total: progress("plan", done, total))
        chosen, reviews = chosen | surveyed.differing, surveyed.reviews

    def compute(tx: Transaction) -> tuple[Computed, Judgement]:
        found = planned(tx, world, target, chosen, complete=seen.complete, ambiguous=ambiguous)
        now = world.now()
        released = lambda effect, sum_: tx.holds.matching(effect, sum_, now=now) is not None  # noqa: E731
        judgement = judge(found.plan, world.guard.limits, released=released, accepted=tx.queue.waiting)
        objects = list(found.sight.objects.values())
        return found, _with_names(judgement, found.sight.links, objects) if judgement.holds else judgement

    found, judgement = await world.store.do(compute)
    log.info(
        "plan.made",
        changes=len(found.plan.changes),
        held=sum(len(hold.changes) for hold in judgement.holds),
        aside=len(found.plan.aside),
        looked_at="everybody" if everybody else len(chosen),
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
        looked_at=frozenset(chosen),
        everybody=everybody,
        waiting={one: found.sight.links[one] for one in found.wishes.leaving if one in found.sight.links},
        reviews={one: at for one, at in reviews.items() if one not in chosen},
    )


def _everybody(tx: Transaction, world: World) -> bool:
    """Tell whether it is not enough to look at those who are marked."""
    return tx.meta.get(marking.WHOLE) is not None or tx.meta.get(PLANNED_BY) != world.config_digest.hex()


def marked(tx: Transaction, world: World) -> set[SubjectId]:
    """Return who is marked, whose time has come, and whose change is parked: what was in its way may be gone."""
    return {*tx.marks.all(), *tx.reviews.due(world.now()), *tx.queue.parked_subjects()}


def planned(
    tx: Transaction,
    world: World,
    target: Target,
    chosen: Collection[SubjectId],
    *,
    complete: bool,
    ambiguous: Sequence[Aside] = (),
) -> Computed:
    """Return the plan for these subjects, from the stored records and the last look at the target."""
    part = gather(tx, world, chosen)
    standing = stand(world, part)
    sight = linked(tx, world, part)
    unique = allocator(tx, world, sight.links)
    wishes = wish(standing, world, sight.links, normalise=target.normalise, hidden=target.hidden, unique=unique)
    look(tx, world, target, part=part, wishes=wishes, sight=sight)
    plan = diff(
        wishes.desired.values(),
        sight.objects.values(),
        sight.links,
        leaving=wishes.leaving,
        terms=terms(world, target, standing, complete=complete),
        aside=(*set_aside(tx, world), *ambiguous, *wishes.asides),
        warnings=wishes.warnings,
    )
    population, units = counted(tx, world, plan, sight.links)
    unmanaged = tx.observed.unmanaged(world.target_name) if plan.changes or wishes.desired else 0
    whole = replace(plan, population=population, units=units, unmanaged=unmanaged, warned=plan.warned | wishes.warned)
    return Computed(standing=standing, sight=sight, unique=unique, wishes=wishes, plan=whole)


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
    world: World, run_id: RunId, asked: Asked, progress: Progress = silent
) -> tuple[tuple[SourceRead, ...], dict[SourceName, Problem]]:
    """Read every source, one after the other; one that fails does not keep the others from being read."""
    reads: list[SourceRead] = []
    failed: dict[SourceName, Problem] = {}
    for place, (name, seat) in enumerate(world.seats.items()):
        progress("read", place, len(world.seats))
        try:
            reads.append(await read_source(world, seat, run_id, asked))
        except (TryAgain, NeedsHuman) as error:
            failed[name] = error.problem
            log.warning("source.failed", source=name, code=error.problem.code)
    progress("read", len(world.seats), len(world.seats))
    return tuple(reads), failed


def terms(world: World, target: Target, standing: Standing, *, complete: bool) -> Terms:
    """Return the terms of the plan that the configuration, the target and the tree set."""
    return Terms(
        fields=target.fields,
        root=target.root,
        now=world.now(),
        adopt=world.outbound.adopt,
        hold_leavers=world.leavers.hold,
        grace=world.leavers.grace,
        complete=complete,
        protected=world.guard.protected,
        mark=target.mark,
        depth=standing.tree.depth,
        order=_steps(standing),
    )


def _steps(standing: Standing) -> dict[SubjectId, int]:
    """Return how many managers everybody has above; a circle is cut where it is entered."""
    steps: dict[SubjectId, int] = {}
    entities = standing.tree.entities
    for start, entity in sorted(entities.items()):
        if entity.kind is not Kind.PERSON:
            continue
        trail: dict[SubjectId, None] = {}
        at: SubjectId | None = start
        while at is not None and at in entities and at not in steps and at not in trail:
            trail[at] = None
            above = entities[at].facts.get("manager")
            at = SubjectId(str(above)) if above else None
        base = steps.get(at, -1) if at is not None else -1
        for step, one in enumerate(reversed(trail), 1):
            steps[one] = base + step
    return steps
