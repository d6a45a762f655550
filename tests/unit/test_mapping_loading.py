"""What is wrong with a rule file is told when it is loaded: all of it at once, each with its place and what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from syncd.core.errors import MESSAGES, Misconfigured, Problem
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import Kind
from syncd.mapping import InboundRules, OutboundRules, load_inbound, load_outbound

ATTRIBUTES = {
    Kind.PERSON: {
        **dict.fromkeys(("mail", "title", "sn", "givenName", "mobile", "manager", "hired", "parent"), "text"),
        "memberOf": "texts",
        "control": "number",
        "enabled": "flag",
        "expires": "instant",
    }
}
FIELDS = {
    Kind.PERSON: {
        "userid": FieldSpec(
            type=FieldType.TEXT, required=True, immutable=True, unique=True, max_length=8, pattern="[a-z0-9]+"
        ),
        "name": FieldSpec(type=FieldType.TEXT, required=True, max_length=10),
        "nick": FieldSpec(type=FieldType.TEXT, forbidden="-,", clearable=True),
        "rank": FieldSpec(type=FieldType.NUMBER),
        "hired": FieldSpec(type=FieldType.DATE),
        "departments": FieldSpec(type=FieldType.MEMBERSHIPS),
        "extension": FieldSpec(type=FieldType.MAPPING, max_length=20, clearable=True),
        "manager": FieldSpec(type=FieldType.REFERENCE, clearable=True, late=True),
    }
}


def now() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


def inbound(folder: Path, text: str) -> InboundRules:
    path = folder / "rules.yaml"
    path.write_text("version: 1\nrules: inbound\n" + dedent(text), encoding="utf-8")
    return load_inbound(path, source="ad", attributes=ATTRIBUTES, now=now)


def outbound(folder: Path, text: str) -> OutboundRules:
    path = folder / "rules.yaml"
    path.write_text("version: 1\nrules: outbound\n" + dedent(text), encoding="utf-8")
    return load_outbound(path, fields=FIELDS, now=now)


def refused(folder: Path, text: str, *, out: bool = False) -> list[Problem]:
    with pytest.raises(Misconfigured) as raised:
        outbound(folder, text) if out else inbound(folder, text)
    return list(raised.value.problems)


def told(problem: Problem) -> tuple[str, int, int]:
    return problem.code, problem.place.line, problem.place.column


# Each rule stands in `person: {fields: …}`, which begins on line 3; so its first line is line 5, column 5.
INBOUND_FIELDS = [
    ("title: {form: mail}", ("RUL-001", 5, 13), "Did you mean 'from'?"),
    ("title: {from: mail, via: trim}", ("RUL-003", 5, 30), "a list is expected"),
    ("title: {from: mail, via: [{trim: 1, lower: 2}]}", ("RUL-003", 5, 31), "one function"),
    ("title: {from: mail, value: x}", ("RUL-005", 5, 12), "from and value"),
    ("title: {via: [trim]}", ("RUL-005", 5, 12), "none of them"),
    ("title: {expr: mail, via: [trim]}", ("RUL-006", 5, 25), "Call the functions in the expression"),
    ("title: [{from: mail, default: x}, {from: sn}]", ("RUL-007", 5, 26), "default"),
    ("title: tittle", ("RUL-020", 5, 12), "Did you mean 'title'?"),
    ("title: {from: [sn, gvenName], via: [join]}", ("RUL-020", 5, 24), "Did you mean 'givenName'?"),
    ("jobTitle: title", ("RUL-021", 5, 5), "Did you mean 'title'?"),
    ("extra: title", ("RUL-021", 5, 5), "extra.<name>"),
    ("hireDate: hired", ("RUL-024", 5, 15), "parse_date"),
    ("hireDate: expires", ("RUL-024", 5, 15), "date_in_zone"),
    ("title: control", ("RUL-024", 5, 12), "to_text"),
    ("active: title", ("RUL-024", 5, 13), "to_flag"),
    ("title: {expr: control > 2}", ("RUL-024", 5, 12), "true or false"),
    ("title: {from: [sn, givenName], via: [trim]}", ("RUL-025", 5, 41), "join"),
    ("title: {from: sn, when: title}", ("RUL-026", 5, 29), "a text"),
    ("title: {from: sn, when: {from: title, via: [trim]}}", ("RUL-026", 5, 29), "a text"),
    ("hireDate: {value: 22.11.2026}", ("RUL-027", 5, 23), "hireDate"),
    ("manager: {from: manager, by: employeNumber}", ("RUL-030", 5, 34), "Did you mean 'employeeNumber'?"),
    ("title: {from: title, by: employeeNumber}", ("RUL-030", 5, 30), "only references"),
    ("units: {memberships: parent}", ("RUL-031", 5, 13), "memberships"),
    ("title: {from: title, on_error: default}", ("RUL-035", 5, 36), "default"),
    ("title: {from: title, unique: true}", ("RUL-006", 5, 26), "Only text fields of the target"),
    ('title: {expr: "mail == "}', ("RUL-040", 5, 28), "Syntax error"),
    ('title: {expr: "mail + control"}', ("RUL-040", 5, 25), "no matching overload"),
    ('title: {expr: "lower(mial)"}', ("RUL-041", 5, 26), "Did you mean 'mail'?"),
    ('title: {expr: "lowr(mail)"}', ("RUL-041", 5, 20), "Did you mean 'lower'?"),
    ("title: {expr: 'row[\"E mail\"]'}", ("RUL-041", 5, 25), "not known"),
    ("title: {expr: \"lookup(title, 'nope')\"}", None, "nope"),
    ("title: {from: mail, via: [trimm]}", ("FUN-001", 5, 31), "trim"),
    ("title: {from: mail, via: [trim, {truncate: {length: 2, endin: x}}]}", ("FUN-002", 5, 37), "ending"),
    ("title: {from: memberOf, via: [to_number]}", ("FUN-005", 5, 35), "to_number"),
    ("title: {from: mail, via: [{regex_replace: {pattern: '('}}]}", None, "pattern"),
]


@pytest.mark.parametrize(("rule", "place", "words"), INBOUND_FIELDS, ids=[rule for rule, *_ in INBOUND_FIELDS])
def test_a_wrong_inbound_rule_is_told_with_its_place(
    tmp_path: Path, rule: str, place: tuple[str, int, int] | None, words: str
) -> None:
    problems = refused(tmp_path, f"person:\n  fields:\n    {rule}\n")
    assert place is None or told(problems[0]) == place
    assert len(problems) == 1
    assert words in str(problems[0])
    assert str(problems[0]).startswith(str(tmp_path / "rules.yaml") + ":5:")


OUTBOUND_FIELDS = [
    ("nik: title", ("RUL-022", 7, 5), "Did you mean 'nick'?"),
    ("nick: titel", ("RUL-021", 7, 11), "Did you mean 'title'?"),
    ("nick: unit.displayNam", ("RUL-021", 7, 11), "Did you mean 'unit.displayName'?"),
    ("nick: manager", ("RUL-024", 7, 11), "a reference"),
    ("manager: title", ("RUL-024", 7, 14), "a reference"),
    ("rank: title", ("RUL-024", 7, 11), "to_number"),
    ("nick: {from: title, default: 'R-D'}", ("RUL-027", 7, 34), "must not contain"),
    ("nick: {value: 'R,D'}", ("RUL-027", 7, 19), "must not contain"),
    ("rank: {from: unitOrder, on_null: clear}", ("RUL-028", 7, 38), "cannot be emptied"),
    ("manager: {from: manager, by: id}", ("RUL-030", 7, 34), "only references of inbound rules"),
    ("nick: {memberships: units}", ("RUL-031", 7, 12), "memberships"),
    ("nick: {mapping: {a: title}}", ("RUL-031", 7, 12), "mapping"),
    ("departments: {memberships: title}", ("RUL-024", 7, 32), "references"),
    ("departments: {memberships: units, order: title}", ("RUL-024", 7, 46), "a number"),
    ("nick: {from: title, order: unitOrder}", ("RUL-006", 7, 25), "memberships"),
    ("extension: {mapping: {a: titel}}", ("RUL-021", 7, 30), "Did you mean 'title'?"),
    ("rank: {from: unitOrder, unique: true}", ("RUL-006", 7, 29), "Only text fields"),
    ("hired: {expr: 'unit.displayNme'}", ("RUL-041", 7, 20), "unit.displayName"),
]


@pytest.mark.parametrize(("rule", "place", "words"), OUTBOUND_FIELDS, ids=[rule for rule, *_ in OUTBOUND_FIELDS])
def test_a_wrong_outbound_rule_is_told_with_its_place(
    tmp_path: Path, rule: str, place: tuple[str, int, int], words: str
) -> None:
    problems = refused(
        tmp_path, f"person:\n  fields:\n    userid: externalId\n    name: displayName\n    {rule}\n", out=True
    )
    assert [told(problem) for problem in problems] == [place]
    assert words in str(problems[0])


def test_a_field_that_never_changes_takes_no_stand_in_and_a_unique_one_no_constant(tmp_path: Path) -> None:
    rules = "person: {fields: {name: displayName, userid: {from: externalId, default: none, on_error: default}}}"
    assert [problem.code for problem in refused(tmp_path, rules, out=True)] == ["RUL-034", "RUL-033"]
    rules = "person: {fields: {name: displayName, userid: {value: toolongforit}}}"
    assert [problem.code for problem in refused(tmp_path, rules, out=True)] == ["RUL-034", "RUL-027"]


def test_what_the_target_requires_needs_a_rule(tmp_path: Path) -> None:
    problems = refused(tmp_path, "person: {required: [rank], fields: {name: displayName}}", out=True)
    assert [problem.code for problem in problems] == ["RUL-029", "RUL-029"]
    assert "'rank'" in problems[0].what
    assert "'userid'" in problems[1].what


def test_every_problem_of_a_file_is_told_at_once_and_in_order(tmp_path: Path) -> None:
    problems = refused(
        tmp_path,
        """\
        timezone: Shanghai
        region: China
        tables: {grades: {file: missing.csv}}
        person:
          required: [displayNam]
          exclude: [{when: mial == ''}]
          fields:
            title: tittle
            userName: {from: mail, via: [lowr]}
            jobTitle: title
        """,
    )
    codes = [problem.code for problem in problems]
    assert codes == ["RUL-009", "RUL-009", "RUL-008", "RUL-021", "RUL-041", "RUL-020", "FUN-001", "RUL-021"]
    assert [problem.place.line for problem in problems] == [3, 4, 5, 7, 8, 10, 11, 12]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("person: {fields: {title: title}, filds: {}}", "RUL-001"),
        ("person: {}", "RUL-002"),
        ("person: {fields: {title: 3}}", "RUL-003"),
        ("person: {fields: {title: title}, required: [mobile]}", "RUL-021"),
        ("person: {fields: {title: title}, required: [userName]}", "RUL-029"),
        ("unit: {fields: {displayName: name}}", "RUL-023"),
        ("person: {fields: {units: parent}, units: {path: [{name: title}]}}", "RUL-032"),
        ("person: {fields: {}, units: {path: [{name: title, value: x}]}}", "RUL-005"),
        ("person: {fields: {}, units: {path: [{nam: title}]}}", "RUL-001"),
        ("person: {fields: {}, units: {path: {from: title}}}", ""),
    ],
)
def test_a_wrong_section_is_told(tmp_path: Path, text: str, code: str) -> None:
    if not code:
        inbound(tmp_path, text)
        return
    assert [problem.code for problem in refused(tmp_path, text)] == [code]


def test_rules_of_the_other_direction_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("version: 1\nrules: outbound\nperson: {fields: {}}\n")
    with pytest.raises(Misconfigured) as raised:
        load_inbound(path, source="ad", attributes=None, now=now)
    assert told(raised.value.problems[0]) == ("RUL-004", 2, 8)


def test_adoption_by_a_field_that_is_not_there_is_refused(tmp_path: Path) -> None:
    rules = "person: {adopt: [mark, usrid], fields: {userid: externalId, name: displayName}}"
    problems = refused(tmp_path, rules, out=True)
    assert [problem.code for problem in problems] == ["RUL-022"]
    assert "'userid'" in problems[0].what


def test_yaml_words_stay_what_they_look_like(tmp_path: Path) -> None:
    rules = "tables: {countries: {NO: Norway, 0123: Codes}}\nperson: {fields: {title: {from: title, via: [lookup: countries]}}}"
    loaded = inbound(tmp_path, rules)
    from syncd.core.model import NativeId, SourceRecord

    for given, expected in (("NO", "Norway"), ("0123", "Codes")):
        record = SourceRecord(native_id=NativeId("1"), kind=Kind.PERSON, digest=b"", attributes={"title": given})
        assert loaded.map(record).facts == {"title": expected}  # type: ignore[union-attr]


def test_the_digest_changes_with_the_rules_and_with_their_tables_and_not_otherwise(tmp_path: Path) -> None:
    rules = "tables: {t: {file: t.csv}}\nperson: {fields: {title: {from: title, via: [lookup: t]}}}"
    (tmp_path / "t.csv").write_text("from,to\na,b\n")
    first = inbound(tmp_path, rules).digest
    assert inbound(tmp_path, rules).digest == first
    (tmp_path / "t.csv").write_text("from,to\na,c\n")
    second = inbound(tmp_path, rules).digest
    assert second != first
    assert inbound(tmp_path, rules + "\n# a remark").digest not in (first, second)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a,b\nx,1\nx,2\n", "line 3 repeats"),
        (b"a,b\nx\n", "line 2 has 1"),
        (b"a,b\n\xff,1\n", "not UTF-8"),
        (b'a,b\n"x', "unexpected end"),
    ],
)
def test_a_lookup_table_that_cannot_be_read_is_told(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    problems = refused(tmp_path, "tables: {t: {file: t.csv}}\nperson: {fields: {title: title}}")
    assert [problem.code for problem in problems] == ["RUL-008"]
    assert why in problems[0].what


def test_an_expression_in_a_block_is_told_at_its_own_line_and_column(tmp_path: Path) -> None:
    text = "person:\n  fields:\n    title:\n      expr: |\n        lower(title)\n          + mial\n"
    assert [told(problem) for problem in refused(tmp_path, text)] == [("RUL-041", 8, 13)]


def test_every_message_of_the_mapping_room_can_be_told_whole() -> None:
    import syncd.mapping.messages  # noqa: F401

    ours = [message for code, message in MESSAGES.items() if code.startswith(("RUL-", "MAP-"))]
    assert len(ours) > 40
    for message in ours:
        assert message.example
        assert message.what[-1] in ".}:"
        assert message.do[-1] in ".}"


def test_reading_is_cheap_to_import() -> None:
    import subprocess
    import sys

    code = "import sys, syncd.mapping; print([m for m in ('pydantic', 'ruamel', 'cel_expr_python', 're2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("rule", "loaded"), [("title", "False"), ("{expr: title}", "True")])
def test_cel_is_loaded_only_for_rules_that_have_expressions(tmp_path: Path, rule: str, loaded: str) -> None:
    import subprocess
    import sys

    path = tmp_path / "rules.yaml"
    path.write_text(f"version: 1\nrules: inbound\nperson:\n  fields:\n    title: {rule}\n", encoding="utf-8")
    code = (
        "import sys; from datetime import datetime; from pathlib import Path; from syncd.mapping import load_inbound; "
        "load_inbound(Path(sys.argv[1]), source='ad', attributes=None, now=datetime.now); "
        "print('cel_expr_python' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded
