"""What inbound rules make of records: alternatives, conditions, scope, errors, references, and how it is explained."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from syncd.core.model import Aside, Kind, NativeId, Reason, SourceRecord
from syncd.mapping import InboundRules, Mapped, load_inbound

TEXTS = ["login", "display", "sn", "given", "title", "mobile", "mail", "company", "manager", "parent", "hired"]
ATTRIBUTES = {
    Kind.PERSON: {**dict.fromkeys(TEXTS, "text"), "groups": "texts", "rank": "number", "enabled": "flag"},
    Kind.GROUP: {"cn": "text", "member": "texts", "owner": "text"},
}


def load(folder: Path, text: str, attributes: Any = ATTRIBUTES) -> InboundRules:
    path = folder / "rules.yaml"
    path.write_text("version: 1\nrules: inbound\n" + dedent(text), encoding="utf-8")
    return load_inbound(path, source="ad", attributes=attributes, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))


def fields(folder: Path, *lines: str) -> InboundRules:
    return load(folder, "person:\n  fields:\n" + "".join(f"    {line}\n" for line in lines))


def record(kind: Kind = Kind.PERSON, **attributes: Any) -> SourceRecord:
    return SourceRecord(native_id=NativeId("guid-1"), kind=kind, digest=b"", attributes=attributes)


def facts(rules: InboundRules, **attributes: Any) -> dict[str, Any]:
    mapped = rules.map(record(**attributes))
    assert isinstance(mapped, Mapped), mapped
    return mapped.facts


def aside(rules: InboundRules, **attributes: Any) -> Aside:
    mapped = rules.map(record(**attributes))
    assert isinstance(mapped, Aside), mapped
    return mapped


@pytest.mark.parametrize("nothing", [{}, {"title": None}, {"title": ""}, {"title": "  "}])
def test_nothing_leaves_the_field_out_or_empties_it_or_takes_the_default(
    tmp_path: Path, nothing: dict[str, Any]
) -> None:
    assert facts(fields(tmp_path, "title: title"), **nothing) == {}
    assert facts(fields(tmp_path, "title: {from: title, on_null: clear}"), **nothing) == {"title": None}
    assert facts(fields(tmp_path, "title: {from: title, default: Staff}"), **nothing) == {"title": "Staff"}


def test_a_blank_text_that_no_step_trims_says_nothing(tmp_path: Path) -> None:
    assert (
        facts(fields(tmp_path, "displayName: display", "title: {from: title, via: [lower]}"), display=" ", title="\t")
        == {}
    )


def test_zero_and_false_say_something(tmp_path: Path) -> None:
    rules = fields(tmp_path, "unitOrder: {from: rank, default: 9}", "active: {from: enabled, default: true}")
    assert facts(rules, rank=0, enabled=False) == {"unitOrder": 0, "active": False}


def test_steps_run_in_order_and_an_absent_value_passes_them_by(tmp_path: Path) -> None:
    rules = fields(tmp_path, "title: {from: title, via: [trim, upper, truncate: 3, {suffix: '!'}]}")
    assert facts(rules, title=" engineer ") == {"title": "ENG!"}
    assert facts(rules, title="") == {}


def test_the_first_alternative_that_applies_and_gives_a_value_wins_and_is_named_as_the_origin(tmp_path: Path) -> None:
    rules = fields(
        tmp_path,
        "displayName:",
        "  - {from: display, when: \"company == 'A'\"}",
        "  - {from: [sn, given], via: [join]}",
        "  - {from: login, default: somebody}",
    )
    assert facts(rules, display="D", company="A", sn="S") == {"displayName": "D"}
    assert facts(rules, display="D", company="B", sn="S", given="G") == {"displayName": "S G"}
    assert facts(rules, display="D", company="B", login="l") == {"displayName": "l"}
    assert facts(rules) == {"displayName": "somebody"}
    for given, line in (({"display": "D", "company": "A"}, 6), ({"sn": "S"}, 7)):
        mapped = rules.map(record(Kind.PERSON, **given))
        assert isinstance(mapped, Mapped)
        assert mapped.origins["displayName"].line == line


def test_a_condition_may_be_an_expression_or_a_pipeline_and_absent_is_not_true(tmp_path: Path) -> None:
    rules = fields(
        tmp_path,
        "title: {from: title, when: {from: enabled}}",
        "remark: {value: high, when: rank > 3}",
        "userType: {value: group, when: {from: groups, via: [{contains: staff}]}}",
    )
    assert facts(rules, title="T", enabled=True, rank=4, groups=("staff",)) == {
        "title": "T",
        "remark": "high",
        "userType": "group",
    }
    assert facts(rules, title="T") == {}


def test_excluded_records_say_why_and_the_first_exclusion_counts(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        """\
        person:
          include:
            - {when: "company == 'A'", reason: company A}
            - {when: {from: groups, via: [{contains: staff}]}, reason: staff}
          exclude:
            - {when: "login.startsWith('svc')", reason: service account}
            - {when: "title == 'Robot'"}
          fields: {userName: login}
        """,
    )
    assert facts(rules, login="a", company="A") == {"userName": "a"}
    assert facts(rules, login="a", groups=["staff"]) == {"userName": "a"}
    assert (aside(rules, login="svc1", company="A").reason, aside(rules, login="svc1").why) == (
        Reason.EXCLUDED,
        "service account",
    )
    assert aside(rules, title="Robot", company="A").why == "title == 'Robot'"
    assert aside(rules, login="a").why == "not included: company A or staff"


def test_a_scope_that_cannot_be_decided_parks_the_record(tmp_path: Path) -> None:
    rules = load(tmp_path, "person: {exclude: [{when: 10 / rank > 3}], fields: {userName: login}}")
    parked = aside(rules, login="a", rank=0)
    assert (parked.reason, parked.problems[0].code) == (Reason.PARKED, "MAP-010")
    assert "divide by zero" in parked.problems[0].what
    assert facts(rules, login="a") == {"userName": "a"}


def test_a_value_that_cannot_be_converted_parks_or_skips_or_takes_the_default(tmp_path: Path) -> None:
    line = "phoneNumbers.mobile: {{from: mobile, via: [e164]{}}}"
    parked = aside(fields(tmp_path, "userName: login", line.format("")), login="li", mobile="ask HR")
    assert (parked.reason, parked.kind, parked.name, parked.label) == (Reason.PARKED, Kind.PERSON, "ad/guid-1", "li")
    assert parked.problems[0].code == "MAP-001"
    assert parked.problems[0].place.line == 6
    assert "ask HR" not in str(parked)

    skipped = fields(tmp_path, "userName: login", line.format(", on_error: skip_field")).map(
        record(login="li", mobile="ask HR")
    )
    assert isinstance(skipped, Mapped)
    assert skipped.facts == {"userName": "li"}
    assert [problem.code for problem in skipped.warnings] == ["MAP-001"]

    standing_in = fields(tmp_path, line.format(", on_error: default, default: none")).map(record(mobile="ask HR"))
    assert isinstance(standing_in, Mapped)
    assert standing_in.facts == {"phoneNumbers.mobile": "none"}
    assert len(standing_in.warnings) == 1


def test_every_problem_of_a_record_is_told_at_once(tmp_path: Path) -> None:
    rules = fields(
        tmp_path, "phoneNumbers.mobile: {from: mobile, via: [e164]}", "emails.work: {from: mail, via: [email]}"
    )
    assert len(aside(rules, mobile="x", mail="y").problems) == 2


def test_a_value_of_another_type_than_the_source_declares_is_told_not_guessed(tmp_path: Path) -> None:
    rules = fields(tmp_path, "title: title")
    assert "gave a number" in aside(rules, title=7).problems[0].what
    rules = fields(tmp_path, "title: {from: title, via: [trim]}")
    assert "FUN" in aside(rules, title=["a"]).problems[0].what or "trim" in aside(rules, title=["a"]).problems[0].what
    rules = fields(tmp_path, "active: enabled")
    assert "true or false" in aside(rules, enabled="TRUE").problems[0].what
    unknown = load(tmp_path, "person: {fields: {title: Title, unitOrder: Rank}}", None)
    assert facts(unknown, Title="T", Rank=3) == {"title": "T", "unitOrder": 3}
    assert aside(unknown, Title="T", Rank="3").problems[0].code == "MAP-001"


def test_what_is_required_and_missing_parks_the_record_with_its_label(tmp_path: Path) -> None:
    rules = load(tmp_path, "person: {required: [displayName], fields: {displayName: display, userName: login}}")
    parked = aside(rules, login="li")
    assert (parked.reason, parked.label, parked.problems[0].code) == (Reason.PARKED, "li", "MAP-002")


def test_references_keep_the_source_s_text_and_say_how_to_read_it(tmp_path: Path) -> None:
    rules = fields(
        tmp_path, "manager: {from: manager, by: employeeNumber}", "units: {from: parent, by: id}", "groups: groups"
    )
    assert rules.refers == {Kind.PERSON: {"manager": "employeeNumber", "units": "id", "groups": "alias"}}
    assert facts(rules, manager="007", parent="ou", groups=["a", "b"]) == {
        "manager": "007",
        "units": ("ou",),
        "groups": ("a", "b"),
    }


def test_groups_can_become_departments(tmp_path: Path) -> None:
    rules = load(tmp_path, "group: {as: unit, fields: {displayName: cn, managers: owner}}")
    mapped = rules.map(record(Kind.GROUP, cn="Finance", owner="CN=Li"))
    assert isinstance(mapped, Mapped)
    assert (mapped.kind, mapped.facts) == (Kind.UNIT, {"displayName": "Finance", "managers": ("CN=Li",)})


def test_records_of_a_kind_without_rules_are_set_aside(tmp_path: Path) -> None:
    left = fields(tmp_path, "title: title").map(record(Kind.GROUP, cn="x"))
    assert isinstance(left, Aside)
    assert (left.reason, left.kind) == (Reason.EXCLUDED, Kind.GROUP)
    assert "group" in left.why


def test_the_rules_know_what_they_read(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        """\
        person:
          exclude: [{when: "mail == ''"}]
          fields:
            title: {from: [title, company], via: [join], when: {from: enabled}}
            remark: {expr: "sn + given"}
          units: {path: [{name: parent, id: {expr: hired}}]}
        """,
    )
    assert rules.reads[Kind.PERSON] == {"mail", "title", "company", "enabled", "sn", "given", "parent", "hired"}


@pytest.mark.parametrize(
    ("rule", "reads"),
    [
        ("title: title", {"title"}),
        ("title: [title, {from: [sn, given], via: [join]}]", {"title", "sn", "given"}),
        ("title: {from: title, when: \"mail.startsWith('a')\"}", {"title", "mail"}),
        ("title: {expr: \"[sn, given].filter(part, part != '').map(part, part + mail)[0]\"}", {"sn", "given", "mail"}),
        ("title: {from: title, via: [{default: company}]}", {"title"}),
        ("title: {value: company}", set()),
    ],
)
def test_every_form_of_a_rule_says_what_it_reads(tmp_path: Path, rule: str, reads: set[str]) -> None:
    assert fields(tmp_path, rule).reads == {Kind.PERSON: reads}


def test_explain_shows_inputs_every_step_and_what_decided(tmp_path: Path) -> None:
    rules = fields(
        tmp_path,
        "title: {from: title, via: [trim, truncate: 3]}",
        "remark: [{from: company, when: rank > 3}, {from: sn, default: none}]",
        "phoneNumbers.mobile: {from: mobile, via: [trim, e164], on_error: skip_field}",
        "userType: {expr: \"title != '' ? 'named' : ''\"}",
        "nickName: given",
    )
    trace = rules.explain(record(title=" Engineer", rank=1, company="C", mobile=" x "))
    title, remark, mobile, kind, nick = trace.fields
    assert (title.inputs, title.steps, title.output) == (
        {"title": " Engineer"},
        (("trim", "Engineer"), ("truncate: 3", "Eng")),
        "Eng",
    )
    assert (title.rule.line, title.spelled) == (5, "from: title via: trim, truncate: 3")
    assert remark.output == "none"
    assert "rank > 3" in remark.note
    assert "default" in remark.note
    assert mobile.steps == (("trim", "x"),)
    assert mobile.problem is not None
    assert mobile.absent
    assert kind.steps == (("title != '' ? 'named' : ''", "named"),)
    assert nick.absent
    assert trace.result == {"title": "Eng", "remark": "none", "userType": "named"}
    assert trace.name == "ad/guid-1"


def test_a_column_whose_name_is_no_word_is_read_as_a_cell_of_the_row(tmp_path: Path) -> None:
    rules = load(
        tmp_path, 'person: {fields: {title: {expr: \'row["Job Title"] + row["list"]\'}, userName: {expr: Login}}}', None
    )
    assert facts(rules, **{"Job Title": "Engineer", "list": "!", "Login": "li"}) == {
        "title": "Engineer!",
        "userName": "li",
    }
    assert rules.reads[Kind.PERSON] == {"Job Title", "list", "Login"}


def test_attributes_may_be_a_lazy_mapping(tmp_path: Path) -> None:
    from collections import ChainMap

    rules = fields(tmp_path, "title: title")
    lazy = SourceRecord(native_id=NativeId("1"), kind=Kind.PERSON, digest=b"", attributes=ChainMap({}, {"title": "T"}))
    assert rules.map(lazy).facts == {"title": "T"}  # type: ignore[union-attr]
