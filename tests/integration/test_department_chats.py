"""Group chats of departments, from the records of a source through the rules to DingTalk's sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from support.chat_world import CHATS, ChatWorld
from support.dated_world import with_dates
from syncd.core.model import Effect, Op
from syncd.core.policy import Limit, Limits
from syncd.engine.world import JoinerTerms
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings


@pytest.fixture
def company(tmp_path: Path) -> Iterator[ChatWorld]:
    """The top with its leader, a team with a leader, and a department without a chat."""
    with SandboxServer(SandboxSettings(qps=None)) as server:
        world = ChatWorld(tmp_path, server)
        world.unit("top", leader="e1")
        world.unit("team", "top", leader="e2")
        world.unit("quiet", "top")
        world.person("1", "top")
        world.person("2", "team")
        world.person("3", "team")
        world.sync()
        yield world
        world.store.close()


def test_a_department_has_a_chat_with_its_people_and_its_leader_owns_it(company: ChatWorld) -> None:
    assert (company.chat("Unit team"), company.owner("Unit team")) == ({"e2", "e3"}, "e2")
    assert company.chat("Unit top") == {"e1", "e2", "e3"}  # it takes in what is below
    assert company.department("Unit quiet").dept_group_chat_id == ""
    assert company.sync(fresh=True).tally.done == 0


def test_whoever_joins_is_in_on_the_first_day_and_whoever_leaves_is_out_on_the_last(company: ChatWorld) -> None:
    company.person("4", "team")
    company.sync()
    assert company.chat("Unit team") == {"e2", "e3", "e4"}

    company.leave("3")
    company.sync()

    assert company.chat("Unit team") == {"e2", "e4"}
    assert "e3" not in company.chat("Unit top")


def test_whoever_has_an_account_ahead_of_the_first_day_is_in_no_chat_before_it(company: ChatWorld) -> None:
    with_dates(company)
    company.world = replace(company.world, joiners=JoinerTerms(ahead=timedelta(days=7)))
    today = company.now().date()
    company.person("4", "team", hired=f"{today + timedelta(days=3)}", zone="UTC")
    company.sync()
    assert company.places("e4") == {JoinerTerms().department}
    assert not {"e4"} & (company.chat("Unit team") | company.chat("Unit top"))

    company.edit("4", hired=f"{today - timedelta(days=3)}")
    company.sync()

    assert "e4" in company.chat("Unit team") & company.chat("Unit top")


def test_a_mover_changes_chats_with_the_department(company: ChatWorld) -> None:
    company.unit("other", "top")
    company.edit("3", unit="other")

    company.sync()

    assert (company.chat("Unit team"), company.chat("Unit other")) == ({"e2"}, {"e3"})


def test_a_renamed_department_keeps_its_chat(company: ChatWorld) -> None:
    before = company.department("Unit team").dept_group_chat_id

    company.unit("team", "top", leader="e2", name="Unit crew")
    company.sync()

    assert company.department("Unit crew").dept_group_chat_id == before != ""


def test_when_the_owner_leaves_the_next_leader_who_is_a_member_owns_the_chat(company: ChatWorld) -> None:
    company.edit("2", manager="e3", state="left")
    cycle = company.sync()

    assert company.owner("Unit team") == "e3"
    assert {change.op for change in cycle.reconciliation.plan.changes} == {Op.OFFBOARD, Op.CREATE, Op.LINK}
    assert company.chat("Unit team") == {"e3"}


def test_when_nobody_of_the_department_takes_over_the_chat_stays_and_somebody_is_told(company: ChatWorld) -> None:
    company.edit("2", manager="e1", state="left")
    cycle = company.sync()

    told = {problem.code for problem in cycle.reconciliation.plan.warnings}
    assert "PLN-006" in told
    assert (company.owner("Unit team"), company.chat("Unit team")) == ("", {"e3"})


def test_an_owner_who_is_named_stays_though_another_comes_first_by_now_and_passes_it_on_when_they_move(
    company: ChatWorld,
) -> None:
    company.says("team", leader=("e3", "e2"))
    company.sync()
    assert company.owner("Unit team") == "e2"

    company.edit("2", unit="top")
    company.sync()
    company.sync(fresh=True)

    assert company.owner("Unit team") == "e3"
    assert company.chat("Unit team") == {"e3"}


def test_whoever_is_named_first_and_is_no_member_owns_no_chat_also_where_only_the_department_is_looked_at(
    company: ChatWorld,
) -> None:
    company.source.tells = True
    company.rules(CHATS.replace("chat_owner: managers", "chat_owner: seesPersons"))
    company.says("team", sees="e1,e3")
    company.sync()
    assert company.owner("Unit team") == "e3"

    company.says("team", sees="e1,e2")
    cycle = company.sync()

    assert company.owner("Unit team") == "e2"
    assert [change.op for change in cycle.reconciliation.plan.changes] == [Op.LINK]


def test_a_chat_that_no_rule_speaks_of_is_left_alone(company: ChatWorld) -> None:
    quiet = company.department("Unit quiet")
    company.person("5", "quiet")
    company.sync()
    fields = replace(quiet, create_dept_group=True, dept_group_chat_id="chatbyhand", org_dept_owner="e5")
    company.server.tenant.put("departments", quiet.dept_id, fields)

    company.sync(fresh=True)

    found = company.department("Unit quiet")
    assert (found.dept_group_chat_id, found.org_dept_owner) == ("chatbyhand", "e5")


def test_outsiders_never_get_into_a_chat_of_insiders(company: ChatWorld) -> None:
    company.unit("partners", "top")
    company.unit("firm", "partners")
    company.says("partners", outer="yes")
    company.person("7", "firm", kind="partner")
    company.person("8", "team", kind="partner")

    company.sync()

    assert company.chat("Unit top") == {"e1", "e2", "e3"}
    assert company.chat("Unit team") == {"e2", "e3"}
    assert company.chat("Unit partners") == company.chat("Unit firm") == {"e7"}
    assert company.department("Unit partners").group_contain_outer_dept is True
    assert company.sync(fresh=True).tally.done == 0


def test_outsiders_are_let_in_where_a_rule_says_so(company: ChatWorld) -> None:
    company.unit("partners", "top")
    company.says("partners", outer="yes")
    company.person("7", "partners", kind="partner")
    company.rules(f"{CHATS}    group_contain_outer_dept: {{value: true}}\n")

    company.sync()

    assert company.chat("Unit top") == {"e1", "e2", "e3", "e7"}


def test_somebody_lets_outsiders_in_by_hand_and_that_is_undone(company: ChatWorld) -> None:
    top, tenant = company.department("Unit top"), company.server.tenant
    tenant.settings = replace(tenant.settings, chat_sides_shown=True)
    tenant.put("departments", top.dept_id, replace(top, group_contain_outer_dept=True))

    company.sync(fresh=True)

    assert company.department("Unit top").group_contain_outer_dept is False


def test_a_chat_that_takes_in_departments_below_from_now_on_is_told_whom_not_to_take(company: ChatWorld) -> None:
    """How the platform stands without being told is not documented, and it does not show it."""
    company.unit("partners", "team")
    company.says("partners", outer="yes")
    company.person("7", "partners", kind="partner")
    company.sync()
    team = company.department("Unit team")
    company.server.tenant.put("departments", team.dept_id, replace(team, group_contain_outer_dept=True))

    company.rules(CHATS.replace("'Unit top'", "'Unit team'"))
    company.sync()

    assert company.department("Unit team").group_contain_sub_dept is True
    assert company.chat("Unit team") == {"e2", "e3"}


def test_giving_up_the_chats_of_many_departments_is_held(company: ChatWorld) -> None:
    limits = Limits(by_effect={Effect.UNIT_UPDATE: Limit(count=1)})
    company.world = replace(company.world, guard=replace(company.world.guard, limits=limits))
    company.rules("    create_dept_group: {value: false}\n")

    cycle = company.sync()

    (hold,) = cycle.reconciliation.judgement.holds
    assert (hold.effect, len(hold.changes)) == (Effect.UNIT_UPDATE, 2)
    assert company.department("Unit team").create_dept_group is True
