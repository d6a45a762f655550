"""Who sees whom now, and who will once what is planned is written: from what is remembered; nobody is asked, nothing is kept.

The address book of now is the target as it was last seen with what we have written since; the one afterwards is the same with the
changes of the plan. What the rules of sight are, `syncd.core.rights` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from syncd.core.difference import FOREIGN, Names
from syncd.core.errors import Misconfigured, NeedsHuman, message
from syncd.core.fields import FieldSpec
from syncd.core.model import ROOT_UNIT, Change, Kind, Observed, Op, SubjectId
from syncd.core.ports import Target
from syncd.core.rights import Book, Contact, Person, Right, Showing, Unit
from syncd.core.values import Value
from syncd.engine.recall import recall
from syncd.engine.world import World
from syncd.store import Transaction

NO_RIGHTS: Final = message(
    "OUT-003",
    what="The target {target} has nothing that says who sees whom.",
    do="Nothing to do: everybody sees everybody there.",
    example="syncd rights   # with a target of a plugin that has no such fields",
)
NOT_SEEN: Final = message(
    "OUT-004",
    what="The target was never looked at, so it is not known who sees whom.",
    do="Run `syncd plan` first; it looks at the target.",
    example="syncd rights   # before the first plan",
)
NOT_THERE: Final = message(
    "OUT-005",
    what="{who!r} is no {kind} of the target, nor will be one by the plan; or an administrator, who sees everything.",
    do="Give the name or the id of a person (for --of, of a department) as the target has it; `syncd links show` tells it.",
    example="syncd rights 'Nobody Like That'",
)
SEVERAL: Final = message(
    "OUT-006",
    what="{who!r} is the name of {count} in the target: {ids}.",
    do="Give one of the ids.",
    example="syncd rights Li",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The address book at two moments."""

    now: Book
    then: Book
    """Once the plan is written."""
    ids: Mapping[SubjectId, str]
    """The target's ids, of objects that are there."""

    def find(self, who: str, *kinds: Kind) -> SubjectId:
        """Return whom a name or an id of the target means, among objects of these kinds. Raises NeedsHuman."""
        some = [named for book in (self.now, self.then) for kind in kinds for named in _of(book, kind).items()]
        exact = {subject for subject, _ in some if who in (subject, self.ids.get(subject))}
        found = exact or {subject for subject, one in some if one.label.casefold() == who.casefold()}
        if len(found) == 1:
            return found.pop()
        if not found:
            raise NeedsHuman(NOT_THERE.at(who=who, kind="department" if Kind.UNIT in kinds else "person"))
        ids = ", ".join(sorted(self.ids.get(one, one) for one in found))
        raise NeedsHuman(SEVERAL.at(who=who, count=len(found), ids=ids))


def _of(book: Book, kind: Kind) -> Mapping[SubjectId, Unit | Person | Contact]:
    match kind:
        case Kind.UNIT:
            return book.units
        case Kind.CONTACT:
            return book.contacts
        case _:
            return book.people


def books(tx: Transaction, world: World, target: Target) -> Books:
    """Return the address book of now and the one that the plan makes. Raises NeedsHuman, and Misconfigured."""
    if not isinstance(target, Showing):
        raise Misconfigured([NO_RIGHTS.at(target=world.target_name)])
    if tx.observed.last_full_at(world.target_name) is None:
        raise NeedsHuman(NOT_SEEN.at())
    seen = _Shelf(target=target, rights=target.rights)
    links = tx.links.all(world.target_name)
    ids: dict[Kind, dict[str, SubjectId]] = {}
    for link in links.values():
        ids.setdefault(link.kind, {})[link.target_id] = link.subject
    names = Names(ids, root=target.root)  # type: ignore[arg-type]  # target ids are texts
    for row in tx.observed.iterate(world.target_name):
        seen.put(row.observed, names)
    now = seen.book()
    seen.change(recall(tx, world, target).plan.changes)
    return Books(now=now, then=seen.book(), ids=seen.ids)


