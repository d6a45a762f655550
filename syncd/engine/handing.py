"""Handing over: whoever still names somebody who has left as manager is given the next one above who is there.

It changes what the tree says of those who are asked for, and of nobody else; the sources are not believed less: as soon as they
name another, that one it is. What is read here was gathered before. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from syncd.core.calendar import has_left
from syncd.core.model import Entity, Kind, SourceName, SubjectId
from syncd.core.orgtree import OrgTree
from syncd.core.succession import deputies, heirs
from syncd.core.values import Value
from syncd.engine.heads import may_join
from syncd.engine.staging import texts_of
from syncd.engine.surroundings import around

if TYPE_CHECKING:
    from syncd.engine.part import Part
    from syncd.engine.world import World


def handed_over(
    tree: OrgTree, part: Part, world: World, *, parked: Collection[SubjectId], gone: Collection[SubjectId]
) -> tuple[OrgTree, Mapping[SubjectId, SubjectId]]:
    """Return the tree in which nobody who is asked for is left with somebody who is gone, where anybody is above; and whom the
    sources name as the manager of those who were handed over."""
    if not world.leavers.hand_over or not part.above:
        return tree, {}
    left = {one for one in _leaders(tree, part) if has_gone(tree, one, world, part=part, parked=parked, gone=gone)}
    if not left:
        return tree, {}
    named = {one: deputy for one in left if (deputy := _deputy(tree, part, one)) is not None}
    named = named if world.leavers.deputies else {}
    ahead = _chain(tree, part, {*left, *named.values()})
    all_left = {one for one in ahead if has_gone(tree, one, world, part=part, parked=parked, gone=gone)}
    above = {one: up for one, up in ahead.items() if up is not None}
    takers = _Takers(heirs(all_left, above), deputies(all_left, above, _known(named, tree)))
    entities, handed = dict(tree.entities), dict[SubjectId, SubjectId]()
    for subject in part.asked & entities.keys():
        entity = entities[subject]
        if entity.kind is Kind.UNIT:
            entities[subject] = _led(entity, entities, part, takers, joining=world.outbound.heads_join)
        elif (old := _manager(entity, part)) is not None and (new := next(takers.of(old, subject), subject)) != subject:
            handed[subject] = old
            entities[subject] = replace(entity, facts={**entity.facts, "manager": new})
    return OrgTree(entities=entities, asides=tree.asides, warnings=tree.warnings, depth=tree.depth), handed


class _Takers(NamedTuple):
    """Who takes over from whom."""

    heirs: Mapping[SubjectId, SubjectId]
    deputies: Mapping[SubjectId, SubjectId]

    def of(self, gone: SubjectId, subject: SubjectId | None = None) -> Iterator[SubjectId]:
        """Yield who may take over from somebody, the first first, but for `subject`."""
        found = (one.get(gone) for one in (self.deputies, self.heirs))
        return (one for one in found if one is not None and one != subject)


def has_gone(
    tree: OrgTree,
    subject: SubjectId,
    world: World,
    *,
    part: Part,
    parked: Collection[SubjectId],
    gone: Collection[SubjectId],
) -> bool:
    """Tell whether somebody leaves, or has left, as planning for them would find."""
    if subject in part.offboarded:
        return True
    entity = tree.entities.get(subject)
    if entity is None or subject in parked:
        return subject in gone and subject not in parked
    return entity.kind is Kind.PERSON and leaves(tree, entity, world)


def leaves(tree: OrgTree, entity: Entity, world: World) -> bool:
    """Tell whether somebody with a living record leaves by what it says."""
    return has_left(entity.facts, world.now(), world.leavers.timezone) or world.outbound.leaves(
        entity, around(tree, entity, None)
    )


def _leaders(tree: OrgTree, part: Part) -> set[SubjectId]:
    """Return whom those who are asked for name as their managers."""
    found: set[SubjectId] = set()
    for subject in part.asked:
        if (entity := tree.entities.get(subject)) is None:
            continue
        if entity.kind is Kind.PERSON and (manager := _manager(entity, part)) is not None:
            found.add(manager)
        elif entity.kind is Kind.UNIT:
            found.update(_named(entity, part))
    return found


def _manager(entity: Entity, part: Part) -> SubjectId | None:
    """Return somebody's manager by the sources, also one of whom no living record is left."""
    if named := entity.facts.get("manager"):
        return SubjectId(str(named))
    return next(_departed(entity, part, "manager"), None)


