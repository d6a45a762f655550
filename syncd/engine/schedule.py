"""When the service works by itself: how often, at night everything, and how long until then. Keeps no time and does no work."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.engine.nightly import Night


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When the service works by itself, and how long it may take to end."""

    every: timedelta = timedelta(minutes=15)
    jitter: timedelta = timedelta(0)
    night: Night | None = None
    """When every source is read in full, once a day; None: only as each source needs it."""
    drain: timedelta = timedelta(seconds=60)
    """How long calls that are under way may take at the end; what is not over by then is read back at the next start."""


class Diary:
    """The schedule of one configuration, and when its next night is."""

    def __init__(self, schedule: Schedule, now: Callable[[], datetime]) -> None:
        self._schedule, self._now = schedule, now
        self._night_at = self._next_night()

    def night_has_come(self) -> bool:
        """Tell whether everything is to be read, once a night."""
        if self._night_at is None or self._now() < self._night_at:
            return False
        self._night_at = self._next_night()
        return True

    def pause(self) -> float:
        """Return for how many seconds nothing is done by itself."""
        pause = self._schedule.every + self._schedule.jitter * random.random()
        if self._night_at is not None:
            pause = min(pause, max(timedelta(seconds=1), self._night_at - self._now()))
        return pause.total_seconds()

    def _next_night(self) -> datetime | None:
        return self._schedule.night.after(self._now()) if self._schedule.night is not None else None


__all__ = ["Diary", "Schedule"]
