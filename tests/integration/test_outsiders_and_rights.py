"""Rights of the address book and outsiders, from the records of a source through the shipped rules to DingTalk's sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.outer_world import OuterWorld
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
