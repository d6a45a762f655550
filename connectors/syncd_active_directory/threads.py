"""Blocking work in a thread that has ended when the caller goes on, also when the caller is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


async def finished(work: Callable[[], _T], *, interrupt: Callable[[], None]) -> _T:
    """Run `work` in a thread. When the caller is cancelled, `interrupt` makes it end, and its end is waited for."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        interrupt()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
