"""The census: what facts amount to, whoever tells them and in how many pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.census import EMPTY, Census, retold
from syncd.core.model import SubjectId
from syncd.core.outcome import Fact, FactType
from syncd.testing.consumer import fact, history

_VALUES = st.sampled_from([None, "", "a", "b", ("x",), {"k": "1"}, {"l": None, "k": "2"}])
_FACTS = st.lists(
    st.builds(
        lambda type_, subject, **after: (type_, subject, after),
        st.sampled_from(FactType),
        st.sampled_from(["person:a", "person:b", "unit:u"]),
        title=_VALUES,
        extension=_VALUES,
    ),
    max_size=12,
)


def numbered(told: list[tuple[FactType, str, dict[str, object]]]) -> list[Fact]:
    return [
        fact(number, type_, subject, "Example", **after)  # type: ignore[arg-type]
        for number, (type_, subject, after) in enumerate(told, 1)
    ]


def test_the_company_is_who_joined_and_did_not_leave() -> None:
    census = retold(history())

    assert set(census.members) == {"unit:sales", "unit:team", "person:budi", "person:li"}
    assert census.members[SubjectId("unit:team")].fields == {"name": "Team", "parent": "unit:sales"}
    budi = census.members[SubjectId("person:budi")]
    assert budi.fields["departments"] == ({"unit": "unit:team"},)
    assert budi.fields["manager"] == "person:ada"
    assert census.sequence == 22


def test_who_comes_back_keeps_nothing_of_what_was() -> None:
    li = retold(history()).members[SubjectId("person:li")]

    assert "title" not in li.fields
    assert li.since == history()[-3].at


def test_a_mapping_keeps_the_keys_that_are_not_named() -> None:
    told = (
        fact(1, FactType.JOINED, "person:a", "A", extension={"cost": "1", "desk": "2"}),
        fact(2, FactType.CHANGED, "person:a", "A", extension={"desk": "3"}),
    )

    assert retold(told).members[SubjectId("person:a")].fields == {"extension": {"cost": "1", "desk": "3"}}


@given(_FACTS, st.data())
def test_told_in_two_pieces_that_overlap_it_is_the_same(
    told: list[tuple[FactType, str, dict[str, object]]], data: st.DataObject
) -> None:
    facts = numbered(told)
    upto = data.draw(st.integers(0, len(facts)))
    again = data.draw(st.integers(0, upto))

    assert retold(facts[again:], retold(facts[:upto])) == retold(facts)


@given(_FACTS)
def test_what_was_handed_in_is_not_changed(told: list[tuple[FactType, str, dict[str, object]]]) -> None:
    start = retold(history())
    kept = Census(sequence=start.sequence, members=dict(start.members))
    retold([fact(100, FactType.LEFT, "person:li", "L"), *numbered(told)], start)

    assert start == kept
    assert Census() == EMPTY
