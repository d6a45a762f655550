"""The sandbox's own clock: real time, moved by an offset or frozen, so that tests can let tokens and invitations grow old.

It tells the time of day only. Rate windows use the machine's monotonic clock, which nobody can move.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Seconds since the epoch, as the tenant sees them."""

    __slots__ = ("_frozen", "_offset", "_real")

    def __init__(self, real: Callable[[], float] = time.time) -> None:
        self._real = real
        self._offset = 0.0
        self._frozen: float | None = None

    def now(self) -> float:
        """Return the tenant's time in seconds since the epoch."""
        return self._real() + self._offset if self._frozen is None else self._frozen

    def millis(self) -> int:
        """Return the tenant's time in milliseconds since the epoch, as DingTalk writes instants."""
        return int(self.now() * 1000)

    @property
    def frozen(self) -> bool:
        return self._frozen is not None

    @property
    def offset(self) -> float:
        """Return how far the tenant's clock is ahead of the machine's, in seconds."""
        return self.now() - self._real()

    def freeze(self, at: float | None = None) -> None:
        """Stop the clock, at `at` or now."""
        self._frozen = self.now() if at is None else at

    def run(self, offset: float | None = None) -> None:
        """Let the clock run again, from where it stands or with a new offset in seconds."""
        self._offset = self.offset if offset is None else offset
        self._frozen = None

    def advance(self, seconds: float) -> None:
        """Move the clock on, frozen or running."""
        if self._frozen is None:
            self._offset += seconds
        else:
            self._frozen += seconds
