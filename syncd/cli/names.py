"""What to call subjects, wherever one is shown: names from the state, read once per command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from syncd.core.model import ROOT_UNIT, Change, Kind, SubjectId
from syncd.core.values import Value

if TYPE_CHECKING:
    from syncd.core.orgtree import OrgTree
    from syncd.engine.world import World
    from syncd.store import Transaction


def mentioned(value: Value) -> set[str]:
    """Return the subjects that a value refers to."""
    match value:
        case str():
            return {value} if value.startswith(("person:", "unit:", "group:")) else set()
        case None | bool() | int() | float():
            return set()
        case _ if hasattr(value, "values"):
            return {name for item in value.values() for name in mentioned(item)}
        case _:
            return {name for item in value for name in mentioned(item)}


def of_changes(tx: Transaction, changes: Iterable[Change]) -> dict[str, str]:
    """Return the names of everybody that these changes mention."""
    known: dict[str, str] = {}
    wanted: set[str] = set()
    for change in changes:
        known[change.subject] = change.label
        for item in change.fields:
            wanted |= mentioned(item.before) | mentioned(item.after)
    return known | of_subjects(tx, wanted - known.keys())


def of_plan(tx: Transaction, world: World, changes: Iterable[Change]) -> dict[str, str]:
    """Return the names of everybody that these changes mention; departments whose names others bear too by their paths."""
    known = of_changes(tx, changes)
    if any(name.startswith("unit:") for name in known):
        known |= {unit: path for unit, path in paths(_units(tx, world)).items() if unit in known}
    roles: dict[str, str] = {subject: role.label for subject, role in world.outbound.roles.items()}
    return {**known, **roles, ROOT_UNIT: "the root", **world.own_units}


def _units(tx: Transaction, world: World) -> OrgTree:
    """Return the tree of all departments: the name of one can only be told to be another's, too, by looking at all."""
    from syncd.engine.part import gather
    from syncd.engine.tree import stand

    units = [one for one in tx.records.subjects() if one.startswith(f"{Kind.UNIT}:")]
    return stand(world, gather(tx, world, units, above=False)).tree


def paths(tree: OrgTree) -> dict[str, str]:
    """Return the paths of departments whose names others bear, too."""
    units = {unit.subject: unit.label for unit in tree.of(Kind.UNIT)}
    often = Counter(units.values())
    return {unit: "/".join(one.label for one in tree.path(unit)) for unit, label in units.items() if often[label] > 1}


def of_subjects(tx: Transaction, subjects: Iterable[str]) -> dict[str, str]:
    """Return the names by which the records call these subjects; unknown ones are left out."""
    names: dict[str, str] = {}
    for subject in subjects:
        rows = tx.records.of_subject(SubjectId(subject))
        if rows:
            names[subject] = rows[0].label
    return names


def of_everybody(tx: Transaction) -> dict[str, str]:
    """Return the names of all subjects."""
    return {row.subject: row.label for row in tx.records.iterate() if row.subject is not None}
