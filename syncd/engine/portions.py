"""The plan for very many, made a portion at a time: the units first, then people, so that memory holds one portion only.

What comes of it is the plan that would be made for all at once. Whoever has to be seen together is planned together: units with
their managers and with those who stand in units that go, and people with whoever holds a number that they are to have.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from syncd.core.collisions import Wanted
from syncd.core.difference import fields_where, references, refers
from syncd.core.model import HOLDING_UNITS, Desired, Kind, LinkState, Op, Plan, SubjectId
from syncd.core.newcomers import Newcomer, Newcomers
from syncd.core.orgtree import OrgTree
from syncd.core.plan import diff
from syncd.core.ports import Target
from syncd.engine import chain, heads, write_back
from syncd.engine.clashes import clashes, with_clashes
from syncd.engine.gathering import Gathering
from syncd.engine.part import gather
from syncd.engine.planning import Computed, planned, population_for, review_of, terms
from syncd.engine.roles import silent
from syncd.engine.sight import Sight, allocator, counted_units, look
from syncd.engine.survey import Ground, ground_of, people_among, too_early
from syncd.engine.tree import Standing, Wishes, set_aside, stand, wish
from syncd.engine.world import World
from syncd.store import Transaction

PORTION: Final = 1_000
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common:
    """What every portion is planned with."""

    ground: Ground
    sight: Sight
    """The links of the units."""
    order: Mapping[SubjectId, int]
    making: frozenset[SubjectId]
    leaving: frozenset[SubjectId]
    complete: bool
    left: Collection[SubjectId]
    """Who has left, or leaves, and is somebody's manager by the sources."""
    newcomers: Newcomers | None
    """Tells who is plainly new, where the target holds nobody."""
    ringed: Collection[SubjectId]
    """Who is in a circle of people who manage each other: of them the plan has something to say."""
    reviewed: Collection[SubjectId]
    """Whose time is known from before, which may be over: of all others nothing has to be taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked for."""

    world: World
    target: Target
    chosen: Collection[SubjectId]
    people: frozenset[SubjectId]
    """Those of the chosen who are no units."""
    leaving: frozenset[SubjectId]
    takers: Mapping[SubjectId, Mapping[str, str]]
    complete: bool


async def planned_in_portions(
    world: World,
    target: Target,
    chosen: Collection[SubjectId],
    *,
    complete: bool,
    leaving: Collection[SubjectId] = (),
    takers: Mapping[SubjectId, Mapping[str, str]] | None = None,
    told: Told = lambda *_: None,
) -> Computed:
    """Return the plan for `chosen`.

    `leaving` is who is known to leave, `takers` who is to have values that only one may have, by field; neither is needed where
    nobody is linked yet.
    """
    asked = _Asked(
        world=world,
        target=target,
        chosen=chosen,
        people=frozenset(one for one in chosen if one.startswith(f"{Kind.PERSON}:")),
        leaving=frozenset(leaving),
        takers=takers or {},
        complete=complete,
    )
    found = Gathering(wanted=Wanted(target.fields[Kind.PERSON]))
    first = await world.store.do(partial(_units_first, asked=asked))
    found.take(first.plan, first.wishes.leaving, first.reviews)
    left = set(asked.people - first.standing.asked)
    common = await world.store.look(partial(_common, asked=asked, left=left, first=first))
    del asked  # a set of everybody, while the changes of everybody are made
    waiting = sorted(left)
    for at in range(0, len(waiting), PORTION):
        portion = {one for one in waiting[at : at + PORTION] if one in left}
        left -= await world.store.do(
            partial(_people, world=world, target=target, portion=portion, left=left, common=common, found=found)
        )
        told(len(waiting) - len(left), len(waiting))
    return await world.store.look(partial(_whole, world=world, found=found, first=first, ground=common.ground))


