"""Blocking work in a thread that has ended when the caller goes on, also when the caller is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


class Stopped(Exception):
    """Raised inside a thread only, when nobody waits for its work any longer."""


class Stop:
    """Runs the blocking steps of one read; ends the running step when the read is cancelled or left."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def __enter__(self) -> Stop:
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.set()

    def check(self) -> None:
        """Raise `Stopped` if the work is no longer wanted; long work calls it between rows."""
        if self._asked.is_set():
            raise Stopped

    async def run(self, work: Callable[[], _T]) -> _T:
        """Run `work` in a thread; when the caller is cancelled, wait until the thread has seen it."""
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._asked.set()
            await asyncio.wait([task])
            task.exception()
            raise
