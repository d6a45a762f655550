"""`syncd explain`: one person, every value with its rule and its source, and what would be written."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.office import Office, Opened
from support.small_world import SmallWorld
from syncd.core.model import Effect, Entity, Kind, NativeId, Origin, SourceName, SubjectId
from syncd.core.policy import Limit, Limits
from syncd.engine.explain import Explanation
from syncd.engine.world import GuardTerms
from syncd.mapping.results import FieldTrace, Trace


def company(world: SmallWorld) -> None:
    world.company(4)
    world.sync()


@pytest.fixture
def office(opened: Opened) -> Office:
    return opened(prepare=company)


def test_each_field_is_told_with_its_rule_its_source_and_names(office: Office) -> None:
    ran = office.run("explain", "Example 3")
    assert ran.code == 0
    lines = ran.out.splitlines()
    after = {line.split()[0]: lines[place : place + 3] for place, line in enumerate(lines) if line[:3].strip()}
    assert after["userid"][0].endswith("e3")
    assert after["userid"][1].endswith("out.yaml:6")
    assert after["departments"][0].endswith("Unit team")
    assert after["manager"][0].endswith("Example 1")
    assert "← hr: name “Example 3”" in ran.out
    assert "in.yaml:8" in ran.out
    assert "Nothing would be written." in ran.out


def test_what_would_be_written_is_told_with_old_and_new(office: Office) -> None:
    office.world.edit("3", title="Baker")
    office.world.sync(write=False)
    ran = office.run("explain", "Example 3")
    assert "title        Baker   now: —" in ran.out
    assert "title: — → Baker  out.yaml:9" in ran.out
    changes = office.run("explain", "Example 3", "--json").json["changes"]
    assert [(item["name"], item["after"]) for change in changes for item in change["fields"]] == [("title", "Baker")]


def test_a_change_that_the_guard_would_hold_is_said_to_be_held(office: Office) -> None:
    limits = Limits(by_effect={Effect.UPDATE: Limit(count=1)})
    office.world.world = replace(office.world.world, guard=GuardTerms(plan_only_first=False, limits=limits))
    office.world.edit("3", title="Baker")
    office.world.sync(write=False)
    assert "held by the guard for update" in office.run("explain", "Example 3").out


def test_explaining_keeps_nothing(office: Office) -> None:
    office.world.person("9", "team")
    office.world.sync(write=False)
    with office.world.store.transaction() as tx:
        tx.records.set_subject(SourceName("hr"), Kind.PERSON, NativeId("9"), subject=None)
    assert "person:" in office.run("explain", "Example 9").out
    with office.world.store.reading() as tx:
        after = tx.records.get(SourceName("hr"), Kind.PERSON, NativeId("9"))
    assert after is not None
    assert after.subject is None


def test_why_somebody_is_parked_is_told_with_the_place(office: Office) -> None:
    office.world.edit("3", name=None)
    office.world.sync()
    ran = office.run("explain", "3")
    assert "Left as it is: parked" in ran.out
    assert "displayName" in ran.out
    assert "in.yaml" in ran.out


def test_why_somebody_is_excluded_is_told(office: Office) -> None:
    office.world.person("8", "team", kind="service")
    office.world.sync()
    assert "service account" in office.run("explain", "8").out


def test_a_leaver_is_told_with_the_reason(office: Office) -> None:
    office.world.edit("3", state="left")
    office.world.sync(write=False)
    assert "a leaver: inactive in hr" in office.run("explain", "Example 3").out


def test_the_trace_shows_every_step(office: Office) -> None:
    said = office.run("explain", "Example 3", "--trace").out
    assert "What hr says (hr/3)" in said
    assert "What that means for the target" in said
    assert "unit = team" in said
    assert "split" in said


@pytest.mark.parametrize("who", ["e3", "3", "EXAMPLE 3"])
def test_somebody_is_found_by_account_record_or_name(office: Office, who: str) -> None:
    assert office.run("explain", who, "--json").json["label"] == "Example 3"


def test_a_unit_is_explained_too(office: Office) -> None:
    ran = office.run("explain", "Unit team")
    assert "parent" in ran.out
    assert "Unit top" in ran.out


def test_nobody_and_several_are_refused_with_what_to_do(office: Office) -> None:
    ran = office.run("explain", "Nobody Like That")
    assert (ran.code, "EXP-001" in ran.err) == (3, True)
    ran = office.run("explain", "Example")
    assert (ran.code, "EXP-002" in ran.err, "Example 2 (person 2)" in ran.err) == (3, True, True)
    ran = office.run("explain")
    assert (ran.code, "CLI-115" in ran.err) == (2, True)


def test_a_record_that_no_source_has_is_explained_without_state_or_target(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "new.json"
    file.write_text(json.dumps({"id": "e99", "name": "Example 99", "mobile": "138", "kind": "staff", "state": "here"}))
    office.world.store.close()
    ran = office.run("explain", "--record", str(file))
    assert ran.code == 0
    assert "Example 99" in ran.out
    assert "out.yaml:7" in ran.out
    assert "Would be written" not in ran.out
    parked = tmp_path / "parked.yaml"
    parked.write_text("id: e98\nkind: staff\nstate: here\n")
    assert "Left as it is: parked" in office.run("explain", "--record", str(parked)).out


@pytest.mark.parametrize(("text", "code"), [("{}", "CLI-113"), ("[1, 2]", "CFG-"), ("{open", "CFG-")])
def test_what_is_no_record_is_refused(office: Office, tmp_path: Path, text: str, code: str) -> None:
    file = tmp_path / "record.json"
    file.write_text(text)
    ran = office.run("explain", "--record", str(file))
    assert (ran.code, code in ran.err) == (3, True)


def test_a_record_for_an_unknown_source_is_refused(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text('{"id": "1"}')
    ran = office.run("explain", "--record", str(file), "--source", "adn")
    assert (ran.code, "CLI-114" in ran.err) == (2, True)


def test_what_another_source_says_and_is_overruled_is_told(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    from syncd.cli.call import Call
    from syncd.cli.telling.explain import Manner, tell_explanation
    from syncd.core.errors import Place

    place = Place(file="out.yaml", line=3)

    def inbound(source: str, title: str) -> Trace:
        said = FieldTrace(field="title", rule=place, spelled="from: title", inputs={"title": title}, output=title)
        return Trace(kind=Kind.PERSON, name=f"{source}/1", result={"title": title}, fields=(said,))

    origin = Origin(source=SourceName("hr"), native_id=NativeId("1"), rule=place)
    entity = Entity(
        subject=SubjectId("person:1"), kind=Kind.PERSON, facts={"title": "Baker"}, origins={"title": origin}
    )
    field = FieldTrace(field="title", rule=place, spelled="from: title", inputs={"title": "Baker"}, output="Baker")
    one = Explanation(
        subject=entity.subject,
        label="An Example",
        records=(),
        inbound=((SourceName("hr"), inbound("hr", "Baker")), (SourceName("ad"), inbound("ad", "Cook"))),
        entity=entity,
        outbound=Trace(kind=Kind.PERSON, name="person:1", result={"title": "Baker"}, fields=(field,)),
        link=None,
        observed=None,
        wanted={"title": "Baker"},
        seen={},
        changes=(),
        asides=(),
    )
    tell_explanation(Call().out, one, Manner(base=Path(), now=office.world.now() + timedelta(0)))
    said = capsys.readouterr().out
    assert "← hr: title “Baker”" in said
    assert "(overruled: ad says Cook)" in said
