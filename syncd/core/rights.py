"""Who sees whom in the target's address book, by what departments and people are set to. Pure; it asks nobody.

The rules are those of docs/how-to/outsiders-and-rights.md, with what of them is documented and what is recalled. Where the
documents are silent, more is taken to be seen rather than less: a report must not promise what nobody has confirmed. Two things
hold whatever is set: hiding or closing a department shows nobody more, and permitting shows nobody less. Administrators, who see
everything, are not modelled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, Protocol, runtime_checkable

from syncd.core.model import SubjectId


class Right(StrEnum):
    """What a target can be set to about who sees whom; which field says it, the target tells (`Showing`)."""

    HIDDEN = "hidden"
    VISIBLE_TO_UNITS = "visible to units"
    VISIBLE_TO_PEOPLE = "visible to people"
    OUTER = "outer"
    SEES_OWN_UNIT = "sees own unit"
    SEES_UNITS = "sees units"
    SEES_PEOPLE = "sees people"
    NUMBER_HIDDEN = "number hidden"
    SENIOR = "senior"
    FOLLOWER = "follower"
    """Of an external contact, as the next two: who is responsible for it."""
    SHARED_UNITS = "shared with units"
    SHARED_PEOPLE = "shared with people"


@runtime_checkable
class Showing(Protocol):
    """What a target may offer besides: it can be set to who sees whom. `rights` names the fields that say so; what is missing
    there it cannot be set to."""

    rights: ClassVar[Mapping[Right, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A department, as far as it decides who sees whom."""

    label: str
    parent: SubjectId | None = None
    hidden: bool = False
    visible_to_units: frozenset[SubjectId] = frozenset()
    visible_to_people: frozenset[SubjectId] = frozenset()
    outer: bool = False
    sees_own_unit: bool = False
    sees_units: frozenset[SubjectId] = frozenset()
    sees_people: frozenset[SubjectId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody, as far as it decides who sees whom."""

    label: str
    units: frozenset[SubjectId] = frozenset()
    number_hidden: bool = False
    senior: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """An external contact: nobody's colleague. It sees nobody, and few see it."""

    label: str
    follower: SubjectId | None = None
    units: frozenset[SubjectId] = frozenset()
    people: frozenset[SubjectId] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Book:
    """An address book at one moment."""

    units: Mapping[SubjectId, Unit] = field(default_factory=dict)
    people: Mapping[SubjectId, Person] = field(default_factory=dict)
    contacts: Mapping[SubjectId, Contact] = field(default_factory=dict)

    # --- the questions ------------------------------------------------------------------------------------------------

    def sees(self, viewer: SubjectId, person: SubjectId) -> bool:
        """Tell whether one person sees another. Everybody sees themselves."""
        if viewer == person:
            return True
        if viewer not in self.people or person not in self.people:
            return False
        places = self.people[person].units
        return self._sees_through(viewer, places) or self._sees_by_name(viewer, person)

    def sees_unit(self, viewer: SubjectId, unit: SubjectId) -> bool:
        """Tell whether a person sees a department, and through it its members."""
        return self._is_in_reach(viewer, unit) and self._is_shown(viewer, unit)

    def is_restricted(self, viewer: SubjectId) -> bool:
        """Tell whether somebody sees only a part: whose departments are all outer. (Of somebody who is in others besides, the
        documents do not tell.)"""
        known = [unit for unit in self.people[viewer].units if unit in self.units]
        return bool(known) and all(self.units[unit].outer for unit in known)

    def seen_by(self, viewer: SubjectId) -> frozenset[SubjectId]:
        """Return the other people whom somebody sees."""
        found = {one for units, group in self._alike.items() if self._sees_through(viewer, units) for one in group}
        named = {one for unit in self._outer(viewer) for one in self.units[unit].sees_people if one in self.people}
        return frozenset(found | {one for one in named if self._sees_by_name(viewer, one)}) - {viewer}

    def viewers(self, person: SubjectId) -> frozenset[SubjectId]:
        """Return the other people who see somebody."""
        places = [unit for unit in self.people[person].units if unit in self.units]
        named = frozenset(one for unit in places for one in self.units[unit].visible_to_people)
        return self._those(named | {person}, lambda one: self.sees(one, person)) - {person}

    def viewers_of_unit(self, unit: SubjectId) -> frozenset[SubjectId]:
        """Return the people who see a department."""
        return self._those(self.units[unit].visible_to_people, lambda one: self.sees_unit(one, unit))

    def sees_contact(self, viewer: SubjectId, contact: SubjectId) -> bool:
        """Tell whether a person sees an external contact: by following it, or as it is shared with them or their department."""
        one = self.contacts[contact]
        if viewer == one.follower or viewer in one.people:
            return True
        return any(not self.above(unit).isdisjoint(one.units) for unit in self.people[viewer].units)

    def viewers_of_contact(self, contact: SubjectId) -> frozenset[SubjectId]:
        """Return the people who see an external contact."""
        one = self.contacts[contact]
        named = one.people if one.follower is None else one.people | {one.follower}
        return self._those(named, lambda viewer: self.sees_contact(viewer, contact))

    def contacts_of(self, viewer: SubjectId) -> frozenset[SubjectId]:
        """Return the external contacts whom somebody sees."""
        return frozenset(one for one in self.contacts if self.sees_contact(viewer, one))

    def _those(self, named: frozenset[SubjectId], holds: Callable[[SubjectId], bool]) -> frozenset[SubjectId]:
        """Return of whom something holds that is the same for all in the same departments, but for those who are named."""
        found: set[SubjectId] = set()
        for group in self._alike.values():
            others = group - named
            if others and holds(next(iter(others))):
                found |= others
            found.update(one for one in group & named if holds(one))
        return frozenset(found)

    def members(self, unit: SubjectId) -> frozenset[SubjectId]:
        """Return who stands in a department itself."""
        return self._members.get(unit, frozenset())

    # --- the rules ----------------------------------------------------------------------------------------------------

    def _sees_through(self, viewer: SubjectId, places: frozenset[SubjectId]) -> bool:
        """Tell whether somebody sees those who stand in these departments."""
        known = [unit for unit in places if unit in self.units]
        return any(self.sees_unit(viewer, unit) for unit in known) or (not known and not self.is_restricted(viewer))

    def _sees_by_name(self, viewer: SubjectId, person: SubjectId) -> bool:
        """Tell whether a person is named to one of the viewer's closed departments, and not hidden from the viewer."""
        if not any(person in self.units[outer].sees_people for outer in self._outer(viewer)):
            return False
        known = [unit for unit in self.people[person].units if unit in self.units]
        return not known or any(self._is_shown(viewer, unit) for unit in known)

    def _is_in_reach(self, viewer: SubjectId, unit: SubjectId) -> bool:
        """Tell whether what closes a viewer's departments leaves a department open."""
        if not self.is_restricted(viewer):
            return True
        above = self.above(unit)
        return any(
            (self.units[outer].sees_own_unit and outer in above) or not above.isdisjoint(self.units[outer].sees_units)
            for outer in self._outer(viewer)
        )

    def _is_shown(self, viewer: SubjectId, unit: SubjectId) -> bool:
        """Tell whether a department is not hidden from a viewer."""
        at, own = self.units[unit], self.people[viewer].units
        if not at.hidden or unit in own or viewer in at.visible_to_people:
            return True
        return any(not self.above(one).isdisjoint(at.visible_to_units) for one in own)

    def _outer(self, viewer: SubjectId) -> Iterable[SubjectId]:
        return (one for one in self.people[viewer].units if one in self.units and self.units[one].outer)

    def above(self, unit: SubjectId) -> frozenset[SubjectId]:
        """Return a department and all above it."""
        if (known := self._above.get(unit)) is not None:
            return known
        found: dict[SubjectId, None] = {}
        at: SubjectId | None = unit
        while at is not None and at not in found:
            found[at] = None
            at = self.units[at].parent if at in self.units else None
        made = self._above[unit] = frozenset(found)
        return made

    @cached_property
    def _above(self) -> dict[SubjectId, frozenset[SubjectId]]:
        return {}

    @cached_property
    def _alike(self) -> Mapping[frozenset[SubjectId], frozenset[SubjectId]]:
        """Everybody, by the departments in which they stand: there are far fewer of these than people."""
        found: dict[frozenset[SubjectId], set[SubjectId]] = {}
        for subject, person in self.people.items():
            found.setdefault(person.units, set()).add(subject)
        return {units: frozenset(some) for units, some in found.items()}

    @cached_property
    def _members(self) -> Mapping[SubjectId, frozenset[SubjectId]]:
        found: dict[SubjectId, set[SubjectId]] = {}
        for subject, person in self.people.items():
            for unit in person.units:
                found.setdefault(unit, set()).add(subject)
        return {unit: frozenset(some) for unit, some in found.items()}
