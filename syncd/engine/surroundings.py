"""What outbound rules may look at besides the person or unit itself: its units, its path, its manager. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from syncd.core.model import Entity, Kind, SubjectId
from syncd.core.orgtree import OrgTree
from syncd.mapping import Around


def around(tree: OrgTree, entity: Entity, unique: Callable[[str, Iterator[str]], str] | None) -> Around:
    """Return what outbound rules may look at besides the entity."""
    if entity.kind is Kind.UNIT:
        parent = entity.facts.get("parent")
        unit = tree.entities.get(SubjectId(parent)) if isinstance(parent, str) else None
        return Around(unit=unit, path=tree.path(entity.subject), unique=unique)
    names, entities = entity.facts.get("units"), tree.entities
    found = [entities.get(SubjectId(str(name))) for name in names] if isinstance(names, tuple | list) else ()
    units = tuple([unit for unit in found if unit])
    manager = entity.facts.get("manager")
    return Around(
        unit=units[0] if units else None,
        units=units,
        path=tree.path(units[0].subject) if units else (),
        manager=entities.get(SubjectId(manager)) if isinstance(manager, str) else None,
        unique=unique,
    )
