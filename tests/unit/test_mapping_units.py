"""Departments found along a path of attributes: keyed so that renames and moves stay what they are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from syncd.core.model import Aside, Kind, NativeId, SourceRecord
from syncd.mapping import InboundRules, Mapped, load_inbound


def load(folder: Path, units: str) -> InboundRules:
    path = folder / "rules.yaml"
    path.write_text(
        f"version: 1\nrules: inbound\nperson:\n  fields: {{userName: login}}\n  units: {units}\n", encoding="utf-8"
    )
    return load_inbound(path, source="hr", attributes=None, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))


def mapped(rules: InboundRules, **attributes: Any) -> Mapped:
    found = rules.map(SourceRecord(native_id=NativeId("1"), kind=Kind.PERSON, digest=b"", attributes=attributes))
    assert isinstance(found, Mapped), found
    return found


WITH_IDS = "{path: [{name: company, id: cc, owner: true}, {name: division, id: dc}, {name: team, id: tc}]}"
FULL = {"company": "Contoh", "cc": "C1", "division": "Finance", "dc": "D1", "team": "Payroll", "tc": "T1"}


def test_every_level_becomes_a_unit_and_the_person_belongs_to_the_deepest(tmp_path: Path) -> None:
    found = mapped(load(tmp_path, WITH_IDS), **FULL)
    assert [(unit.key, unit.parent) for unit in found.units] == [
        ("cc=C1", None),
        ("dc=D1", "cc=C1"),
        ("tc=T1", "dc=D1"),
    ]
    assert found.units[1].facts == {"displayName": "Finance", "code": "D1", "organization": "Contoh"}
    assert found.facts["units"] == ("tc=T1",)
    assert found.origins["units"].line == 5


def test_a_rename_keeps_the_key_where_there_is_an_id(tmp_path: Path) -> None:
    rules = load(tmp_path, WITH_IDS)
    before, after = mapped(rules, **FULL), mapped(rules, **{**FULL, "division": "Money"})
    assert [unit.key for unit in before.units] == [unit.key for unit in after.units]
    assert after.units[1].facts["displayName"] == "Money"


def test_a_move_keeps_the_key_and_changes_the_parent(tmp_path: Path) -> None:
    moved = mapped(load(tmp_path, WITH_IDS), **{**FULL, "dc": "D2", "division": "Sales"})
    assert (moved.units[2].key, moved.units[2].parent) == ("tc=T1", "dc=D2")


def test_without_ids_the_normalised_path_is_the_key(tmp_path: Path) -> None:
    rules = load(tmp_path, "{path: [{name: company}, {name: division}]}")
    one, two = mapped(rules, company="Contoh ", division="R/D"), mapped(rules, company="ＣＯＮＴＯＨ", division=" r/d")
    assert one.facts["units"] == two.facts["units"] == ("/contoh/r%2Fd",)
    assert one.units[1].facts["displayName"] == "R/D"
    assert mapped(rules, company="Contoh/R", division="D").facts["units"] != one.facts["units"]


@pytest.mark.parametrize("missing", [{"division": ""}, {"division": None}, {"division": "  "}])
def test_a_level_without_a_name_is_left_out(tmp_path: Path, missing: dict[str, Any]) -> None:
    found = mapped(load(tmp_path, WITH_IDS), **{**FULL, **missing})
    assert [(unit.key, unit.parent) for unit in found.units] == [("cc=C1", None), ("tc=T1", "cc=C1")]


def test_two_levels_with_one_id_are_one_unit(tmp_path: Path) -> None:
    rules = load(tmp_path, "{path: [{name: company, id: code}, {name: division, id: code}, {name: team}]}")
    found = mapped(rules, company="A", division="B", code="1", team="T")
    assert [(unit.key, unit.parent) for unit in found.units] == [("code=1", None), ("code=1/t", "code=1")]


def test_somebody_without_any_level_has_no_units(tmp_path: Path) -> None:
    found = mapped(load(tmp_path, WITH_IDS), login="x")
    assert found.units == ()
    assert "units" not in found.facts


def test_a_fixed_level_merges_several_roots(tmp_path: Path) -> None:
    rules = load(tmp_path, "{path: [{value: Group, id: {value: root}}, {name: company, order: {from: rank}}]}")
    one, two = mapped(rules, company="A", rank=1), mapped(rules, company="B", rank=2)
    assert one.units[0] == two.units[0]
    assert {unit.parent for unit in (one.units[1], two.units[1])} == {"id=root"}
    assert two.units[1].facts["order"] == 2


def test_a_list_of_names_can_be_the_path_to_any_depth(tmp_path: Path) -> None:
    rules = load(tmp_path, "{path: {from: dn, via: [dn_ous]}}")
    found = mapped(rules, dn="CN=Li,OU=Team,OU=Finance,OU=Staff,DC=example,DC=com")
    assert [unit.facts["displayName"] for unit in found.units] == ["Staff", "Finance", "Team"]
    deep = mapped(rules, dn="CN=x," + ",".join(f"OU=level {number}" for number in range(40)))
    assert len(deep.units) == 40


def test_several_paths_give_several_memberships_the_first_of_them_the_main_one(tmp_path: Path) -> None:
    rules = load(tmp_path, "[{path: [{name: company}, {name: team}]}, {path: [{name: company}, {name: project}]}]")
    found = mapped(rules, company="A", team="T", project="P")
    assert found.facts["units"] == ("/a/t", "/a/p")
    assert [unit.key for unit in found.units] == ["/a", "/a/t", "/a/p"]
    assert mapped(rules, company="A", team="T", project="T").facts["units"] == ("/a/t",)


def test_a_level_that_cannot_be_read_parks_the_person(tmp_path: Path) -> None:
    rules = load(tmp_path, "{path: [{name: {from: company, via: [{map_values: {a: A}}]}}]}")
    record = SourceRecord(native_id=NativeId("1"), kind=Kind.PERSON, digest=b"", attributes={"company": "zzz"})
    for _ in range(2):  # the second time it is remembered
        parked = rules.map(record)
        assert isinstance(parked, Aside)
        assert parked.problems[0].code == "MAP-001"


def test_the_trace_shows_the_levels_too(tmp_path: Path) -> None:
    rules = load(tmp_path, WITH_IDS)
    trace = rules.explain(SourceRecord(native_id=NativeId("1"), kind=Kind.PERSON, digest=b"", attributes=FULL))
    assert [each.field for each in trace.fields] == ["userName", *["units.name", "units.id"] * 3]
    assert [unit.key for unit in trace.units] == ["cc=C1", "dc=D1", "tc=T1"]


def test_units_are_references_by_id_and_what_they_read_is_known(tmp_path: Path) -> None:
    rules = load(tmp_path, WITH_IDS)
    assert rules.refers[Kind.PERSON]["units"] == "id"
    assert rules.refers[Kind.UNIT]["parent"] == "id"
    assert rules.reads[Kind.PERSON] == {"login", "company", "cc", "division", "dc", "team", "tc"}