def _units_first(tx: Transaction, *, asked: _Asked) -> Computed:
    """Plan for the units, for the people without whom that cannot be said, and for people who pass on what only one may have."""
    world, people = asked.world, asked.people
    units = {one for one in asked.chosen if one not in people}
    part = gather(tx, world, units)
    rivals = _rivals(tx, world, asked.takers, people)
    together = units | ((part.groups.keys() | part.others.keys()) & people) | rivals
    while True:
        made = planned(tx, world, asked.target, together, complete=asked.complete)
        beside = _beside(made.sight, people) - together
        if not beside:
            return made
        together |= beside


def _rivals(
    tx: Transaction, world: World, takers: Mapping[SubjectId, Mapping[str, str]], people: Collection[SubjectId]
) -> set[SubjectId]:
    """Return those of `people` who take something from each other: whoever gives it up has to come first."""
    by_field: dict[str, dict[str, list[SubjectId]]] = {}
    for subject, values in takers.items():
        for name, value in values.items():
            by_field.setdefault(name, {}).setdefault(value, []).append(subject)
    found: set[SubjectId] = set()
    for name, wanted in by_field.items():
        held = tx.observed.holders(world.target_name, Kind.PERSON, name, list(wanted))
        ids = {item.target_id: value for value, items in held.items() for item in items}
        for target_id, link in tx.links.by_objects(world.target_name, Kind.PERSON, ids).items():
            if link.subject in people:
                found.update((link.subject, *wanted[ids[target_id]]))
    return found


def _beside(sight: Sight, people: Collection[SubjectId]) -> set[SubjectId]:
    """Return those of `people` whose objects the plan had to look at."""
    return {
        subject
        for subject, link in sight.links.items()
        if subject in people and link.state is not LinkState.REMOVED and (link.kind, link.target_id) in sight.objects
    }


def _common(tx: Transaction, *, asked: _Asked, left: Collection[SubjectId], first: Computed) -> _Common:
    world, name = asked.world, asked.world.target_name
    units = [one for one in tx.records.subjects() if one.startswith(f"{Kind.UNIT}:")]
    ground = ground_of(tx, world, asked.target, units)
    links = {**tx.links.get_many(name, [*units, *HOLDING_UNITS])}
    anybody = tx.links.any(name)
    linked = {one for some in chain.portions(left) for one in _linked(tx, world, some)} if anybody else set[SubjectId]()
    made = {change.subject for change in first.plan.changes if change.op in (Op.CREATE, Op.ADOPT)}
    making = frozenset(made | (set(left) - linked - asked.leaving - too_early(tx, ground)))
    leaving = asked.leaving | first.wishes.leaving.keys()
    above = chain.managers(tx, ground, asked.people)
    order = chain.steps(above)
    specs = asked.target.fields[Kind.PERSON]
    nobody = not leaving and not anybody and not tx.observed.unlinked(name, Kind.PERSON)
    return _Common(
        ground=ground,
        sight=Sight(links=links),
        order=order,
        making=making,
        leaving=leaving,
        complete=asked.complete,
        left=chain.left(tx, ground, above),
        newcomers=Newcomers(specs, coming=making, order=order) if nobody else None,
        ringed=chain.circling(above),
        reviewed=tx.reviews.subjects(),
    )


def _handed_over(tx: Transaction, world: World, standing: Standing, common: _Common) -> Standing:
    """Return a portion in which those are handed over whose manager has left: of them everybody above has to be known."""
    entities = standing.tree.entities
    open_ = {
        one
        for one in standing.asked
        if (entity := entities.get(one)) is not None
        and (entity.facts.get("manager") in common.left or "manager" in entity.unresolved)
    }
    if not open_ or not world.leavers.hand_over:
        return standing
    again = stand(world, gather(tx, world, open_, lookup=common.ground.lookup))
    mended = {one: again.tree.entities[one] for one in open_ & again.tree.entities.keys()}
    heads = {SubjectId(str(one.facts.get("manager"))) for one in mended.values()} & again.tree.entities.keys()
    above = {one: again.tree.entities[one] for one in heads}
    return replace(standing, tree=replace(standing.tree, entities={**entities, **above, **mended}), handed=again.handed)


