"""What the DingTalk connector can tell a person about group chats. A table; it does nothing."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

CHAT_OWNER: Final = message(
    "DNG-086",
    what="Whoever shall own the group chat of {label} is not a member of it ({code}).",
    do="syncd tries again after people have moved. If it goes on, name somebody in `chat_owner` who is a member.",
    example='{"errcode": 40093}',
)
CHATS_APART: Final = message(
    "DNG-087",
    what="Of {chats} group chats that were looked at, {missing} members of the departments are missing, and {others} people are "
    "in who are not members.",
    do="Whoever was put out or let in by hand is counted, too. If nobody did that, look at these chats in DingTalk: whether new "
    "members join by themselves, and how many people they may have. syncd writes nobody's membership of a chat.",
    example="A department has more members than a group chat may have.",
)
CHAT_UNREAD: Final = message(
    "DNG-088",
    what="Group chats cannot be read, so it is not known whether they hold the members of their departments ({code}).",
    do="Nothing has to be done: syncd needs no such right, and DingTalk keeps the chats. For this check the application needs "
    "the right to read group chats; its name (qyapi_chat_manage) is recalled, not documented.",
    example='{"errcode": 60011}',
)
