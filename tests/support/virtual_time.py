"""An event loop whose time passes only while nobody has anything to do, so that a day of waiting takes as long as its work.

Everything in it happens in the same order each time: no threads, no sockets, no clock of the machine. `Inline` lets a store work
in the loop's own thread. A loop in which nothing will ever happen again says so instead of waiting for ever.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import datetime
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

from syncd.engine import trust

T = TypeVar("T")
Words = TypeVarTuple("Words")


class Stuck(Exception):
    """Everybody waits, and for nothing that has a time."""


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: moves the clock instead."""

    def __init__(self, clock: VirtualLoop) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        if timeout is None:
            raise Stuck
        self._clock.pass_(timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """`moved` is told the time, in seconds, whenever some has passed."""

    def __init__(self, start: float = 0.0, *, moved: Callable[[float], None] = lambda _: None) -> None:
        self._seconds = start
        self._moved = moved
        self._inline = Inline()
        super().__init__(_Jumping(self))

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Words]], T], *args: *Words
    ) -> asyncio.Future[T]:
        """Do at once, in this thread, what the loop's own threads would do: time would pass while they are at it."""
        return super().run_in_executor(executor or self._inline, func, *args)

    def time(self) -> float:
        return self._seconds

    def pass_(self, seconds: float) -> None:
        """Let so much time pass."""
        self._seconds += seconds
        self._moved(self._seconds)


class Inline(Executor):
    """Does what it is told at once, where it is told; once it is `unplugged`, nothing any more."""

    def __init__(self) -> None:
        self.unplugged: BaseException | None = None

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **words: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            if self.unplugged is not None:
                raise self.unplugged
            done.set_result(fn(*arguments, **words))
        except BaseException as error:  # noqa: BLE001 - whoever asked is told, whatever it is
            done.set_exception(error)
        return done


_CLOCK: Final = trust.Clock


def one_clock(now: Callable[[], datetime]) -> trust.Clock:
    """Stand for `trust.Clock` where time jumps: the time of day and the time since boot are one, so that nobody set a clock."""
    return _CLOCK(now, lambda: now().timestamp())


__all__ = ["Inline", "Stuck", "VirtualLoop", "one_clock"]
