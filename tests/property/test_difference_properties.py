"""What is found equal at a glance is what is found equal when everything is translated."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.difference import Names, compare, same
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import Desired, Kind, Observed, SubjectId, TargetId
from syncd.core.values import Value, frozen

SPECS = {
    "title": FieldSpec(type=FieldType.TEXT, clearable=True),
    "order": FieldSpec(type=FieldType.NUMBER),
    "hired": FieldSpec(type=FieldType.DATE),
    "senior": FieldSpec(type=FieldType.FLAG),
    "tags": FieldSpec(type=FieldType.TEXTS),
    "extension": FieldSpec(type=FieldType.MAPPING),
    "manager": FieldSpec(type=FieldType.REFERENCE, late=True),
    "managers": FieldSpec(type=FieldType.REFERENCES, late=True),
    "departments": FieldSpec(type=FieldType.MEMBERSHIPS),
}
NAMES = Names(
    {
        Kind.PERSON: {TargetId("p1"): SubjectId("person:1"), TargetId("p2"): SubjectId("person:2")},
        Kind.UNIT: {TargetId("7"): SubjectId("unit:7"), TargetId("8"): SubjectId("unit:8")},
    },
    root=TargetId("1"),
)
TEXT = st.none() | st.sampled_from(["", " ", "a", "b"])
ORDER = st.none() | st.integers(0, 2)


def places(ids: list[str]) -> st.SearchStrategy[Value]:
    """Draw memberships of units called so."""
    extras = st.fixed_dictionaries({}, optional={"title": TEXT, "order": ORDER})
    entry = st.builds(lambda unit, more: {"unit": unit, **more}, st.sampled_from(ids), extras)
    return st.none() | st.lists(entry, max_size=2, unique_by=lambda one: str(one["unit"])).map(tuple)


def values(people: list[str], units: list[str]) -> st.SearchStrategy[dict[str, Value]]:
    """Draw fields that refer to these; some are missing."""
    drawn: dict[str, st.SearchStrategy[Value]] = {
        "title": TEXT,
        "order": ORDER,
        "hired": st.none() | st.just("2026-11-22"),
        "senior": st.none() | st.booleans(),
        "tags": st.lists(st.sampled_from("ab"), max_size=2),
        "extension": st.dictionaries(st.sampled_from("xy"), TEXT, max_size=2),
        "manager": st.none() | st.sampled_from(people),
        "managers": st.lists(st.sampled_from(people), max_size=2).map(tuple),
        "departments": places(units),
    }
    return st.fixed_dictionaries({}, optional=drawn)


WANTED = values(["person:1", "person:2"], ["unit:7", "unit:8", "unit:root"])
HELD = values(["p1", "p2", "p3", ""], ["7", "8", "1", "9"])


@given(WANTED, HELD)
def test_exactly_those_fields_differ_that_differ_when_they_are_translated(
    wanted: dict[str, Value], held: dict[str, Value]
) -> None:
    desired = Desired(subject=SubjectId("person:1"), kind=Kind.PERSON, label="Example", fields=wanted)
    seen = Observed(target_id=TargetId("p1"), kind=Kind.PERSON, label="Example", fields=held)

    found = [change.name for change in compare(desired, seen, SPECS, NAMES)]

    assert found == [
        name
        for name in sorted(wanted)
        if not same(frozen(wanted[name]), NAMES.translate(name, held.get(name), SPECS[name]), SPECS[name])
    ]
