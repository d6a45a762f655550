"""What a target remembers of those who have left it: who, when, and by whose doing. Proof of a removal that is not our own word.

Values and a socket. Nothing here is anybody's name or number, and nothing is concluded from it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from syncd.core.model import TargetId

LATE: Final = timedelta(days=1)
"""A removal of which the target has no record after so long is worth a look. How soon a record appears is not documented."""
COUNTED: Final = timedelta(days=30)
"""How far back removals are counted, and how long one is looked for in the records."""
READ_UPTO: Final = "leavings.read:"
"""Before a target's name: the key of the instant up to which its records were read."""


class LeftBy(StrEnum):
    """By whose doing somebody is no longer in the target."""

    PROGRAM = "program"
    """A program removed them: syncd, or another one."""
    ADMINISTRATOR = "administrator"
    """An administrator removed them by hand."""
    THEMSELVES = "themselves"
    CLOSED = "closed"
    """Their account with the platform was closed."""
    UNKNOWN = "unknown"

    __hash__ = str.__hash__

    @property
    def words(self) -> str:
        """Return it as the end of a sentence that begins with “they”."""
        return _WORDS[self]


_WORDS: Final = {
    LeftBy.PROGRAM: "were removed by a program",
    LeftBy.ADMINISTRATOR: "were removed by an administrator",
    LeftBy.THEMSELVES: "left by themselves",
    LeftBy.CLOSED: "closed their account",
    LeftBy.UNKNOWN: "left in a way that is not told",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """One person has left the target."""

    target_id: TargetId
    at: datetime
    """When, as the target says; aware UTC."""
    by: LeftBy


@runtime_checkable
class Remembering(Protocol):
    """What a target may offer besides `syncd.core.ports.Target`: it remembers who has left it.

    Rules (checked by `syncd.testing.remembering.RememberingContract`):
     1. `left` yields each record of people who left from `since` to `until`, both included, at least once, in any order; who left
        twice has two. Any length of time can be asked for.
     2. What is yielded together is never empty; where nobody left, nothing is yielded.
     3. It raises as reading does: `TryAgain`, or `NeedsHuman` where it is not permitted. It never ends quietly with less.
     4. It changes nothing, and asking twice gives the same.
    """

    def left(self, *, since: datetime, until: datetime) -> AsyncIterator[Sequence[Left]]: ...


__all__ = ["Left", "LeftBy", "Remembering"]
