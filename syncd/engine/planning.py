"""The plan for a part of the world, from the stored records and the last look at the target. Writes only unique values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from syncd.core.ahead import moments
from syncd.core.calendar import leaves_at
from syncd.core.model import HOLDING_UNITS, Aside, Change, Kind, Link, LinkState, Plan, SubjectId
from syncd.core.plan import Terms, diff
from syncd.core.policy import asks_population
from syncd.core.ports import Target
from syncd.engine import heads, write_back
from syncd.engine.clashes import clashes
from syncd.engine.part import Part, gather
from syncd.engine.roles import silent
from syncd.engine.sight import Sight, allocator, counted_units, linked, look
from syncd.engine.tree import Standing, Unique, Wishes, set_aside, stand, wish
from syncd.engine.window import recent_to
from syncd.engine.world import World
from syncd.store import Transaction

_NOT_THERE: Final = frozenset({LinkState.REMOVED, LinkState.PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """The plan for a part of the world, and what it was made from."""

    standing: Standing
    sight: Sight
    unique: Unique
    wishes: Wishes
    plan: Plan
    reviews: Mapping[SubjectId, datetime | None] = field(default_factory=dict)
    """When time alone changes what shall be; None where it does not."""


def planned(
    tx: Transaction,
    world: World,
    target: Target,
    chosen: Collection[SubjectId],
    *,
    complete: bool,
    ambiguous: Sequence[Aside] = (),
    unmanaged: int | None = None,
    busy: Collection[SubjectId] = (),
    every_aside: bool = True,
) -> Computed:
    """Return the plan for these subjects, from the stored records and the last look at the target.

    `unmanaged` is how many objects belong to nobody, where that is known: counting them means looking at everybody. Whose change
    is in the writer's hands is `busy`, and not among those who are planned for: what it comes to is not known yet. With
    `every_aside`, every record that is left aside is named, and not only what this plan leaves aside.
    """

    def again(more: Collection[SubjectId]) -> Computed:
        return planned(
            tx,
            world,
            target,
            {*chosen, *more},
            complete=complete,
            ambiguous=ambiguous,
            unmanaged=unmanaged,
            busy=busy,
            every_aside=every_aside,
        )

    part = gather(tx, world, chosen)
    standing = stand(world, part)
    sight = linked(tx, world, part)
    if beside := _leaving_beside(standing, sight, busy):
        # Who is handed over waits for whoever leaves, and the guard has to see both.
        return again(beside)
    unique = allocator(tx, world, sight.links)
    wishes = wish(standing, world, sight.links, normalise=target.normalise, hidden=target.hidden, unique=unique)
    if in_hand := HOLDING_UNITS & {*busy} & wishes.desired.keys():
        wishes = replace(wishes, desired={one: two for one, two in wishes.desired.items() if one not in in_hand})
    look(tx, world, target, asked=part.asked, wishes=wishes, sight=sight)
    if world.outbound.heads_join:
        if beside := heads.beside(tx, world, target, wishes=wishes, sight=sight, asked=part.asked) - set(busy):
            return again(beside)
        wishes = replace(wishes, desired=heads.joined(wishes.desired, standing.tree.entities, target))
        wishes = heads.kept(tx, world, target, wishes=wishes, sight=sight)
    plan = diff(
        wishes.desired.values(),
        sight.objects.values(),
        sight.links,
        leaving=wishes.leaving,
        terms=replace(
            terms(world, target, standing, complete=complete),
            making=_on_the_way(tx, part, sight, busy),
            silent=silent(tx, world, standing, sight.links),
        ),
        aside=(*(set_aside(tx, world) if every_aside else ()), *ambiguous, *wishes.asides),
        warnings=wishes.warnings,
    )
    plan = write_back.added(tx, world, target, plan, asked=part.asked - set(busy), standing=standing)
    found = clashes(target, sight, plan)
    whole = replace(
        plan,
        warnings=(*plan.warnings, *(one.problem for one in found)),
        population=population_for(tx, world, plan.changes),
        units=counted_units(tx, world, plan, sight.links),
        unmanaged=tx.observed.unmanaged(world.target_name) if unmanaged is None else unmanaged,
        warned=plan.warned.union(wishes.warned, *(one.subjects for one in found)),
    )
    reviews = {one: review_of(world, standing, sight.links, wishes.leaving, one) for one in part.asked}
    return Computed(standing=standing, sight=sight, unique=unique, wishes=wishes, plan=whole, reviews=reviews)


def _leaving_beside(standing: Standing, sight: Sight, busy: Collection[SubjectId]) -> set[SubjectId]:
    """Return who hands over, is in sight still, and is not planned for yet."""
    return {
        one
        for one in {*standing.handed.values()} - standing.asked - set(busy)
        if (link := sight.links.get(one)) is not None and link.state is LinkState.LINKED
    }


def _on_the_way(tx: Transaction, part: Part, sight: Sight, busy: Collection[SubjectId]) -> frozenset[SubjectId]:
    """Return who of those who are referred to has no object yet, and is about to get one by a change that was accepted before."""
    others = {*part.groups} - part.asked
    ours = HOLDING_UNITS & {*busy}
    lacking = {one for one in others | ours if (link := sight.links.get(one)) is None or link.state in _NOT_THERE}
    lacking |= {one for one in others if (link := sight.links.get(one)) is not None and link.kind is Kind.CONTACT}
    return frozenset(tx.queue.being_made(lacking)) if lacking else frozenset()


def population_for(tx: Transaction, world: World, changes: Sequence[Change]) -> dict[str, int]:
    """Return how many linked objects of each kind there are, where the guard has to know it of these changes."""
    if not asks_population(changes, world.guard.limits, recent_to(tx, world, changes)):
        return {}
    return {str(kind): count for kind, count in sorted(tx.links.population(world.target_name).items())}


def terms(
    world: World,
    target: Target,
    standing: Standing,
    *,
    complete: bool,
    order: Mapping[SubjectId, int] | None = None,
) -> Terms:
    """Return the terms of the plan that the configuration, the target and the tree set.

    `order` is how many managers everybody has above, where it is known; the tree says it of those who are in it.
    """
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
        leaving=frozenset(standing.handed.values()),
        depth=standing.tree.depth,
        order=_steps(standing) if order is None else order,
    )


def _steps(standing: Standing) -> dict[SubjectId, int]:
    """Return how many managers everybody has above, by the sources; a circle is cut where it is entered."""
    steps: dict[SubjectId, int] = {}
    entities = standing.tree.entities
    for start, entity in sorted(entities.items()):
        if entity.kind is not Kind.PERSON:
            continue
        trail: dict[SubjectId, None] = {}
        at: SubjectId | None = start
        while at is not None and at in entities and at not in steps and at not in trail:
            trail[at] = None
            above = standing.handed.get(at) or entities[at].facts.get("manager")
            at = SubjectId(str(above)) if above else None
        base = steps.get(at, -1) if at is not None else -1
        for step, one in enumerate(reversed(trail), 1):
            steps[one] = base + step
    return steps


def review_of(
    world: World,
    standing: Standing,
    links: Mapping[SubjectId, Link],
    leaving: Collection[SubjectId],
    subject: SubjectId,
) -> datetime | None:
    """Return when time alone changes what shall be: a first or last day, another contract, or the end of a leaver's grace."""
    if subject in leaving:
        link = links.get(subject)
        return link.since + world.leavers.grace if link is not None and link.state is LinkState.OFFBOARDED else None
    entity = standing.tree.entities.get(subject)
    if entity is None or entity.kind is not Kind.PERSON:
        return None
    end, turn = leaves_at(entity.facts, world.leavers.timezone), standing.turns.get(subject)
    zone, now = world.leavers.timezone, world.now()
    joins = moments(entity.facts, after=now, ahead=world.joiners.ahead, otherwise=zone)
    return min((one for one in (end, turn, *joins) if one is not None and one > now), default=None)
