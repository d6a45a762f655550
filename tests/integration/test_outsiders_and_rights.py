"""Rights of the address book and outsiders, from the records of a source through the shipped rules to DingTalk's sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.outer_world import OuterWorld
from syncd.config.parts import LIMITS
from syncd.core.model import Effect, Reason
from syncd.core.policy import Limit, Limits
from syncd.engine.cycle import Cycle
from syncd.engine.health import health
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings


@pytest.fixture
def company(tmp_path: Path) -> Iterator[OuterWorld]:
    """The top with its leader, a hidden board that a team and an assistant may see, and who belongs there."""
    with SandboxServer(SandboxSettings(qps=None)) as server:
        world = OuterWorld(tmp_path, server)
        world.unit("top", leader="e1")
        world.unit("team", "top")
        world.unit("board", "top")
        world.says("board", hidden="yes", seen_by_units="team", seen_by="e3")
        world.person("1", "top")
        world.person("2", "team")
        world.person("3", "top")
        yield world
        world.store.close()


def test_a_hidden_department_is_seen_by_whom_a_source_names_even_if_they_are_new_in_the_same_cycle(
    company: OuterWorld,
) -> None:
    company.sync()

    board, team = company.department("Unit board"), company.department("Unit team")
    assert board.hide_dept is True
    assert (board.dept_permits, board.user_permits) == ((team.dept_id,), ("e3",))
    assert company.sync(fresh=True).tally.done == 0


def test_whom_a_right_names_before_they_are_there_gets_it_on_the_day_they_come(company: OuterWorld) -> None:
    company.says("board", seen_by="e3,e4")
    first = company.sync()
    assert company.department("Unit board").user_permits == ("e3",)
    assert "REC-004" in {problem.code for problem in first.reconciliation.plan.warnings}

    company.person("4", "team")
    company.sync()

    assert company.department("Unit board").user_permits == ("e3", "e4")


def test_when_a_department_is_shown_again_its_list_goes_so_that_it_does_not_come_back(company: OuterWorld) -> None:
    company.sync()
    company.says("board", hidden="no")
    company.sync()

    board = company.department("Unit board")
    assert (board.hide_dept, board.dept_permits, board.user_permits) == (False, (), ())
    assert company.sync(fresh=True).tally.done == 0


# --- outsiders --------------------------------------------------------------------------------------------------------


@pytest.fixture
def partners(company: OuterWorld) -> OuterWorld:
    """The company, and partners in an outer department with one below it, who may see one person and their own department."""
    company.unit("partners", "top")
    company.unit("firm", "partners")
    company.says("partners", outer="yes", sees_own="yes", sees="e1")
    company.person("7", "firm", kind="partner")
    company.sync()
    return company


def misplaced(done: Cycle) -> dict[str, str]:
    asides = [one for one in done.reconciliation.plan.aside if one.reason is Reason.MISPLACED]
    return {one.label: one.problems[0].code for one in asides}


def test_outsiders_stand_below_a_department_that_sees_only_what_it_may(partners: OuterWorld) -> None:
    outer, firm = partners.department("Unit partners"), partners.department("Unit firm")

    assert partners.places("e7") == {"Unit firm"}
    assert (outer.outer_dept, outer.outer_dept_only_self, outer.outer_permit_users) == (True, True, ("e1",))
    assert firm.outer_dept is True
    assert partners.sync(fresh=True).tally.done == 0


def test_an_outsider_whose_record_names_an_internal_department_stands_aside_and_somebody_is_told(
    partners: OuterWorld,
) -> None:
    partners.person("8", "team", kind="contractor")
    partners.edit("7", unit="team,firm")

    done = partners.sync()

    assert misplaced(done) == {"Example 7": "OUT-001", "Example 8": "OUT-001"}
    assert (partners.places("e7"), partners.places("e8")) == ({"Unit firm"}, set())
    seen = health(partners.world)
    assert (seen.misplaced, set(seen.misplaced_labels)) == (2, {"Example 7", "Example 8"})
    partners.edit("7", unit="firm")
    partners.edit("8", unit="partners")
    assert misplaced(partners.sync()) == {}
    assert partners.places("e8") == {"Unit partners"}
    assert health(partners.world).misplaced == 0


def test_an_employee_never_gets_among_outsiders_and_a_conversion_takes_both_steps_at_once(partners: OuterWorld) -> None:
    partners.edit("2", unit="firm")
    partners.edit("7", kind="staff")
    assert misplaced(partners.sync()) == {"Example 2": "OUT-002", "Example 7": "OUT-002"}
    assert (partners.places("e2"), partners.places("e7")) == ({"Unit team"}, {"Unit firm"})

    partners.edit("2", kind="partner")
    partners.edit("7", unit="team")
    assert misplaced(partners.sync()) == {}
    assert (partners.places("e2"), partners.places("e7")) == ({"Unit firm"}, {"Unit team"})


def test_a_department_that_moves_away_from_the_outer_one_takes_nobody_inside_with_it_unseen(
    partners: OuterWorld,
) -> None:
    partners.unit("firm", "top")
    partners.person("9", "firm", kind="partner")

    assert misplaced(partners.sync()) == {"Example 7": "OUT-001", "Example 9": "OUT-001"}
    assert partners.places("e9") == set()
    assert partners.department("Unit firm").outer_dept is True


def test_a_department_is_not_opened_while_nobody_has_said_so(partners: OuterWorld) -> None:
    shipped = LIMITS[Effect.UNIT_OPEN]
    limits = Limits(by_effect={Effect.UNIT_OPEN: Limit(count=shipped.count, percent=shipped.percent)})
    partners.world = replace(partners.world, guard=replace(partners.world.guard, limits=limits))
    partners.says("partners", outer="no")
    partners.says("board", hidden="no")

    done = partners.sync()

    (hold,) = done.reconciliation.judgement.holds
    assert (hold.effect, {one.label for one in hold.changes}) == (Effect.UNIT_OPEN, {"Unit partners", "Unit board"})
    assert partners.department("Unit partners").outer_dept is True
    assert partners.department("Unit board").hide_dept is True
    partners.unit("other", "top")
    partners.says("other", hidden="yes")
    assert partners.sync().tally.done == 1
    assert partners.department("Unit other").hide_dept is True
