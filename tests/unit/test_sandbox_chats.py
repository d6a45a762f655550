"""The sandbox's chats of departments: who is in one at any moment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desks.sandbox import Desk

UPDATE, GET = "/topapi/v2/department/update", "/topapi/v2/department/get"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def chat(desk: Desk, dept_id: int) -> dict[str, Any]:
    chat_id = desk.ok(GET, dept_id=dept_id)["dept_group_chat_id"]
    return ask(desk, chat_id)["chat_info"]  # type: ignore[no-any-return]


def ask(desk: Desk, chat_id: str) -> dict[str, Any]:
    reply = desk.reply("GET", "/chat/get", query={"access_token": desk.token, "chatid": chat_id})
    answer: dict[str, Any] = json.loads(reply.answer.body)
    return answer


def test_whoever_is_there_is_in_and_whoever_comes_later_only_if_the_department_says_so(desk: Desk) -> None:
    a = desk.department("A")
    desk.user("ann", f"{a}")
    desk.ok(UPDATE, dept_id=a, create_dept_group=True, org_dept_owner="ann")
    desk.user("bob", f"{a}")
    assert chat(desk, a)["useridlist"] == ["ann"]

    desk.ok(UPDATE, dept_id=a, auto_add_user=True)

    shown = chat(desk, a)
    assert (shown["name"], shown["owner"], shown["useridlist"]) == ("A", "ann", ["ann", "bob"])


def test_a_chat_takes_in_departments_below_and_the_hidden_and_outer_ones_only_if_it_is_said(desk: Desk) -> None:
    a = desk.department("A", create_dept_group=True)
    below = [
        desk.department("Plain", a),
        desk.department("Outer", a, outer_dept=True),
        desk.department("Hidden", a, hide_dept=True),
    ]
    for userid, dept_id in zip(("ann", "bob", "cat"), below, strict=True):
        desk.user(userid, f"{dept_id}")
    desk.ok(UPDATE, dept_id=a, auto_add_user=True)
    assert chat(desk, a)["useridlist"] == []

    desk.ok(UPDATE, dept_id=a, group_contain_sub_dept=True)
    assert chat(desk, a)["useridlist"] == ["ann"]

    desk.ok(UPDATE, dept_id=a, group_contain_outer_dept=True, group_contain_hidden_dept=True)
    assert set(chat(desk, a)["useridlist"]) == {"ann", "bob", "cat"}


def test_a_chat_goes_with_its_department(desk: Desk) -> None:
    a = desk.department("A", create_dept_group=True)
    chat_id = desk.ok(GET, dept_id=a)["dept_group_chat_id"]
    desk.ok("/topapi/v2/department/delete", dept_id=a)
    assert ask(desk, chat_id)["errcode"] == 400002
