"""How long to wait after a failure: twice as long after each, up to a limit, and never quite the same: nobody keeps step."""

from __future__ import annotations

import random
from typing import Final

FIRST: Final = 2.0
MOST: Final = 300.0
"""Seconds."""
_SPREAD: Final = 0.25


class Backoff:
    """The waits of one thing that fails."""

    def __init__(self, *, first: float = FIRST, most: float = MOST) -> None:
        self._first, self._most = first, most
        self.failures = 0

    def next(self, *, least: float = 0.0) -> float:
        """Count a failure, and return for how many seconds to wait; at least `least`."""
        wait: float = min(self._most, self._first * 2 ** min(self.failures, 30))
        self.failures += 1
        return max(least, wait * random.uniform(1 - _SPREAD, 1 + _SPREAD))

    def reset(self) -> None:
        """It works again."""
        self.failures = 0


__all__ = ["Backoff"]