def _named(entity: Entity, part: Part) -> Iterator[SubjectId]:
    """Yield who leads a unit by the sources, also those of whom no living record is left."""
    yield from _subjects(entity.facts.get("managers"))
    yield from _departed(entity, part, "managers")


def _subjects(value: Value) -> Iterator[SubjectId]:
    return (SubjectId(text) for text in texts_of(value))


def _departed(entity: Entity, part: Part, name: str) -> Iterator[SubjectId]:
    for text in entity.unresolved.get(name, ()):
        for source, _ in entity.records:
            if (one := part.past.get((source, text))) is not None:
                yield one


def _chain(tree: OrgTree, part: Part, subjects: Collection[SubjectId]) -> dict[SubjectId, SubjectId | None]:
    """Return who is above each of these, and above those, up to the top."""
    above: dict[SubjectId, SubjectId | None] = {}
    ahead = sorted(subjects)
    while ahead:
        one = ahead.pop()
        if one in above:
            continue
        entity = tree.entities.get(one)
        up = _manager(entity, part) if entity is not None else _last(part, one, "manager")
        above[one] = up
        if up is not None:
            ahead.append(up)
    return above


def _deputy(tree: OrgTree, part: Part, subject: SubjectId) -> SubjectId | None:
    """Return who stands in for somebody by the sources, also of whom no living record is left."""
    entity = tree.entities.get(subject)
    if entity is None:
        return _last(part, subject, "deputy")
    named = entity.facts.get("deputy")
    return SubjectId(str(named)) if named else None


def _known(named: Mapping[SubjectId, SubjectId], tree: OrgTree) -> dict[SubjectId, SubjectId]:
    """Return those deputies who are in the tree: of others nothing can be said."""
    return {one: deputy for one, deputy in named.items() if deputy in tree.entities}


def _last(part: Part, subject: SubjectId, name: str) -> SubjectId | None:
    """Return the manager or deputy of somebody of whom no living record is left, as the last one said."""
    for one in part.ghosts.get(subject, ()):
        for text in texts_of(one.facts.get(name)):
            found = part.lookup.find(one.source, Kind.PERSON, name, text)
            if (meant := found or part.past.get((SourceName(one.source), text))) is not None:
                return meant
    return None


def _led(unit: Entity, entities: Mapping[SubjectId, Entity], part: Part, takers: _Takers, *, joining: bool) -> Entity:
    """Return a unit that is led by whoever takes over, where they belong to it, or are `joining` it: nobody else can lead it."""
    fits = may_join if joining else _belongs
    named = tuple(_named(unit, part))
    if not any(one in takers.heirs or one in takers.deputies for one in named):
        return unit
    led = (next(_leading(one, takers, lambda taker: fits(entities.get(taker), unit)), None) for one in named)
    kept = tuple(dict.fromkeys(one for one in led if one is not None))
    # Where nobody of it is left the plan says so of those who are named, and leaves them out (PLN-006).
    return replace(unit, facts={**unit.facts, "managers": kept}) if kept else unit


def _leading(named: SubjectId, takers: _Takers, fits: Callable[[SubjectId], bool]) -> Iterator[SubjectId]:
    """Yield who may lead a unit for somebody who is named: themselves, while nobody takes over from them."""
    some = tuple(takers.of(named))
    return filter(fits, some) if some else iter((named,))


def _belongs(person: Entity | None, unit: Entity) -> bool:
    return person is not None and unit.subject in set(_subjects(person.facts.get("units")))
