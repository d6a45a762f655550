"""Roles from groups and from rules, through whole cycles."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.role_world import ROLES_IN, ROLES_OUT, RoleWorld
from syncd.core.model import Effect, FieldChange, Kind, Op, TargetId
from syncd.core.values import Value
from syncd.engine.explain import explain


@pytest.fixture
def company(tmp_path: Path) -> RoleWorld:
    world = RoleWorld(tmp_path)
    world.company(5)
    world.team("a", "1", "2")
    world.team("b", "3", "a")
    return world


def test_groups_become_roles_and_groups_in_groups_are_followed(company: RoleWorld) -> None:
    company.edit("4", title="Lead")

    company.sync()

    assert company.roles() == {
        "1": {"Group a", "Group b"},
        "2": {"Group a", "Group b"},
        "3": {"Group b"},
        "4": {"Leads"},
    }
    assert company.target.objects[Kind.GROUP, TargetId(company.role("Leads"))]["role_group"] == "Rules"


def test_a_second_cycle_has_nothing_to_do(company: RoleWorld) -> None:
    company.sync()

    assert company.sync().reconciliation.plan.changes == ()
    assert company.sync(again=True).reconciliation.plan.changes == ()


def test_groups_that_hold_each_other_in_a_circle_hold_everybody(company: RoleWorld) -> None:
    company.team("a", "1", "b")
    company.team("b", "2", "a")

    company.sync()

    assert company.roles() == {"1": {"Group a", "Group b"}, "2": {"Group a", "Group b"}}


def test_whoever_is_taken_out_of_a_group_loses_the_role_though_their_own_record_is_as_it_was(
    company: RoleWorld,
) -> None:
    company.source.tells = True
    company.edit("2", groups=("a",))
    company.sync()

    company.team("a", "1")
    cycle = company.sync()

    assert [(change.op, change.lane) for change in cycle.reconciliation.plan.changes] == [(Op.ROLES, "security")]
    assert company.roles() == {"1": {"Group a", "Group b"}, "3": {"Group b"}}


def test_a_group_that_comes_into_another_brings_its_members(company: RoleWorld) -> None:
    company.source.tells = True
    company.team("c", "5")
    company.sync()

    company.team("b", "3", "a", "c")
    company.sync()
    assert company.roles()["5"] == {"Group b", "Group c"}

    company.team("b", "3", "a")
    company.sync()
    assert company.roles()["5"] == {"Group c"}


def test_a_person_says_their_groups_where_the_groups_do_not_say_who_is_in_them(company: RoleWorld) -> None:
    del company.source.records[Kind.GROUP, "a"]["members"]
    company.edit("5", groups=("a",))

    company.sync()

    assert company.roles() == {"3": {"Group b"}, "5": {"Group a", "Group b"}}


def test_roles_that_others_gave_are_neither_compared_nor_taken_away(company: RoleWorld) -> None:
    company.sync()
    company.target.objects[Kind.GROUP, TargetId("77")] = {"name": "By hand"}
    company.target.objects[Kind.PERSON, TargetId("e3")]["roles"] = ("77", company.role("Group b"))

    assert company.sync(fresh=True).reconciliation.plan.changes == ()
    company.team("b")
    company.sync()

    assert company.roles()["3"] == {"By hand"}


def test_a_mover_changes_department_and_roles_in_one_plan(company: RoleWorld) -> None:
    company.unit("new", "top")
    company.sync()

    company.edit("2", unit="new")
    company.team("a", "1")
    company.team("c", "2")
    cycle = company.sync()

    changes = [(change.op, change.subject.split(":")[0]) for change in cycle.reconciliation.plan.changes]
    assert changes == [(Op.CREATE, "group"), (Op.UPDATE, "person"), (Op.ROLES, "person")]
    assert company.roles()["2"] == {"Group c"}


def test_a_leaver_loses_every_role_with_the_first_change(company: RoleWorld) -> None:
    company.sync()

    company.leave("2")
    cycle = company.sync()

    (offboard,) = [change for change in cycle.reconciliation.plan.changes if change.op is Op.OFFBOARD]
    assert [item.name for item in offboard.fields if item.name == "roles"]
    assert "2" not in company.roles()


def test_a_role_whose_group_is_gone_is_removed_from_everybody(company: RoleWorld) -> None:
    company.sync()

    del company.source.records[Kind.GROUP, "b"]
    company.sync()

    assert company.roles() == {"1": {"Group a"}, "2": {"Group a"}}
    assert {held["name"] for (kind, _), held in company.target.objects.items() if kind is Kind.GROUP} == {
        "Leads",
        "Group a",
    }
    assert company.sync().reconciliation.plan.changes == ()


def test_a_group_that_the_rules_leave_out_from_now_on_loses_its_role(company: RoleWorld) -> None:
    company.source.tells = True
    company.sync()

    company.team("b", "3", "a", note="no role")
    company.sync()
    assert company.roles() == {"1": {"Group a"}, "2": {"Group a"}}

    company.team("b", "3", "a")
    company.sync()
    company.sync()
    assert company.roles()["3"] == {"Group b"}


def test_a_renamed_group_keeps_its_role(company: RoleWorld) -> None:
    company.sync()
    before = company.role("Group a")

    company.team("a", "1", "2", name="Group z")
    cycle = company.sync()

    assert [(change.op, change.effects) for change in cycle.reconciliation.plan.changes] == [
        (Op.UPDATE, (Effect.ROLE_UPDATE,))
    ]
    assert company.role("Group z") == before


def test_a_parked_group_takes_nothing_from_anybody(company: RoleWorld) -> None:
    """It is not known who is in it."""
    company.sync()

    company.team("a", "1", "2", name=None)
    company.sync()
    company.sync(again=True)

    assert company.roles() == {"1": {"Group a", "Group b"}, "2": {"Group a", "Group b"}, "3": {"Group b"}}


def test_a_group_that_is_read_as_empty_is_held(tmp_path: Path) -> None:
    """Rights that were trimmed look like an empty group."""
    company = RoleWorld(tmp_path)
    company.company(40)
    company.team("a", *map(str, range(1, 13)))
    company.sync(accept=True)

    company.team("a")
    cycle = company.sync()

    (hold,) = cycle.reconciliation.judgement.holds
    assert (hold.effect, len(hold.changes)) == (Effect.REVOKE, 12)
    assert any("loses 12 of 12 people" in why for why in hold.reasons)
    assert len(company.roles()) == 12


def test_a_role_that_is_there_already_is_adopted_by_its_name_and_never_removed(company: RoleWorld) -> None:
    company.target.objects[Kind.GROUP, TargetId("77")] = {"name": "Group a", "role_group": "Directory"}

    company.sync()
    assert company.role("Group a") == "77"
    del company.source.records[Kind.GROUP, "a"]
    company.sync()

    assert company.role("Group a") == "77"
    assert company.roles() == {"3": {"Group b"}}


def test_a_role_of_the_rules_goes_with_its_rule(company: RoleWorld) -> None:
    company.edit("4", title="Lead")
    company.sync()

    company.rules(outbound=ROLES_OUT[: ROLES_OUT.index("roles:\n  leads")])
    company.sync()

    assert "4" not in company.roles()
    assert all(held["name"] != "Leads" for held in company.target.objects.values())


def test_a_title_gives_and_takes_a_role_of_the_rules(company: RoleWorld) -> None:
    company.source.tells = True
    company.sync()

    company.edit("5", title="Lead")
    company.sync()
    assert company.roles()["5"] == {"Leads"}

    company.edit("5", title="Engineer")
    company.sync()
    assert "5" not in company.roles()


def test_explain_calls_roles_by_their_names_also_those_that_somebody_loses(company: RoleWorld) -> None:
    company.edit("2", title="Lead")
    company.sync()
    company.team("a", "1")
    company.sync(write=False)

    with company.store.transaction() as tx:
        told = explain(tx, company.world, company.target, "e2")

    (change,) = told.changes
    words = {told.names[str(one)] for item in change.fields for one in (*(item.before or ()), *(item.after or ()))}  # type: ignore[misc]
    assert words == {"Group a", "Group b", "Leads"}


def test_without_rules_for_roles_groups_cost_nothing(tmp_path: Path) -> None:
    without = ROLES_OUT[: ROLES_OUT.index("group:\n")].replace("    roles: groups\n", "")
    company = RoleWorld(tmp_path, outbound=without)
    company.company(3)
    company.team("a", "1")

    company.sync()

    assert not company.world.outbound.gives_roles
    assert company.roles() == {}
    assert {kind for kind, _ in company.target.objects} == {Kind.PERSON, Kind.UNIT}


def test_many_are_planned_for_in_portions_as_they_are_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.engine.portions.PORTION", 3)
    monkeypatch.setattr("syncd.engine.survey.PORTION", 3)
    monkeypatch.setattr("syncd.engine.reconcile.MANY", 4)
    company = RoleWorld(tmp_path, inbound=ROLES_IN)
    company.company(12)
    company.team("a", *map(str, range(1, 9)))
    company.team("b", "a", "12")

    company.sync(accept=True)

    assert len(company.roles()) == 9
    assert company.sync(again=True).reconciliation.plan.changes == ()


def test_what_a_change_of_roles_says_to_the_target_names_what_was_ours(company: RoleWorld) -> None:
    said: list[FieldChange] = []
    company.sync()
    company.target.fault = lambda change: said.extend(change.fields) if change.op is Op.ROLES else None

    company.team("a", "1")
    company.sync()

    both: Value = tuple(sorted((company.role("Group a"), company.role("Group b"))))
    assert [(item.name, tuple(sorted(item.before or ())), item.after) for item in said] == [("roles", both, ())]  # type: ignore[arg-type, type-var]
