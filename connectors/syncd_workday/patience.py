"""Waiting within a read while Workday is busy: it names no time, and asks for exponential back-off. Only reads are repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from syncd.core.errors import TryAgain
from syncd.http import AnswerLost

_T = TypeVar("_T")
_ATTEMPTS: Final = 6
_PAUSE: Final = timedelta(seconds=1)
"""Before the second attempt, doubled each time."""


async def patiently(ask: Callable[[], Awaitable[_T]], *, patience: timedelta) -> _T:
    """Return what is answered at last. Raises `TryAgain` when patience ends, `NeedsHuman` at once."""
    left, pause = patience, _PAUSE
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await ask()
        except AnswerLost as error:
            again = TryAgain(error.problem)
        except TryAgain as error:
            again = error
        if attempt == _ATTEMPTS or pause > left:
            raise again
        await asyncio.sleep(pause.total_seconds())
        left -= pause
        pause *= 2
    raise AssertionError("the last attempt returns or raises")  # pragma: no cover
