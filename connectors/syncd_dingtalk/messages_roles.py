"""What the DingTalk connector can tell a person about roles. A table; it does nothing. The words are those of `messages`."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

NO_ROLE: Final = message(
    "DNG-055",
    what="{label}: DingTalk has no such role ({code}); somebody may have deleted it.",
    do="Nothing, if the role shall be there: the next full look at DingTalk finds it missing, makes it and gives it again.",
    example='{"errcode": 33011}',
)
ROLE_TAKEN: Final = message(
    "DNG-056",
    what="DingTalk has a role of the name of {label} in this group of roles already ({code}).",
    do="Let the rules adopt it (`adopt: [name]` under `group`), or choose another name or group of roles.",
    example='{"errcode": 34021}',
)
BAD_ROLE: Final = message(
    "DNG-057",
    what="DingTalk does not accept the name or the group of the role {label} ({code}).",
    do="Correct `name` and `role_group` in the rules. The platform's own group of roles (默认) takes no roles.",
    example='{"errcode": 34020}',
)
SYSTEM_ROLE: Final = message(
    "DNG-058",
    what="{label} concerns a role of the platform's own, which no application may change or give ({code}).",
    do="Appoint administrators and leaders in DingTalk itself; leave these roles out of the rules.",
    example='{"errcode": 23004}',
)
