"""Looks at an object for the queue (`Op.LOOK`), and says what came of it. Writes nothing, decides nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from syncd.core.errors import NeedsHuman, OutcomeUnknown, TryAgain
from syncd.core.model import Change, TargetId
from syncd.core.outcome import Applied, Deferred, Outcome
from syncd.core.ports import Target

SOON: Final = timedelta(seconds=5)
LATER: Final = timedelta(minutes=5)
"""When it is looked again where somebody has to mend something first."""


async def looked(target: Target, change: Change, *, now: datetime) -> Outcome:
    """Look at the object of a change. Raises what a connector raises that keeps no contract."""
    id_ = change.target_id or TargetId("")
    try:
        seen = await target.look(change.kind, id_)
    except TryAgain as error:
        return Deferred(problem=error.problem, retry_at=now + max(error.after, SOON), whole_target=True)
    except (NeedsHuman, OutcomeUnknown) as error:
        return Deferred(problem=error.problem, retry_at=now + LATER, whole_target=True)
    return Applied(target_id=id_, seen=seen, detail="it is not there" if seen is None else "")


__all__ = ["looked"]
