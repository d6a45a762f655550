"""What a plan for a part of the world has to see of the target: the objects concerned, and the links by which they are known.

Reads the store, never the target. What it leaves out cannot make a difference: an object that nobody in the part is linked to,
refers to, stands beside, or wants a value of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from syncd.core.difference import ROLES, referred_kind, units_of
from syncd.core.fields import FieldType
from syncd.core.model import HOLDING_UNITS, Kind, Link, LinkState, Observed, Op, Plan, SubjectId, TargetId
from syncd.core.ordering import lost
from syncd.core.ports import Target
from syncd.core.values import Value, is_empty
from syncd.engine.part import Part
from syncd.engine.tree import Unique, Wishes
from syncd.engine.world import World
from syncd.store import Transaction


@dataclass(slots=True, kw_only=True)
class Sight:
    """Objects of the target and links, as far as they were needed."""

    links: dict[SubjectId, Link] = field(default_factory=dict)
    objects: dict[tuple[Kind, TargetId], Observed] = field(default_factory=dict)


def linked(tx: Transaction, world: World, part: Part) -> Sight:
    """Return the links of everybody in the part."""
    subjects = {*part.asked, *part.groups, *part.others, *HOLDING_UNITS}
    return Sight(links=tx.links.get_many(world.target_name, subjects))


def look(
    tx: Transaction,
    world: World,
    target: Target,
    *,
    asked: Collection[SubjectId],
    wishes: Wishes,
    sight: Sight,
) -> None:
    """Add to `sight` what the difference of these wishes depends on."""
    name = world.target_name
    concerned = {*asked, *wishes.desired, *_members(wishes, target)}
    more = concerned - sight.links.keys()
    sight.links.update(tx.links.get_many(name, more) if more else {})
    _objects(tx, name, sight, [sight.links[one] for one in concerned if one in sight.links])
    units_change = any(one.kind is Kind.UNIT for one in wishes.desired.values()) or any(
        (link := sight.links.get(one)) is not None and link.kind is Kind.UNIT for one in wishes.leaving
    )
    if units_change:
        seen = [row.observed for row in tx.observed.iterate(name, Kind.UNIT)]
        sight.objects.update({(Kind.UNIT, item.target_id): item for item in seen})
    _inhabitants(tx, name, wishes, sight)
    _rivals(tx, world, target, wishes, sight)
    _strangers(tx, name, wishes, sight)
    _named(tx, name, target, sight)


def _members(wishes: Wishes, target: Target) -> set[SubjectId]:
    """Return who is to lead a unit, or to own its chat: whether they may depends on where they stand."""
    names = [name for name, spec in target.fields[Kind.UNIT].items() if spec.of_members]
    return {
        SubjectId(str(one))
        for wanted in wishes.desired.values()
        if wanted.kind is Kind.UNIT
        for name in names
        for one in _listed(wanted.fields.get(name))
    }


def _objects(tx: Transaction, name: str, sight: Sight, links: Iterable[Link]) -> None:
    wanted: dict[Kind, set[TargetId]] = {}
    for link in links:
        if link.state is not LinkState.REMOVED and (link.kind, link.target_id) not in sight.objects:
            wanted.setdefault(link.kind, set()).add(link.target_id)
    for kind, ids in wanted.items():
        for target_id, item in tx.observed.get_many(name, kind, ids).items():
            sight.objects[kind, target_id] = item


def _inhabitants(tx: Transaction, name: str, wishes: Wishes, sight: Sight) -> None:
    """Add who stands in a unit that is to go: it stays while somebody does."""
    going = {
        str(link.target_id)
        for one in wishes.leaving
        if (link := sight.links.get(one)) is not None and link.kind is Kind.UNIT
    }
    if going:
        for items in tx.observed.holders(name, Kind.PERSON, "departments", going).values():
            sight.objects.update({(item.kind, item.target_id): item for item in items})


def _rivals(tx: Transaction, world: World, target: Target, wishes: Wishes, sight: Sight) -> None:
    """Add who holds a value that somebody else wants and that only one can have."""
    specs = target.fields[Kind.PERSON]
    unique = [field for field, spec in specs.items() if spec.unique]
    wanted: dict[str, set[str]] = {}
    for one in wishes.desired.values():
        if one.kind is not Kind.PERSON:
            continue
        link = sight.links.get(one.subject)
        held = sight.objects.get((link.kind, link.target_id)) if link is not None else None
        for field_ in unique:
            value = one.fields.get(field_)
            if not is_empty(value) and (held is None or value_of(held, field_) != value):
                wanted.setdefault(field_, set()).add(str(value))
    for field_, values in wanted.items():
        for items in tx.observed.holders(world.target_name, Kind.PERSON, field_, values).values():
            sight.objects.update({(item.kind, item.target_id): item for item in items})


def _strangers(tx: Transaction, name: str, wishes: Wishes, sight: Sight) -> None:
    """Add the objects that nobody is linked to, where somebody might be one of them."""
    new = {
        one.kind
        for one in wishes.desired.values()
        if (link := sight.links.get(one.subject)) is None or link.state is LinkState.REMOVED
    }
    for kind in sorted(new):
        sight.objects.update({(kind, item.target_id): item for item in tx.observed.unlinked(name, kind)})


def _named(tx: Transaction, name: str, target: Target, sight: Sight) -> None:
    """Add the links of every object that is seen or referred to, so that each is called by its subject."""
    wanted: dict[Kind, set[TargetId]] = {}
    for (kind, target_id), item in sight.objects.items():
        wanted.setdefault(kind, set()).add(target_id)
        for other, ids in referred(item, target).items():
            wanted.setdefault(other, set()).update(ids)
    known = {(link.kind, link.target_id) for link in sight.links.values() if link.state is not LinkState.REMOVED}
    for kind, ids in wanted.items():
        missing = [one for one in ids if (kind, one) not in known]
        found = tx.links.by_objects(name, kind, missing) if missing else {}
        sight.links.update({link.subject: link for link in found.values()})


def referred(item: Observed, target: Target) -> Mapping[Kind, set[TargetId]]:
    """Return the objects that an object refers to."""
    found: dict[Kind, set[TargetId]] = {}
    for name, spec in target.fields[item.kind].items():
        value = item.fields.get(name)
        if is_empty(value):
            continue
        match spec.type:
            case FieldType.REFERENCE | FieldType.REFERENCES:
                found.setdefault(referred_kind(name), set()).update(TargetId(str(one)) for one in _listed(value))
            case FieldType.MEMBERSHIPS:
                found.setdefault(Kind.UNIT, set()).update(TargetId(one) for one in units_of(value))
            case _:
                pass
    return found


def _listed(value: Value) -> tuple[Value, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def value_of(item: Observed, field_: str) -> Value:
    """Return what an object holds; its id is a field, too."""
    return item.target_id if field_ == "userid" else item.fields.get(field_)


def keys_of(target: Target) -> Callable[[Observed], Iterator[tuple[str, str]]]:
    """Return how objects of the target are found again: by what only one may hold, and people by their departments."""
    unique = {kind: [name for name, spec in specs.items() if spec.unique] for kind, specs in target.fields.items()}

    def keys(item: Observed) -> Iterator[tuple[str, str]]:
        for name in unique.get(item.kind, ()):
            if not is_empty(value := value_of(item, name)):
                yield name, str(value)
        if item.kind is Kind.PERSON:
            for unit in units_of(item.fields.get("departments")):
                yield "departments", unit
            for role in _listed(item.fields.get(ROLES)):
                yield ROLES, str(role)

    return keys


def allocator(tx: Transaction, world: World, links: Mapping[SubjectId, Link]) -> Unique:
    """Hand out unique values: the same to the same subject for ever, never one that an object of the target holds."""
    name = world.target_name

    def of(subject: SubjectId) -> Callable[[str, Iterator[str]], str]:
        def unique(field_: str, candidates: Iterator[str]) -> str:
            if kept := tx.allocations.of(name, field_, subject):
                return kept
            link = links.get(subject)
            for candidate in candidates:
                holders = tx.observed.holders(name, Kind.PERSON, field_, [candidate]).values()
                if any(link is None or link.target_id != item.target_id for items in holders for item in items):
                    continue
                if tx.allocations.claim(name, field_, candidate, subject=subject):
                    return candidate
            raise LookupError(field_)

        return unique

    return of


def counted_units(tx: Transaction, world: World, plan: Plan, links: Mapping[SubjectId, Link]) -> dict[SubjectId, int]:
    """Return how many people stand in each unit that somebody leaves, and have each role that somebody loses."""
    losing = [change for change in plan.changes if change.op is Op.ROLES]
    lost_roles = {role for change in losing for item in change.fields for role in lost(item)}
    return {
        **_heads(tx, world, "departments", _units_lost(plan), links),
        **_heads(tx, world, ROLES, lost_roles, links),
    }


def _units_lost(plan: Plan) -> set[SubjectId]:
    return {
        SubjectId(unit)
        for change in plan.changes
        for item in change.fields
        if item.name == "departments"
        for unit in units_of(item.before)
    }


def _heads(
    tx: Transaction, world: World, field_: str, lost: Collection[SubjectId], links: Mapping[SubjectId, Link]
) -> dict[SubjectId, int]:
    ids = {str(links[one].target_id): one for one in lost if one in links}
    heads = tx.observed.headcount(world.target_name, field_, list(ids)) if ids else {}
    return {ids[unit]: count for unit, count in sorted(heads.items())}
