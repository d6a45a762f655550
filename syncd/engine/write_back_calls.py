"""Lets sources write what is written back to them, and says what came of it. Opens each once; decides nothing, repeats nothing.

What a source cannot do now holds up nobody else: it is tried again, as often as needed.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from syncd.core.errors import Misconfigured, NeedsHuman, OutcomeUnknown, Problem, TryAgain, message
from syncd.core.model import Change, SourceName
from syncd.core.outcome import Deferred, Outcome, Rejected
from syncd.core.ports import WritingBack
from syncd.engine.lending import Lent
from syncd.engine.write_back import record_of

if TYPE_CHECKING:
    from syncd.core.ports import Source
    from syncd.engine.world import World

NO_SOURCE: Final = message(
    "WBK-010",
    what="{label}: nothing can be written back to {source}: it is not in the configuration, or cannot be written to.",
    do="Nothing to do: the next plan leaves it out.",
    example="A source that was taken out of syncd.yaml while a change waited for it.",
)
SOON: Final = timedelta(minutes=1)
LATER: Final = timedelta(minutes=5)
"""When it is tried again where somebody has to mend something first."""


class Callers:
    """The sources that are written to, each opened when it is first needed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lent: dict[SourceName, Lent[Source]] = {}

    async def write(self, change: Change) -> Outcome:
        """Do one change. Raises nothing but cancellation, and what a connector raises that keeps no contract."""
        source, record = record_of(change)
        seat = self._world.seats.get(source)
        if seat is None:
            return Rejected(problem=NO_SOURCE.at(label=change.label, source=source))
        lent = self._lent.setdefault(source, Lent(seat.make))
        try:
            async with lent.borrow() as opened:
                writing: Any = opened
                if not isinstance(writing, WritingBack):
                    return Rejected(problem=NO_SOURCE.at(label=change.label, source=source))
                fields = {one.name: one.after for one in change.fields}
                return await writing.write_back(
                    record, fields, expected={one.name: one.before for one in change.fields}
                )
        except TryAgain as error:
            return self._later(error.problem, max(error.after, SOON))
        except (NeedsHuman, OutcomeUnknown) as error:
            return self._later(error.problem, LATER)
        except Misconfigured as error:
            return self._later(error.problems[0], LATER)

    async def close(self) -> None:
        """Close what is open. Nobody may be using it."""
        lent, self._lent = self._lent, {}
        await asyncio.gather(*(one.close() for one in lent.values()))

    def _later(self, problem: Problem, after: timedelta) -> Deferred:
        return Deferred(problem=problem, retry_at=self._world.now() + after, whole_target=True)


__all__ = ["Callers"]
