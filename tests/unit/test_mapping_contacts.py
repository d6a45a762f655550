"""Rules that make external contacts of outsiders: whom they take, what they may say, and what is told where they are wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.errors import Misconfigured
from syncd.core.model import Aside, Desired, Entity, Kind, Reason, SubjectId
from syncd.core.values import Value
from syncd.mapping import OutboundRules, load_outbound
from syncd.mapping.results import Around
from syncd.testing import memory
from syncd_dingtalk.fields import FIELDS

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
RULES = """\
version: 1
rules: outbound
person:
  fields:
    userid: employeeNumber
    name: displayName
    mobile: phoneNumbers.mobile
    departments: {memberships: units}
contact:
  exclude:
    - {when: "userType == 'contractor'", reason: contractors have accounts}
  fields:
    name: displayName
    mobile: phoneNumbers.mobile
    labels: {value: [Partner]}
    follower: manager
    company: {from: unit.displayName, via: [trim]}
"""
FACTS: dict[str, Value] = {
    "employeeNumber": "e7",
    "displayName": "Example 7",
    "phoneNumbers.mobile": "+8613800000007",
    "units": ("unit:a",),
    "manager": "person:boss",
}


def load(folder: Path, text: str = RULES) -> OutboundRules:
    (folder / "out.yaml").write_text(text)
    return load_outbound(folder / "out.yaml", fields=FIELDS, now=lambda: NOW)


def mapped(rules: OutboundRules, **facts: Value) -> Desired | Aside:
    person = Entity(subject=SubjectId("person:7"), kind=Kind.PERSON, facts={**FACTS, **facts})
    unit = Entity(subject=SubjectId("unit:a"), kind=Kind.UNIT, facts={"displayName": " Example Firm "})
    return rules.map(person, Around(unit=unit, units=(unit,)))


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"outsider": True}, Kind.CONTACT),
        ({"outsider": True, "userType": "contractor"}, Kind.PERSON),
        ({"outsider": False}, Kind.PERSON),
        ({"outsider": None}, Kind.PERSON),
        ({}, Kind.PERSON),
    ],
)
def test_only_outsiders_whom_the_section_takes_become_contacts(
    tmp_path: Path, facts: dict[str, Value], kind: Kind
) -> None:
    found = mapped(load(tmp_path), **facts)

    assert isinstance(found, Desired)
    assert (found.kind, found.subject, "departments" in found.fields) == (kind, "person:7", kind is Kind.PERSON)


def test_a_contact_is_filled_from_the_person_and_those_around(tmp_path: Path) -> None:
    found = mapped(load(tmp_path), outsider=True)

    assert isinstance(found, Desired)
    assert dict(found.fields) == {
        "name": "Example 7",
        "mobile": "+8613800000007",
        "labels": ("Partner",),
        "follower": "person:boss",
        "company": "Example Firm",
    }
    assert found.rules["follower"].line == 16


def test_a_condition_that_cannot_be_decided_makes_neither_a_contact_nor_an_account(tmp_path: Path) -> None:
    rules = load(tmp_path, RULES.replace("userType == 'contractor'", "int(userType) > 3"))

    found = mapped(rules, outsider=True, userType="partner")

    assert isinstance(found, Aside)
    assert found.reason is Reason.PARKED


def test_who_becomes_a_contact_has_no_account_to_report_to(tmp_path: Path) -> None:
    rules = load(tmp_path)
    partner = Entity(subject=SubjectId("person:7"), kind=Kind.PERSON, facts={**FACTS, "outsider": True})
    colleague = Entity(subject=SubjectId("person:8"), kind=Kind.PERSON, facts=FACTS)

    assert (rules.leaves(partner, Around()), rules.leaves(colleague, Around())) == (True, False)


def told(error: Misconfigured) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.place.line if problem.place else None) for problem in error.problems]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("    follower: manager\n", "", 12),
        ("    follower: manager\n", "    follower: displayName\n", 16),
        ("    follower: manager\n", "    follower: manager\n    departments: {memberships: units}\n", 17),
        ("    labels: {value: [Partner]}\n", "    labels: {from: nickNames}\n", 15),
    ],
)
def test_a_wrong_rule_is_told_with_its_line(tmp_path: Path, before: str, after: str, line: int) -> None:
    assert before in RULES
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path, RULES.replace(before, after))

    assert line in [where for _, where in told(caught.value)]


def test_a_target_that_knows_no_contacts_refuses_the_section(tmp_path: Path) -> None:
    (tmp_path / "out.yaml").write_text(RULES)

    with pytest.raises(Misconfigured) as caught:
        load_outbound(tmp_path / "out.yaml", fields=memory.FIELDS, now=lambda: NOW)

    assert ("contact" in caught.value.problems[-1].what, caught.value.problems[-1].place.line) == (True, 9)


def test_a_contact_that_is_shared_with_more_than_twenty_is_left_as_it_is_and_named(tmp_path: Path) -> None:
    rules = load(tmp_path, RULES + "    share_users: visibleToPersons\n")
    many = tuple(f"person:{number}" for number in range(21))

    fits = mapped(rules, outsider=True, visibleToPersons=many[:20])
    found = mapped(rules, outsider=True, visibleToPersons=many)

    assert isinstance(fits, Desired)
    assert isinstance(found, Aside)
    assert "at most 20" in str(found.problems[0])
