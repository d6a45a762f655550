"""What outbound rules make of persons and units: limits, clearing, neighbours, memberships, unique values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import Aside, Desired, Entity, Kind, Reason, SubjectId
from syncd.mapping import Around, Neighbour, OutboundRules, load_outbound

TEXT = FieldType.TEXT
FIELDS = {
    Kind.PERSON: {
        "userid": FieldSpec(type=TEXT, required=True, immutable=True, unique=True, max_length=8, pattern="[a-z0-9.]+"),
        "name": FieldSpec(type=TEXT, required=True, max_length=10),
        "title": FieldSpec(type=TEXT, clearable=True, forbidden="-,"),
        "work_place": FieldSpec(type=TEXT, clearable=True),
        "departments": FieldSpec(type=FieldType.MEMBERSHIPS),
        "extension": FieldSpec(type=FieldType.MAPPING, max_length=30, clearable=True),
        "hired": FieldSpec(type=FieldType.DATE),
        "manager": FieldSpec(type=FieldType.REFERENCE, clearable=True, late=True),
    },
    Kind.UNIT: {
        "name": FieldSpec(type=TEXT, required=True, max_length=20),
        "parent": FieldSpec(type=FieldType.REFERENCE),
        "managers": FieldSpec(type=FieldType.REFERENCES, late=True, clearable=True),
    },
}


def load(folder: Path, text: str) -> OutboundRules:
    path = folder / "rules.yaml"
    path.write_text("version: 1\nrules: outbound\n" + dedent(text), encoding="utf-8")
    return load_outbound(path, fields=FIELDS, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))


def person(folder: Path, *lines: str) -> OutboundRules:
    head = "person:\n  fields:\n    userid: externalId\n    name: displayName\n"
    return load(folder, head + "".join(f"    {line}\n" for line in lines))


def entity(kind: Kind = Kind.PERSON, /, **facts: Any) -> Entity:
    base = {"externalId": "li", "displayName": "Li Na"} if kind is Kind.PERSON else {}
    return Entity(subject=SubjectId(f"{kind}:1"), kind=kind, facts={**base, **facts})


def unit(name: str, **facts: Any) -> Entity:
    return Entity(subject=SubjectId(f"unit:{name}"), kind=Kind.UNIT, facts={"displayName": name, **facts})


def desired(rules: OutboundRules, given: Entity, around: Around | None = None) -> Desired:
    found = rules.map(given, around or Around())
    assert isinstance(found, Desired), found
    return found


def parked(rules: OutboundRules, given: Entity, around: Around | None = None) -> str:
    found = rules.map(given, around or Around())
    assert isinstance(found, Aside)
    assert found.reason is Reason.PARKED
    assert (found.name, found.label) == (given.subject, given.label)
    return "\n".join(map(str, found.problems))


def test_fields_are_filled_and_name_their_rule_and_the_subject(tmp_path: Path) -> None:
    found = desired(person(tmp_path, "title: {from: title, via: [trim]}"), entity(title=" Engineer"))
    assert found.fields == {"userid": "li", "name": "Li Na", "title": "Engineer"}
    assert (found.subject, found.label, found.active) == ("person:1", "Li Na", True)
    assert found.rules["title"].line == 7


def test_clearing_needs_to_be_said_by_a_source_and_allowed_by_the_rule(tmp_path: Path) -> None:
    rules = person(tmp_path, "title: {from: title, on_null: clear}", "work_place: addresses.work.locality")
    silent, empty = entity(), entity(title=None, **{"addresses.work.locality": None})
    assert "title" not in desired(rules, silent).fields
    assert desired(rules, empty).fields["title"] is None
    assert "work_place" not in desired(rules, empty).fields


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"displayName": "A name far too long"}, "at most 10 characters, and the value has 19"),
        ({"title": "R-D"}, "must not contain , -"),
        ({"externalId": "LI NA"}, "does not have the form"),
        ({"hireDate": "22.11.2026"}, "a date"),
    ],
)
def test_a_value_that_the_field_cannot_hold_parks_the_person(tmp_path: Path, facts: dict[str, Any], words: str) -> None:
    problems = parked(person(tmp_path, "title: title", "hired: hireDate"), entity(**facts))
    assert words in problems
    assert not any(str(value) in problems.replace("LI NA", "") for value in facts.values() if "name" in str(value))


def test_a_skipped_field_leaves_a_warning(tmp_path: Path) -> None:
    found = desired(person(tmp_path, "title: {from: title, on_error: skip_field}"), entity(title="R-D"))
    assert "title" not in found.fields
    assert [problem.code for problem in found.warnings] == ["MAP-001"]


def test_what_is_required_and_missing_parks_the_person_but_never_a_leaver(tmp_path: Path) -> None:
    rules = person(tmp_path, "title: {from: title}")
    assert "'name' is required" in parked(rules, entity(displayName=None))
    leaver = desired(rules, entity(displayName=None, active=False, title="R-D"))
    assert leaver.active is False
    assert leaver.fields == {"userid": "li"}


def test_neighbours_can_be_read_and_the_rules_say_that_they_are(tmp_path: Path) -> None:
    rules = person(
        tmp_path,
        "title: {from: [title, unit.displayName, manager.displayName], via: [join: ' / ']}",
        "work_place: {from: path, via: [join: ' > ']}",
    )
    assert rules.looks_at[Kind.PERSON] == {Neighbour.UNIT, Neighbour.MANAGER, Neighbour.PATH}
    path = (unit("Group"), unit("Finance"))
    around = Around(unit=path[-1], path=path, manager=entity(displayName="Boss"))
    assert desired(rules, entity(title="T"), around).fields["title"] == "T / Finance / Boss"
    assert desired(rules, entity(title="T"), around).fields["work_place"] == "Group > Finance"
    assert desired(rules, entity(title="T")).fields["title"] == "T"
    plain = person(tmp_path, "title: title")
    assert plain.looks_at == {Kind.PERSON: frozenset(), Kind.UNIT: frozenset(), Kind.GROUP: frozenset()}


def test_neighbours_can_be_read_in_expressions_and_conditions_too(tmp_path: Path) -> None:
    rules = person(tmp_path, "title: {expr: \"unit.organization == 'X' ? path[0] : ''\", when: manager.active}")
    around = Around(unit=unit("F", organization="X"), path=(unit("Top"),), manager=entity(active=True))
    assert desired(rules, entity(), around).fields["title"] == "Top"
    assert "title" not in desired(rules, entity()).fields
    assert rules.looks_at[Kind.PERSON] == {"unit", "manager", "path"}


@pytest.mark.parametrize(
    ("rule", "looks"),
    [
        ("title: {from: title, when: {from: manager.active}}", {"manager"}),
        ("title: [{from: title}, {from: unit.displayName}]", {"unit"}),
        ("title: {expr: \"size(path) > 1 ? path[1] : ''\"}", {"path"}),
        ("title: {from: title, unique: {then: [{from: manager.title}]}}", {"manager"}),
        ("extension: {mapping: {Boss: manager.displayName}}", {"manager"}),
        ("manager: manager", set()),
        ("departments: {memberships: units}", set()),
    ],
)
def test_whoever_is_looked_at_in_any_form_of_a_rule_is_known(tmp_path: Path, rule: str, looks: set[str]) -> None:
    assert person(tmp_path, rule).looks_at[Kind.PERSON] == looks


def test_whom_a_rule_of_the_whole_looks_at_is_known(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        """\
        person:
          exclude: [{when: "unit.displayName == 'Externals'"}]
          fields: {userid: userName, name: displayName}
        """,
    )
    assert rules.looks_at[Kind.PERSON] == {"unit"}


def test_clearing_by_a_neighbour_needs_the_neighbour_to_say_nothing(tmp_path: Path) -> None:
    rules = person(tmp_path, "work_place: {from: manager.title, on_null: clear}")
    assert "work_place" not in desired(rules, entity()).fields
    assert desired(rules, entity(), Around(manager=entity(title=None))).fields["work_place"] is None


def test_memberships_carry_titles_and_the_order_of_the_main_one(tmp_path: Path) -> None:
    rules = person(tmp_path, "departments: {memberships: units, title: unitTitles, order: unitOrder}")
    found = desired(rules, entity(units=("unit:a", "unit:b"), unitTitles=("", "Lead"), unitOrder=3))
    assert found.fields["departments"] == ({"unit": "unit:a", "order": 3}, {"unit": "unit:b", "title": "Lead"})
    assert desired(rules, entity(units=["unit:a"])).fields["departments"] == ({"unit": "unit:a"},)
    assert "departments" not in desired(rules, entity()).fields


def test_a_mapping_holds_only_the_keys_that_rules_name(tmp_path: Path) -> None:
    rules = person(tmp_path, "extension: {mapping: {Cost: costCenter, Kind: {from: userType, on_null: clear}}}")
    assert desired(rules, entity(costCenter="7", userType=None)).fields["extension"] == {"Cost": "7", "Kind": None}
    assert "extension" not in desired(rules, entity()).fields
    assert "at most 30" in parked(rules, entity(costCenter="7" * 40))


def test_a_unique_value_goes_on_with_other_candidates_and_then_with_numbers(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        """\
        person:
          fields:
            name: displayName
            userid:
              from: name.familyName
              via: [lower]
              unique: {then: [{from: [name.givenName, name.familyName], via: [{join: .}, lower]}, userName], numbered: 2}
        """,
    )
    tried: list[str] = []

    def all_taken(_field: str, candidates: Iterator[str]) -> str:
        tried.extend(candidates)
        raise LookupError

    given = entity(**{"name.familyName": "Li", "name.givenName": "Na", "userName": "NOT VALID"})
    assert "every candidate" in parked(rules, given, Around(unique=all_taken))
    assert tried == ["li", "na.li", "li2", "li3"]
    taken = Around(unique=lambda _field, candidates: next(each for each in candidates if each != "li"))
    assert desired(rules, given, taken).fields["userid"] == "na.li"
    assert desired(rules, given).fields["userid"] == "li"


def test_explain_shows_the_candidate_that_was_free(tmp_path: Path) -> None:
    rules = load(tmp_path, "person: {fields: {name: displayName, userid: {from: userName, unique: true}}}")
    taken = Around(unique=lambda _field, candidates: next(each for each in candidates if each != "li"))
    trace = rules.explain(entity(userName="li"), taken)
    assert (trace.fields[1].output, trace.fields[1].note) == ("li2", "the first candidate that nobody else has")


def test_numbered_candidates_stay_within_the_field(tmp_path: Path) -> None:
    rules = load(tmp_path, "person: {fields: {name: displayName, userid: {from: userName, unique: true}}}")
    seen: list[str] = []

    def tenth(_field: str, candidates: Iterator[str]) -> str:
        seen.extend(each for each, _ in zip(candidates, range(12), strict=False))
        return seen[-1]

    found = desired(rules, entity(userName="abcdefgh"), Around(unique=tenth))
    assert found.fields["userid"] == "abcdef12"
    assert all(len(each) <= 8 for each in seen)


def test_a_leaver_asks_for_no_unique_value(tmp_path: Path) -> None:
    def never(_field: str, _candidates: Iterator[str]) -> str:
        raise AssertionError

    rules = load(tmp_path, "person: {fields: {name: displayName, userid: {from: userName, unique: true}}}")
    assert desired(rules, entity(userName="a", active=False), Around(unique=never)).active is False


def test_units_pass_their_references_on_and_can_read_the_unit_above(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        """\
        unit:
          adopt: [mark, name]
          fields:
            name: {from: [parent.displayName, displayName], via: [join: '/']}
            parent: parent
            managers: managers
        """,
    )
    found = desired(rules, unit("Payroll", parent="unit:f", managers=("person:1",)), Around(unit=unit("Finance")))
    assert found.fields == {"name": "Finance/Payroll", "parent": "unit:f", "managers": ("person:1",)}
    assert rules.adopt == {Kind.UNIT: ("mark", "name")}
    assert rules.looks_at[Kind.UNIT] == {Neighbour.UNIT}
    assert rules.looks_at[Kind.PERSON] == set()


def test_exclusions_hold_for_the_way_out_too(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        """\
        person:
          exclude: [{when: {from: userType, via: [{equals: Contractor}]}, reason: contractors have no account}]
          fields: {userid: externalId, name: displayName}
        """,
    )
    left = rules.map(entity(userType="Contractor"), Around())
    assert isinstance(left, Aside)
    assert (left.reason, left.why) == (Reason.EXCLUDED, "contractors have no account")
    assert isinstance(rules.map(unit("x"), Around()), Aside)


def test_explain_tells_the_result_and_each_field(tmp_path: Path) -> None:
    rules = person(
        tmp_path, "title: {from: unit.displayName, via: [upper]}", "work_place: {from: title, on_null: clear}"
    )
    trace = rules.explain(entity(title=None), Around(unit=unit("Finance")))
    assert trace.result == {"userid": "li", "name": "Li Na", "title": "FINANCE", "work_place": None}
    title, place = trace.fields[2:]
    assert (title.inputs, title.steps) == ({"unit.displayName": "Finance"}, (("upper", "FINANCE"),))
    assert place.note == "nothing, and on_null is clear"
    assert isinstance(rules.explain(entity(displayName=None), Around()).result, Aside)