def _linked(tx: Transaction, world: World, subjects: Collection[SubjectId]) -> set[SubjectId]:
    links = tx.links.get_many(world.target_name, subjects)
    return {subject for subject, link in links.items() if link.state is not LinkState.REMOVED}


def _people(
    tx: Transaction,
    *,
    world: World,
    target: Target,
    portion: set[SubjectId],
    left: set[SubjectId],
    common: _Common,
    found: Gathering,
) -> set[SubjectId]:
    """Plan for a portion of people, and for those of the others who have to be seen together with them."""
    together = set(portion)
    while True:
        made = _portion(tx, world, target, together, common=common, ours=found.ours)
        beside = _beside(made.sight, left) - together
        if not beside:
            break
        together |= beside
    times = {one: review_of(world, made.standing, made.sight.links, made.leaving, one) for one in made.standing.asked}
    reviews = {
        one: times.get(one) for one in {*times, *together} if times.get(one) is not None or one in common.reviewed
    }
    units = counted_units(tx, world, made.plan, made.sight.links)
    found.take_newcomers(made.newcomers, {one: one for one in together})
    found.take(replace(made.plan, units=units), made.leaving, reviews)
    return together


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """The plan for a portion, and what it was made from."""

    standing: Standing
    sight: Sight
    plan: Plan
    leaving: Mapping[SubjectId, str]
    newcomers: Sequence[Newcomer] = ()
    """Those of whom the plan says nothing, because they are plainly new."""


_NOBODY: Final = Standing(tree=OrgTree(entities={}), asked=frozenset(), since={}, parked=frozenset(), gone={})


def _portion(
    tx: Transaction,
    world: World,
    target: Target,
    portion: Collection[SubjectId],
    *,
    common: _Common,
    ours: Collection[SubjectId],
) -> _Made:
    if common.newcomers is None:
        return _weighed(tx, world, target, portion, common=common, ours=ours)
    coming, others = _plainly_coming(tx, portion, common)
    if not others:
        plan = Plan(fingerprint="", changes=())
        return _Made(standing=_NOBODY, sight=Sight(), plan=plan, leaving={}, newcomers=coming)
    made = _weighed(tx, world, target, others, common=common, ours=ours)
    if late := {one.wanted.subject for one in coming if one.wanted.fields.get("manager") in made.leaving}:
        # Of whoever's manager leaves something is to be said.
        coming = [one for one in coming if one.wanted.subject not in late]
        made = _weighed(tx, world, target, {*others, *late}, common=common, ours=ours)
    return replace(made, newcomers=[*coming, *made.newcomers])


def _plainly_coming(
    tx: Transaction, portion: Collection[SubjectId], common: _Common
) -> tuple[Sequence[Newcomer], Collection[SubjectId]]:
    """Return who of a portion is plain and plainly new, and the others: whoever has to be weighed."""
    kept = {one for one in portion if one in common.ringed}
    plain, others = common.ground.plain.among(tx, sorted({*portion} - kept))
    open_ = [one.subject for one in plain if one.manager in common.left]
    some = [one for one in plain if one.manager not in common.left]
    if common.newcomers is None or (parted := common.newcomers.among(some, leaving=())) is None:
        return (), portion
    coming, back = parted
    return coming, {*kept, *others, *open_, *(one.subject for one in back)}


