"""Word to people of the organization, as to-dos: one for each person, known by a key of its own, so that nobody is told twice.

Why to-dos and not work notices or a robot: only they carry a key of the caller (`sourceId`), and can be looked up by it. A work
notice that is repeated because its answer was lost comes twice on another day; the same words on one day come once, even if they
mean two things; and above its limits it is dropped without a word. A to-do also stays until somebody has done it.

Facts from the page on adding a to-do: ids are unionIds; a subject has at most 1,024 characters, a description 4,096; a page
that it opens is demanded (since 2024-02). That the executor may be named as creator and operator is inferred.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from syncd.core.errors import NeedsHuman, OutcomeUnknown, TryAgain
from syncd.core.model import TargetId
from syncd_dingtalk import api as a
from syncd_dingtalk import messages_todos as mt
from syncd_dingtalk.api import Api, Refused
from syncd_dingtalk.errors import Meaning

SUBJECT: Final = 1_024
DESCRIPTION: Final = 4_096
_NOBODY: Final = frozenset({Meaning.GONE, Meaning.SCOPE})


class Letter(NamedTuple):
    """What people read, and the page that it opens."""

    title: str
    text: str
    link: str


async def send(api: Api, *, key: str, to: Sequence[TargetId], letter: Letter) -> frozenset[TargetId]:
    """Tell each of these people, and return those who cannot be told. Raises `TryAgain` or `NeedsHuman`; who has it by then does
    not get it again."""
    missed: set[TargetId] = set()
    for person in dict.fromkeys(to):
        try:
            unionid = (await api.call(a.USER_GET, userid=person)).unionid
        except Refused as refused:
            if refused.refusal.meaning not in _NOBODY:
                raise NeedsHuman(mt.REFUSED.at(code=refused.refusal.code)) from None
            missed.add(person)
            continue
        await _tell(api, unionid, hashlib.blake2b(f"{key}/{person}".encode(), digest_size=16).hexdigest(), letter)
    return frozenset(missed)


async def _tell(api: Api, unionid: str, key: str, letter: Letter) -> None:
    """Make one to-do, unless there is one with this key."""
    body = {
        "sourceId": key,
        "subject": letter.title[:SUBJECT],
        "description": letter.text[:DESCRIPTION],
        "creatorId": unionid,
        "executorIds": [unionid],
        "isOnlyShowExecutor": True,
        "detailUrl": {"appUrl": letter.link, "pcUrl": letter.link},
        "notifyConfigs": {"dingNotify": "1"},
    }
    try:
        await api.call(a.TODO_CREATE, unionId=unionid, **body)
    except OutcomeUnknown as error:
        raise TryAgain(error.problem) from None  # if it is there, the next attempt finds it by its key
    except Refused as refused:
        # "task exist" is documented as words, its code is not: so it is looked up.
        if not await _is_there(api, unionid, key):
            raise NeedsHuman(mt.REFUSED.at(code=refused.refusal.code)) from None


async def _is_there(api: Api, unionid: str, key: str) -> bool:
    try:
        return bool((await api.call(a.TODO_BY_KEY, unionId=unionid, sourceId=key)).id)
    except Refused:
        return False
