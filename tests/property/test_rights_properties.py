"""Who sees whom: whatever a company looks like, hiding and closing show nobody more, and permitting shows nobody less."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from syncd.core.model import SubjectId
from syncd.core.rights import Book, Person, Unit

UNITS = [SubjectId(f"unit:{number}") for number in range(4)]
PEOPLE = [SubjectId(f"person:{number}") for number in range(4)]
SOME_UNITS = st.frozensets(st.sampled_from(UNITS), max_size=2)
SOME_PEOPLE = st.frozensets(st.sampled_from(PEOPLE), max_size=2)
UNIT = st.builds(
    Unit,
    label=st.just("unit"),
    parent=st.none() | st.sampled_from(UNITS),
    hidden=st.booleans(),
    visible_to_units=SOME_UNITS,
    visible_to_people=SOME_PEOPLE,
    outer=st.booleans(),
    sees_own_unit=st.booleans(),
    sees_units=SOME_UNITS,
    sees_people=SOME_PEOPLE,
)
PERSON = st.builds(Person, label=st.just("person"), units=st.frozensets(st.sampled_from(UNITS), max_size=3))
BOOKS = st.builds(
    lambda units, people: Book(
        units=dict(zip(UNITS, units, strict=True)), people=dict(zip(PEOPLE, people, strict=True))
    ),
    st.lists(UNIT, min_size=4, max_size=4),
    st.lists(PERSON, min_size=4, max_size=4),
)
ONE = st.sampled_from(UNITS)
MANY = settings(max_examples=examples(40))


def sight(book: Book) -> dict[SubjectId, frozenset[SubjectId]]:
    people = {one: book.seen_by(one) for one in PEOPLE}
    return people | {unit: book.viewers_of_unit(unit) for unit in UNITS}


def changed(book: Book, unit: SubjectId, **fields: object) -> Book:
    return Book(units={**book.units, unit: replace(book.units[unit], **fields)}, people=book.people)  # type: ignore[arg-type]


def no_more(before: Book, after: Book) -> bool:
    was, now = sight(before), sight(after)
    return all(now[one] <= was[one] for one in was)


@MANY
@given(book=BOOKS, unit=ONE)
def test_hiding_a_department_shows_nobody_more(book: Book, unit: SubjectId) -> None:
    assert no_more(changed(book, unit, hidden=False), changed(book, unit, hidden=True))


@MANY
@given(book=BOOKS, unit=ONE)
def test_closing_the_address_book_to_a_department_shows_nobody_more(book: Book, unit: SubjectId) -> None:
    assert no_more(changed(book, unit, outer=False), changed(book, unit, outer=True))
    assert no_more(changed(book, unit, sees_own_unit=True), changed(book, unit, sees_own_unit=False))


@MANY
@given(book=BOOKS, unit=ONE, other=ONE, who=st.sampled_from(PEOPLE))
def test_permitting_shows_nobody_less(book: Book, unit: SubjectId, other: SubjectId, who: SubjectId) -> None:
    at = book.units[unit]
    for more in (
        {"visible_to_units": at.visible_to_units | {other}},
        {"visible_to_people": at.visible_to_people | {who}},
        {"sees_units": at.sees_units | {other}},
        {"sees_people": at.sees_people | {who}},
    ):
        assert no_more(changed(book, unit, **more), book)


@MANY
@given(book=BOOKS, unit=ONE, who=st.sampled_from(PEOPLE))
def test_whoever_is_permitted_sees_a_hidden_department_unless_their_own_is_closed(
    book: Book, unit: SubjectId, who: SubjectId
) -> None:
    hidden = changed(book, unit, hidden=True, visible_to_people=frozenset({who}))
    assert hidden.sees_unit(who, unit) or hidden.is_restricted(who)


@MANY
@given(book=BOOKS, who=st.sampled_from(PEOPLE))
def test_somebody_whose_only_department_is_closed_sees_what_is_named_and_nothing_else(
    book: Book, who: SubjectId
) -> None:
    only = SubjectId("unit:outer")
    shut = Book(
        units={**book.units, only: Unit(label="outer", outer=True, sees_people=frozenset({PEOPLE[0]}))},
        people={**book.people, who: Person(label="partner", units=frozenset({only}))},
    )
    assert shut.seen_by(who) <= {PEOPLE[0]}
    assert shut.sees(who, who)


@MANY
@given(book=BOOKS)
def test_where_nothing_is_hidden_or_closed_everybody_sees_everybody(book: Book) -> None:
    plain = Book(
        units={key: replace(unit, hidden=False, outer=False) for key, unit in book.units.items()}, people=book.people
    )
    assert all(plain.seen_by(one) == set(PEOPLE) - {one} for one in PEOPLE)


@MANY
@given(book=BOOKS)
def test_both_directions_and_each_pair_tell_the_same(book: Book) -> None:
    for unit in UNITS:
        assert book.viewers_of_unit(unit) == {one for one in PEOPLE if book.sees_unit(one, unit)}
    for one in PEOPLE:
        assert book.seen_by(one) == {other for other in PEOPLE if other != one and book.sees(one, other)}
        assert {other for other in PEOPLE if other != one and one in book.seen_by(other)} == book.viewers(one)
