"""A look at everybody, a portion at a time: who is not in agreement with the target, and so has to be planned for.

Memory holds the units and one portion of people. Nothing is decided here; whoever is not plainly in agreement is handed on.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from syncd.core.ahead import is_too_early, moments
from syncd.core.calendar import leaves_at
from syncd.core.difference import Names
from syncd.core.model import Aside, Desired, Kind, Link, LinkState, Reason, SubjectId, TargetId
from syncd.core.orgtree import OrgTree, named_members, rings, within
from syncd.core.ports import Target
from syncd.core.values import Value, is_empty
from syncd.engine import write_back
from syncd.engine.agreement import Agreement, agrees
from syncd.engine.lookup import Lookup
from syncd.engine.part import gather
from syncd.engine.plain import Plain, PlainPeople
from syncd.engine.roles import made_up
from syncd.engine.sight import referred, value_of
from syncd.engine.tree import Standing, Unique, becomes_contact, but_for_drift, finished, stand, want
from syncd.engine.world import World
from syncd.mapping import Neighbour
from syncd.store import Transaction
from syncd.store.links import LinkedRow

PORTION: Final = 1_000
Told = Callable[[int, int], None]
"""Told how many of how many were looked at."""


@dataclass(slots=True, kw_only=True)
class Surveyed:
    """What a look at everybody found."""

    differing: set[SubjectId] = field(default_factory=set)
    looked_at: int = 0
    reviews: dict[SubjectId, datetime] = field(default_factory=dict)
    """When time alone changes what shall be."""
    leaving: set[SubjectId] = field(default_factory=set)
    takers: dict[SubjectId, dict[str, str]] = field(default_factory=dict)
    """Of people: the values that only one may have, and that they do not have yet, by field."""


@dataclass(slots=True, kw_only=True)
class Ground:
    """What is the same for every portion."""

    world: World
    target: Target
    lookup: Lookup
    units: Standing
    plain: PlainPeople
    ids: dict[SubjectId, TargetId] = field(default_factory=dict)
    """The objects of those whom others refer to."""
    subjects: dict[Kind, dict[TargetId, SubjectId]] = field(default_factory=dict)
    missing: set[SubjectId] = field(default_factory=set)
    """Those whom others refer to and who have no object."""
    members: dict[SubjectId, list[SubjectId]] = field(default_factory=dict)
    """Whom units name as their members."""
    people: Sequence[SubjectId] = ()
    """Everybody, in order."""
    managers: array[int] = field(default_factory=lambda: array("l"))
    """Of each of them, the place of the manager among them, -1 for none: texts of a hundred thousand would take 20 MB."""
    reviews: dict[SubjectId, datetime] = field(default_factory=dict)
    leaving: set[SubjectId] = field(default_factory=set)
    takers: dict[SubjectId, dict[str, str]] = field(default_factory=dict)

    def learn(self, links: Iterable[Link]) -> None:
        """Remember which objects are whose."""
        for link in links:
            if link.state is not LinkState.REMOVED:
                if link.kind is not Kind.CONTACT:  # nothing can refer to one
                    self.ids[link.subject] = link.target_id
                self.subjects.setdefault(link.kind, {})[link.target_id] = link.subject


async def survey(world: World, target: Target, told: Told = lambda *_: None) -> Surveyed:
    """Look at everybody, units first."""
    found = Surveyed()
    subjects = await world.store.look(lambda tx: tx.records.subjects())
    kinds = (Kind.UNIT, *((Kind.GROUP,) if world.outbound.fills(Kind.GROUP) else ()), Kind.PERSON)
    by_kind = {kind: [one for one in subjects if one.startswith(f"{kind}:")] for kind in kinds}
    ground = await world.store.look(lambda tx: ground_of(tx, world, target, by_kind[Kind.UNIT]))
    ground.people = by_kind[Kind.PERSON] = sorted(by_kind[Kind.PERSON])
    ground.managers = array("l", [-1]) * len(ground.people)
    total = sum(map(len, by_kind.values()))
    for kind, some in by_kind.items():
        for at in range(0, len(some), PORTION):
            portion = some[at : at + PORTION]
            differing, agreed = await world.store.look(partial(_portion, ground=ground, kind=kind, subjects=portion))
            if agreed:
                await world.store.do(partial(_agree, name=world.target_name, agreed=agreed))
            found.differing |= differing
            found.looked_at += len(portion)
            told(found.looked_at, total)
    found.reviews, found.leaving, found.takers = ground.reviews, ground.leaving, ground.takers
    found.differing |= _in_rings(ground) | _left_behind(ground)
    found.differing |= await world.store.look(partial(made_up, world=world))
    return found


def _in_rings(ground: Ground) -> set[SubjectId]:
    """Return who is in a circle of people who manage each other: everybody in one is somebody's manager."""
    people, managers = ground.people, ground.managers
    leaders = set(managers) - {-1}
    above = {people[one]: people[managers[one]] if managers[one] >= 0 else None for one in leaders}
    return {one for ring in rings(above) for one in ring}


