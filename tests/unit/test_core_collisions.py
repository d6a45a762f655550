"""Who is to have what only one can have: both are named, and only where nobody gives it up."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.small_world import SmallWorld
from syncd.core.collisions import collisions
from syncd.core.fields import FieldSpec, FieldType
from syncd.core.model import Change, Effect, FieldChange, Kind, Lane, Observed, Op, SubjectId, TargetId
from syncd.core.values import Value

SPECS = {
    "mobile": FieldSpec(type=FieldType.TEXT, unique=True),
    "title": FieldSpec(type=FieldType.TEXT),
    "userid": FieldSpec(type=FieldType.TEXT, unique=True),
}


def change(who: str, op: Op = Op.UPDATE, **fields: Value) -> Change:
    return Change(
        op=op,
        subject=SubjectId(f"person:{who}"),
        kind=Kind.PERSON,
        label=who.title(),
        reason="",
        effects=(Effect.UPDATE,),
        lane=Lane.REST,
        rank=0,
        fields=tuple(FieldChange(name=name, before=None, after=value) for name, value in fields.items()),
    )


def holding(who: str, **fields: Value) -> Observed:
    return Observed(target_id=TargetId(who), kind=Kind.PERSON, label=who.title(), fields=fields)


def told(changes: list[Change], *seen: Observed, linked: bool = True) -> list[str]:
    whose = {one.target_id: SubjectId(f"person:{one.target_id}") for one in seen} if linked else {}
    return [one.problem.what for one in collisions(changes, seen, whose, SPECS)]


def test_two_who_want_one_number_are_both_named() -> None:
    found = told([change("an", Op.CREATE, mobile="1", title="x"), change("budi", mobile=" 1", title="x")])
    assert found == ["An and Budi are both to have the same mobile, and the target lets only one have it."]


@pytest.mark.parametrize("linked", [True, False])
def test_who_holds_it_keeps_it_and_is_named(linked: bool) -> None:
    found = told([change("an", mobile="1"), change("budi", mobile="1")], holding("citra", mobile="1"), linked=linked)
    assert found == [f"{who} is to have the mobile of Citra, who keeps it." for who in ("An", "Budi")]


def test_a_userid_is_what_the_object_is_called() -> None:
    assert told([change("an", Op.CREATE, userid="citra")], holding("citra", mobile="2"))


@pytest.mark.parametrize("giving", [change("citra", mobile="2"), change("citra", Op.REMOVE)], ids=["another", "leaves"])
def test_who_gives_it_up_is_in_nobody_s_way(giving: Change) -> None:
    assert told([change("an", mobile="1"), giving], holding("citra", mobile="1")) == []


def test_nobody_is_in_their_own_way() -> None:
    assert told([change("an", mobile="1")], holding("an", mobile="1")) == []


def test_a_plan_names_both_before_the_target_is_asked(migrated_file: Path, tmp_path: Path) -> None:
    (tmp_path / "syncd.db").write_bytes(migrated_file.read_bytes())
    world = SmallWorld(tmp_path)
    world.company(3)
    world.sync()
    world.person("7", "team", mobile="13800000003")
    world.person("8", "team", mobile="13800000099")
    world.person("9", "team", mobile="13800000099")

    plan = world.sync(write=False).reconciliation.plan

    assert sorted(problem.code for problem in plan.warnings if problem.code in ("PLN-009", "PLN-010")) == [
        "PLN-009",
        "PLN-010",
    ]
    world.sync()
    held = [one["name"] for one in world.target.objects.values() if one.get("mobile") == "13800000003"]
    assert held == ["Example 3"]
    world.store.close()