def _weighed(
    tx: Transaction,
    world: World,
    target: Target,
    portion: Collection[SubjectId],
    *,
    common: _Common,
    ours: Collection[SubjectId],
) -> _Made:
    """Return the plan for those who are not plain."""
    name = world.target_name
    standing = _handed_over(tx, world, people_among(tx, common.ground, sorted(portion)), common)
    links = {} if common.newcomers else {**common.sight.links, **tx.links.get_many(name, portion)}
    sight = Sight(links=links)
    unique = allocator(tx, world, links)
    wishes = wish(standing, world, links, normalise=target.normalise, hidden=target.hidden, unique=unique)
    plain: Sequence[Newcomer] = ()
    people = [one for one in wishes.desired.values() if one.kind is Kind.PERSON]
    if common.newcomers and (parted := common.newcomers.among(people, leaving=wishes.leaving)) is not None:
        plain, others = parted
        # Also our own departments.
        others += [one for one in wishes.desired.values() if one.kind is not Kind.PERSON]
        wishes = replace(wishes, desired={one.subject: one for one in others})
        if not others and not wishes.leaving:
            plan = Plan(fingerprint="", changes=(), aside=wishes.asides, warnings=wishes.warnings, warned=wishes.warned)
            return _Made(standing=standing, sight=sight, plan=plan, leaving={}, newcomers=plain)
    plan = _compared(tx, world, target, standing, wishes=wishes, sight=sight, common=common, ours=ours)
    return _Made(standing=standing, sight=sight, plan=plan, leaving=wishes.leaving, newcomers=plain)


def _compared(
    tx: Transaction,
    world: World,
    target: Target,
    standing: Standing,
    *,
    wishes: Wishes,
    sight: Sight,
    common: _Common,
    ours: Collection[SubjectId],
) -> Plan:
    """Return the plan for a portion by comparing what is wanted with what is there."""
    name = world.target_name
    desired, making = dict(wishes.desired), common.making
    for unit in ours:
        # An earlier portion makes the department for leavers or joiners, or mends it.
        desired.pop(unit, None)
        making = making | {unit}
    sight.links.update(tx.links.get_many(name, _named_by(desired.values(), target) - sight.links.keys()))
    wishes = replace(wishes, desired=desired)
    look(tx, world, target, asked=standing.asked, wishes=wishes, sight=sight)
    if world.outbound.heads_join:
        wishes = heads.kept(tx, world, target, wishes=wishes, sight=sight)
    plan = diff(
        wishes.desired.values(),
        sight.objects.values(),
        sight.links,
        leaving=wishes.leaving,
        terms=replace(
            terms(world, target, standing, complete=common.complete, order=common.order),
            making=making,
            leaving=frozenset({*common.leaving, *standing.handed.values()}),
            silent=silent(tx, world, standing, sight.links),
        ),
        aside=wishes.asides,
        warnings=wishes.warnings,
        part=True,
    )
    plan = write_back.added(tx, world, target, plan, asked=standing.asked, standing=standing)
    return with_clashes(replace(plan, warned=plan.warned | wishes.warned), clashes(target, sight, plan))


def _named_by(desired: Iterable[Desired], target: Target) -> set[SubjectId]:
    """Return whom wishes refer to."""
    naming = fields_where(target.fields, refers)
    return {
        one
        for wanted in desired
        for field_ in naming[wanted.kind]
        for one in references(wanted.fields.get(field_), target.fields[wanted.kind][field_])
    }


def _whole(tx: Transaction, *, world: World, found: Gathering, first: Computed, ground: Ground) -> Computed:
    """Put the parts together."""
    found.changes.sort()
    found.name_takers(tx, world.target_name)
    plan = Plan(
        fingerprint=found.changes.fingerprint,
        changes=found.changes,
        aside=(*set_aside(tx, world), *found.asides),
        warnings=tuple(found.warnings),
        unmanaged=tx.observed.unmanaged(world.target_name),
        population=population_for(tx, world, found.changes),
        units=found.units,
        warned=frozenset(found.warned),
    )
    return replace(
        first,
        standing=replace(first.standing, tree=ground.units.tree),
        wishes=replace(first.wishes, leaving=found.leaving),
        reviews=found.reviews,
        plan=plan,
    )