def _left_behind(ground: Ground) -> set[SubjectId]:
    """Return whose manager leaves: whoever takes over is found by planning for them."""
    if not ground.leaving or not ground.world.leavers.hand_over:
        return set()
    places = {at for one in ground.leaving if (at := _place(ground.people, one)) >= 0}
    return {ground.people[at] for at, manager in enumerate(ground.managers) if manager in places}


def _place(people: Sequence[SubjectId], subject: SubjectId) -> int:
    """Return where somebody stands among all, -1 for somebody who is not there."""
    at = bisect_left(people, subject)
    return at if at < len(people) and people[at] == subject else -1


def _note_managers(ground: Ground, managers: Iterable[tuple[SubjectId, Value]]) -> None:
    """Note who manages whom."""
    for subject, manager in managers:
        if manager and (at := _place(ground.people, subject)) >= 0:
            ground.managers[at] = _place(ground.people, SubjectId(str(manager)))


def _agree(tx: Transaction, *, name: str, agreed: Mapping[SubjectId, bytes | None]) -> None:
    tx.links.agree(name, agreed)


def ground_of(tx: Transaction, world: World, target: Target, units: Sequence[SubjectId]) -> Ground:
    lookup = Lookup(world)
    part = gather(tx, world, units, lookup=lookup, above=False)
    standing = stand(world, part)
    members = named_members(standing.tree.entities.values())
    ground = Ground(
        world=world,
        target=target,
        lookup=lookup,
        units=standing,
        plain=PlainPeople(world, target, tree=standing.tree, lookup=lookup, members=members),
        members=members,
    )
    ground.learn(tx.links.get_many(world.target_name, units).values())
    return ground


def _portion(
    tx: Transaction, *, ground: Ground, kind: Kind, subjects: Sequence[SubjectId]
) -> tuple[set[SubjectId], dict[SubjectId, bytes | None]]:
    """Return who of these has to be planned for, and the digests of those who were found in agreement by comparing."""
    if kind is not Kind.PERSON:
        standing = ground.units if kind is Kind.UNIT else _among(tx, ground, subjects)
        return _weighed(tx, ground, kind, standing, subjects)
    plain, others = ground.plain.among(tx, subjects)
    _note_managers(ground, ((one.subject, one.manager) for one in plain))
    wanted = {one.subject: one for one in plain}
    differing, agreed = _compared(tx, ground, kind, wanted, rows=_rows(tx, ground, wanted), differing=set())
    if others:
        more, too = _weighed(tx, ground, kind, people_among(tx, ground, others), others)
        differing |= more
        agreed |= too
    return differing, agreed


def _rows(tx: Transaction, ground: Ground, subjects: Iterable[SubjectId]) -> dict[SubjectId, LinkedRow]:
    return {row.subject: row for row in tx.links.standing(ground.world.target_name, subjects)}


def _weighed(
    tx: Transaction, ground: Ground, kind: Kind, standing: Standing, subjects: Sequence[SubjectId]
) -> tuple[set[SubjectId], dict[SubjectId, bytes | None]]:
    """Return the same for those who are not plain."""
    rows = _rows(tx, ground, subjects)
    wanted, differing = _wanted(tx, ground, standing, subjects)
    differing -= {one for one in differing if one not in standing.tree.entities and _is_over(rows.get(one))}
    differing |= standing.warned & set(subjects)
    if Kind.CONTACT in ground.target.fields and kind is Kind.PERSON:
        turning = [one for one, wish in wanted.items() if wish.kind is Kind.CONTACT and one in rows]
        ground.leaving |= {one for one in turning if becomes_contact(wanted[one], rows[one].link)}
    return _compared(tx, ground, kind, wanted, rows=rows, differing=differing)


