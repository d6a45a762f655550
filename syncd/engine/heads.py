"""Heads who are no members: with `heads: add` in the target's rules, whoever leads a department is made a member of it, too.

What comes of it belongs to the department: who is planned alone keeps the memberships that they have for leading, and loses one
only in a plan for the department. So a department is planned together with whoever is to lead it, and whoever led it. Nobody is
moved: these memberships come after somebody's own. Reads the store, writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from syncd.core.ahead import is_outsider, keeps_back
from syncd.core.difference import fields_where, references, units_of
from syncd.core.model import HOLDING_UNITS, Desired, Entity, Kind, LinkState, Observed, SubjectId, TargetId
from syncd.core.values import Value

if TYPE_CHECKING:
    from syncd.core.ports import Target
    from syncd.engine.sight import Sight
    from syncd.engine.tree import Wishes
    from syncd.engine.world import World
    from syncd.store import Transaction

_PLACES: Final = "departments"


def beside(
    tx: Transaction, world: World, target: Target, *, wishes: Wishes, sight: Sight, asked: Collection[SubjectId]
) -> set[SubjectId]:
    """Return who has to be planned for together with these departments: who is to lead one and is no member, and who led one."""
    found: set[SubjectId] = set()
    for unit in _units(wishes.desired):
        for name in _leading(target):
            if name not in unit.fields:
                continue
            heads = set(references(unit.fields[name], target.fields[Kind.UNIT][name]))
            link = sight.links.get(unit.subject)
            seen = sight.objects.get((Kind.UNIT, link.target_id)) if link is not None else None
            found |= {head for head in heads if not _stands_in(head, link.target_id if link else None, sight)}
            found |= _led(tx, world, seen, name) - heads
    for one in wishes.leaving:
        if (link := sight.links.get(one)) is not None and link.kind is Kind.UNIT:
            seen = sight.objects.get((Kind.UNIT, link.target_id))
            found |= {head for name in _leading(target) for head in _led(tx, world, seen, name)}
    links = tx.links.get_many(world.target_name, found - set(asked)) if found else {}
    return {one for one, link in links.items() if link.kind is Kind.PERSON and link.state is LinkState.LINKED}


def joined(
    desired: Mapping[SubjectId, Desired], entities: Mapping[SubjectId, Entity], target: Target
) -> dict[SubjectId, Desired]:
    """Return what is wanted with those who are to lead a department as members of it, but for whoever is out of sight, and for
    outsiders among insiders, or the other way round."""
    found = dict(desired)
    for unit in _units(desired):
        for name in _leading(target):
            for head in references(unit.fields.get(name), target.fields[Kind.UNIT][name]):
                wanted = found.get(head)
                if wanted is not None and may_join(entities.get(head), entities.get(unit.subject)):
                    found[head] = _with(wanted, [unit.subject])
    return found


def kept(tx: Transaction, world: World, target: Target, *, wishes: Wishes, sight: Sight) -> Wishes:
    """Return the wishes in which people keep the departments that they lead, unless one is planned for here and says who does."""
    extra = {one.subject: found for one in wishes.desired.values() if (found := _besides(one, sight))}
    if not extra:
        return wishes
    ids = {unit for found in extra.values() for unit in found}
    seen = tx.observed.get_many(world.target_name, Kind.UNIT, ids)
    subjects = {unit: link.subject for unit, link in tx.links.by_objects(world.target_name, Kind.UNIT, ids).items()}
    desired = dict(wishes.desired)
    for person, units in extra.items():
        own = sight.links[person].target_id
        stays = [
            subjects[unit]
            for unit in sorted(units)
            if unit in subjects
            and not _said(wishes, subjects[unit], target)
            and any(own in _listed(seen[unit].fields.get(name)) for name in _leading(target) if unit in seen)
        ]
        desired[person] = _with(desired[person], stays)
    return replace(wishes, desired=desired)


def may_join(person: Entity | None, unit: Entity | None) -> bool:
    """Tell whether somebody may stand in a department: outsiders in outer ones, and nobody else there."""
    if person is None or unit is None or person.kind is not Kind.PERSON:
        return False
    return is_outsider(person.facts) is (unit.facts.get("outer") is True)


def _units(desired: Mapping[SubjectId, Desired]) -> Iterator[Desired]:
    return (one for one in desired.values() if one.kind is Kind.UNIT)


def _leading(target: Target) -> tuple[str, ...]:
    """Return the fields of units that say who leads them: all of those who are named, who have to be members."""
    return fields_where(target.fields, lambda spec: spec.of_members and not spec.one_of)[Kind.UNIT]


def _said(wishes: Wishes, unit: SubjectId, target: Target) -> bool:
    """Tell whether it is said here who leads a department, or that it goes."""
    wanted = wishes.desired.get(unit)
    return unit in wishes.leaving or (wanted is not None and any(name in wanted.fields for name in _leading(target)))


def _led(tx: Transaction, world: World, unit: Observed | None, name: str) -> set[SubjectId]:
    """Return who was seen to lead a department."""
    ids = [TargetId(one) for one in _listed(unit.fields.get(name))] if unit is not None else []
    return (
        {link.subject for link in tx.links.by_objects(world.target_name, Kind.PERSON, ids).values()} if ids else set()
    )


def _stands_in(person: SubjectId, unit: TargetId | None, sight: Sight) -> bool:
    link = sight.links.get(person)
    seen = sight.objects.get((link.kind, link.target_id)) if link is not None else None
    return seen is not None and unit in units_of(seen.fields.get(_PLACES))


def _besides(one: Desired, sight: Sight) -> set[TargetId]:
    """Return the departments in which somebody stands and is not to stand by their own records."""
    link = sight.links.get(one.subject)
    if one.kind is not Kind.PERSON or link is None or link.state is not LinkState.LINKED or keeps_back(one):
        return set()
    seen, places = sight.objects.get((link.kind, link.target_id)), units_of(one.fields.get(_PLACES))
    if seen is None or not places:
        return set()
    ids = {held.target_id for unit in places if (held := sight.links.get(SubjectId(unit))) is not None}
    return {TargetId(unit) for unit in units_of(seen.fields.get(_PLACES))} - ids


def _with(one: Desired, units: Collection[SubjectId]) -> Desired:
    """Return a person who is also a member of these; nobody who is out of sight, or whose departments are not ours to say."""
    places = one.fields.get(_PLACES)
    more = [unit for unit in units if unit not in units_of(places) and unit not in HOLDING_UNITS]
    if not more or one.kind is not Kind.PERSON or not isinstance(places, tuple | list) or not places or keeps_back(one):
        return one
    fields: Mapping[str, Value] = {**one.fields, _PLACES: (*places, *({"unit": unit} for unit in more))}
    return replace(one, fields=fields)


def _listed(value: Value) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, tuple | list) else ()
