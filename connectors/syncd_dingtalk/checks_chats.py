"""`syncd check --online`: whether DingTalk keeps the group chats of departments in step with their members.

That it does is recalled and nowhere documented, and syncd relies on it (docs/adr/0020): so a few chats are looked at. Nothing is
written, and nobody's name is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from syncd.core.errors import NeedsHuman, Problem
from syncd_dingtalk import api as a
from syncd_dingtalk import messages_chats as mc
from syncd_dingtalk.api import Api, Refused
from syncd_dingtalk.errors import Meaning
from syncd_dingtalk.shapes import ChatInfo, Department

MOST_CHATS: Final = 5
_MOST_ASKED: Final = 40
"""Departments whose children are listed to find chats."""


class Doubt(Exception):
    """Something that is worth a warning and no more."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


async def in_step(api: Api, root: int) -> str:
    """Return how many chats hold whom they should. Raises Doubt where some do not or cannot be read, else as `Api.call` does."""
    looked = missing = others = 0
    async for department in _with_chats(api, root):
        chat = await _chat(api, department)
        members = set((await api.call(a.USER_LISTID, dept_id=department.dept_id)).userid_list)
        looked += 1
        missing += len(members - set(chat.userids)) if department.auto_add_user else 0
        others += len(set(chat.userids) - members) if not department.group_contain_sub_dept else 0
    if missing or others:
        raise Doubt(mc.CHATS_APART.at(chats=looked, missing=missing, others=others))
    return f"{looked} of those that are there hold whom they should" if looked else "no department has one yet"


async def _chat(api: Api, department: Department) -> ChatInfo:
    try:
        return (await api.call(a.CHAT_GET, chatid=department.dept_group_chat_id)).info
    except Refused as refused:
        raise Doubt(mc.CHAT_UNREAD.at(code=refused.refusal.code)) from None
    except NeedsHuman as error:  # the right to do it is missing: nothing else needs it
        raise Doubt(mc.CHAT_UNREAD.at(code=error.problem.words.get("code", error.problem.code))) from None


async def _with_chats(api: Api, root: int) -> AsyncIterator[Department]:
    """Yield a few departments that have a chat, from the top down."""
    ahead, asked, found = deque([root]), 0, 0
    while ahead and asked < _MOST_ASKED:
        asked += 1
        for child in await api.call(a.DEPARTMENT_LISTSUB, dept_id=ahead.popleft()):
            if child.dept_id <= 0:
                continue  # the home-school tree, which no call here accepts
            ahead.append(child.dept_id)
            whole = await _whole(api, child.dept_id) if child.create_dept_group else None
            if whole is not None and whole.dept_group_chat_id:
                yield whole
                found += 1
            if found == MOST_CHATS:
                return


async def _whole(api: Api, dept_id: int) -> Department | None:
    try:
        return await api.call(a.DEPARTMENT_GET, dept_id=dept_id)
    except Refused as refused:
        if refused.refusal.meaning is Meaning.GONE:
            return None
        raise