def _compared(
    tx: Transaction,
    ground: Ground,
    kind: Kind,
    wanted: Mapping[SubjectId, Desired] | Mapping[SubjectId, Plain],
    *,
    rows: Mapping[SubjectId, LinkedRow],
    differing: set[SubjectId],
) -> tuple[set[SubjectId], dict[SubjectId, bytes | None]]:
    """Return who of those who are wanted is not in agreement besides those who differ anyhow, and whose digest is a new one."""
    differing |= {one for one in wanted if (row := rows.get(one)) is None or row.raw is None}
    specs = ground.target.fields
    of = {each: Agreement(specs[each], ground.ids) for each in {kind, *(wish.kind for wish in wanted.values())}}
    _learn_references(tx, ground, {one for wish in wanted.values() for one in of[wish.kind].named(wish.fields)})
    sums = {one: of[wish.kind].digest(wish.fields, rows[one]) for one, wish in wanted.items() if one not in differing}
    open_ = {one: _wish(wanted[one]) for one, sum_ in sums.items() if rows[one].agreed != sum_}
    _learn_objects(tx, ground, [rows[one] for one in open_])
    names = Names(ground.subjects if open_ else {}, root=ground.target.root)
    same = {one for one, wish in open_.items() if _agrees(ground, wish, rows[one], names)}
    differing |= open_.keys() - same
    if kind is Kind.PERSON:
        differing |= write_back.differing(tx, ground.world, ground.target, set(wanted) - differing)
        _note_takers(ground, {one: _wish(wanted[one]) for one in differing if one in wanted}, rows)
    return differing, {one: sums[one] for one in same}


def _wish(one: Desired | Plain) -> Desired:
    return one.desired if isinstance(one, Plain) else one


def _among(tx: Transaction, ground: Ground, subjects: Sequence[SubjectId]) -> Standing:
    return stand(ground.world, gather(tx, ground.world, subjects, lookup=ground.lookup, above=False))


def _note_takers(ground: Ground, wanted: Mapping[SubjectId, Desired], rows: Mapping[SubjectId, LinkedRow]) -> None:
    """Note who is to have a value that only one may have."""
    unique = [name for name, spec in ground.target.fields[Kind.PERSON].items() if spec.unique]
    for subject, wish in wanted.items():
        if wish.kind is not Kind.PERSON:
            continue
        row = rows.get(subject)
        held = row.observed if row is not None else None
        taken = {
            name: str(value)
            for name in unique
            if not is_empty(value := wish.fields.get(name)) and (held is None or value_of(held, name) != value)
        }
        if taken:
            ground.takers[subject] = taken


def _wanted(
    tx: Transaction, ground: Ground, standing: Standing, subjects: Sequence[SubjectId]
) -> tuple[dict[SubjectId, Desired], set[SubjectId]]:
    """Return what is wanted of these, and of whom nothing is: those who leave, are left aside, or are not there."""
    world, unique = ground.world, kept_values(tx, ground.world)
    wanted: dict[SubjectId, Desired] = {}
    differing: set[SubjectId] = set()
    for subject in subjects:
        entity = standing.tree.entities.get(subject)
        if entity is None or subject in standing.parked:
            differing.add(subject)
            if subject in standing.gone and subject not in standing.parked:
                ground.leaving.add(subject)
            continue
        match want(standing.tree, entity, world, unique(subject)):
            case Desired() as one:
                if entity.kind is Kind.PERSON:
                    zone = world.leavers.timezone
                    joins = moments(entity.facts, after=world.now(), ahead=world.joiners.ahead, otherwise=zone)
                    _note_time(ground, subject, leaves_at(entity.facts, zone), standing.turns.get(subject), *joins)
                whole = finished(entity, one, world, True, ground.target.normalise, None)
                if (rest := but_for_drift(whole, standing.left.get(subject))) is not None:
                    wanted[subject] = rest
            case Aside() as aside if aside.reason is not Reason.EXCLUDED:
                differing.add(subject)
            case _:
                differing.add(subject)
                ground.leaving.add(subject)
    for subject in standing.offboarded:
        wanted.pop(subject, None)
        differing.add(subject)
        ground.leaving.add(subject)
    return wanted, differing


