"""A plan that is made in portions is the plan that is made for all at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.small_world import SmallWorld, run
from syncd.core.model import Desired, Op, Plan, SubjectId
from syncd.core.newcomers import Newcomer, Newcomers
from syncd.engine import portions
from syncd.engine.joining import join
from syncd.engine.planning import planned
from syncd.engine.portions import planned_in_portions
from syncd.engine.reconcile import read_sources
from syncd.engine.stage import Asked
from syncd.engine.survey import survey
from syncd.engine.world import GuardTerms
from syncd.store import Transaction
from syncd.store.filing import filed
from syncd.store.packed import filed_of


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallWorld:
    monkeypatch.setattr(portions, "PORTION", 3)
    world = SmallWorld(tmp_path, guard=GuardTerms(plan_only_first=False, shrink_percent=50))
    for key in ("top", "sales", "field", "ops"):
        world.unit(key, None if key == "top" else "top" if key != "field" else "sales", leader="e1")
    for number in range(1, 21):
        unit = ("top", "sales", "field", "ops")[number % 4]
        world.person(str(number), unit, manager=f"e{number // 2}" if number > 1 else None)
    world.group("club", "e3", "e9", "e15", parent="top")
    return world


def both(company: SmallWorld) -> tuple[Plan, Plan]:
    """Read the source and return the plan for everybody, made at once and made in portions."""
    world, target = company.world, company.target
    run(read_sources(world, world.new_run(), Asked()))

    def at_once(tx: Transaction) -> tuple[Plan, list[SubjectId]]:
        everybody = tx.records.subjects()
        return planned(tx, world, target, everybody, complete=True).plan, everybody

    run(world.store.do(lambda tx: join(tx, world)))
    whole, everybody = run(world.store.look(at_once))
    seen = run(survey(world, target))
    in_portions = planned_in_portions(world, target, everybody, complete=True, leaving=seen.leaving, takers=seen.takers)
    return whole, run(in_portions).plan


def told(plan: Plan) -> list[tuple[object, ...]]:
    return [
        (one.rank, one.subject, one.op, one.label, one.fields, one.needs, one.after, one.effects)
        for one in plan.changes
    ]


def test_the_first_plan_is_the_same(company: SmallWorld) -> None:
    whole, parts = both(company)

    assert len(whole.changes) > 25
    assert told(parts) == told(whole)
    assert parts.fingerprint == whole.fingerprint


def test_a_plan_of_every_kind_of_change_is_the_same(company: SmallWorld) -> None:
    company.sync()
    for number in range(1, 21):
        company.edit(str(number), title=f"Title {number}")
    company.edit("4", mobile="13800000017")  # a number is passed on in a row, across portions
    company.edit("17", mobile="13800000009")
    company.edit("9", mobile="13900000009")
    company.edit("5", unit="ops", manager="e19")
    company.leave("8")
    company.leave("19")
    company.unit("west", "sales", leader="e12")
    company.edit("12", unit="west")
    for key, unit in (("2", "ops"), ("6", "ops"), ("10", "ops"), ("14", "ops"), ("18", "ops")):
        company.edit(key, unit=unit)
    del company.source.records[next(key for key in company.source.records if key[1] == "field")]

    whole, parts = both(company)

    assert {one.op for one in whole.changes} >= {Op.CREATE, Op.UPDATE, Op.LOGIN, Op.OFFBOARD, Op.REMOVE}
    assert told(parts) == told(whole)
    assert (parts.fingerprint, parts.population, parts.units, parts.unmanaged) == (
        whole.fingerprint,
        whole.population,
        whole.units,
        whole.unmanaged,
    )


def first_plan(company: SmallWorld) -> Plan:
    """Return the plan for everybody, made in portions."""
    world = company.world
    everybody = run(world.store.look(lambda tx: tx.records.subjects()))
    return run(planned_in_portions(world, company.target, everybody, complete=True)).plan


def test_who_is_plainly_new_is_planned_for_as_by_comparing_byte_for_byte(
    company: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.edit("1", manager="e20")  # a circle of many
    company.edit("2", manager="e999")  # nobody's number
    company.edit("3", kind="service")
    company.edit("4", unit="sales,ops,field")
    company.edit("6", unit="nowhere")
    company.edit("7", unit=None, manager="e3")  # the manager is out of scope
    company.edit("8", name=None)
    company.edit("11", manager="e11")
    company.edit("12", title="  ", mobile=None)
    company.edit("13", last="2026-11-01")
    company.edit("14", manager="e13")  # the manager has left
    company.edit("15", name="Ünïcode „Example“ 名")
    run(read_sources(company.world, company.world.new_run(), Asked()))
    parted: list[tuple[list[Newcomer], list[Desired]]] = []
    among = Newcomers.among

    def noted(self: Newcomers, wanted: Iterable[Desired], *, leaving: Collection[SubjectId]) -> object:
        found = among(self, wanted, leaving=leaving)
        parted.extend(() if found is None else (found,))
        return found

    monkeypatch.setattr(Newcomers, "among", noted)
    plan = first_plan(company)
    monkeypatch.setattr(Newcomers, "among", lambda *_, **__: None)
    compared = first_plan(company)

    assert list(filed_of(plan.changes)) == list(filed_of(compared.changes))
    assert [filed(one) for one in plan.changes] == list(filed_of(plan.changes))
    assert replace(plan, changes=()) == replace(compared, changes=())
    assert plan.warnings
    assert plan.aside
    assert sum(len(plain) for plain, _ in parted) > 5
    assert sum(len(others) for _, others in parted) > 0


def test_a_time_that_was_known_is_taken_back_and_nothing_is_said_of_everybody_else(company: SmallWorld) -> None:
    world = company.world
    run(read_sources(world, world.new_run(), Asked()))
    run(world.store.do(lambda tx: join(tx, world)))
    everybody = run(world.store.look(lambda tx: tx.records.subjects()))
    known = next(one for one in reversed(everybody) if one.startswith("person:"))
    run(world.store.do(lambda tx: tx.reviews.put({known: world.now() + timedelta(days=9)})))

    found = run(planned_in_portions(world, company.target, everybody, complete=True))

    assert found.reviews[known] is None
    people = {one: at for one, at in found.reviews.items() if one.startswith("person:") and at is None}
    assert len(people) < len(everybody) / 2


def test_a_plan_keeps_the_texts_of_subjects_that_somebody_holds_anyway(company: SmallWorld) -> None:
    world = company.world
    run(read_sources(world, world.new_run(), Asked()))
    run(world.store.do(lambda tx: join(tx, world)))
    everybody = run(world.store.look(lambda tx: tx.records.subjects()))
    held = {id(one) for one in everybody}

    plan = run(planned_in_portions(world, company.target, everybody, complete=True)).plan

    people = [
        one.subject for one in filed_of(plan.changes) if one.op is Op.CREATE and one.subject.startswith("person:")
    ]
    mine = [one for one in people if id(one) in held]
    assert len(mine) > len(people) / 2


def clashes_of(plan: Plan) -> list[str]:
    return sorted(one.what for one in plan.warnings if one.code in ("PLN-009", "PLN-010"))


def test_two_of_different_portions_who_want_one_number_are_both_named(company: SmallWorld) -> None:
    """In a first plan of people who are plainly new, and in one that compares: nobody has seen both of them together."""
    for number in (2, 9, 16):
        company.edit(str(number), mobile="13900000099")
    company.edit("5", mail="same@example.com")
    company.edit("18", mail="same@example.com")
    company.edit("7", mobile=" 13900000098")
    company.edit("20", mobile="13900000098")

    whole, parts = both(company)

    assert len(clashes_of(whole)) >= 3
    assert clashes_of(parts) == clashes_of(whole)
    assert parts.warned == whole.warned


def test_who_keeps_what_somebody_of_another_portion_wants_is_named_as_in_a_plan_for_all_at_once(
    company: SmallWorld,
) -> None:
    company.sync()
    for number in range(1, 21):
        company.edit(str(number), title=f"Title {number}")
    company.edit("3", mobile="13800000011")  # 11 keeps it
    company.edit("14", mobile="13800000011")
    company.edit("4", mobile="13800000017")  # 17 gives it up
    company.edit("17", mobile="13900000017")
    company.edit("6", mobile="13900000006")
    company.edit("19", mobile="13900000006")
    company.person("21", "ops", mobile="13900000006")

    whole, parts = both(company)

    assert clashes_of(parts) == clashes_of(whole)
    assert [one for one in clashes_of(whole) if "keeps it" in one] == [
        f"Example {who} is to have the mobile of Example 11, who keeps it." for who in (14, 3)
    ]
    assert sum("both to have" in one for one in clashes_of(whole)) == 2
    assert parts.warned == whole.warned
