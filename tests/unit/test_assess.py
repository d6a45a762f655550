"""What an assessment says about data that is not ready, and that it says nothing about data that is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncd.cli import assess_view
from syncd.core.errors import Message, Place
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import (
    Aside,
    Completeness,
    Desired,
    Entity,
    Kind,
    NativeId,
    ProofFact,
    Reason,
    SourceName,
    SubjectId,
)
from syncd.engine.assess import Remark, Report, SourceHealth, assess
from syncd.engine.assess_checks import Severity

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FIELDS = {
    Kind.PERSON: {
        "name": FieldSpec(type=FieldType.TEXT, max_length=8),
        "userid": FieldSpec(type=FieldType.TEXT, unique=True, pattern="[a-z]+"),
    },
    Kind.UNIT: {"name": FieldSpec(type=FieldType.TEXT, forbidden="-,")},
}
PROVEN = Completeness(facts=(ProofFact(name="all", holds=True, detail="yes"),))


def unit(name: str, *, parent: str | None = None, **more: Any) -> Entity:
    facts = {"displayName": name, **({"parent": f"unit:{parent}"} if parent else {})}
    return Entity(subject=SubjectId(f"unit:{name}"), kind=Kind.UNIT, facts=facts, **more)


def person(name: str, *, unresolved: Any = None, **facts: Any) -> Entity:
    known = {
        "displayName": name,
        "emails.work": f"{name.casefold()}@example.com",
        "phoneNumbers.mobile": f"+62811000{sum(map(ord, name)):04}",
        "units": ("unit:Sales",),
        "manager": "person:boss",
        **facts,
    }
    return Entity(
        subject=SubjectId(f"person:{name}"),
        kind=Kind.PERSON,
        facts={key: value for key, value in known.items() if value is not None},
        records=((SourceName("hr"), NativeId(name)),),
        unresolved=unresolved or {},
    )


SALES = unit("Sales")
BOSS = Entity(
    subject=SubjectId("person:boss"),
    kind=Kind.PERSON,
    facts={"displayName": "Boss", "units": ("unit:Sales",), "manager": "person:top"},
)


def report(*entities: Entity, **more: Any) -> Report:
    return assess((SALES, BOSS, *entities), fields=FIELDS, now=NOW, **more)


def found(*entities: Entity, **more: Any) -> dict[str, tuple[str, ...]]:
    return {f"{each.code} {each.severity}": each.samples for each in report(*entities, **more).findings}


def test_good_data_has_no_findings_and_everybody_is_ready() -> None:
    good = report(person("Ani"), person("Budi"), sources=[SourceHealth(name="hr", completeness=PROVEN)])
    assert good.findings == ()
    assert (good.ready, good.score) == (3, 100)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"phoneNumbers.mobile": "0811-1"}, "ASS-030 warning"),
        ({"phoneNumbers.mobile": "+62811CALLME"}, "ASS-030 warning"),
        ({"emails.work": "ani@example"}, "ASS-031 warning"),
        ({"emails.home": "ani example.com"}, "ASS-031 warning"),
        ({"units": None}, "ASS-050 warning"),
        ({"manager": None}, "ASS-040 hint"),
        ({"unresolved": {"manager": ("CN=Gone",)}}, "ASS-041 warning"),
        ({"unresolved": {"groups": ("CN=Elsewhere",)}}, "ASS-044 hint"),
    ],
)
def test_each_defect_of_a_person_is_found_named_and_counted(facts: dict[str, Any], code: str) -> None:
    assert found(person("Ani", **facts), person("Budi")) == {code: ("Ani",)}


def test_readiness_counts_blockers_and_warnings_and_no_hints() -> None:
    made = report(person("Ani", manager=None), person("Budi", units=None))
    assert (made.ready, made.population[Kind.PERSON], made.score) == (2, 3, 66)


@pytest.mark.parametrize("name", ["phoneNumbers.mobile", "emails.work", "employeeNumber", "userName"])
def test_doubles_are_found_whatever_the_case_and_the_blanks(name: str) -> None:
    value = "+62 811 0001234" if "phone" in name else "ani@Example.com" if "mail" in name else "Ab 12"
    other = value.replace(" ", "") if "phone" in name else value.upper()
    assert found(person("Ani", **{name: value}), person("Budi", **{name: other})) == {
        "ASS-020 warning": ("Ani", "Budi")
    }


def test_a_double_that_the_target_complains_of_is_told_once() -> None:
    people = person("Ani", userName="same"), person("Budi", userName="same")
    wishes = [
        Desired(subject=one.subject, kind=Kind.PERSON, label=one.label, fields={"userid": "same"}) for one in people
    ]
    assert found(*people, desired=wishes) == {"ASS-061 blocker": ("Ani", "Budi")}


def test_managers_in_a_circle_and_managers_who_left_are_found() -> None:
    ring = person("Ani", manager="person:Budi"), person("Budi", manager="person:Ani")
    assert found(*ring) == {"ASS-042 warning": ("Ani", "Budi")}
    gone = person("Chandra", active=False)
    assert found(gone, person("Dewi", manager="person:Chandra")) == {"ASS-043 warning": ("Dewi",)}


def test_somebody_who_has_left_is_not_judged() -> None:
    left = person("Ani", active=False, units=None, manager=None, **{"emails.work": "broken"})
    assert report(left).population[Kind.PERSON] == 1
    assert found(left) == {}


def test_units_that_are_orphaned_empty_or_doubled_are_found() -> None:
    assert found(unit("Lost", unresolved={"parent": ("OU=Gone",)}), person("Ani", units=("unit:Lost",))) == {
        "ASS-051 warning": ("Lost",)
    }
    assert found(unit("Empty")) == {"ASS-052 hint": ("Empty",)}
    twin = Entity(subject=SubjectId("unit:2"), kind=Kind.UNIT, facts={"displayName": "sales "})
    assert found(twin, person("Ani", units=("unit:2",))) == {"ASS-053 warning": ("Sales", "sales ")}


def test_a_unit_with_people_only_below_it_is_not_empty() -> None:
    below = unit("Team", parent="Division")
    assert found(unit("Division"), below, person("Ani", units=("unit:Team",))) == {}


@pytest.mark.parametrize(
    ("kind", "fields", "why"),
    [
        (Kind.PERSON, {"name": "123456789"}, "longer than 8"),
        (Kind.PERSON, {"userid": "A1"}, "characters that are not allowed"),
        (Kind.UNIT, {"name": "R&D - Lab"}, "contains “-”"),
    ],
)
def test_what_the_target_would_refuse_is_found_before_it_is_asked(kind: Kind, fields: dict[str, str], why: str) -> None:
    (finding,) = report(desired=[Desired(subject=SubjectId("x:1"), kind=kind, label="X", fields=fields)]).findings
    assert (finding.code, finding.severity) == ("ASS-060", Severity.BLOCKER)
    assert why in finding.what


def test_whoever_is_left_aside_is_a_blocker_in_the_words_of_the_rule_and_whoever_is_excluded_is_none() -> None:
    told = Message(code="TST-901", what="“{field}” is empty.", do="Fill it in.", example="")
    parked = Aside(
        reason=Reason.PARKED, kind=Kind.PERSON, name="hr/7", label="Eko", problems=(told.at(field="mobile"),)
    )
    excluded = Aside(reason=Reason.EXCLUDED, kind=Kind.PERSON, name="hr/8", label="Printer")
    unclear = Aside(reason=Reason.AMBIGUOUS, kind=Kind.PERSON, name="hr/9", label="Fajar", why="two people claim it")
    made = report(asides=[parked, excluded, unclear])
    assert {each.what: each.samples for each in made.findings} == {
        "“mobile” is empty.": ("Eko",),
        "Left aside: two people claim it.": ("Fajar",),
    }
    assert (made.ready, made.population[Kind.PERSON]) == (1, 3)


def test_what_a_rule_left_out_is_a_warning_about_the_person_it_became() -> None:
    told = Message(code="TST-902", what="Not a mail.", do="Correct it.", example="")
    made = report(person("Ani"), remarks=[Remark(name="hr/Ani", label="?", problem=told.at())])
    assert [(each.severity, each.samples) for each in made.findings] == [(Severity.WARNING, ("Ani",))]
    assert made.ready == 1


def test_sources_that_are_unread_doubtful_or_stale_are_findings() -> None:
    doubtful = Completeness(facts=(ProofFact(name="every row has a key", holds=False, detail="without: 2"),))
    told = Message(code="TST-903", what="No answer.", do="Wait.", example="")
    sources = [
        SourceHealth(name="ad", failure=told.at(Place())),
        SourceHealth(name="hr", completeness=doubtful),
        SourceHealth(name="old", completeness=PROVEN, newest=NOW - timedelta(days=31)),
        SourceHealth(name="young", completeness=PROVEN, newest=NOW - timedelta(days=29)),
    ]
    assert [each.what for each in report(sources=sources).findings] == [
        "The source ad could not be read: No answer.",
        "The source hr was not read completely for certain (every row has a key: without: 2).",
        "The source old says that nothing changed in it for 31 days.",
    ]


def test_fill_rates_are_of_active_objects_and_in_the_order_of_the_attribute_table() -> None:
    made = report(person("Ani", title="Staf"), person("Budi", active=False, title="Lama"))
    rows = {row.attribute: (row.filled, row.total) for row in made.fill if row.kind is Kind.PERSON}
    assert rows["title"] == (1, 2)
    assert list(rows) == ["displayName", "title", "emails.work", "phoneNumbers.mobile", "manager", "units"]


def test_samples_are_ten_and_the_count_is_of_all() -> None:
    (finding,) = report(*(person(f"P{number:02}", units=None, manager="person:boss") for number in range(30))).findings[
        -1:
    ]
    assert (finding.count, len(finding.samples), len(finding.subjects)) == (30, 10, 30)


def test_the_same_input_gives_the_same_report_whatever_its_order() -> None:
    people: Sequence[Entity] = [person(f"P{number:02}", units=None) for number in range(9)]
    assert report(*people) == report(*reversed(people))


def test_an_empty_company_is_not_ready() -> None:
    assert assess((), fields=FIELDS, now=NOW).score == 0


def test_the_page_escapes_names_and_needs_nothing_from_outside() -> None:
    page = assess_view.as_html(
        report(person("<script>alert(1)</script>", units=None), sources=[SourceHealth(name="hr & co")])
    )
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "hr &amp; co" in page
    assert "http" not in page
    assert "src=" not in page


def test_json_names_everybody_concerned() -> None:
    shown = assess_view.as_json(report(person("Ani", units=None)))
    assert [(each["code"], each["subjects"]) for each in shown["findings"]] == [("ASS-050", ["person:Ani"])]
    assert shown["population"] == {"person": 2, "unit": 1, "group": 0}
