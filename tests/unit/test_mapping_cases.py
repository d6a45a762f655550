"""Cases beside rules: the shipped ones pass, and a failing one says what it expected and what came."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.errors import Misconfigured
from syncd.mapping import InboundRules, OutboundRules, load_inbound, load_outbound, rules_schema
from syncd.mapping.cases import run_cases
from syncd_active_directory import schema, schema_ldap
from syncd_dingtalk.fields import FIELDS

MAPPINGS = Path(__file__).parents[2] / "mappings"


def now() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


def shipped(name: str) -> InboundRules | OutboundRules:
    path = MAPPINGS / f"{name}.yaml"
    if name == "dingtalk":
        return load_outbound(path, fields=FIELDS, now=now)
    attributes = {"active_directory": schema.declared(), "ldap": schema_ldap.declared()}.get(name)
    return load_inbound(path, source=name, attributes=attributes, now=now)


@pytest.mark.parametrize("name", ["active_directory", "ldap", "table", "dingtalk"])
def test_the_shipped_rules_pass_their_cases(name: str) -> None:
    results = run_cases(shipped(name), MAPPINGS / "cases" / f"{name}.yaml")
    assert len(results) >= 7
    assert not [str(each) for each in results if not each.passed]


def test_every_shipped_rule_file_has_cases_and_a_schema_line() -> None:
    files = sorted(MAPPINGS.glob("*.yaml"))
    assert [path.name for path in files] == [path.name for path in sorted((MAPPINGS / "cases").glob("*.yaml"))]
    for path in files:
        assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=")


def test_everybody_of_the_example_company_can_be_mapped() -> None:
    import csv

    from syncd.core.model import Kind, NativeId, SourceRecord
    from syncd.mapping import Mapped

    rules = shipped("table")
    assert isinstance(rules, InboundRules)
    with (MAPPINGS.parent / "examples" / "company.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        record = SourceRecord(native_id=NativeId(row["Employee Number"]), kind=Kind.PERSON, digest=b"", attributes=row)
        mapped = rules.map(record)
        assert isinstance(mapped, Mapped), mapped
        assert mapped.warnings == ()
        assert mapped.units
    assert len(rows) == 300


def cases(folder: Path, text: str, name: str = "table") -> list[str]:
    path = folder / "cases.yaml"
    path.write_text(text, encoding="utf-8")
    return [str(each) for each in run_cases(shipped(name), path)]


def test_a_failing_case_shows_expected_and_actual_and_its_place(tmp_path: Path) -> None:
    text = """\
cases:
  - name: Wrong in three ways
    record: {Employee Number: "1", Name: Li Na, Company: A, Country: id}
    expect: {displayName: Li, addresses.work.country: ID, title: x, userName: li}
    absent: [employeeNumber]
    units: [B]
"""
    (shown,) = cases(tmp_path, text)
    assert shown.splitlines() == [
        "FAILED  Wrong in three ways",
        f"        {tmp_path / 'cases.yaml'}:2:5",
        "        displayName",
        "          - 'Li'",
        "          + 'Li Na'",
        "        title",
        "          - 'x'",
        "          + nothing",
        "        userName",
        "          - 'li'",
        "          + (absent)",
        "        employeeNumber",
        "          - (absent)",
        "          + '1'",
        "        units",
        "          - ['B']",
        "          + ['A']",
    ]


def test_a_record_that_is_set_aside_unexpectedly_says_why(tmp_path: Path) -> None:
    (shown,) = cases(tmp_path, "cases: [{name: No number, record: {Name: Li}, expect: {displayName: Li}}]")
    assert "FAILED" in shown
    assert "set aside (parked)" in shown
    assert "MAP-002" in shown


def test_a_record_that_should_have_been_set_aside_fails_too(tmp_path: Path) -> None:
    given = 'record: {Employee Number: "1", Name: Li}'
    assert "aside" in cases(tmp_path, f"cases: [{{name: x, {given}, aside: parked}}]")[0]
    assert "why" in cases(tmp_path, "cases: [{name: x, record: {Name: Li}, aside: parked, why: FUN-999}]")[0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("cases: []", "RUL-003"),
        ("cases: [{name: x, facts: {a: b}}]", "RUL-050"),
        ("cases: [{name: x, recrd: {}}]", "RUL-001"),
    ],
)
def test_a_case_file_that_is_wrong_is_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        cases(tmp_path, text)
    assert code in [problem.code for problem in raised.value.problems]


def test_a_case_can_say_which_values_are_taken(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    fields = "name: displayName, mobile: phoneNumbers.mobile, departments: {memberships: units}"
    made = f"{fields}, userid: {{from: userName, unique: true}}"
    rules.write_text(f"version: 1\nrules: outbound\nperson: {{fields: {{{made}}}}}\n")
    facts = "{displayName: Li, userName: li, phoneNumbers.mobile: '+8613800138000', units: [unit:a]}"
    case = f"{{name: x, facts: {facts}, taken: {{userid: [li]}}, expect: {{userid: li2}}}}"
    (tmp_path / "cases.yaml").write_text(f"cases: [{case}]")
    (result,) = run_cases(load_outbound(rules, fields=FIELDS, now=now), tmp_path / "cases.yaml")
    assert result.passed, result


def test_the_schema_describes_every_key_for_editors() -> None:
    schema = rules_schema()
    shapes = schema["$defs"]
    assert schema["discriminator"]["propertyName"] == "rules"
    for name, shape in shapes.items():
        for key, described in shape.get("properties", {}).items():
            assert described.get("description"), f"{name}.{key} has no tooltip"
