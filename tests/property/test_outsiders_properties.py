"""Outsiders and insiders never stand in one place, whatever sources say of people, of units and of the units above these."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncd.core.correlation import JoinRules, Statement
from syncd.core.model import Aside, Desired, Kind, NativeId, Reason, SourceName
from syncd.core.orgtree import grow
from syncd.core.outsiders import apart
from syncd.core.values import Value

HR = SourceName("hr")
RULES = JoinRules(sources=(HR,), refers={HR: {Kind.PERSON: {"units": "id"}, Kind.UNIT: {"parent": "id"}}})
FLAG = st.sampled_from([True, False, None])
UNITS = st.lists(st.tuples(st.integers(-1, 8), FLAG), min_size=1, max_size=9)
"""Of each unit the one above (any, itself and circles too; -1 is none), and whether it says that it is outer."""
PEOPLE = st.lists(st.tuples(FLAG, st.sets(st.integers(0, 8), max_size=3)), min_size=1, max_size=6)


def statements(units: list[tuple[int, bool | None]], people: list[tuple[bool | None, set[int]]]) -> list[Statement]:
    made = []
    for number, (above, outer) in enumerate(units):
        facts: dict[str, Value] = {"displayName": f"Unit {number}"}
        facts |= {"parent": f"u{above}"} if 0 <= above < len(units) else {}
        facts |= {} if outer is None else {"outer": outer}
        made.append(Statement(source=HR, native_id=NativeId(f"u{number}"), kind=Kind.UNIT, facts=facts))
    for number, (outsider, places) in enumerate(people):
        facts = {"displayName": f"Person {number}", "units": tuple(f"u{unit}" for unit in sorted(places))}
        facts |= {} if outsider is None else {"outsider": outsider}
        made.append(Statement(source=HR, native_id=NativeId(f"p{number}"), kind=Kind.PERSON, facts=facts))
    return made


def is_outer(units: list[tuple[int, bool | None]], unit: int) -> bool:
    """Tell it from what was drawn, by walking up; a circle ends the walk."""
    met: set[int] = set()
    while 0 <= unit < len(units) and unit not in met:
        if units[unit][1] is True:
            return True
        met.add(unit)
        unit = units[unit][0]
    return False


def in_a_circle(units: list[tuple[int, bool | None]], unit: int) -> bool:
    at, steps = units[unit][0], 0
    while 0 <= at < len(units) and at != unit and steps <= len(units):
        at, steps = units[at][0], steps + 1
    return at == unit


@given(units=UNITS, people=PEOPLE)
def test_nobody_is_wanted_on_the_wrong_side_and_everybody_else_is_wanted(
    units: list[tuple[int, bool | None]], people: list[tuple[bool | None, set[int]]]
) -> None:
    tree = grow(statements(units, people), RULES)
    by_record = {one.records[0][1]: one for one in tree.entities.values()}

    for number, (outsider, places) in enumerate(people):
        person = by_record[NativeId(f"p{number}")]
        wanted = Desired(
            subject=person.subject,
            kind=Kind.PERSON,
            label=person.label,
            fields={"departments": tuple({"unit": unit} for unit in person.facts.get("units") or ())},  # type: ignore
        )
        known = [unit for unit in places if unit < len(units)]
        sides = {is_outer(units, unit) and not in_a_circle(units, unit) for unit in known}
        found = apart(person, wanted, tree.entities)
        if sides <= {outsider is True}:
            assert found == wanted
        else:
            assert isinstance(found, Aside)
            assert (found.reason, found.name) == (Reason.MISPLACED, person.subject)
            assert found.problems[0].code == ("OUT-001" if outsider else "OUT-002")
