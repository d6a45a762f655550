"""What happens to events on their way: lost, doubled, late, overtaken, or the connection with them. On demand, from a seed.

One value, replaced as a whole by the control surface. It decides; the delivery acts it out. Nothing here sends anything.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields, replace
from typing import Any, Final, cast

_CHANCES: Final = ("loss", "duplicate", "reorder", "disconnect")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFaults:
    """Chances from 0 to 1, and seconds."""

    loss: float = 0.0
    """The event is never sent."""
    duplicate: float = 0.0
    """It is sent twice, the second time a little later."""
    reorder: float = 0.0
    """It is held back for a moment, so that later ones overtake it."""
    disconnect: float = 0.0
    """Where it would be sent, the connection is cut instead; it is sent again on the next one."""
    delay: float = 0.0
    """Seconds that every event is late."""
    limit: int | None = None
    """How many events have any of this happen to them; None for no limit."""
    hold_back: float = 0.2
    """Seconds that `reorder` and the second copy of `duplicate` take."""
    seed: int = 0


def faults_of(values: dict[str, Any]) -> EventFaults:
    """Return the faults that a control call describes. Raises ValueError for unknown names and impossible values."""
    known = {field.name for field in fields(EventFaults)}
    if unknown := sorted(values.keys() - known):
        raise ValueError(f"{unknown[0]} is no fault of events; there are {', '.join(sorted(known))}")
    parts = {name: float(value) for name, value in values.items() if name not in ("seed", "limit")}
    limit = values.get("limit")
    for name, value in parts.items():
        if value < 0 or (name in _CHANCES and value > 1):
            raise ValueError(f"{name} is {value:g}; chances lie between 0 and 1, seconds are not negative")
    return replace(
        EventFaults(seed=int(values.get("seed", 0)), limit=None if limit is None else int(limit)), **cast("Any", parts)
    )


class Mischief:
    """Decides what happens to one event after another, by the faults that are set."""

    def __init__(self, faults: EventFaults | None = None) -> None:
        self.set(faults or EventFaults())

    def set(self, faults: EventFaults) -> None:
        """Set other faults, and begin anew with their seed."""
        self.faults = faults
        self._chance = random.Random(faults.seed)
        self._left = faults.limit

    def times(self) -> tuple[float, ...]:
        """Return after how many seconds the next event is sent: once for each time; not at all where it is lost."""
        faults = self.faults
        if self._left == 0:
            return (0.0,)
        lost, twice, late = (
            self._chance.random() < chance for chance in (faults.loss, faults.duplicate, faults.reorder)
        )
        if self._left is not None and (lost or twice or late or faults.delay):
            self._left -= 1
        if lost:
            return ()
        first = faults.delay + (faults.hold_back if late else 0.0)
        return (first, first + faults.hold_back) if twice else (first,)

    def cuts(self) -> bool:
        """Tell whether the connection is cut instead of the next frame being sent."""
        if not self.faults.disconnect or self._left == 0:
            return False
        cut = self._chance.random() < self.faults.disconnect
        if cut and self._left is not None:
            self._left -= 1
        return cut
