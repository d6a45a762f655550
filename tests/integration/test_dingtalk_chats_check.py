"""`syncd check --online` looks whether the group chats of departments hold their members."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from servers.dingtalk import NOW, Company, change
from syncd.core.model import Kind, Op, TargetId
from syncd.core.outcome import Applied
from syncd.core.ports import Room, Standing, Verdict
from syncd.core.values import Value
from syncd_dingtalk import DingTalk
from syncd_dingtalk import api as a
from syncd_dingtalk.api import Api, Interface
from syncd_dingtalk.checks_chats import MOST_CHATS, Doubt, in_step
from syncd_dingtalk.sandbox.faults import Fault, FaultKind
from syncd_dingtalk.settings import DingTalkSettings, SandboxEntry
from syncd_dingtalk.shapes import ChatAnswer, ChatInfo, Department, UserIds

GET = "/chat/get"


@pytest.fixture
def company() -> Iterator[Company]:
    wanted = {Kind.UNIT: frozenset({"name", "create_dept_group"})}
    target = DingTalk(
        DingTalkSettings(sandbox=SandboxEntry(qps=None)),
        Room(name="dingtalk", now=lambda: NOW, base=Path(), wanted=wanted),
    )
    with asyncio.Runner() as runner:
        runner.run(target.__aenter__())
        yield Company(target=target, run=runner.run)
        runner.run(target.__aexit__(None, None, None))


def told(company: Company) -> Verdict:
    async def verdicts() -> dict[str, Verdict]:
        return {verdict.name: verdict async for verdict in company.target.check()}

    found: Verdict = company.run(verdicts())["group chats"]
    return found


def asked(company: Company) -> int:
    assert company.target.sandbox is not None
    return len(company.target.sandbox.sandbox.gateway.calls.since(0, GET))


def with_chat(company: Company, number: int, parent: TargetId | None = None) -> TargetId:
    fields: dict[str, Value] = {"name": f"Example {number}", "create_dept_group": True, "auto_add_user": True}
    outcome = company.apply(change(Op.CREATE, Kind.UNIT, f"unit:{number}", parent=parent, **fields))
    assert isinstance(outcome, Applied), outcome
    return outcome.target_id


def test_chats_that_hold_their_members_are_well_and_no_more_than_a_few_are_asked(company: Company) -> None:
    assert told(company).seen == "no department has one yet"
    above = with_chat(company, 0)
    units = [with_chat(company, number, above) for number in range(1, MOST_CHATS + 1)]
    company.person(1, units[0])
    before = asked(company)

    verdict = told(company)

    assert (verdict.standing, verdict.problem) == (Standing.OK, None)
    assert asked(company) - before == MOST_CHATS


def test_the_right_to_read_chats_is_not_needed_and_a_warning_says_what_it_would_be_for(company: Company) -> None:
    with_chat(company, 1)
    company.fail(Fault(kind=FaultKind.ERRCODE, interface=GET, code=60011))

    verdict = told(company)

    assert verdict.standing is Standing.WARNING
    assert verdict.problem is not None
    assert (verdict.problem.code, verdict.problem.words["code"]) == ("DNG-088", "60011")


def test_where_no_rule_speaks_of_chats_none_is_looked_at() -> None:
    async def names() -> list[str]:
        room = Room(name="dingtalk", now=lambda: NOW, base=Path(), wanted={Kind.UNIT: frozenset({"name"})})
        async with DingTalk(DingTalkSettings(sandbox=SandboxEntry(qps=None)), room) as target:
            return [verdict.name async for verdict in target.check()]

    assert "group chats" not in asyncio.run(names())


class Tenant:
    """Answers as DingTalk would of two departments, one of which takes its members from below as well."""

    units = (
        Department(dept_id=2, create_dept_group=True, auto_add_user=True, dept_group_chat_id="chat2"),
        Department(dept_id=3, create_dept_group=True, dept_group_chat_id="chat3", group_contain_sub_dept=True),
    )

    async def call(self, interface: Interface[Any], **params: Any) -> object:
        if interface is a.DEPARTMENT_LISTSUB:
            return list(self.units) if params["dept_id"] == 1 else []
        if interface is a.DEPARTMENT_GET:
            return next(unit for unit in self.units if unit.dept_id == params["dept_id"])
        if interface is a.USER_LISTID:
            return UserIds(userid_list=["u1", "u2", "u3"])
        return ChatAnswer(info=ChatInfo(userids=["u3", "stranger"]))


def test_members_who_are_missing_and_people_who_do_not_belong_there_are_counted_and_not_named() -> None:
    with pytest.raises(Doubt) as raised:
        asyncio.run(in_step(cast("Api", Tenant()), 1))

    problem = raised.value.problem
    assert (problem.code, dict(problem.words)) == ("DNG-087", {"chats": 2, "missing": 2, "others": 1})
