"""Outsiders and insiders apart: who would stand on the wrong side stands aside, and stays as they are until somebody mends it.

A person is an outsider by `outsider`, a unit is outer by `outer` or because one above it is (`syncd.core.orgtree`). Nothing is
guessed: whoever is not said to be an outsider is none, and a unit of which nothing is known is internal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from syncd.core.difference import units_of
from syncd.core.errors import Message, message
from syncd.core.model import Aside, Desired, Entity, Kind, Reason, SubjectId

INSIDE: Final = message(
    "OUT-001",
    what="{label} is an outsider and would stand in {units}, where insiders are.",
    do="Let the rules place them in a unit with `outer`, or correct `outsider`. Until then they stay as they are.",
    example="A partner whose record names the sales department.",
)
OUTSIDE: Final = message(
    "OUT-002",
    what="{label} is no outsider and would stand in {units}, which takes outsiders only.",
    do="Let the rules say `outsider` of them, or place them elsewhere. Until then they stay as they are.",
    example="A contractor became an employee, and the record still names the department of the partners.",
)


def apart(person: Entity, wanted: Desired | Aside, entities: Mapping[SubjectId, Entity]) -> Desired | Aside:
    """Return `wanted`, or that the person is set aside because one of the units is on the wrong side."""
    if person.kind is not Kind.PERSON or not isinstance(wanted, Desired):
        return wanted
    places = wanted.fields.get("departments")
    if not isinstance(places, tuple | list) or not wanted.active:
        return wanted
    outsider = person.facts.get("outsider") is True
    # Asked of everybody: nearly all have one department, and it is on their side.
    for place in places:
        unit = entities.get(place["unit"])
        if (unit is not None and unit.facts.get("outer") is True) is not outsider:
            wrong = [one for one in units_of(places) if _is_outer(entities.get(SubjectId(one))) is not outsider]
            return _aside(person, INSIDE if outsider else OUTSIDE, wrong, entities)
    return wanted


def _is_outer(unit: Entity | None) -> bool:
    return unit is not None and unit.facts.get("outer") is True


def _aside(person: Entity, why: Message, units: list[str], entities: Mapping[SubjectId, Entity]) -> Aside:
    known = [entities.get(SubjectId(unit)) for unit in sorted(units)]
    names = ", ".join(unit.label if unit is not None else "a unit that no source knows" for unit in known)
    problem = why.at(label=person.label, units=names)
    return Aside(
        reason=Reason.MISPLACED, kind=Kind.PERSON, name=person.subject, label=person.label, problems=(problem,)
    )
