"""Which groups become roles, who is to have them, and of which nobody can say it for the moment. Writes nothing.

What a group says of its members counts before what a person says of their groups: a directory does not touch the person when
somebody is taken out of a group. Groups in groups are followed to their end; a circle is entered once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from syncd.core.granting import is_made_up
from syncd.core.model import Aside, Desired, Entity, Kind, Link, LinkState, Reason, SubjectId
from syncd.core.orgtree import OrgTree
from syncd.engine.marking import names_of
from syncd.engine.part import naming
from syncd.mapping import Around, OutboundRules

if TYPE_CHECKING:
    from syncd.engine.tree import Standing
    from syncd.engine.world import World
    from syncd.store import Transaction


def with_roles(tree: OrgTree, people: Collection[SubjectId], outbound: OutboundRules) -> OrgTree:
    """Return the tree in which the `groups` of these people are the roles that they are to have, through whatever groups."""
    groups = {subject: one for subject, one in tree.entities.items() if one.kind is Kind.GROUP}
    roles = {subject for subject, one in groups.items() if isinstance(becomes(one, outbound), Desired)}
    inside = _naming(groups)
    entities = dict(tree.entities)
    for subject in people:
        person = entities.get(subject)
        if person is not None and person.kind is Kind.PERSON:
            entities[subject] = _with_groups(person, roles & _reached(person, groups, inside), groups)
    return replace(tree, entities=entities)


def becomes(group: Entity, outbound: OutboundRules) -> Desired | Aside | None:
    """Return the role that a group becomes, why it is set aside, or None for one that is closed."""
    wanted = outbound.map(group, Around())
    return None if isinstance(wanted, Desired) and not wanted.active else wanted


def _naming(groups: Mapping[SubjectId, Entity]) -> Mapping[SubjectId, set[SubjectId]]:
    """Return which groups name somebody, or a group, as their member."""
    found: dict[SubjectId, set[SubjectId]] = defaultdict(set)
    for subject, group in groups.items():
        for member in _listed(group, "members"):
            found[member].add(subject)
    return found


def _reached(
    person: Entity, groups: Mapping[SubjectId, Entity], inside: Mapping[SubjectId, set[SubjectId]]
) -> set[SubjectId]:
    """Return every group that somebody is in, directly or through others."""
    own = {one for one in _listed(person, "groups") if one in groups and not _speaks(groups[one])}
    found: set[SubjectId] = set()
    ahead = own | inside.get(person.subject, set())
    while ahead := ahead - found:
        found |= ahead
        ahead = {above for one in ahead for above in inside.get(one, ())}
    return found


def _speaks(group: Entity) -> bool:
    """Tell whether a group says itself who is in it, nobody included."""
    return "members" in group.facts or "members" in group.unresolved


def _listed(entity: Entity, name: str) -> Iterator[SubjectId]:
    value = entity.facts.get(name)
    return (SubjectId(str(one)) for one in value) if isinstance(value, tuple | list) else iter(())


def _with_groups(person: Entity, roles: Collection[SubjectId], groups: Mapping[SubjectId, Entity]) -> Entity:
    named = tuple(sorted(roles))
    origins = dict(person.origins)
    origin = next((found for one in named if (found := groups[one].origins.get("members")) is not None), None)
    if origin is not None:
        origins.setdefault("groups", origin)
    return replace(person, facts={**person.facts, "groups": named}, origins=origins)


def silent(tx: Transaction, world: World, standing: Standing, links: Mapping[SubjectId, Link]) -> frozenset[SubjectId]:
    """Return the roles whose groups say nothing for the moment: parked, or of a source that is no longer configured."""
    if not world.outbound.gives_roles:
        return frozenset()
    made = {one for one, link in links.items() if link.kind is Kind.GROUP and link.state is not LinkState.REMOVED}
    if not made:
        return frozenset()
    found = _parked(tx, world)
    unknown: list[SubjectId] = []
    for subject in sorted(made):
        if (group := standing.tree.entities.get(subject)) is None:
            unknown.append(subject)
        elif isinstance(aside := becomes(group, world.outbound), Aside) and aside.reason is not Reason.EXCLUDED:
            found.add(subject)
    for row in tx.records.of_subjects(unknown) if unknown else ():
        if row.absent_since is None and row.source not in world.seats and row.subject is not None:
            found.add(row.subject)
    return frozenset(found)


def _parked(tx: Transaction, world: World) -> set[SubjectId]:
    """Return the groups that could not be mapped, and those that hold one of them: nobody knows who is in it."""
    rows = tx.records.parked(Kind.GROUP)
    found = {row.subject for row in rows if row.subject is not None}
    names = {name for row in rows for name in names_of(row, world.looked_up_by)}
    while ahead := naming(tx, names) - found:
        found |= ahead
        names = {name for row in tx.records.of_subjects(sorted(ahead)) for name in names_of(row, world.looked_up_by)}
    return found


def made_up(tx: Transaction, world: World) -> set[SubjectId]:
    """Return the roles of the rules that have to be planned for: those that are not there, and those that are to go."""
    linked = tx.links.of_kind(world.target_name, Kind.GROUP)
    return {*filter(is_made_up, linked), *world.outbound.roles}


__all__ = ["becomes", "made_up", "silent", "with_roles"]