@dataclass(slots=True, kw_only=True)
class _Thing:
    """An object, with the fields that decide who sees whom; references are subjects."""

    kind: Kind
    label: str
    fields: dict[str, Value] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Shelf:
    """The objects of the target as far as they matter here, by subject."""

    target: Target
    rights: Mapping[Right, str]
    things: dict[SubjectId, _Thing] = field(default_factory=dict)
    ids: dict[SubjectId, str] = field(default_factory=dict)
    renamed: dict[str, SubjectId] = field(default_factory=dict)
    """Objects that nobody was linked to and that the plan adopts."""

    def _specs(self, kind: Kind) -> Mapping[str, FieldSpec]:
        wanted = {*self.rights.values(), "parent", "departments"}
        return {name: spec for name, spec in self.target.fields.get(kind, {}).items() if name in wanted}

    def put(self, seen: Observed, names: Names) -> None:
        """Add an object as it was seen. Administrators are left out: they see everything, whatever is set."""
        if seen.protected and seen.kind is Kind.PERSON:
            return
        subject = SubjectId(names.subject(seen.kind, seen.target_id))
        held = {
            name: names.translate(name, seen.fields.get(name), spec)
            for name, spec in self._specs(seen.kind).items()
            if seen.fields.get(name)
        }
        self.things[subject] = _Thing(kind=seen.kind, label=seen.label, fields=held)
        self.ids[subject] = seen.target_id

    def change(self, changes: Iterable[Change]) -> None:
        """Do what a plan would do."""
        for one in changes:
            if one.op is Op.WRITE_BACK:
                continue
            if one.op is Op.REMOVE:
                self.things.pop(one.subject, None)
                continue
            thing = self._thing(one)
            thing.fields.update({item.name: item.after for item in one.fields})
            if isinstance(name := thing.fields.pop("name", None), str):
                thing.label = name

    def _thing(self, change: Change) -> _Thing:
        if change.op is Op.ADOPT and change.target_id is not None:
            stranger = f"{FOREIGN}{change.target_id}"
            if (known := self.things.pop(SubjectId(stranger), None)) is not None:
                self.renamed[stranger] = change.subject
                self.things[change.subject] = known
                self.ids[change.subject] = change.target_id
        known = self.things.get(change.subject)
        if known is None or known.kind is not change.kind:  # an account takes the place of a contact
            known = self.things[change.subject] = _Thing(kind=change.kind, label=change.label)
        return known

    def book(self) -> Book:
        """Return the address book as it is by now."""
        return Book(
            units={key: self._unit(key, one) for key, one in self.things.items() if one.kind is Kind.UNIT},
            people={key: self._person(one) for key, one in self.things.items() if one.kind is Kind.PERSON},
            contacts={key: self._contact(one) for key, one in self.things.items() if one.kind is Kind.CONTACT},
        )

    def _unit(self, key: SubjectId, thing: _Thing) -> Unit:
        above = self._subjects(thing.fields.get("parent")) or {ROOT_UNIT}
        return Unit(
            label=thing.label,
            parent=None if key == ROOT_UNIT else next(iter(above)),
            hidden=self._flag(thing, Right.HIDDEN),
            visible_to_units=self._named(thing, Right.VISIBLE_TO_UNITS),
            visible_to_people=self._named(thing, Right.VISIBLE_TO_PEOPLE),
            outer=self._flag(thing, Right.OUTER),
            sees_own_unit=self._flag(thing, Right.SEES_OWN_UNIT),
            sees_units=self._named(thing, Right.SEES_UNITS),
            sees_people=self._named(thing, Right.SEES_PEOPLE),
        )

    def _person(self, thing: _Thing) -> Person:
        return Person(
            label=thing.label,
            units=self._subjects(thing.fields.get("departments")),
            number_hidden=self._flag(thing, Right.NUMBER_HIDDEN),
            senior=self._flag(thing, Right.SENIOR),
        )

    def _contact(self, thing: _Thing) -> Contact:
        return Contact(
            label=thing.label,
            follower=next(iter(self._named(thing, Right.FOLLOWER)), None),
            units=self._named(thing, Right.SHARED_UNITS),
            people=self._named(thing, Right.SHARED_PEOPLE),
        )

    def _flag(self, thing: _Thing, right: Right) -> bool:
        return bool(thing.fields.get(self.rights.get(right, "")))

    def _named(self, thing: _Thing, right: Right) -> frozenset[SubjectId]:
        return self._subjects(thing.fields.get(self.rights.get(right, "")))

    def _subjects(self, value: Value) -> frozenset[SubjectId]:
        """Return the subjects of a reference, of several, or of memberships."""
        items = value if isinstance(value, tuple | list) else () if value is None else (value,)
        texts = (str(item["unit"] if isinstance(item, Mapping) else item) for item in items)
        return frozenset(self.renamed.get(text, SubjectId(text)) for text in texts)
