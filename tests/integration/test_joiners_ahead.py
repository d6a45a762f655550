"""Joiners whose accounts are made ahead: out of sight until their first day begins where they work, and in sight from then on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.dated_world import foretold, with_dates
from support.incidents import Make, guarded, homes, making, release, settled
from support.outer_world import OuterWorld
from support.small_world import HR, SmallWorld, run
from syncd.core.model import JOINERS_UNIT, Effect, Kind, LinkState, Op, Reason, TargetId
from syncd.core.policy import Limit
from syncd.engine import portions
from syncd.engine.forecast import Coming
from syncd.engine.joining import join
from syncd.engine.planning import planned
from syncd.engine.portions import planned_in_portions
from syncd.engine.reconcile import read_sources
from syncd.engine.stage import Asked
from syncd.engine.world import JoinerTerms, LeaverTerms
from syncd.mapping import load_inbound
from syncd_dingtalk.sandbox import SandboxServer

SELF = "Example 7"
ACCOUNT = (Kind.PERSON, TargetId("e7"))
WEEK = timedelta(days=7)
BEGINS = datetime(2026, 11, 30, 17, tzinfo=UTC)
"""Midnight of 1 December in Jakarta."""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    yield from making(tmp_path)


def company(make: Make, **changes: object) -> SmallWorld:
    """1 leads everybody, 2 the team; 7 begins on 1 December in Jakarta; it is 22 November 2026."""
    world: SmallWorld = make(**({"joiners": JoinerTerms(ahead=WEEK)} | changes))
    with_dates(world)
    world.unit("top", leader="e1")
    world.unit("team", "top", leader="e2")
    world.person("1", "top")
    world.person("2", "team", manager="e1")
    world.person("7", "team", manager="e2", hired="2026-12-01", zone="Asia/Jakarta")
    return world


def made(make: Make, **changes: object) -> SmallWorld:
    """The same, a week before the first day, when the account has been made."""
    world = company(make, **changes)
    world.time = BEGINS - WEEK
    world.sync()
    assert homes(world, SELF) == ("Joiners",)
    return world


def test_nobody_is_made_before_the_time(make: Make) -> None:
    world = company(make)

    done = world.sync()

    (aside,) = done.reconciliation.plan.aside
    assert (aside.reason, aside.label) == (Reason.AHEAD, SELF)
    assert aside.why == "the first day is 2026-12-01; the account is made on 2026-11-24"
    assert ACCOUNT not in world.target.objects
    world.time = BEGINS - WEEK - timedelta(seconds=1)
    assert world.sync().reconciliation.plan.changes == ()


def test_the_account_is_made_out_of_sight_and_comes_into_sight_when_the_day_begins(make: Make) -> None:
    world = company(make)
    world.sync()
    first, second = foretold(world)
    assert [(one.what, one.at, one.account, one.ahead) for one in (first, second)] == [
        (Coming.MADE_AHEAD, BEGINS - WEEK, None, True),
        (Coming.FIRST_DAY, BEGINS, None, True),
    ]

    world.time = first.at
    (unit, person) = world.sync().reconciliation.plan.changes
    assert (unit.subject, unit.op, person.op) == (JOINERS_UNIT, Op.CREATE, Op.CREATE)
    assert (person.reason, person.needs) == ("out of sight until the first day", (JOINERS_UNIT,))
    assert homes(world, SELF) == ("Joiners",)
    assert "manager" not in world.tenant()[f"person:{SELF}"]
    assert world.tenant()["unit:Joiners"]["hide_dept"] is True
    (one,) = foretold(world)
    assert (one.what, one.account, one.ahead) == (Coming.FIRST_DAY, ACCOUNT[1], True)

    world.time = one.at - timedelta(seconds=1)
    settled(world)
    world.time = one.at
    (change,) = world.sync().reconciliation.plan.changes
    assert (change.op, change.reason, change.effects) == (Op.UPDATE, "comes into sight", (Effect.UPDATE,))
    assert (homes(world, SELF), world.tenant()[f"person:{SELF}"]["manager"]) == (("Unit team",), "Example 2")
    settled(world)


def test_the_first_run_of_all_makes_those_who_begin_soon_out_of_sight(make: Make) -> None:
    world = company(make)
    world.person("8", "team", manager="e7", hired="2026-12-24")
    world.person("9", "team", manager="e8")
    world.time = BEGINS - WEEK

    world.sync()

    assert homes(world, SELF) == ("Joiners",)
    assert (homes(world, "Example 2"), homes(world, "Example 9")) == (("Unit team",), ("Unit team",))
    assert (Kind.PERSON, TargetId("e8")) not in world.target.objects
    world.time = datetime(2026, 12, 24, tzinfo=UTC)
    world.sync()
    assert world.tenant()["person:Example 9"]["manager"] == "Example 8"
    settled(world)


def test_without_the_setting_everything_is_as_it_was(make: Make) -> None:
    world = company(make, joiners=JoinerTerms())

    world.sync()

    assert homes(world, SELF) == ("Unit team",)
    assert "unit:Joiners" not in world.tenant()
    assert [one.what for one in foretold(world)] == [Coming.FIRST_DAY]


def test_a_hire_that_is_withdrawn_goes_as_leavers_go(make: Make) -> None:
    world = made(make)
    world.leave("7")

    world.sync()

    assert homes(world, SELF) == ("Leavers",)
    world.time += timedelta(days=31)
    world.sync()
    assert ACCOUNT not in world.target.objects


def test_many_withdrawn_hires_are_held_as_leavers_are(make: Make) -> None:
    world = made(make, guard=guarded(leave=Limit(count=1)))
    world.leave("7")

    (hold,) = world.sync().holds

    assert (hold.effect, homes(world, SELF)) == (Effect.LEAVE, ("Joiners",))


def test_a_first_day_that_is_put_off_keeps_the_account_out_of_sight_until_then(make: Make) -> None:
    world = made(make)
    world.edit("7", hired="2027-02-01")
    assert world.sync().reconciliation.plan.changes == ()
    assert [(one.what, one.at) for one in foretold(world, 90)] == [
        (Coming.FIRST_DAY, datetime(2027, 1, 31, 17, tzinfo=UTC))
    ]

    world.time = BEGINS
    assert world.sync().reconciliation.plan.changes == ()
    world.time = datetime(2027, 1, 31, 17, tzinfo=UTC)
    world.sync()

    assert homes(world, SELF) == ("Unit team",)


def test_somebody_in_sight_whose_first_day_lies_ahead_goes_out_of_sight_and_counts_as_a_leaver(make: Make) -> None:
    world = company(make, guard=guarded(leave=Limit(count=1)))
    world.edit("7", hired="2026-11-01")
    world.sync()
    world.edit("7", hired="2026-12-01")

    (hold,) = world.sync().holds

    assert (hold.effect, homes(world, SELF)) == (Effect.LEAVE, ("Unit team",))
    assert "unit:Joiners" not in world.tenant()
    release(world)
    world.sync()
    assert homes(world, SELF) == ("Joiners",)


def test_who_is_hired_again_ahead_waits_with_the_joiners_and_keeps_the_account(make: Make) -> None:
    world = company(make)
    world.edit("7", hired="2020-01-01", last="2026-11-22")
    world.sync()
    world.time = datetime(2026, 11, 23, tzinfo=UTC)
    world.sync()
    assert homes(world, SELF) == ("Leavers",)
    world.edit("7", hired="2026-12-15", last=None)
    assert world.sync().reconciliation.plan.changes == ()
    assert [one.what for one in foretold(world)] == [Coming.MADE_AHEAD, Coming.FIRST_DAY]

    world.time = datetime(2026, 12, 10, tzinfo=UTC)
    world.sync()
    assert homes(world, SELF) == ("Joiners",)
    with world.store.reading() as tx:
        (link,) = [one for one in tx.links.by_target("memory").values() if one.target_id == "e7"]
    assert link.state is LinkState.LINKED
    world.time = datetime(2026, 12, 14, 17, tzinfo=UTC)
    world.sync()
    assert homes(world, SELF) == ("Unit team",)


def test_joiners_wait_also_where_leavers_are_removed_at_once(make: Make) -> None:
    world = made(make, leavers=LeaverTerms(hold=False))
    world.leave("7")

    world.sync()

    assert ACCOUNT not in world.target.objects


def test_the_head_of_a_department_leads_it_from_the_first_day_on(make: Make) -> None:
    world = company(make)
    world.unit("team", "top", leader="e7")
    world.time = BEGINS - WEEK
    done = world.sync()
    assert "PLN-006" in {one.code for one in done.reconciliation.plan.warnings}
    assert "managers" not in world.tenant()["unit:Unit team"]

    world.time = BEGINS
    world.sync()

    assert world.tenant()["unit:Unit team"]["managers"] == (SELF,)


def test_a_plan_for_everybody_looks_at_those_whose_day_has_come(make: Make) -> None:
    world = made(make)
    world.time = BEGINS

    world.sync(again=True)

    assert homes(world, SELF) == ("Unit team",)
    settled(world)


def test_a_plan_in_portions_is_the_same(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world = company(make)
    for number in range(10, 18):
        world.person(str(number), "team", manager=f"e{number - 2}" if number > 11 else "e7", hired="2026-12-02")
    world.person("18", "team", hired="2027-06-01")
    world.person("19", "team", manager="e18")
    world.time = BEGINS - WEEK
    monkeypatch.setattr(portions, "PORTION", 3)
    run(read_sources(world.world, world.world.new_run(), Asked()))
    run(world.store.do(lambda tx: join(tx, world.world)))
    everybody = run(world.store.look(lambda tx: tx.records.subjects()))

    whole = run(
        world.store.look(lambda tx: planned(tx, world.world, world.target, everybody, complete=True, unmanaged=0))
    ).plan
    parts = run(planned_in_portions(world.world, world.target, everybody, complete=True)).plan

    assert len([one for one in whole.changes if one.subject == JOINERS_UNIT]) == 1
    assert parts.fingerprint == whole.fingerprint
    assert {one.code for one in parts.warnings} == {one.code for one in whole.warnings}


def test_an_outsider_is_made_on_the_first_day_and_never_stands_among_the_joiners(make: Make) -> None:
    world = company(make)
    rules = (world.folder / "in.yaml").read_text().replace("    title:", "    outsider: {expr: 'true'}\n    title:", 1)
    rules = rules.replace("unit:\n  fields:\n", "unit:\n  fields:\n    outer: {expr: 'true'}\n")
    (world.folder / "in.yaml").write_text(rules)
    inbound = load_inbound(world.folder / "in.yaml", source=HR, attributes=None, now=world.now)
    world.world = replace(world.world, seats={HR: replace(world.world.seats[HR], rules=inbound)})
    world.time = BEGINS - WEEK
    (aside,) = world.sync().reconciliation.plan.aside
    assert (aside.reason, aside.why) == (
        Reason.AHEAD,
        "the first day is 2026-12-01; the account is made on 2026-12-01",
    )
    assert [(one.what, one.ahead) for one in foretold(world)] == [(Coming.FIRST_DAY, True)]

    world.time = BEGINS
    world.sync()

    assert (homes(world, SELF), "unit:Joiners" in world.tenant()) == (("Unit team",), False)


def test_in_dingtalk_the_department_of_joiners_is_hidden_and_empty_after_the_first_day(tmp_path: Path) -> None:
    with SandboxServer() as server:
        world = OuterWorld(tmp_path, server)
        rules = (
            (tmp_path / "in.yaml").read_text().replace("    endDate: last\n", "    endDate: last\n    hireDate: day\n")
        )
        (tmp_path / "in.yaml").write_text(rules)
        inbound = load_inbound(tmp_path / "in.yaml", source=HR, attributes=None, now=world.now)
        seats = {HR: replace(world.world.seats[HR], rules=inbound)}
        world.world = replace(world.world, seats=seats, joiners=JoinerTerms(ahead=WEEK))
        world.unit("team")
        world.person("1", "team")
        world.person("7", "team", manager="e1", day=f"{world.now() + timedelta(days=3):%Y-%m-%d}")

        world.sync(accept=True)
        assert (world.places("e7"), world.department("Joiners").hide_dept) == ({"Joiners"}, True)
        settled(world)
        world.edit("7", day=f"{world.now() - timedelta(days=1):%Y-%m-%d}")
        world.sync()

        assert world.places("e7") == {"Unit team"}
        settled(world)
        world.store.close()
