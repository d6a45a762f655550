"""The other side of the intake: an event as a system of HR would send it, signed. For trying out, and for tests; it
sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from syncd.core.values import instant
from syncd.web.events import Mode
from syncd.web.signature import sign

TYPE: Final = "syncd.person.changed"
"""Of the events that we make ourselves; the intake takes any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request, ready to be sent by POST."""

    url: str
    headers: dict[str, str]
    body: str


def events(who: Sequence[str], *, id: str, at: datetime) -> str:
    """Return an event about each of `who` in JSON: one alone as it is, several as a batch; about nobody, one that names
    nobody."""
    written = [
        {
            "specversion": "1.0",
            "id": id if len(who) < 2 else f"{id}-{number}",
            "source": "syncd-webhook",
            "type": TYPE,
            "time": instant(at),
            **({"subject": one} if one else {}),
        }
        for number, one in enumerate(who or ("",), start=1)
    ]
    return msgspec.json.encode(written[0] if len(written) == 1 else written).decode()


def prepared(body: str, *, url: str, key: bytes, id: str, at: datetime) -> Prepared:
    """Return the request that carries `body`, an event or a batch in JSON, signed as being sent at `at`."""
    mode = Mode.BATCH if body.lstrip().startswith("[") else Mode.STRUCTURED
    signed = sign(key, id=id, seconds=int(at.timestamp()), content=body.encode())
    return Prepared(url=url, headers={"content-type": str(mode), **signed}, body=body)