def _note_time(ground: Ground, subject: SubjectId, *times: datetime | None) -> None:
    """Note when time alone changes what somebody shall be."""
    if known := [one for one in times if one is not None]:
        ground.reviews[subject] = min(known)


def kept_values(tx: Transaction, world: World) -> Unique:
    """Return the unique values that were handed out before, and hand out none: who has none yet is to be planned for."""

    def of(subject: SubjectId) -> Callable[[str, Iterator[str]], str]:
        def unique(field_: str, _: Iterator[str]) -> str:
            if kept := tx.allocations.of(world.target_name, field_, subject):
                return kept
            raise LookupError(field_)

        return unique

    return of


def too_early(tx: Transaction, ground: Ground) -> set[SubjectId]:
    """Return those of whom others are the reports, and who get no account yet because their first day is far away."""
    world, found = ground.world, set[SubjectId]()
    terms = partial(is_too_early, at=world.now(), ahead=world.joiners.ahead, otherwise=world.leavers.timezone)
    if world.joiners.ahead is None:
        return found
    managers = sorted({manager for _, manager in ground.lookup.persons(tx, "manager")})
    for at in range(0, len(managers), PORTION):
        some = managers[at : at + PORTION]
        entities = people_among(tx, ground, some).tree.entities
        found |= {one for one in some if (entity := entities.get(one)) is not None and terms(entity.facts)}
    return found


def _is_over(row: LinkedRow | None) -> bool:
    """Tell whether somebody who is not in the tree has left the target for good, or never was in it."""
    return row is None or row.state is LinkState.REMOVED


def _learn_references(tx: Transaction, ground: Ground, named: Set[SubjectId]) -> None:
    """Find out which objects those have whom the wishes name."""
    unknown = named - ground.ids.keys() - ground.missing
    if unknown:
        ground.learn(tx.links.get_many(ground.world.target_name, unknown).values())
        ground.missing |= unknown - ground.ids.keys()


def _learn_objects(tx: Transaction, ground: Ground, rows: Sequence[LinkedRow]) -> None:
    """Find out whose the objects are that these objects name."""
    named: dict[Kind, set[TargetId]] = {}
    for row in rows:
        if row.observed is not None:
            for kind, ids in referred(row.observed, ground.target).items():
                named.setdefault(kind, set()).update(ids)
    for kind, ids in named.items():
        unknown = ids - ground.subjects.setdefault(kind, {}).keys()
        if unknown:
            ground.learn(tx.links.by_objects(ground.world.target_name, kind, unknown).values())


def _agrees(ground: Ground, wish: Desired, row: LinkedRow, names: Names) -> bool:
    seen = row.observed
    if seen is None or seen.kind is not wish.kind or seen.protected or ground.world.guard.protected(seen):
        return False
    return agrees(wish, row.link, seen, ground.target.fields[wish.kind], names)


def people_among(tx: Transaction, ground: Ground, subjects: Sequence[SubjectId]) -> Standing:
    """Return a portion of people, standing among the units, with their managers where the rules look at them."""
    world = ground.world
    part = gather(tx, world, subjects, lookup=ground.lookup, above=False)
    standing = stand(world, part)
    entities = {**ground.units.tree.entities, **standing.tree.entities}
    for subject, units in ground.members.items():
        if subject in standing.tree.entities:
            entities[subject] = within(entities[subject], [entities[unit] for unit in units if unit in entities])
    managers = {
        SubjectId(str(manager)) for one in standing.tree.entities.values() if (manager := one.facts.get("manager"))
    }
    if managers and Neighbour.MANAGER in world.outbound.looks_at[Kind.PERSON]:
        others = gather(tx, world, managers - part.asked, lookup=ground.lookup, above=False)
        entities.update(stand(world, others).tree.entities)
    _note_managers(ground, ((subject, one.facts.get("manager")) for subject, one in standing.tree.entities.items()))
    tree = OrgTree(entities=entities, depth=ground.units.tree.depth)
    return Standing(
        tree=tree,
        asked=standing.asked,
        since={},
        parked=standing.parked,
        gone=standing.gone,
        offboarded=standing.offboarded,
        turns=standing.turns,
        warned=standing.warned,
        left=standing.left,
    )
