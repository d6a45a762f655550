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
