"""Handing over: reports and departments of somebody who has left pass to the next one above, in every way somebody can leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.incidents import Make, guarded, homes, making, settled
from support.serving import served, until
from support.small_world import HR, SmallWorld, run
from syncd.core.policy import Limit
from syncd.engine import offboarding, reconcile
from syncd.engine.world import LeaverTerms
from syncd.mapping import load_inbound


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    yield from making(tmp_path)


def line(world: SmallWorld) -> SmallWorld:
    """1 manages 2 manages 3 manages 4; all but the first stand in the team, which 2 leads."""
    world.unit("top", leader="e1")
    world.unit("team", "top", leader="e2")
    world.person("1", "top")
    for number in (2, 3, 4):
        world.person(str(number), "team", manager=f"e{number - 1}")
    world.sync()
    return world


@pytest.fixture
def company(make: Make) -> SmallWorld:
    return line(make())


def manager(world: SmallWorld, key: str) -> object:
    return world.tenant()[f"person:Example {key}"].get("manager")


def offboarded(world: SmallWorld, key: str) -> None:
    with world.store.transaction() as tx:
        subject, found = offboarding.who_is(tx, "memory", f"Example {key}")
        offboarding.offboard(tx, world.world, subject, found.label, by="ops", reason="dismissed", at=world.now())


WAYS: dict[str, Callable[[SmallWorld, str], object]] = {
    "gone": lambda world, key: world.leave(key),
    "inactive": lambda world, key: world.edit(key, state="left"),
    "the last day is over": lambda world, key: world.edit(key, last="2026-11-21"),
    "offboarded": offboarded,
}


@pytest.mark.parametrize("way", WAYS)
def test_however_somebody_leaves_the_reports_pass_to_the_next_one_above(company: SmallWorld, way: str) -> None:
    WAYS[way](company, "3")

    company.sync()

    assert homes(company, "Example 3") == ("Leavers",)
    assert manager(company, "4") == "Example 2"
    settled(company)


def test_who_leaves_by_the_clock_alone_is_handed_over_in_the_same_plan(company: SmallWorld) -> None:
    company.edit("3", last="2026-11-25")
    company.sync()
    assert manager(company, "4") == "Example 3"
    company.time += timedelta(days=4)

    company.sync()

    assert (homes(company, "Example 3"), manager(company, "4")) == (("Leavers",), "Example 2")
    settled(company)


def test_when_those_above_leave_later_the_reports_pass_on(company: SmallWorld) -> None:
    company.edit("3", state="left")
    company.sync()
    company.leave("2")

    company.sync()

    assert manager(company, "4") == "Example 1"
    settled(company)


def test_when_the_leaver_comes_back_so_do_the_reports(company: SmallWorld) -> None:
    company.edit("3", state="left")
    company.sync()
    company.edit("3", state="here")

    company.sync()

    assert (manager(company, "4"), manager(company, "3")) == ("Example 3", "Example 2")
    settled(company)


def test_nobody_is_handed_over_while_the_guard_holds_the_leaver(make: Make) -> None:
    company = line(make(guard=guarded(leave=Limit(count=1))))
    company.edit("3", state="left")
    company.edit("4", title="Written all the same")

    company.sync()

    assert homes(company, "Example 3") == ("Unit team",)
    assert manager(company, "4") == "Example 3"
    assert company.tenant()["person:Example 4"]["title"] == "Written all the same"


def test_a_department_is_led_by_whoever_takes_over_and_belongs_to_it(company: SmallWorld) -> None:
    company.unit("team", "top", leader="e3")
    company.sync()
    assert company.tenant()["unit:Unit team"]["managers"] == ("Example 3",)

    company.edit("3", state="left")
    company.sync()

    assert company.tenant()["unit:Unit team"]["managers"] == ("Example 2",)
    settled(company)


def test_a_department_is_not_led_by_somebody_from_elsewhere(company: SmallWorld) -> None:
    """DingTalk lets only members lead a department, and nobody is moved for that."""
    company.edit("2", state="left")

    company.sync()

    assert company.tenant()["unit:Unit team"].get("managers", ()) == ()
    assert manager(company, "3") == "Example 1"
    settled(company)


def test_where_it_is_configured_so_the_reports_keep_the_leaver(make: Make) -> None:
    company = line(make(leavers=LeaverTerms(hand_over=False)))
    company.edit("3", state="left")

    company.sync()

    assert manager(company, "4") == "Example 3"
    settled(company)


def test_a_newcomer_under_somebody_who_has_left_gets_the_next_one_above(company: SmallWorld) -> None:
    company.edit("3", state="left")
    company.sync()
    company.person("5", "team", manager="e3")

    company.sync()

    assert manager(company, "5") == "Example 2"
    settled(company)


def test_two_who_manage_each_other_and_both_leave_take_nobody_over(company: SmallWorld) -> None:
    company.edit("2", manager="e3")
    company.sync()
    company.edit("2", state="left")
    company.edit("3", state="left")

    company.sync()

    assert manager(company, "4") == "Example 3"
    settled(company)


@pytest.mark.parametrize("way", ["gone", "the last day is over"])
def test_a_plan_that_is_made_in_portions_is_the_same(make: Make, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    whole, parts = line(make()), line(make())
    for world in (whole, parts):
        WAYS[way](world, "3")
    whole.sync()
    monkeypatch.setattr(reconcile, "MANY", 0)

    parts.sync(again=True)

    assert parts.tenant() == whole.tenant()
    assert manager(parts, "4") == "Example 2"
    assert not parts.sync(again=True).reconciliation.plan.changes


def test_a_first_run_of_very_many_hands_over_as_well(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "MANY", 0)
    company = make()
    company.unit("team")
    for key, above in (("1", None), ("2", "e1"), ("3", "e2")):
        company.person(key, "team", **({"manager": above} if above else {}))
    company.edit("2", state="left")

    company.sync()

    assert manager(company, "3") == "Example 1"
    assert not company.sync(again=True).reconciliation.plan.changes


def test_a_service_hands_over_within_the_round_in_which_somebody_leaves(company: SmallWorld) -> None:
    async def story() -> None:
        async with served(company.world):
            offboarded(company, "3")
            await until(lambda: manager(company, "4") == "Example 2", "the reports")

    run(story())


def test_a_look_at_everybody_finds_reports_that_a_change_of_the_setting_hands_over(make: Make) -> None:
    company = line(make(leavers=LeaverTerms(hand_over=False)))
    company.edit("3", state="left")
    company.sync()
    company.world = replace(company.world, leavers=LeaverTerms(), config_digest=b"another")

    company.sync(accept=True)

    assert manager(company, "4") == "Example 2"


# --- deputies -----------------------------------------------------------------------------------------------------------


def with_deputies(make: Make, **deputies: str) -> SmallWorld:
    """The line, in which 5 reports to 3 as 4 does, and 6 to 1; of whom `deputies` names, the records name the deputies."""
    world: SmallWorld = make(leavers=LeaverTerms(deputies=True))
    rules = (world.folder / "in.yaml").read_text()
    rules = rules.replace("    active:", "    deputy: {from: deputy, by: employeeNumber}\n    active:", 1)
    (world.folder / "in.yaml").write_text(rules)
    inbound = load_inbound(world.folder / "in.yaml", source=HR, attributes=None, now=world.now)
    join = replace(world.world.join, refers={HR: inbound.refers})
    world.world = replace(world.world, join=join, seats={HR: replace(world.world.seats[HR], rules=inbound)})
    line(world)
    world.person("5", "team", manager="e3")
    world.person("6", "team", manager="e1")
    for one, deputy in deputies.items():
        world.edit(one.removeprefix("of_"), deputy=f"e{deputy}")
    world.sync()
    return world


@pytest.mark.parametrize("way", WAYS)
def test_a_deputy_among_the_reports_takes_over_and_passes_to_the_next_one_above(make: Make, way: str) -> None:
    world = with_deputies(make, of_3="5")
    WAYS[way](world, "3")

    world.sync()

    assert (manager(world, "4"), manager(world, "5")) == ("Example 5", "Example 2")
    settled(world)


def test_a_deputy_from_elsewhere_takes_over_and_is_followed_by_the_next_one_above(make: Make) -> None:
    world = with_deputies(make, of_3="6")
    world.edit("3", state="left")
    world.sync()
    assert (manager(world, "4"), manager(world, "6")) == ("Example 6", "Example 1")

    world.edit("6", state="left")
    world.sync()

    assert manager(world, "4") == "Example 2"
    settled(world)


def test_a_deputy_who_stands_under_the_leaver_by_others_is_passed_over(make: Make) -> None:
    world = with_deputies(make, of_2="4")
    world.edit("2", state="left")

    world.sync()

    assert (manager(world, "3"), manager(world, "4")) == ("Example 1", "Example 3")
    settled(world)


def test_a_deputy_leads_the_department_if_they_belong_to_it(make: Make) -> None:
    world = with_deputies(make, of_2="6")
    world.edit("2", state="left")

    world.sync()

    assert world.tenant()["unit:Unit team"]["managers"] == ("Example 6",)
    settled(world)


def test_another_deputy_takes_over_as_soon_as_the_sources_name_one(make: Make) -> None:
    world = with_deputies(make, of_3="6")
    world.edit("3", state="left")
    world.sync()
    world.edit("3", deputy="e5")

    world.sync()

    assert (manager(world, "4"), manager(world, "5")) == ("Example 5", "Example 2")
    settled(world)
