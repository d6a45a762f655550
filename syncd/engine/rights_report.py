"""What is told of who sees whom: of one person, of one department, or of everything that is hidden, closed or flagged. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from syncd.core.model import Kind, SubjectId
from syncd.core.rights import Book, Contact, Person, Unit
from syncd.engine.rights import Books

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What one person sees at one moment, and by how many they are seen."""

    restricted: bool
    """Whether they see only what their department may."""
    sees: int
    seen_by: int
    of: int
    """How many other people there are."""
    unseen: tuple[str, ...]
    """Departments that they do not see."""
    number_hidden: bool
    senior: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A department at one moment."""

    hidden: bool
    outer: bool
    seen_by: int
    members: int
    members_see: int
    """How many others the member sees who sees most."""
    of: int
    """How many people there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfPerson:
    """Who sees and is seen; None at a moment at which the person is not there."""

    label: str
    now: Sight | None
    then: Sight | None
    sees_more: tuple[str, ...]
    sees_less: tuple[str, ...]
    seen_by_more: tuple[str, ...]
    seen_by_less: tuple[str, ...]
    contacts: tuple[str, ...] = ()
    """External contacts whom they see now."""
    contacts_more: tuple[str, ...] = ()
    contacts_less: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        lists = (self.sees_more, self.sees_less, self.seen_by_more, self.seen_by_less)
        return self.now != self.then or any((*lists, self.contacts_more, self.contacts_less))


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """An external contact at one moment."""

    follower: str
    units: tuple[str, ...]
    """The departments that it is shared with."""
    people: tuple[str, ...]
    seen_by: int
    of: int
    """How many people there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen(Generic[T]):
    """Who sees something; None at a moment at which it is not there."""

    label: str
    now: T | None
    then: T | None
    viewers: tuple[str, ...]
    """Who sees it now."""
    more: tuple[str, ...]
    less: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return self.now != self.then or bool(self.more or self.less)


class OfContact(_Seen[Followed]):
    """Who sees an external contact."""

    __slots__ = ()


class OfUnit(_Seen[Shown]):
    """Who sees a department."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Everybody, at one moment."""

    people: int
    departments: int
    restricted: int
    """People who see only a part."""
    numbers_hidden: int
    seniors: int
    contacts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that is not as it is by itself."""

    now: Whole
    then: Whole
    departments: tuple[OfUnit, ...]
    """Those that are hidden or outer, now or then."""
    contacts: tuple[OfContact, ...] = ()
    """Those whom others see with the plan than now."""

    @property
    def differs(self) -> bool:
        return self.now != self.then or bool(self.contacts) or any(one.differs for one in self.departments)


def of_somebody(books: Books, who: str) -> OfPerson | OfContact:
    """Return who sees and is seen by `who`, a person or an external contact. Raises NeedsHuman."""
    subject = books.find(who, Kind.PERSON, Kind.CONTACT)
    is_person = any(subject in book.people for book in _both(books))
    return _of_person(books, subject) if is_person else _of_contact(books, subject)


def _of_person(books: Books, subject: SubjectId) -> OfPerson:
    there = (books.now.people, books.then.people)
    sees = [book.seen_by(subject) if subject in book.people else frozenset[SubjectId]() for book in _both(books)]
    seen = [book.viewers(subject) if subject in book.people else frozenset[SubjectId]() for book in _both(books)]
    names = {**_labels(there[0]), **_labels(there[1])}
    known = [book.contacts_of(subject) if subject in book.people else frozenset[SubjectId]() for book in _both(books)]
    partners = {**_labels(books.now.contacts), **_labels(books.then.contacts)}
    now, then = (_sight(book, subject, *both) for book, *both in zip(_both(books), sees, seen, strict=True))
    return OfPerson(
        label=names[subject],
        now=now,
        then=then,
        sees_more=_named(sees[1] - sees[0], names),
        sees_less=_named(sees[0] - sees[1], names),
        seen_by_more=_named(seen[1] - seen[0], names),
        seen_by_less=_named(seen[0] - seen[1], names),
        contacts=_named(known[0], partners),
        contacts_more=_named(known[1] - known[0], partners),
        contacts_less=_named(known[0] - known[1], partners),
    )


def _of_contact(books: Books, subject: SubjectId) -> OfContact:
    seen = [
        book.viewers_of_contact(subject) if subject in book.contacts else frozenset[SubjectId]()
        for book in _both(books)
    ]
    names = {**_labels(books.now.people), **_labels(books.then.people)}
    now, then = (_followed(book, subject, len(some)) for book, some in zip(_both(books), seen, strict=True))
    return OfContact(
        label=(books.now.contacts.get(subject) or books.then.contacts[subject]).label,
        now=now,
        then=then,
        viewers=_named(seen[0], names),
        more=_named(seen[1] - seen[0], names),
        less=_named(seen[0] - seen[1], names),
    )


def _followed(book: Book, contact: SubjectId, seen_by: int) -> Followed | None:
    if (one := book.contacts.get(contact)) is None:
        return None
    people, units = _labels(book.people), _labels(book.units)
    return Followed(
        follower=people.get(one.follower, one.follower) if one.follower is not None else "",
        units=tuple(sorted(units.get(unit, unit) for unit in one.units)),
        people=tuple(sorted(people.get(person, person) for person in one.people)),
        seen_by=seen_by,
        of=len(book.people),
    )


def of_unit(books: Books, which: str) -> OfUnit:
    """Return who sees a department. Raises NeedsHuman."""
    return _of_unit(books, books.find(which, Kind.UNIT))


def overview(books: Books) -> Overview:
    """Return what is hidden, closed or flagged."""
    special = {key for book in _both(books) for key, unit in book.units.items() if unit.hidden or unit.outer}
    made = [_of_unit(books, one) for one in special]
    everybody = {**books.now.contacts, **books.then.contacts}
    others = [found for one in everybody if (found := _of_contact(books, one)).differs]
    return Overview(
        now=_whole(books.now),
        then=_whole(books.then),
        departments=tuple(sorted(made, key=lambda one: one.label)),
        contacts=tuple(sorted(others, key=lambda one: one.label)),
    )


def _of_unit(books: Books, unit: SubjectId) -> OfUnit:
    viewers = [book.viewers_of_unit(unit) if unit in book.units else frozenset[SubjectId]() for book in _both(books)]
    names = {**_labels(books.now.people), **_labels(books.then.people)}
    now, then = (_shown(book, unit, len(some)) for book, some in zip(_both(books), viewers, strict=True))
    return OfUnit(
        label=(books.now.units.get(unit) or books.then.units[unit]).label,
        now=now,
        then=then,
        viewers=_named(viewers[0], names),
        more=_named(viewers[1] - viewers[0], names),
        less=_named(viewers[0] - viewers[1], names),
    )


def _sight(book: Book, person: SubjectId, sees: frozenset[SubjectId], seen: frozenset[SubjectId]) -> Sight | None:
    if (one := book.people.get(person)) is None:
        return None
    return Sight(
        restricted=book.is_restricted(person),
        sees=len(sees),
        seen_by=len(seen),
        of=len(book.people) - 1,
        unseen=tuple(sorted(unit.label for key, unit in book.units.items() if not book.sees_unit(person, key))),
        number_hidden=one.number_hidden,
        senior=one.senior,
    )


def _shown(book: Book, unit: SubjectId, seen_by: int) -> Shown | None:
    if (one := book.units.get(unit)) is None:
        return None
    members = book.members(unit)
    # Who stands in the same departments sees the same people, but for themselves: one of each is asked.
    alike = {book.people[member].units: member for member in members}
    return Shown(
        hidden=one.hidden,
        outer=one.outer,
        seen_by=seen_by,
        members=len(members),
        members_see=max((len(book.seen_by(member)) for member in alike.values()), default=0),
        of=len(book.people),
    )


def _whole(book: Book) -> Whole:
    return Whole(
        people=len(book.people),
        departments=len(book.units),
        restricted=sum(book.is_restricted(one) for one in book.people),
        numbers_hidden=sum(one.number_hidden for one in book.people.values()),
        seniors=sum(one.senior for one in book.people.values()),
        contacts=len(book.contacts),
    )


def _both(books: Books) -> Iterator[Book]:
    return iter((books.now, books.then))


def _labels(some: Mapping[SubjectId, Person | Unit | Contact]) -> dict[SubjectId, str]:
    return {key: one.label for key, one in some.items()}


def _named(subjects: Iterable[SubjectId], names: Mapping[SubjectId, str]) -> tuple[str, ...]:
    return tuple(sorted(names[one] for one in subjects))
