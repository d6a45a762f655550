"""`syncd check --online` tries the rights that only some of what syncd does needs, and says which one is missing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from servers.dingtalk import NOW
from syncd.core.model import Kind
from syncd.core.ports import Room, Standing, Verdict
from syncd_dingtalk import DingTalk
from syncd_dingtalk.sandbox.faults import Fault, FaultKind
from syncd_dingtalk.settings import DingTalkSettings, SandboxEntry

LEAVES, CONTACTS, TODOS = "Contact.Common.Read", "external contacts", "Todo.Todo.Read"
WITH_CONTACTS = {Kind.PERSON: frozenset({"name"}), Kind.CONTACT: frozenset({"name"})}


def verdicts(*, without: str = "", faults: tuple[Fault, ...] = (), **rules: bool) -> dict[str, Verdict]:
    """Return what a check says where a permission is missing, or an interface answers otherwise."""
    wanted = WITH_CONTACTS if rules.get("contacts", True) else {Kind.PERSON: frozenset({"name"})}
    reaches = rules.get("tell", True)
    settings = DingTalkSettings(sandbox=SandboxEntry(qps=None))

    async def work() -> dict[str, Verdict]:
        room = Room(name="dingtalk", now=lambda: NOW, base=Path(), wanted=wanted, reaches=reaches)
        async with DingTalk(settings, room) as target:
            assert target.sandbox is not None
            tenant = target.sandbox.tenant
            (app,) = tenant.apps.values()
            tenant.put("apps", app.app_key, replace(app, permissions=app.permissions - {without}))
            target.sandbox.sandbox.gateway.faults.set(faults)
            return {verdict.name: verdict async for verdict in target.check()}

    return asyncio.run(work())


def test_a_well_set_up_application_has_all_of_them() -> None:
    told = verdicts()
    assert {told[name].standing for name in (LEAVES, CONTACTS, TODOS)} == {Standing.OK}


def test_without_the_right_to_read_leave_records_there_is_a_warning_that_says_what_does_not_work() -> None:
    told = verdicts(without="Contact.Common.Read")[LEAVES]
    assert told.standing is Standing.WARNING
    assert told.problem is not None
    assert told.problem.code == "DNG-098"
    assert "Contact.Common.Read" in told.problem.do


def test_without_the_right_to_read_contacts_the_check_fails_where_rules_make_some() -> None:
    told = verdicts(without="qyapi_ext_read")[CONTACTS]
    assert told.standing is Standing.FAILED
    assert told.problem is not None
    assert told.problem.code == "DNG-099"


@pytest.mark.parametrize("code", [33009, 43007])
def test_external_contacts_that_are_not_open_are_told_in_the_same_words(code: int) -> None:
    closed = Fault(interface="/topapi/extcontact/list", kind=FaultKind.ERRCODE, code=code)
    told = verdicts(faults=(closed,))[CONTACTS]
    assert told.problem is not None
    assert told.problem.code == "DNG-099"
    assert told.problem.words["code"] == str(code)


def test_where_no_rule_makes_contacts_nobody_asks_for_the_right() -> None:
    assert CONTACTS not in verdicts(without="qyapi_ext_read", contacts=False)


def test_without_the_right_to_look_up_to_dos_there_is_a_warning_where_people_are_told() -> None:
    told = verdicts(without=TODOS)[TODOS]
    assert told.standing is Standing.WARNING
    assert told.problem is not None
    assert told.problem.code == "DNG-097"
    assert TODOS not in verdicts(without=TODOS, tell=False)
