"""Group chats of departments (old API, `GET /chat/get`): who is in one follows from the departments at any moment.

Documented is that members join by themselves with `auto_add_user`, that the owner has to be a member, and that the chat goes with
its department. That whoever leaves the department leaves the chat, and what `/chat/get` answers of such a chat, is recalled.
Other chats are not simulated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from syncd_dingtalk.sandbox import answers
from syncd_dingtalk.sandbox.answers import Answer, Business
from syncd_dingtalk.sandbox.directory import Directory
from syncd_dingtalk.sandbox.records import Department
from syncd_dingtalk.sandbox.routes import Call, Route, old
from syncd_dingtalk.sandbox.tenant import Tenant

_OF_A_COMPANY: Final = 2
_NORMAL: Final = 1


def opened(tenant: Tenant, department: Department) -> Department:
    """Return the department with its group chat where it is to have one, and everybody in it who is a member now."""
    if not department.create_dept_group or department.dept_group_chat_id:
        return department
    first = tuple(tenant.live.members.get(department.dept_id, ()))
    chat_id = f"chat{tenant.hexed(f'chat/{department.dept_id}')}"
    return replace(department, dept_group_chat_id=chat_id, chat_first=first)


def inside(live: Directory, department: Department) -> list[str]:
    """Return who is in a department's chat, each once, in the order of departments and of joining."""
    found = dict.fromkeys(
        userid for one in _departments(live, department) for userid in live.members.get(one.dept_id, ())
    )
    return [userid for userid in found if department.auto_add_user or userid in department.chat_first]


def _departments(live: Directory, chat: Department) -> Iterator[Department]:
    ahead = [chat]
    while ahead:
        department = ahead.pop()
        yield department
        if chat.group_contain_sub_dept:
            below = (live.departments[dept_id] for dept_id in live.children.get(department.dept_id, {}).values())
            ahead += [one for one in below if _takes(chat, one)]


def _takes(chat: Department, below: Department) -> bool:
    """Tell whether a chat takes in a department below; that hidden and outer ones are left out otherwise is inferred."""
    outer = chat.group_contain_outer_dept or not below.outer_dept
    return outer and (chat.group_contain_hidden_dept or not below.hide_dept)


def get(call: Call) -> Answer:
    """Return a chat with its owner and members. The code for one that is not there is a guess (400002)."""
    chat_id = call.params.needed("chatid", code=400002)
    live = call.tenant.live
    department = next((one for one in live.departments.values() if one.dept_group_chat_id == chat_id), None)
    if department is None:
        raise Business(400002)
    info = {
        "name": department.name,
        "owner": department.org_dept_owner,
        "useridlist": inside(live, department),
        "extidlist": [],
        "status": _NORMAL,
        "conversationTag": _OF_A_COMPANY,
    }
    return answers.beside(chat_info=info)


ROUTES: Final[tuple[Route, ...]] = (old("/chat/get", get, method="GET"),)
