"""`syncd check --online`: rights that only some of what syncd does needs, tried by the cheapest look, each by itself.

What is missing is told by DingTalk's name of the right, with what does not work without it. Nothing is written.
"""

from __future__ import annotations

from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from typing import Final

from syncd.core.errors import NeedsHuman
from syncd_dingtalk import api as a
from syncd_dingtalk import leaves
from syncd_dingtalk import messages as m
from syncd_dingtalk import messages_leaves as ml
from syncd_dingtalk.api import Api, Refused
from syncd_dingtalk.checks_chats import Doubt

_MOMENT: Final = timedelta(minutes=1)
_NOBODYS: Final = "syncd-check"
"""The key of a to-do that there is not."""
_CLOSED: Final = frozenset({m.PERMISSION.code, m.CREDENTIALS.code})
"""What the interfaces of external contacts answer where they are not open to an application: of 33009, which means a wrong
company elsewhere, that is recalled."""


async def leave_records(api: Api, now: datetime) -> str:
    """Look whether leave records can be read. Raises Doubt where it is not permitted: nothing else needs them."""
    try:
        async with aclosing(leaves.read(api, since=now - _MOMENT, until=now)) as pages:
            async for _ in pages:
                break
    except NeedsHuman as error:
        raise Doubt(error.problem) from None
    return "who has left can be read"


async def todos(api: Api, unionid: str) -> str:
    """Look for a to-do of somebody that nobody has made: that there is none proves the right to ask. Raises Doubt without it."""
    if not unionid:
        return "there is nobody yet whose to-dos could be looked up"
    try:
        with suppress(Refused):
            await api.call(a.TODO_BY_KEY, unionId=unionid, sourceId=_NOBODYS)
    except NeedsHuman as error:
        raise Doubt(ml.TODOS_UNREAD.at(code=error.problem.words.get("code", error.problem.code))) from None
    return "to-dos can be looked up; the right to make them (Todo.Todo.Write) shows only when one is made"


async def external_contacts(api: Api) -> str:
    """Look whether external contacts can be read. Raises NeedsHuman (DNG-099) where it is not permitted, else as `Api.call`."""
    try:
        await api.call(a.CONTACT_LIST, offset=0, size=1)
    except NeedsHuman as error:
        if error.problem.code not in _CLOSED:
            raise
        raise NeedsHuman(ml.CONTACTS_UNREAD.at(code=error.problem.words.get("code", error.problem.code))) from None
    except Refused as refused:
        raise NeedsHuman(ml.CONTACTS_UNREAD.at(code=refused.refusal.code)) from None
    return "can be read; the right to write shows only when something is written"
